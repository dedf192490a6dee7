// An application on something without a browser; the library polls at the interval that the server asks for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openid from 'openid-client';
import { start } from '../authgate.js';
import { Person } from '../person.js';
import { discover } from './authorization.js';

let server, config, person;

before(async () => {
  server = await start();
  const { client_id } = await server.seededClient();
  config = await discover(server.issuer, client_id, openid.None());
  person = new Person(server.issuer, server.admin);
});
after(() => server?.stop());

test('approved by the complete link while the library polls', async () => {
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access' });
  assert.deepEqual([device.expires_in, device.interval], [1800, 5]);
  const [tokens] = await Promise.all([
    openid.pollDeviceAuthorizationGrant(config, device),
    person.decide(device.verification_uri_complete, 'approve'),
  ]);
  const { sub } = tokens.claims();
  assert.equal((await openid.fetchUserInfo(config, tokens.access_token, sub)).preferred_username, 'admin');
  assert.equal((await openid.refreshTokenGrant(config, tokens.refresh_token)).claims().sub, sub);
});

test('refused by a person who typed the code in lower case without its dash', async () => {
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'profile' });
  const entry = await person.signIn(device.verification_uri);
  const form = entry.forms.find((form) => form.has('user_code'));
  const confirmation = await person.submit(form, { user_code: device.user_code.replace('-', '').toLowerCase() });
  await person.press(confirmation, 'action', 'deny');
  await assert.rejects(openid.pollDeviceAuthorizationGrant(config, device), { error: 'access_denied' });
});
