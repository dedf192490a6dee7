// Answers by form_post, and signing out at the wish of an application.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { begin } from './world.js';

const scope = 'openid profile';
const byForm = { response_mode: 'form_post' };
let world;
before(async () => (world = await begin()));
after(() => world?.end());

test('form_post sends itself where scripts run', async () => {
  const { application } = world;
  const window = await world.signedIn({ javaScriptEnabled: true });
  const { page } = window;
  await page.goto(application.begin(scope, byForm));
  await page.getByRole('button', { name: 'Allow access' }).click();
  assert.ok((await application.tokens()).id_token);
  await page.waitForURL(application.redirectUri); // nothing of the answer is in the address
  await window.close();
});

test('form_post has a button where scripts do not run', async () => {
  const { application } = world;
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(application.begin(scope, byForm));
  await page.getByRole('button', { name: 'Allow access' }).click();
  await page.getByRole('button', { name: `Continue to ${new URL(application.origin).hostname}` }).click();
  assert.ok((await application.tokens()).id_token);
  await page.waitForURL(application.redirectUri);
  await window.close();
});

test('an application that does not know the session asks the person before it signs her out', async () => {
  const { application, server } = world;
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(`${server.issuer}/oauth/logout?${new URLSearchParams({ client_id: application.clientId })}`);
  await page.getByRole('heading', { name: 'Sign out?' }).waitFor();
  await page.getByText('AuthGate CLI asks to sign you out.').waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await page.goto(`${server.issuer}/account/sessions`);
  await page.getByLabel('Password').waitFor();
  await window.close();
});
