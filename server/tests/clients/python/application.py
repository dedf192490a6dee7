"""A web application of Flask and authlib's registry, as authlib's documentation builds one."""

import secrets
from typing import Any

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

ORIGIN = "https://app.example.com"
CALLBACK = f"{ORIGIN}/callback"


def application(issuer: str, client: dict[str, Any], scope: str, **authorize: str) -> FlaskClient:
    """A visitor's view of an application that signs in at the issuer; `authorize` goes into each request."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes()
    authgate = OAuth(app).register(
        "authgate",
        client_id=client["client_id"],
        client_secret=client.get("client_secret"),
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": scope, "code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login() -> ResponseReturnValue:
        redirect: ResponseReturnValue = authgate.authorize_redirect(CALLBACK, **authorize)
        return redirect

    @app.route("/callback", methods=["GET", "POST"])
    def callback() -> ResponseReturnValue:
        return jsonify(authgate.authorize_access_token())

    @app.get("/logout/<id_token>")
    def logout(id_token: str) -> ResponseReturnValue:
        redirect: ResponseReturnValue = authgate.logout_redirect(f"{ORIGIN}/goodbye", id_token_hint=id_token)
        return redirect

    @app.get("/goodbye")
    def goodbye() -> ResponseReturnValue:
        return jsonify(authgate.validate_logout_response())

    # An error in a view reaches the test as it was raised.
    app.testing = True
    return app.test_client()
