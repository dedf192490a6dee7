// An application that registered itself: what the person is told about it, and where its errors go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Application } from './application.js';
import { begin } from './world.js';

const scope = 'openid profile';
let world, application;

before(async () => {
  world = await begin({
    ENABLE_DYNAMIC_CLIENT_REGISTRATION: 'true',
    DYNAMIC_CLIENT_REGISTRATION_MODE: 'open',
    DCR_SCOPES: scope,
  });
  const { issuer } = world.server;
  application = await Application.start(issuer);
  const response = await fetch(`${issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Stranger',
      redirect_uris: [application.redirectUri],
      token_endpoint_auth_method: 'none',
    }),
  });
  assert.equal(response.status, 201);
  application.clientId = (await response.json()).client_id;
});
after(async () => {
  await application?.stop();
  await world?.end();
});

test('the person is told that nobody checked it, and may let it in', async () => {
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(application.begin(scope));
  await page.getByRole('heading', { name: 'Stranger wants to access your account' }).waitFor();
  await page.getByRole('main').getByText(/registered itself/).waitFor();
  await page.getByRole('button', { name: 'Allow access' }).click();
  assert.equal((await application.tokens()).scope, scope);
  await window.close();
});

test('an error of it waits for the person on a page', async () => {
  const window = await world.signedIn();
  const { page } = window;
  await page.goto(application.begin(scope, { response_type: 'token' }));
  assert.equal(new URL(page.url()).origin, world.server.issuer);
  await page.getByRole('heading', { name: 'This request cannot go on' }).waitFor();
  await page.getByRole('link', { name: 'Continue to 127.0.0.1' }).click();
  assert.equal((await application.answered()).get('error'), 'unsupported_response_type');
  await window.close();
});
