// An application on the person's own device: no secret, a loopback redirect on a port nobody registered.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openid from 'openid-client';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { authorize, discover } from './authorization.js';

const scope = 'openid profile email offline_access';
// RFC 8252 7.3: any port; nothing listens, the test reads the address that the browser would open.
const redirect_uri = 'http://127.0.0.1:49999/callback';
let server, config, person, tokens, sub;

before(async () => {
  server = await start();
  const { client_id } = await server.seededClient();
  config = await discover(server.issuer, client_id, openid.None());
  person = new Person(server.issuer, server.admin);
});
after(() => server?.stop());

test('discovery tells what the flows need', () => {
  const metadata = config.serverMetadata();
  assert.equal(metadata.issuer, server.issuer);
  assert.ok(metadata.supportsPKCE());
  assert.equal(metadata.authorization_response_iss_parameter_supported, true);
});

test('the RFC 8414 document is found too, and says the same', async () => {
  const { client_id } = config.clientMetadata();
  const other = await openid.discovery(new URL(server.issuer), client_id, undefined, openid.None(), { algorithm: 'oauth2' });
  assert.equal(other.serverMetadata().token_endpoint, config.serverMetadata().token_endpoint);
});

test('authorization code with PKCE, state, nonce and iss', async () => {
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope });
  assert.equal(callback.origin + callback.pathname, redirect_uri);
  tokens = await openid.authorizationCodeGrant(config, callback, checks);
  assert.equal(tokens.expires_in, 3600);
  assert.deepEqual(new Set(tokens.scope.split(' ')), new Set(scope.split(' ')));
  const claims = tokens.claims();
  assert.equal(claims.iss, server.issuer);
  assert.ok(claims.auth_time <= claims.iat);
  sub = claims.sub;
});

test('the same code is not taken twice', async () => {
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope });
  await openid.authorizationCodeGrant(config, callback, checks);
  await assert.rejects(openid.authorizationCodeGrant(config, callback, checks), { error: 'invalid_grant' });
});

test('a wrong verifier gets nothing', async () => {
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope });
  const other = { ...checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() };
  await assert.rejects(openid.authorizationCodeGrant(config, callback, other), { error: 'invalid_grant' });
});

test('a person who refuses is sent back with access_denied and iss', async () => {
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope, decision: 'deny' });
  await assert.rejects(openid.authorizationCodeGrant(config, callback, checks), { error: 'access_denied' });
});

test('userinfo is about the subject of the ID token', async () => {
  const claims = await openid.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(claims.preferred_username, server.admin.username);
  assert.equal(claims.email, 'admin@localhost');
});

test('a refresh rotates, and a repeat of it gets the same refresh token', async () => {
  const first = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(first.refresh_token, tokens.refresh_token);
  assert.equal(first.claims().sub, sub);
  const repeat = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(repeat.refresh_token, first.refresh_token);
  assert.notEqual(repeat.access_token, first.access_token);
  await openid.fetchUserInfo(config, repeat.access_token, sub);
  tokens = first;
});

test('revoking the refresh token ends what grew from it', async () => {
  await openid.tokenRevocation(config, tokens.refresh_token);
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, sub), (error) => {
    assert.equal(error.status, 401);
    assert.equal(error.cause[0].parameters.error, 'invalid_token');
    return true;
  });
});
