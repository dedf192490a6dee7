// Chromium as a person has it, and a listener for everything that a page should not make it complain about.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

// Nothing but what the test asks for goes over the network.
const QUIET = ['background-networking', 'component-update', 'sync', 'gpu', 'quic'].map((what) => `--disable-${what}`);

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false, // tests run as root, which the sandbox refuses
    args: [...QUIET, '--no-first-run'],
  });
}

/** A window with cookies of its own, without JavaScript unless told otherwise. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const complaints = [];
  context.on('console', (message) => {
    // A page whose status is an error is no complaint; a part of a page is, and `response` reports it.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('response', (response) => {
    const part = !response.request().isNavigationRequest();
    if (part && response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  const page = await context.newPage();
  return {
    page,
    cookies: () => context.storageState(),
    /** Closes the window; fails if a page broke the content security policy or missed a part. */
    async close() {
      await context.close();
      assert.deepEqual(complaints, []);
    },
  };
}

/** Fills in and sends the login page that is shown. */
export async function signIn(page, { username, password }) {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
