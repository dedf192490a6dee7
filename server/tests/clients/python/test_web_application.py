"""authlib as the client of a web application: it discovers, sends code and PKCE, and validates the ID token itself."""

import unittest
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2 import rfc8414, rfc9207
from authlib.oidc.discovery import OpenIDProviderMetadata

from application import CALLBACK, ORIGIN, application
from authgate import Authgate
from person import Page, Person

SCOPE = "openid profile email offline_access"


class WebApplication(unittest.TestCase):
    server: ClassVar[Authgate]
    client: ClassVar[dict[str, Any]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Authgate()
        cls.addClassCleanup(cls.server.stop)
        cls.client = cls.server.create_client(
            "--name", "Shop", "--type", "confidential", "--scope", SCOPE, "--redirect-uri", CALLBACK,
            "--post-logout-redirect-uri", f"{ORIGIN}/goodbye", grants=("authorization_code", "refresh_token"),
        )  # fmt: skip

    def person(self) -> Person:
        return Person(self.server.issuer, "admin", self.server.password)

    def sign_in(self, decision: str = "approve", **authorize: str) -> tuple[Any, Page]:
        """The application as its visitor holds it, and where her browser comes back to."""
        visitor = application(self.server.issuer, self.client, SCOPE, **authorize)
        begun = visitor.get("/login", base_url=ORIGIN)
        return visitor, self.person().decide(begun.location, decision)

    def tokens(self) -> dict[str, Any]:
        visitor, back = self.sign_in()
        found: dict[str, Any] = visitor.get(back.url).json
        return found

    def session(self, method: str, tokens: dict[str, Any]) -> Any:
        client = (self.client["client_id"], self.client["client_secret"])
        return OAuth2Session(*client, token=tokens, token_endpoint_auth_method=method)

    def test_metadata_is_valid_to_authlib(self) -> None:
        found = self.server.metadata("openid-configuration")
        OpenIDProviderMetadata(found).validate()
        found = self.server.metadata("oauth-authorization-server")
        rfc8414.AuthorizationServerMetadata(found).validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])

    def test_id_token_with_nonce_and_at_hash(self) -> None:
        tokens = self.tokens()
        self.assertEqual(tokens["token_type"], "Bearer")
        self.assertEqual(set(tokens["scope"].split()), set(SCOPE.split()))
        claims = tokens["userinfo"]
        self.assertEqual(claims["iss"], self.server.issuer)
        self.assertIn("at_hash", claims)
        self.assertEqual(claims["preferred_username"], "admin")

    def test_rfc9207_2_answer_and_error_carry_iss(self) -> None:
        for decision in ("approve", "deny"):
            _, back = self.sign_in(decision)
            self.assertEqual(parse_qs(urlsplit(back.url).query)["iss"], [self.server.issuer])

    def test_a_refusal_is_access_denied(self) -> None:
        visitor, back = self.sign_in("deny")
        with self.assertRaises(OAuthError) as caught:
            visitor.get(back.url)
        self.assertEqual(caught.exception.error, "access_denied")

    def test_form_post(self) -> None:
        visitor, page = self.sign_in(response_mode="form_post")
        [form] = [form for form in page.forms if form.action == CALLBACK]
        self.assertEqual(form.method, "POST")
        self.assertEqual(form.fields["iss"], self.server.issuer)
        tokens = visitor.post(CALLBACK, data=form.fields).get_json()
        self.assertEqual(tokens["userinfo"]["preferred_username"], "admin")

    def test_userinfo_refresh_and_revocation_by_basic_and_post(self) -> None:
        metadata = self.server.metadata("openid-configuration")
        for method in ("client_secret_basic", "client_secret_post"):
            with self.subTest(method):
                first = self.tokens()
                session = self.session(method, first)
                claims = session.get(metadata["userinfo_endpoint"]).json()
                self.assertEqual(claims["sub"], first["userinfo"]["sub"])
                self.assertEqual(claims["email"], "admin@localhost")

                second = session.refresh_token(metadata["token_endpoint"])
                self.assertNotEqual(second["access_token"], first["access_token"])
                self.assertEqual(session.get(metadata["userinfo_endpoint"]).json()["sub"], claims["sub"])

                revoked = session.revoke_token(
                    metadata["revocation_endpoint"], second["refresh_token"], "refresh_token"
                )
                self.assertEqual(revoked.status_code, 200)
                self.assertEqual(session.get(metadata["userinfo_endpoint"]).status_code, 401)
                with self.assertRaises(OAuthError) as caught:
                    session.refresh_token(metadata["token_endpoint"])
                self.assertEqual(caught.exception.error, "invalid_grant")

    def test_sign_out_by_the_application(self) -> None:
        visitor = application(self.server.issuer, self.client, SCOPE)
        person = self.person()
        back = person.decide(visitor.get("/login", base_url=ORIGIN).location)
        tokens = visitor.get(back.url).get_json()
        begun = visitor.get(f"/logout/{tokens['id_token']}", base_url=ORIGIN)
        goodbye = person.go("GET", begun.location)
        self.assertEqual(visitor.get(goodbye.url).json, {"post_logout_redirect_uri": f"{ORIGIN}/goodbye"})
        signed_out = person.go("GET", f"{self.server.issuer}/account/sessions")
        self.assertTrue(any("password" in form.fields for form in signed_out.forms))
