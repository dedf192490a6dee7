// A web application with a secret, made by the command beside the running server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openid from 'openid-client';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { authorize, discover } from './authorization.js';

const redirect_uri = 'https://app.example.com/callback';
const resource = 'https://api.example.com/orders';
const scope = 'openid profile email';
let server, client, person;
const basic = () => discover(server.issuer, client.client_id, openid.ClientSecretBasic(client.client_secret));
const post = () => discover(server.issuer, client.client_id, openid.ClientSecretPost(client.client_secret));

before(async () => {
  server = await start();
  person = new Person(server.issuer, server.admin);
  const grants = ['authorization_code', 'refresh_token', 'client_credentials'].flatMap((grant) => ['--grant', grant]);
  const naming = ['--name', 'Orders', '--type', 'confidential', '--scope', `${scope} orders:read orders:write`];
  client = await server.command('client', 'create', ...naming, ...grants, '--redirect-uri', redirect_uri, '--resource', resource);
});
after(() => server?.stop());

for (const [name, authentication] of Object.entries({ basic, post })) {
  test(`code, userinfo, introspection, refresh and revocation by client_secret_${name}`, async () => {
    const config = await authentication();
    const { callback, checks } = await authorize(config, person, { redirect_uri, scope });
    const tokens = await openid.authorizationCodeGrant(config, callback, checks);
    const { sub } = tokens.claims();
    assert.equal((await openid.fetchUserInfo(config, tokens.access_token, sub)).sub, sub);

    const seen = await openid.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual([seen.active, seen.sub, seen.client_id], [true, sub, client.client_id]);
    const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(refreshed.claims().sub, sub);

    await openid.tokenRevocation(config, refreshed.refresh_token);
    for (const { access_token } of [tokens, refreshed]) {
      assert.deepEqual(await openid.tokenIntrospection(config, access_token), { active: false });
    }
  });

  test(`client credentials by client_secret_${name}`, async () => {
    const config = await authentication();
    const tokens = await openid.clientCredentialsGrant(config, { scope: 'orders:read' });
    assert.deepEqual([tokens.scope, tokens.refresh_token, tokens.expires_in], ['orders:read', undefined, 3600]);
    const seen = await openid.tokenIntrospection(config, tokens.access_token);
    assert.equal(seen.sub, `client:${client.client_id}`);
    await openid.tokenRevocation(config, tokens.access_token);
    assert.deepEqual(await openid.tokenIntrospection(config, tokens.access_token), { active: false });
  });
}

test('a resource that the person granted is the audience, and no other can be had', async () => {
  const config = await basic();
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope, resource });
  const other = { resource: 'https://other.example.com' };
  await assert.rejects(openid.authorizationCodeGrant(config, callback, checks, other), { error: 'invalid_target' });
  const tokens = await openid.authorizationCodeGrant(config, callback, checks, { resource });
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token);
  for (const { access_token } of [tokens, refreshed]) {
    assert.equal((await openid.tokenIntrospection(config, access_token)).aud, resource);
  }
});

test('client credentials for a registered resource carry it as audience', async () => {
  const config = await basic();
  const tokens = await openid.clientCredentialsGrant(config, { scope: 'orders:read', resource });
  assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).aud, resource);
  const other = openid.clientCredentialsGrant(config, { resource: 'https://other.example.com' });
  await assert.rejects(other, { error: 'invalid_target' });
});

test('a wrong secret is invalid_client with a challenge, and does not burn the code', async () => {
  const config = await basic();
  const { callback, checks } = await authorize(config, person, { redirect_uri, scope });
  const wrong = await discover(server.issuer, client.client_id, openid.ClientSecretBasic('wrong'));
  await assert.rejects(openid.authorizationCodeGrant(wrong, callback, checks), (error) => {
    assert.equal(error.status, 401);
    assert.equal(error.cause[0].scheme, 'basic');
    return true;
  });
  assert.ok((await openid.authorizationCodeGrant(config, callback, checks)).access_token);
});
