"""The built server as a child process over TLS, with default limits and settings, a new database, and a free port.

`../over-tls.js` makes the certificate and says where it is.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import requests

REPOSITORY = Path(__file__).resolve().parents[4]
BINARY = os.environ.get("AUTHGATE_BIN", str(REPOSITORY / "target/debug/authgate"))
TLS = Path(os.environ["AUTHGATE_TEST_TLS"])
# requests, and so authlib, reads where the authorities are from the environment alone.
os.environ["REQUESTS_CA_BUNDLE"] = str(TLS / "authority.pem")
# A debug build opens its database and makes its keys in a second or two on a busy machine.
START_SECONDS = 30
STOP_SECONDS = 30


class Authgate:
    """A running server and what its operator knows; `settings` are added to its environment."""

    def __init__(self, **settings: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="authgate-server-")
        port = free_port()
        self.issuer = f"https://localhost:{port}"
        self.password = secrets.token_urlsafe(12)
        self.env = {
            "BASE_URL": self.issuer,
            "SERVER_ADDR": f"127.0.0.1:{port}",
            "DATABASE_PATH": str(Path(self.folder, "authgate.db")),
            "DEFAULT_ADMIN_PASSWORD": self.password,
            "TLS_CERT_FILE": str(TLS / "server.pem"),
            "TLS_KEY_FILE": str(TLS / "server.key"),
            **settings,
        }
        self.log = Path(self.folder, "server.log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE, stderr=log
            )
        self.await_address()

    def await_address(self) -> None:
        """It listens by the time it says its address; silence ends it, and so the reading here."""
        assert self.process.stdout, "a pipe"
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        said = next((line for line in self.process.stdout if self.issuer in line), None)
        timer.cancel()
        if said is None:
            raise RuntimeError(f"the server ended with {self.process.wait()}:\n{self.log.read_text()}")
        # What it says later must not block it.
        self.drain = threading.Thread(target=self.process.stdout.read)
        self.drain.start()

    def command(self, *args: str) -> Any:
        """Runs a command beside the server, as an operator would."""
        done = subprocess.run(
            [BINARY, *args, "--json"], cwd=self.folder, env=self.env, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)

    def create_client(self, *args: str, grants: tuple[str, ...]) -> dict[str, Any]:
        named = [word for grant in grants for word in ("--grant", grant)]
        created: dict[str, Any] = self.command("client", "create", *named, *args)
        return created

    def metadata(self, suffix: str) -> dict[str, Any]:
        """One of the two metadata documents."""
        response = requests.get(f"{self.issuer}/.well-known/{suffix}", timeout=START_SECONDS)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    def stop(self) -> None:
        """Ends the server as an operator would; a stop that is not clean is an error."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        self.drain.join()
        self.process.communicate()
        shutil.rmtree(self.folder)
        if status != 0:
            raise RuntimeError(f"the server ended with {status}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
