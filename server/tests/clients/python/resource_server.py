"""Two small APIs of Flask and authlib's ResourceProtector: one reads tokens itself, one asks the server about them."""

from typing import Any

import requests
from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc6749 import TokenValidator
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask
from flask.testing import FlaskClient

from authgate import Authgate

TIMEOUT_SECONDS = 30


class Local(JWTBearerTokenValidator):
    """RFC 9068 section 4 with the published keys."""

    def __init__(self, server: Authgate, resource: str) -> None:
        super().__init__(issuer=server.issuer, resource_server=resource)
        self.jwks_uri = server.metadata("oauth-authorization-server")["jwks_uri"]

    def get_jwks(self) -> Any:
        return requests.get(self.jwks_uri, timeout=TIMEOUT_SECONDS).json()


class Remote(IntrospectTokenValidator):
    """RFC 7662 with credentials of the API's own."""

    def __init__(self, server: Authgate, client: dict[str, Any]) -> None:
        super().__init__()
        self.endpoint = server.metadata("oauth-authorization-server")["introspection_endpoint"]
        self.credentials = (client["client_id"], client["client_secret"])

    def introspect_token(self, token_string: str) -> Any:
        asked = {"token": token_string}
        response = requests.post(self.endpoint, asked, auth=self.credentials, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()


def api(validator: TokenValidator) -> FlaskClient:
    """`GET /orders` wants `orders:read`, `POST /orders` wants `orders:write`; each tells who asked."""
    app = Flask(__name__)
    protected = ResourceProtector()
    protected.register_token_validator(validator)

    @app.get("/orders")
    @protected("orders:read")
    def read() -> dict[str, str]:
        return {"client_id": current_token["client_id"], "sub": current_token["sub"]}

    @app.post("/orders")
    @protected("orders:write")
    def write() -> dict[str, str]:
        return {"sub": current_token["sub"]}

    return app.test_client()
