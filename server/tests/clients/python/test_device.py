"""A device of authlib's session: authlib knows the grant's token request, not its polling."""

import unittest

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from authgate import Authgate
from person import Person

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


class Device(unittest.TestCase):
    def test_pending_then_approved(self) -> None:
        server = Authgate()
        self.addCleanup(server.stop)
        client = server.create_client(
            "--name", "Television", "--type", "public", "--scope", "openid profile", grants=("device_code",)
        )
        metadata = server.metadata("openid-configuration")
        session = OAuth2Session(client["client_id"], token_endpoint_auth_method="none")
        asked = {"client_id": client["client_id"], "scope": "openid profile"}
        device = session.post(metadata["device_authorization_endpoint"], data=asked, withhold_token=True).json()

        def poll() -> dict[str, str]:
            code = {"grant_type": DEVICE_CODE, "device_code": device["device_code"]}
            found: dict[str, str] = session.fetch_token(metadata["token_endpoint"], **code)
            return found

        with self.assertRaises(OAuthError) as caught:
            poll()
        self.assertEqual(caught.exception.error, "authorization_pending")
        with self.assertRaises(OAuthError) as caught:
            poll()
        self.assertEqual(caught.exception.error, "slow_down")

        Person(server.issuer, "admin", server.password).decide(device["verification_uri_complete"])
        self.assertIn("id_token", poll())
        self.assertEqual(session.get(metadata["userinfo_endpoint"]).json()["preferred_username"], "admin")
