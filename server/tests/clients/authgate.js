// The built server as a child process, with default limits and settings, a new database, and a free port.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const BINARY = process.env.AUTHGATE_BIN ?? join(REPOSITORY, 'target/debug/authgate');
// A debug build opens its database and makes its keys in a second or two on a busy machine.
const START_MS = 30_000;

/** Starts a server: over TLS if `over-tls.js` has made a certificate, else on plain http. `settings` are added to the defaults. */
export async function start(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'authgate-server-'));
  const tls = process.env.AUTHGATE_TEST_TLS;
  const port = await freePort();
  const issuer = `${tls ? 'https' : 'http'}://localhost:${port}`;
  const admin = { username: 'admin', password: randomBytes(12).toString('base64url') };
  const env = {
    BASE_URL: issuer,
    SERVER_ADDR: `127.0.0.1:${port}`,
    DATABASE_PATH: join(folder, 'authgate.db'),
    DEFAULT_ADMIN_PASSWORD: admin.password,
    ...(tls && { TLS_CERT_FILE: join(tls, 'server.pem'), TLS_KEY_FILE: join(tls, 'server.key') }),
    ...settings,
  };
  const server = spawn(BINARY, ['serve'], { cwd: folder, env });
  const exit = once(server, 'exit');
  await announced(server, issuer);

  return {
    issuer,
    admin,
    /** Runs a command beside the server, as an operator would, and reads the JSON that it prints. */
    async command(...args) {
      const { stdout } = await promisify(execFile)(BINARY, [...args, '--json'], { cwd: folder, env });
      return JSON.parse(stdout);
    },
    /** The client that every new database has. */
    async seededClient() {
      const clients = await this.command('client', 'list');
      return clients.find((client) => client.name === 'AuthGate CLI');
    },
    /** Ends the server as an operator would; a stop that is not clean is an error. */
    async stop() {
      server.kill('SIGTERM');
      const [code, signal] = await exit;
      await rm(folder, { recursive: true });
      if (code !== 0) throw new Error(`the server ended with ${code ?? signal}`);
    },
  };
}

/** Waits until the server says its address; it listens by then. */
async function announced(server, issuer) {
  let said = '';
  await new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no start within ${START_MS} ms:\n${said}`)), START_MS);
    const hear = (text) => {
      said += text;
      if (said.includes(issuer)) done(clearTimeout(timer));
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', (text) => (said += text));
    server.on('error', failed);
    server.on('exit', (code) => failed(new Error(`the server ended with ${code}:\n${said}`)));
  }).catch((error) => {
    server.kill('SIGKILL');
    throw error;
  });
}

/** A port that was free a moment ago. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
