// Swagger UI: every operation is there, one can be tried, and the page's strict policy stands in nothing's way.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { start } from '../authgate.js';
import { launch, openWindow } from './chromium.js';

const PICTURES = resolve(import.meta.dirname, '../../../../artifacts/pages');
const PACKAGE = resolve(import.meta.dirname, '../node_modules/swagger-ui-dist');

let server, browser;
before(async () => {
  server = await start({ ENABLE_SWAGGER: 'true' });
  browser = await launch();
  await mkdir(PICTURES, { recursive: true });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const base of ['/swagger', '/api/swagger/']) {
  test(`${base} leads to a page that shows every operation`, async () => {
    const document = await (await fetch(`${server.issuer}/swagger/doc.json`)).json();
    const window = await openWindow(browser, { javaScriptEnabled: true });
    const { page } = window;
    await page.goto(server.issuer + base);
    assert.equal(new URL(page.url()).pathname, '/swagger/index.html');
    await page.getByRole('heading', { name: 'Authgate API' }).waitFor();
    const shown = await page.locator('.opblock').count();
    assert.equal(shown, Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length);
    await page.screenshot({ path: resolve(PICTURES, 'swagger.png') });
    await window.close();
  });
}

test('an operation can be tried out', async () => {
  const window = await openWindow(browser, { javaScriptEnabled: true });
  const { page } = window;
  await page.goto(`${server.issuer}/api/swagger/index.html`);
  const health = page.locator('#operations-Operation-health');
  await health.locator('.opblock-summary-control').click();
  await health.getByRole('button', { name: 'Try it out' }).click();
  await health.getByRole('button', { name: 'Execute' }).click();
  const answer = health.locator('.live-responses-table .response');
  assert.match(await answer.innerText(), /200[\s\S]*"healthy"[\s\S]*cache-control: no-store/);
  await page.screenshot({ path: resolve(PICTURES, 'swagger-tried.png') });

  // Its other parts live under the same policy.
  await page.locator('#operations-OAuth-token .opblock-summary-control').click();
  await page.locator('#operations-OAuth-token').getByRole('button', { name: 'Try it out' }).click();
  await page.locator('#operations-OAuth-token').getByRole('button', { name: 'Execute' }).waitFor();
  await window.close();
});

test('credentials are asked for under the same policy', async () => {
  const page = await browser.newPage();
  const complaints = [];
  // Chromium has advice about its forms as well, which are not ours.
  page.on('console', (message) => message.text().startsWith('[DOM]') || complaints.push(message.text()));
  await page.goto(`${server.issuer}/swagger/index.html`);
  await page.getByRole('button', { name: 'Authorize', exact: true }).click();
  await page.getByRole('heading', { name: 'Available authorizations' }).waitFor();
  await page.close();
  assert.deepEqual(complaints, []);
});

test('script and style are those of the pinned package', async () => {
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
    const served = await (await fetch(`${server.issuer}/swagger/${file}`)).bytes();
    assert.ok((await readFile(`${PACKAGE}/${file}`)).equals(served), file);
  }
});
