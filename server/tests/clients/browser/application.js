// An application on the person's device: it opens the browser, listens on a loopback port for the answer (RFC 8252 7.3),
// and redeems the code.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const random = () => randomBytes(32).toString('base64url');

export class Application {
  static async start(issuer, clientId) {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Application(issuer, clientId, listener);
  }

  constructor(issuer, clientId, listener) {
    Object.assign(this, { issuer, clientId, listener });
    this.origin = `http://127.0.0.1:${listener.address().port}`;
    this.redirectUri = `${this.origin}/callback`;
    listener.on('request', async (request, response) => {
      const url = new URL(request.url, this.origin);
      const posted = request.method === 'POST' && new URLSearchParams(await text(request));
      if (url.pathname === '/callback') this.#answer?.(posted || url.searchParams);
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>Application</title><a href="${issuer}/logout">Sign out</a>`);
    });
  }

  #answer;

  /** An address to open, and the answer that will come. */
  begin(scope, more = {}) {
    this.verifier = random();
    this.state = random();
    this.answer = new Promise((answer) => (this.#answer = answer));
    return `${this.issuer}/oauth/authorize?${new URLSearchParams({
      client_id: this.clientId,
      response_type: 'code',
      redirect_uri: this.redirectUri,
      scope,
      state: this.state,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    })}`;
  }

  /** What the browser brought, state and issuer (RFC 9207) checked. */
  async answered() {
    const answer = await this.answer;
    assert.equal(answer.get('state'), this.state);
    assert.equal(answer.get('iss'), this.issuer);
    return answer;
  }

  /** The tokens for the code that the browser brought. */
  async tokens() {
    const code = (await this.answered()).get('code');
    const verified = { code, code_verifier: this.verifier, redirect_uri: this.redirectUri };
    const { status, body } = await this.post('/oauth/token', { grant_type: 'authorization_code', ...verified });
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }

  async post(path, parameters) {
    const body = new URLSearchParams({ client_id: this.clientId, ...parameters });
    const response = await fetch(this.issuer + path, { method: 'POST', body });
    return { status: response.status, body: await response.json() };
  }

  async stop() {
    this.listener.close();
    this.listener.closeAllConnections();
    await once(this.listener, 'close');
  }
}
