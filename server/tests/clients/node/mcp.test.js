// The MCP SDK's client against an MCP server of the same SDK; both know this server only by its metadata.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { Editor, REDIRECT } from './mcp-editor.js';
import { READ, startMcpServer, WRITE } from './mcp-server.js';

let server, mcp;

before(async () => {
  server = await start();
  mcp = await startMcpServer(server);
});
after(async () => {
  mcp?.stop();
  await server?.stop();
});

const person = () => new Person(server.issuer, server.admin);

/** An editor whose maker registered it, with these grants. */
async function registeredFor(resource, ...grants) {
  const naming = ['--name', 'Editor', '--type', 'public', '--scope', `${READ} ${WRITE}`, '--redirect-uri', REDIRECT];
  const client = await server.command('client', 'create', ...naming, ...grants.flatMap((grant) => ['--grant', grant]));
  return new Editor(resource, person(), { client, grants });
}

const registered = (...grants) => registeredFor(mcp.resource, ...grants);
const scopes = async (editor, { introspect } = mcp) => (await introspect(editor.tokens().access_token)).scopes.sort();

test('from a bare address to a tool: the resource is asked for, and is the audience', async () => {
  const editor = await registered('authorization_code', 'refresh_token');
  await editor.connect();
  assert.equal(editor.address.searchParams.get('resource'), mcp.resource.href);
  const seen = await mcp.introspect(editor.tokens().access_token);
  assert.equal(seen.resource.href, mcp.resource.href);
  assert.equal(await editor.call('read'), seen.extra.sub);
});

test('a revoked access token is replaced by a refresh, without the person', async () => {
  const editor = await registered('authorization_code', 'refresh_token');
  await editor.connect();
  const before = editor.tokens();
  delete editor.person;
  await revoke(editor, before.access_token);
  await editor.call('read');
  const after = editor.tokens();
  assert.notEqual(after.access_token, before.access_token);
  assert.notEqual(after.refresh_token, before.refresh_token);
  assert.equal((await mcp.introspect(after.access_token)).resource.href, mcp.resource.href);
});

test('when the refresh token is gone too, the SDK starts over and the person is asked', async () => {
  const editor = await registered('authorization_code', 'refresh_token');
  await editor.connect();
  const before = editor.tokens();
  await revoke(editor, before.refresh_token);
  await editor.call('read');
  assert.notEqual(editor.tokens().refresh_token, before.refresh_token);
});

test('insufficient_scope leads to more, and what was granted before is kept', async () => {
  const editor = await registered('authorization_code');
  await editor.connect();
  assert.deepEqual(await scopes(editor), [READ]);
  const first = editor.address;
  await editor.call('write');
  assert.notEqual(editor.address, first);
  assert.deepEqual(await scopes(editor), [READ, WRITE]);
  await editor.call('read');
});

test('a step up that asks for the new scope alone adds to the consent', async () => {
  const other = await startMcpServer(server, [WRITE]);
  try {
    const editor = await registeredFor(other.resource, 'authorization_code');
    await editor.connect();
    await editor.call('write');
    assert.deepEqual(await scopes(editor, other), [WRITE]);
    const { client_id } = editor.clientInformation();
    const consents = await server.command('consent', 'list', '--client', client_id);
    assert.deepEqual(
      consents.map(({ scope, resources }) => ({ scope, resources })),
      [{ scope: `${READ} ${WRITE}`, resources: [other.resource.href] }],
    );
  } finally {
    other.stop();
  }
});

async function revoke(editor, token) {
  const { client_id } = editor.clientInformation();
  const { status } = await fetch(`${server.issuer}/oauth/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token, client_id }),
  });
  assert.equal(status, 200);
}
