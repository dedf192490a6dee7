// Signing in and out, as a person does, without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signIn } from './chromium.js';
import { begin } from './world.js';

let world;
before(async () => (world = await begin()));
after(() => world?.end());

test('a wrong password is refused in words, the right one then works, and signing out ends it', async () => {
  const { server } = world;
  const window = await world.window();
  const { page } = window;
  await page.goto(`${server.issuer}/account/sessions`);
  await signIn(page, { ...server.admin, password: 'not it' });
  assert.match(await page.getByRole('alert').innerText(), /Invalid username or password/);

  await signIn(page, server.admin);
  await page.waitForURL('**/account/sessions');
  await page.getByRole('navigation').waitFor();

  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/login*');
  await page.goto(`${server.issuer}/account/sessions`);
  await page.getByLabel('Password').waitFor();
  await window.close();
});

test('a session that is over does not come back with its old cookie', async () => {
  const window = await world.window();
  const { page } = window;
  await page.goto(`${world.server.issuer}/login`);
  await signIn(page, world.server.admin);
  await page.waitForURL('**/account/sessions');
  const storageState = await window.cookies();
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/login*');
  await window.close();

  const replay = await world.window({ storageState });
  await replay.page.goto(`${world.server.issuer}/account/sessions`);
  await replay.page.getByLabel('Password').waitFor();
  await replay.close();
});

test('another site cannot sign a person out without asking her', async () => {
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(world.application.origin);
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign out?' }).waitFor();
  await page.goto(`${world.server.issuer}/account/sessions`);
  await page.getByRole('heading', { name: 'Browsers' }).waitFor();
  await window.close();
});
