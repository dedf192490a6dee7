// An editor that speaks MCP: the SDK's client and transport, and a provider that keeps in memory what the SDK asks it to.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

// RFC 8252 7.3; nothing listens, the test reads the address that the browser would open.
export const REDIRECT = 'http://127.0.0.1:49999/callback';

export class Editor {
  redirectUrl = REDIRECT;
  #kept = {};

  /** With `client` it was registered beforehand; without, the SDK registers it. */
  constructor(resource, person, { client, grants = ['authorization_code', 'refresh_token'] } = {}) {
    this.resource = resource;
    this.person = person;
    this.#kept.client = client;
    this.clientMetadata = {
      client_name: 'Editor',
      redirect_uris: [REDIRECT],
      grant_types: grants,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  // OAuthClientProvider
  state() {
    return (this.#kept.state = randomUUID());
  }
  clientInformation() {
    return this.#kept.client;
  }
  saveClientInformation(client) {
    this.#kept.client = client;
  }
  tokens() {
    return this.#kept.tokens;
  }
  saveTokens(tokens) {
    this.#kept.tokens = tokens;
  }
  saveCodeVerifier(verifier) {
    this.#kept.verifier = verifier;
  }
  codeVerifier() {
    return this.#kept.verifier;
  }
  redirectToAuthorization(address) {
    this.address = address;
  }
  invalidateCredentials() {
    delete this.#kept.tokens;
  }

  /** Connects; the first time the person is asked. */
  async connect() {
    this.client = new Client({ name: 'editor', version: '1.0.0' });
    await this.authorized(() => this.client.connect((this.transport = this.#transport())));
  }

  /** Does what may need the person, and if it does, does it again once she has agreed. */
  async authorized(act) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
    }
    await this.transport.finishAuth(await this.code());
    return act();
  }

  /** What the person's approval brings back to the redirect URI. */
  async code() {
    const back = await this.person.decide(this.address, 'approve');
    assert.equal(back.origin + back.pathname, REDIRECT);
    assert.equal(back.searchParams.get('state'), this.#kept.state);
    assert.equal(back.searchParams.get('iss'), this.person.origin);
    return back.searchParams.get('code');
  }

  /** Calls a tool; the text that it answers. */
  async call(name) {
    const { content } = await this.authorized(() => this.client.callTool({ name }));
    return content[0].text;
  }

  #transport() {
    return new StreamableHTTPClientTransport(this.resource, { authProvider: this });
  }
}
