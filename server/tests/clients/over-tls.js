// Runs a command in whose world https://localhost is real: a certificate authority made a moment ago, known to Node,
// which reads NODE_EXTRA_CA_CERTS only when it starts. The key lives as long as the command does.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const EXTENSIONS = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
`;

function issue(folder, name, ...signedBy) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const certificate = ['-x509', '-days', '2', '-subj', `/CN=${name} of a test`, '-out', `${name}.pem`];
  const config = ['-config', 'extensions.cnf', '-extensions', name];
  execFileSync('openssl', ['req', ...key, ...certificate, ...config, ...signedBy], { cwd: folder, stdio: 'pipe' });
}

const folder = mkdtempSync(join(tmpdir(), 'authgate-tls-'));
try {
  writeFileSync(join(folder, 'extensions.cnf'), EXTENSIONS);
  issue(folder, 'authority');
  issue(folder, 'server', '-CA', 'authority.pem', '-CAkey', 'authority.key');
  const [command, ...args] = process.argv.slice(2);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'), AUTHGATE_TEST_TLS: folder };
  const { status, error } = spawnSync(command, args, { env, stdio: 'inherit' });
  if (error) throw error;
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
