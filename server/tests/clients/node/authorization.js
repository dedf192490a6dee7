// What an application does before and after its person has decided, with every check that openid-client has.
import * as openid from 'openid-client';

/** Finds the server as an application would; signatures of ID tokens are verified, which the library leaves out by default. */
export function discover(issuer, clientId, authentication) {
  const options = { execute: [openid.enableNonRepudiationChecks] };
  return openid.discovery(new URL(issuer), clientId, undefined, authentication, options);
}

/** Sends the person to the server; tells where the browser comes back to, and what to check there. */
export async function authorize(config, person, { decision = 'approve', ...parameters }) {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
    idTokenExpected: true,
  };
  const address = openid.buildAuthorizationUrl(config, {
    ...parameters,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  });
  return { callback: await person.decide(address, decision), checks };
}
