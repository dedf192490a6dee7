// Clients that nobody registered beforehand: by openid-client, and by the MCP SDK on its way to a tool.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openid from 'openid-client';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { authorize } from './authorization.js';
import { Editor, REDIRECT } from './mcp-editor.js';
import { READ, startMcpServer, WRITE } from './mcp-server.js';

let server, mcp, person;

before(async () => {
  server = await start({
    ENABLE_DYNAMIC_CLIENT_REGISTRATION: 'true',
    DYNAMIC_CLIENT_REGISTRATION_MODE: 'open',
    DCR_SCOPES: `openid profile offline_access ${READ} ${WRITE}`,
  });
  mcp = await startMcpServer(server);
  person = new Person(server.issuer, server.admin);
});
after(async () => {
  mcp?.stop();
  await server?.stop();
});

test('the MCP SDK registers, signs in and calls a tool', async () => {
  const editor = new Editor(mcp.resource, person);
  await editor.connect();
  const { client_id, client_secret } = editor.clientInformation();
  const seen = await mcp.introspect(editor.tokens().access_token);
  assert.deepEqual([seen.clientId, seen.resource.href, client_secret], [client_id, mcp.resource.href, undefined]);
  assert.equal(await editor.call('read'), seen.extra.sub);
});

for (const method of ['none', 'client_secret_basic', 'client_secret_post']) {
  test(`openid-client registers by ${method} with ID tokens by ES256, and gets tokens`, async () => {
    const metadata = {
      client_name: 'Editor',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: method,
      id_token_signed_response_alg: 'ES256',
      scope: 'openid profile',
    };
    const options = { execute: [openid.enableNonRepudiationChecks] };
    const authentication = { none: openid.None(), client_secret_post: openid.ClientSecretPost() }[method];
    const issuer = new URL(server.issuer);
    const config = await openid.dynamicClientRegistration(issuer, metadata, authentication ?? openid.ClientSecretBasic(), options);
    assert.equal(config.clientMetadata().token_endpoint_auth_method, method);
    const { callback, checks } = await authorize(config, person, { redirect_uri: REDIRECT, scope: 'openid profile' });
    const tokens = await openid.authorizationCodeGrant(config, callback, checks);
    const { alg } = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'));
    assert.equal(alg, 'ES256');
    assert.equal((await openid.refreshTokenGrant(config, tokens.refresh_token)).claims().sub, tokens.claims().sub);
  });
}

test('what is registered can be read and deleted by its registration access token', async () => {
  const metadata = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
  const config = await openid.dynamicClientRegistration(new URL(server.issuer), metadata, openid.None());
  const { client_id, registration_access_token, registration_client_uri } = config.clientMetadata();
  const address = new URL(registration_client_uri);
  const ask = (method) => openid.fetchProtectedResource(config, registration_access_token, address, method);
  const read = await (await ask('GET')).json();
  assert.deepEqual([read.client_id, read.redirect_uris], [client_id, [REDIRECT]]);
  assert.equal((await ask('DELETE')).status, 204);
  await assert.rejects(ask('GET'), { status: 401 });
});
