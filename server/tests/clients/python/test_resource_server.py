"""authlib as resource server, with tokens that authlib got by client credentials."""

import unittest
from typing import Any, ClassVar

from authlib.integrations.requests_client import OAuth2Session
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from authgate import Authgate
from resource_server import Local, Remote, api

ORDERS = "https://api.example.com/orders"
OTHER = "https://api.example.com/other"


def ask(orders: FlaskClient, token: str, method: str = "GET") -> TestResponse:
    return orders.open("/orders", method=method, headers={"Authorization": f"Bearer {token}"})


class ResourceServer(unittest.TestCase):
    server: ClassVar[Authgate]
    client: ClassVar[dict[str, Any]]
    apis: ClassVar[dict[str, FlaskClient]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Authgate()
        cls.addClassCleanup(cls.server.stop)
        cls.client = cls.server.create_client(
            "--name", "Robot", "--type", "confidential", "--scope", "orders:read orders:write",
            "--resource", ORDERS, "--resource", OTHER, grants=("client_credentials",),
        )  # fmt: skip
        itself = cls.server.create_client(
            "--name", "Orders API", "--type", "confidential", "--scope", "orders:read", "--audience", ORDERS,
            grants=("client_credentials",),
        )  # fmt: skip
        cls.apis = {"local": api(Local(cls.server, ORDERS)), "introspection": api(Remote(cls.server, itself))}

    def session(self, method: str = "client_secret_basic") -> Any:
        client = (self.client["client_id"], self.client["client_secret"])
        return OAuth2Session(*client, token_endpoint_auth_method=method)

    def token(self, session: Any, resource: str = ORDERS, scope: str = "orders:read") -> str:
        endpoint = self.server.metadata("oauth-authorization-server")["token_endpoint"]
        answer = session.fetch_token(endpoint, grant_type="client_credentials", scope=scope, resource=resource)
        access_token: str = answer["access_token"]
        return access_token

    def test_a_token_for_this_api_is_taken(self) -> None:
        expected = {"client_id": self.client["client_id"], "sub": f"client:{self.client['client_id']}"}
        for method in ("client_secret_basic", "client_secret_post"):
            token = self.token(self.session(method))
            for name, orders in self.apis.items():
                with self.subTest(name, method=method):
                    self.assertEqual(ask(orders, token).json, expected)

    def test_too_little_scope_is_403_insufficient_scope(self) -> None:
        token = self.token(self.session())
        for name, orders in self.apis.items():
            with self.subTest(name):
                refused = ask(orders, token, "POST")
                self.assertEqual((refused.status_code, refused.get_json()["error"]), (403, "insufficient_scope"))

    def test_enough_scope_writes(self) -> None:
        token = self.token(self.session(), scope="orders:read orders:write")
        for name, orders in self.apis.items():
            with self.subTest(name):
                self.assertEqual(ask(orders, token, "POST").status_code, 200)

    def test_a_token_for_another_audience_is_401(self) -> None:
        token = self.token(self.session(), OTHER)
        for name, orders in self.apis.items():
            with self.subTest(name):
                refused = ask(orders, token)
                self.assertEqual((refused.status_code, refused.get_json()["error"]), (401, "invalid_token"))

    def test_an_altered_token_is_401(self) -> None:
        header, payload, signature = self.token(self.session()).split(".")
        forged = f"{header}.{payload}.{signature[::-1]}"
        for name, orders in self.apis.items():
            with self.subTest(name):
                self.assertEqual(ask(orders, forged).status_code, 401)

    def test_a_revoked_token_is_401_to_whoever_asks(self) -> None:
        session = self.session()
        token = self.token(session)
        endpoint = self.server.metadata("oauth-authorization-server")["revocation_endpoint"]
        self.assertEqual(session.revoke_token(endpoint, token, "access_token").status_code, 200)
        self.assertEqual(ask(self.apis["introspection"], token).status_code, 401)

    def test_introspection_tells_the_client_about_its_own_token(self) -> None:
        session = self.session()
        token = self.token(session)
        endpoint = self.server.metadata("oauth-authorization-server")["introspection_endpoint"]
        seen = session.introspect_token(endpoint, token, "access_token").json()
        self.assertEqual((seen["active"], seen["aud"], seen["scope"]), (True, ORDERS, "orders:read"))
