// What every file of browser tests starts from: a server, an application and Chromium.
import { start } from '../authgate.js';
import { Application } from './application.js';
import { launch, openWindow, signIn } from './chromium.js';

export async function begin(settings) {
  const server = await start(settings);
  const { client_id } = await server.seededClient();
  const application = await Application.start(server.issuer, client_id);
  const browser = await launch();
  let signedIn;
  return {
    server,
    application,
    window: (options) => openWindow(browser, options),
    /** A window of a person who signed in earlier: one login serves a whole file. */
    async signedIn(options = {}) {
      signedIn ??= await cookiesAfterLogin(browser, server);
      return openWindow(browser, { ...options, storageState: signedIn });
    },
    async end() {
      await browser.close();
      await application.stop();
      await server.stop();
    },
  };
}

async function cookiesAfterLogin(browser, { issuer, admin }) {
  const window = await openWindow(browser);
  await window.page.goto(`${issuer}/login`);
  await signIn(window.page, admin);
  await window.page.waitForURL('**/account/sessions');
  const cookies = await window.cookies();
  await window.close();
  return cookies;
}
