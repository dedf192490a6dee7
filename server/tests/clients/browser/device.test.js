// A device without a browser shows a code; the person brings it here.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { begin } from './world.js';

let world, window, page;
before(async () => {
  world = await begin();
  window = await world.signedIn();
  page = window.page;
});
after(async () => {
  await window?.close();
  await world?.end();
});

const ask = async () => (await world.application.post('/oauth/device/code', { scope: 'profile' })).body;
const poll = ({ device_code }) =>
  world.application.post('/oauth/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code });

test('typed in lower case and without its dash', async () => {
  const device = await ask();
  await page.goto(device.verification_uri);
  await page.getByLabel('Code').fill(device.user_code.replace('-', '').toLowerCase());
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText(device.user_code).waitFor();
  await page.getByRole('button', { name: 'Confirm and authorize' }).click();
  await page.getByRole('heading', { name: 'Device connected' }).waitFor();
  const { status, body } = await poll(device);
  assert.deepEqual([status, body.scope], [200, 'profile']);
});

test('by the complete link, which shows the code and still asks', async () => {
  const device = await ask();
  await page.goto(device.verification_uri_complete);
  await page.getByText(device.user_code).waitFor();
  assert.equal((await poll(device)).body.error, 'authorization_pending');
  await page.getByRole('button', { name: 'Confirm and authorize' }).click();
  await page.getByRole('heading', { name: 'Device connected' }).waitFor();
  assert.equal((await poll(device)).status, 200);
});

test('a refusal reaches the device', async () => {
  const device = await ask();
  await page.goto(device.verification_uri_complete);
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.getByRole('heading', { name: 'Request denied' }).waitFor();
  assert.equal((await poll(device)).body.error, 'access_denied');
});

test('a code that does not exist is refused in words, and the field is ready for the next try', async () => {
  await page.goto(`${world.server.issuer}/device`);
  await page.getByLabel('Code').fill('ZZZZ-ZZZZ');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel('Code').evaluate((field) => field === document.activeElement), true);
});
