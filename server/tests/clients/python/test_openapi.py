"""The running server against its OpenAPI document, by schemathesis: thousands of requests that the document allows and
that it forbids, and no answer that it does not describe. One test an operation, without credentials and with them.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import requests

from authgate import REPOSITORY, TLS, Authgate
from person import TIMEOUT_SECONDS, Form, Person

HERE = Path(__file__).parent
DOCUMENT = json.loads((REPOSITORY / "docs/openapi.json").read_text())
# By the names of the document's security schemes; by operation the parts of a request.
Schemes = dict[str, dict[str, str]]
Right = dict[str, dict[str, dict[str, Any]]]
METHODS = {"get", "post", "put", "delete"}
SCHEMATHESIS = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
# A run takes half a minute; on a machine that does much else, several times that.
HUNG_SECONDS = 600


def operations() -> list[str]:
    """`GET /health` and its like."""
    paths = DOCUMENT["paths"].items()
    return [f"{method.upper()} {path}" for path, item in paths for method in item if method in METHODS]


class Run(unittest.TestCase):
    """One run of schemathesis, whose report each test reads."""

    maxDiff = None
    excluded: ClassVar[list[str]] = []
    failures: ClassVar[dict[str, str]]
    seen: ClassVar[set[str]]
    right: ClassVar[Right]

    @classmethod
    def setUpClass(cls) -> None:
        server = Authgate(
            ENABLE_SWAGGER="true", METRICS_ENABLED="true", ENABLE_RATE_LIMIT="false",
            ENABLE_DYNAMIC_CLIENT_REGISTRATION="true", DYNAMIC_CLIENT_REGISTRATION_MODE="open",
        )  # fmt: skip
        cls.addClassCleanup(server.stop)
        schemes, cls.right = cls.caller(server)
        cls.failures, cls.seen = run(server, cls.excluded, schemes, cls.right)

    @classmethod
    def caller(cls, server: Authgate) -> tuple[Schemes, Right]:
        """What it authenticates with, and some requests that are right."""
        return {}, {}


def run(server: Authgate, excluded: list[str], schemes: Schemes, right: Right) -> tuple[dict[str, str], set[str]]:
    """What failed, by operation; and every operation with every status that it answered."""
    with tempfile.TemporaryDirectory() as folder:
        config, junit, seen = (Path(folder, name) for name in ("schemathesis.toml", "junit.xml", "seen"))
        tables = [f"[auth.openapi.{name}]\n{table(values)}" for name, values in schemes.items()]
        config.write_text("\n".join([(HERE / "schemathesis.toml").read_text(), *tables]))
        command = [
            *SCHEMATHESIS, f"--config-file={config}", "run", f"{server.issuer}/swagger/doc.json",
            f"--tls-verify={TLS / 'authority.pem'}", f"--report-junit-path={junit}",
            *(f"--exclude-name={name}" for name in excluded),
        ]  # fmt: skip
        env = {**os.environ, "OPENAPI_SEEN": str(seen), "OPENAPI_RIGHT": json.dumps(right), "PYTHONPATH": str(HERE)}
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=HUNG_SECONDS, check=False
        )
        if not junit.exists() or not seen.exists():
            raise RuntimeError(done.stdout + done.stderr)
        failures = {}
        for case in ElementTree.parse(junit).iter("testcase"):
            problems = [*case.iter("failure"), *case.iter("error"), *case.iter("skipped")]
            failures[case.attrib["name"]] = "\n".join(problem.text or problem.tag for problem in problems)
        return failures, set(seen.read_text().splitlines())


def table(values: dict[str, str]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


class Anonymous(Run):
    """Nobody in particular."""


class WithCredentials(Run):
    """A confidential client, its access token for a person, that person's session, and a client that registered."""

    # They end the session that the others need.
    excluded: ClassVar[list[str]] = ["POST /logout", "POST /oauth/logout"]

    @classmethod
    def caller(cls, server: Authgate) -> tuple[Schemes, Right]:
        client = server.create_client(
            "--name", "Tester", "--type", "confidential", "--scope", "openid profile email",
            grants=("client_credentials", "device_code"),
        )  # fmt: skip
        person = Person(server.issuer, "admin", server.password)
        person.sign_in(f"{server.issuer}/login")
        uris = {"redirect_uris": ["https://app.example.com/callback"]}
        registered = requests.post(f"{server.issuer}/oauth/register", json=uris, timeout=TIMEOUT_SECONDS).json()
        itself = {"client_id": registered["client_id"]}
        token = access_token(server, client, person)
        device = post(server, client, "/oauth/device/code", scope="openid")
        code, csrf = device["user_code"], confirmation(person, device).fields["csrf_token"]
        authorization = {
            "redirect_uri": uris["redirect_uris"][0], "response_type": "code", "scope": "openid",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256", **itself,
        }  # fmt: skip
        machine = {"grant_type": "client_credentials", "scope": "email"}
        other = post(server, client, "/oauth/token", **machine)["access_token"]
        schemes = {
            "ClientBasic": {"username": client["client_id"], "password": client["client_secret"]},
            "AccessToken": {"bearer": token},
            "RegistrationAccessToken": {"bearer": registered["registration_access_token"]},
            "Session": {"api_key": person.browser.cookies["oauth_session"]},
        }
        right: Right = {
            "POST /oauth/token": {"body": machine},
            "POST /oauth/device/code": {"body": {"scope": "openid"}},
            "POST /oauth/introspect": {"body": {"token": token}},
            "POST /oauth/revoke": {"body": {"token": other}},
            "POST /oauth/register": {"body": uris},
            "GET /oauth/register/{client_id}": {"path_parameters": itself},
            "PUT /oauth/register/{client_id}": {"path_parameters": itself, "body": {**uris, **itself}},
            "GET /oauth/authorize": {"query": authorization},
            "POST /oauth/authorize": {"body": authorization},
            "GET /device": {"query": {"user_code": code}},
            "POST /device/verify": {"body": {"user_code": code, "csrf_token": csrf}},
            "GET /swagger/{file}": {"path_parameters": {"file": "doc.json"}},
            "GET /api/swagger/{file}": {"path_parameters": {"file": "index.html"}},
        }
        return schemes, right

    def test_what_is_right_is_accepted(self) -> None:
        others = {"POST /oauth/register": 201, "POST /oauth/authorize": 303}
        signed_in = [
            "GET /account/sessions",
            "GET /account/authorizations",
            "GET /oauth/tokeninfo",
            "GET /oauth/userinfo",
            "GET /admin/audit/api",
            "GET /admin/audit/api/stats",
            "GET /admin/audit/export",
            "GET /metrics",
        ]
        expected = {f"{name} {others.get(name, 200)}" for name in [*self.right, *signed_in]}
        self.assertEqual(expected - self.seen, set())


def access_token(server: Authgate, client: dict[str, Any], person: Person) -> str:
    """By the device flow."""
    device = post(server, client, "/oauth/device/code", scope="openid profile email")
    person.submit(confirmation(person, device), {})
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return post(server, client, "/oauth/token", grant_type=grant, device_code=device["device_code"])["access_token"]


def confirmation(person: Person, device: dict[str, str]) -> Form:
    page = person.go("GET", device["verification_uri_complete"])
    return next(form for form in page.forms if "confirmed" in form.fields)


def post(server: Authgate, client: dict[str, Any], path: str, **form: str) -> dict[str, str]:
    credentials = (client["client_id"], client["client_secret"])
    answer = requests.post(server.issuer + path, data=form, auth=credentials, timeout=TIMEOUT_SECONDS)
    found: dict[str, str] = answer.json()
    return found


def add_tests(group: type[Run]) -> None:
    """A test of each operation; one that the run passed over fails."""
    for operation in operations():
        if operation not in group.excluded:
            setattr(group, f"test {operation}", lambda self, name=operation: self.assertEqual("", self.failures[name]))


add_tests(Anonymous)
add_tests(WithCredentials)
# What they have in common is no test.
del Run
