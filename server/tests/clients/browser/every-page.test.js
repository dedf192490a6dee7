// Every page in every look: accessible, inside its window, nothing that its policy forbids. Screenshots go to artifacts/.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { signIn } from './chromium.js';
import { begin } from './world.js';

const PICTURES = resolve(import.meta.dirname, '../../../../artifacts/pages');
const LOOKS = [
  { name: 'narrow', width: 360, colorScheme: 'light' },
  { name: 'wide', width: 1280, colorScheme: 'light' },
  { name: 'narrow-dark', width: 360, colorScheme: 'dark' },
  { name: 'wide-dark', width: 1280, colorScheme: 'dark' },
];
// The width of the smallest phones in use, and of a 1280 px window at 400 % (WCAG 1.4.10).
const SMALLEST = 320;

let world;
before(async () => {
  world = await begin();
  await mkdir(PICTURES, { recursive: true });
});
after(() => world?.end());

const url = (path) => world.server.issuer + path;
const device = async () => (await world.application.post('/oauth/device/code', { scope: 'profile email' })).body;
const press = (page, name) => page.getByRole('button', { name }).click();

// How to get to each page: who comes, what she does, and what she then sees.
const PAGES = {
  login: { open: (page) => page.goto(url('/login')), heading: 'Sign in' },
  'login-for-application': { open: (page) => page.goto(world.application.begin('openid')), heading: 'Sign in' },
  'login-refused': {
    async open(page) {
      await page.goto(url('/login'));
      await signIn(page, { username: 'admin', password: 'not it' });
    },
    heading: 'Sign in',
  },
  'unknown-client': {
    open: (page) => page.goto(world.application.begin('openid', { client_id: 'unknown' })),
    heading: /./,
  },
  'not-found': { open: (page) => page.goto(url('/no/such/page')), heading: /./ },
  consent: {
    signedIn: true,
    open: (page) => page.goto(world.application.begin('openid profile email read offline_access')),
    heading: 'AuthGate CLI wants to access your account',
  },
  'consent-with-claims': {
    signedIn: true,
    open: (page) =>
      page.goto(world.application.begin('openid', { claims: '{"userinfo":{"email":null,"birthdate":null}}' })),
    heading: 'AuthGate CLI wants to access your account',
  },
  'signed-out': { open: (page) => page.goto(url('/oauth/logout')), heading: 'You are signed out' },
  'no-authorizations': {
    signedIn: true,
    open: (page) => page.goto(url('/account/authorizations')),
    heading: 'Authorized apps',
  },
  authorizations: {
    signedIn: true,
    async open(page) {
      await page.goto(world.application.begin('openid profile email offline_access'));
      await press(page, 'Allow access');
      await world.application.tokens();
      await page.goto(url('/account/authorizations'));
    },
    heading: 'Authorized apps',
  },
  sessions: { signedIn: true, open: (page) => page.goto(url('/account/sessions')), heading: 'Browsers' },
  'authorization-revoked': {
    signedIn: true,
    async open(page) {
      await page.goto(url('/account/authorizations'));
      await press(page, 'Revoke access');
    },
    heading: 'No app has access',
  },
  'sessions-without-apps': {
    signedIn: true,
    open: (page) => page.goto(url('/account/sessions')),
    heading: 'No app has lasting access',
  },
  forbidden: {
    signedIn: true,
    async open(page) {
      await page.goto(url('/device'));
      await page.locator('main [name=csrf_token]').evaluate((field) => (field.value = 'forged'));
      await page.getByLabel('Code').fill('ZZZZ-ZZZZ');
      await press(page, 'Continue');
    },
    heading: 'You cannot do that',
  },
  'device-entry': { signedIn: true, open: (page) => page.goto(url('/device')), heading: 'Connect a device' },
  'device-unknown-code': {
    signedIn: true,
    async open(page) {
      await page.goto(url('/device'));
      await page.getByLabel('Code').fill('ZZZZ-ZZZZ');
      await press(page, 'Continue');
    },
    heading: 'Connect a device',
  },
  'device-confirm': {
    signedIn: true,
    open: async (page) => page.goto((await device()).verification_uri_complete),
    heading: 'Connect AuthGate CLI?',
  },
  'device-connected': {
    signedIn: true,
    async open(page) {
      await page.goto((await device()).verification_uri_complete);
      await press(page, 'Confirm and authorize');
    },
    heading: 'Device connected',
  },
  'device-refused': {
    signedIn: true,
    async open(page) {
      await page.goto((await device()).verification_uri_complete);
      await press(page, 'Deny');
    },
    heading: 'Request denied',
  },
  'sign-out': {
    signedIn: true,
    async open(page) {
      await page.goto(world.application.origin);
      await page.getByRole('link', { name: 'Sign out' }).click();
    },
    heading: 'Sign out?',
  },
};

for (const [name, { signedIn, open, heading }] of Object.entries(PAGES)) {
  test(name, async () => {
    // axe-core runs in the page, so JavaScript is on here.
    const options = { javaScriptEnabled: true };
    const window = await (signedIn ? world.signedIn(options) : world.window(options));
    const { page } = window;
    await open(page);
    await page.getByRole('heading', { name: heading }).first().waitFor();
    for (const look of LOOKS) await inspect(page, name, look);
    await page.setViewportSize({ width: SMALLEST, height: 640 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `scrolls sideways at ${SMALLEST} px`);
    await window.close();
  });
}

async function inspect(page, name, { name: look, width, colorScheme }) {
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.screenshot({ path: resolve(PICTURES, `${name}-${look}.png`), fullPage: true });
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(found, [], `${name}, ${look}`);
}
