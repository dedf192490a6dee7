// An application asks for access; the person decides, and may change her mind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { begin } from './world.js';

const scope = 'openid profile offline_access';
let world;
before(async () => (world = await begin()));
after(() => world?.end());

test('by keyboard alone, through login and consent, to a token', async () => {
  const { application, server } = world;
  const window = await world.window();
  const { page } = window;
  const { keyboard } = page;
  await page.goto(application.begin(scope));
  await page.locator('input[name=username]:focus').waitFor(); // the first empty field gets the focus
  await keyboard.type(server.admin.username);
  await keyboard.press('Tab');
  await page.locator('input[name=password]:focus').waitFor();
  await keyboard.type(server.admin.password);
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow access' }).waitFor();
  await tabTo(page, 'Allow access');
  await keyboard.press('Enter');
  const tokens = await application.tokens();
  assert.equal(tokens.token_type, 'Bearer');
  assert.equal(tokens.scope, scope);
  await window.close();
});

/** Presses Tab until the button has the focus, and sees that every stop on the way shows that it has it. */
async function tabTo(page, name) {
  // The consent page has a handful of stops; more than this many is a trap.
  for (let stops = 0; stops < 20; stops++) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement);
      const { innerText, tagName } = document.activeElement;
      return { text: innerText.trim(), tagName, visible: outlineStyle !== 'none' || boxShadow !== 'none' };
    });
    assert.ok(focus.visible, `no focus ring on ${focus.tagName} ${focus.text}`);
    if (focus.text === name) return;
  }
  assert.fail(`${name} is out of reach of the Tab key`);
}

test('a refusal reaches the application as access_denied', async () => {
  const { application } = world;
  const window = await world.signedIn();
  await window.page.goto(application.begin(scope));
  await window.page.getByRole('button', { name: 'Deny' }).click();
  const answer = await application.answered();
  assert.deepEqual([answer.get('error'), answer.has('code')], ['access_denied', false]);
  await window.close();
});

test('revoking an authorization ends the access of the application', async () => {
  const { application } = world;
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(application.begin(scope));
  await page.getByRole('button', { name: 'Allow access' }).click();
  const { refresh_token } = await application.tokens();
  const refresh = () => application.post('/oauth/token', { grant_type: 'refresh_token', refresh_token });
  assert.equal((await refresh()).status, 200);

  await page.goto(`${world.server.issuer}/account/sessions`);
  await page.getByRole('navigation').getByRole('link', { name: 'Authorized apps' }).click();
  await page.getByRole('listitem').filter({ hasText: 'AuthGate CLI' }).getByRole('button', { name: 'Revoke access' }).click();
  await page.getByRole('status').waitFor();
  assert.deepEqual(await refresh().then(({ status, body }) => [status, body.error]), [400, 'invalid_grant']);
  await window.close();
});

test('an unknown client gets a page, never a redirect', async () => {
  const window = await world.window();
  const { application } = world;
  const response = await window.page.goto(application.begin(scope, { client_id: 'unknown' }));
  assert.equal(response.status(), 400);
  assert.equal(new URL(window.page.url()).origin, world.server.issuer);
  await window.close();
});
