// A small MCP server made with the MCP SDK: two tools, of which writing wants a scope of its own. It asks the server
// about every token by introspection.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { freePort } from '../authgate.js';

export const READ = 'read';
export const WRITE = 'write';

/** Starts the MCP server; `forWriting` is what a challenge for writing asks for. */
export async function startMcpServer(authgate, forWriting = [READ, WRITE]) {
  const port = await freePort();
  const resource = new URL(`https://localhost:${port}/mcp`);
  const identity = ['--name', 'Notes', '--type', 'confidential', '--scope', READ, '--grant', 'client_credentials'];
  const client = await authgate.command('client', 'create', ...identity, '--audience', resource.href);
  const oauthMetadata = await (await fetch(`${authgate.issuer}/.well-known/oauth-authorization-server`)).json();
  const verifier = { verifyAccessToken: (token) => introspect(oauthMetadata, client, token) };
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
  const guard = (requiredScopes) =>
    requireBearerAuth({ verifier, requiredScopes, resourceMetadataUrl, expectedResource: resource });
  const reading = guard([READ]);
  const writing = guard(forWriting);

  const app = createMcpExpressApp();
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: resource, scopesSupported: [READ, WRITE] }));
  app.post(
    '/mcp',
    (request, response, next) => (request.body?.params?.name === 'write' ? writing : reading)(request, response, next),
    answer,
  );
  // No stream of events is offered.
  app.all('/mcp', (_, response) => response.set('Allow', 'POST').sendStatus(405));
  const tls = process.env.AUTHGATE_TEST_TLS;
  const [cert, key] = await Promise.all(['server.pem', 'server.key'].map((name) => readFile(join(tls, name))));
  const server = createServer({ cert, key }, app).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    resource,
    introspect: verifier.verifyAccessToken,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function introspect({ introspection_endpoint }, { client_id, client_secret }, token) {
  const authorization = `Basic ${btoa(`${client_id}:${client_secret}`)}`;
  const response = await fetch(introspection_endpoint, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams({ token }),
  });
  const { active, client_id: clientId, scope, exp: expiresAt, aud, sub } = await response.json();
  if (!active) throw new InvalidTokenError('The token is not active');
  return { token, clientId, scopes: scope.split(' '), expiresAt, resource: new URL(aud), extra: { sub } };
}

/** One MCP server for each request: nothing is remembered between them. */
async function answer(request, response) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const tool = ({ authInfo }) => ({ content: [{ type: 'text', text: authInfo.extra.sub }] });
  server.registerTool('read', { description: 'Reads' }, tool);
  server.registerTool('write', { description: 'Writes' }, tool);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
}
