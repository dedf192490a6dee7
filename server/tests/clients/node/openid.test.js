// What a strict OpenID client asks for beyond the plain code flow, and every check of openid-client on the answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openid from 'openid-client';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { authorize, discover } from './authorization.js';

const redirect_uri = 'https://app.example.com/callback';
const goodbye = 'https://app.example.com/goodbye';
const scope = 'openid profile email';
let server;

before(async () => (server = await start()));
after(() => server?.stop());

const person = () => new Person(server.issuer, server.admin);

async function application(...more) {
  const naming = ['--name', 'Shop', '--type', 'confidential', '--scope', scope, '--grant', 'authorization_code'];
  const places = ['--redirect-uri', redirect_uri, '--post-logout-redirect-uri', goodbye];
  const client = await server.command('client', 'create', ...naming, ...places, ...more);
  return discover(server.issuer, client.client_id, openid.ClientSecretBasic(client.client_secret));
}

test('form_post carries the whole answer in a form, which openid-client takes as it is posted', async () => {
  const config = await application();
  const { callback: page, checks } = await authorize(config, person(), { redirect_uri, scope, response_mode: 'form_post' });
  const [form] = page.forms.filter(({ action }) => action.href === redirect_uri);
  assert.equal(form.method, 'post');
  const posted = new Request(redirect_uri, { method: 'POST', body: new URLSearchParams(form.fields) });
  const tokens = await openid.authorizationCodeGrant(config, posted, checks);
  assert.equal(tokens.claims().iss, server.issuer);
});

for (const algorithm of ['RS256', 'ES256']) {
  test(`ID tokens by ${algorithm} for a client that wants no other`, async () => {
    const config = await application('--id-token-alg', algorithm);
    config.clientMetadata().id_token_signed_response_alg = algorithm;
    const { callback, checks } = await authorize(config, person(), { redirect_uri, scope });
    assert.ok((await openid.authorizationCodeGrant(config, callback, checks)).id_token);
  });
}

test('claims asked for one by one stand where they were asked for', async () => {
  const config = await application('--id-token-claims', 'false');
  const ask = async (claims) => {
    const more = claims && { claims: JSON.stringify(claims) };
    const { callback, checks } = await authorize(config, person(), { redirect_uri, scope, ...more });
    return (await openid.authorizationCodeGrant(config, callback, checks)).claims();
  };
  assert.equal((await ask()).email, undefined);
  assert.equal((await ask({ id_token: { email: { essential: true } } })).email, 'admin@localhost');
});

test('auth_time is there when max_age asks for it, and no older', async () => {
  const config = await application();
  const { callback, checks } = await authorize(config, person(), { redirect_uri, scope, max_age: '60' });
  assert.ok(await openid.authorizationCodeGrant(config, callback, { ...checks, maxAge: 60 }));
});

test('prompt=none fails for a stranger and works for who agreed before', async () => {
  const config = await application();
  const someone = person();
  const silent = { redirect_uri, scope, prompt: 'none' };
  const stranger = await authorize(config, someone, silent);
  const refused = openid.authorizationCodeGrant(config, stranger.callback, stranger.checks);
  await assert.rejects(refused, { error: 'login_required' });
  await authorize(config, someone, { redirect_uri, scope });
  const { callback, checks } = await authorize(config, someone, silent);
  assert.ok((await openid.authorizationCodeGrant(config, callback, checks)).id_token);
});

for (const [wish, field] of [
  [{ prompt: 'login' }, 'password'],
  [{ max_age: '0' }, 'password'],
  [{ prompt: 'consent' }, 'csrf_token'],
]) {
  test(`${JSON.stringify(wish)} asks who needs not be asked`, async () => {
    const config = await application();
    const someone = person();
    await authorize(config, someone, { redirect_uri, scope });
    const address = openid.buildAuthorizationUrl(config, {
      redirect_uri,
      scope,
      ...wish,
      code_challenge: await openid.calculatePKCECodeChallenge(openid.randomPKCECodeVerifier()),
      code_challenge_method: 'S256',
    });
    const page = await someone.go(address);
    assert.ok(page.forms?.some((form) => form.has(field)), page.text ?? `sent to ${page}`);
  });
}

test('signing out through the application ends the session and comes back with state', async () => {
  const config = await application();
  const someone = person();
  const { callback, checks } = await authorize(config, someone, { redirect_uri, scope });
  const { id_token } = await openid.authorizationCodeGrant(config, callback, checks);
  const address = openid.buildEndSessionUrl(config, {
    id_token_hint: id_token,
    post_logout_redirect_uri: goodbye,
    state: 'where she was',
  });
  const back = await someone.go(address);
  assert.deepEqual([back.origin + back.pathname, back.searchParams.get('state')], [goodbye, 'where she was']);
  const after = await someone.go(new URL('/account/sessions', server.issuer));
  assert.ok(after.forms.some((form) => form.has('password')));
});
