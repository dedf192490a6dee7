"""A person with a browser that knows only redirects, cookies, and forms as they are in the HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

# A request waits for a password hash at most.
TIMEOUT_SECONDS = 30
# Login, interaction and consent take fewer; a loop would take them all.
REDIRECTS = 10


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Page:
    """What the browser shows; without text, the address outside the server that it was sent to."""

    url: str
    text: str = ""
    forms: list[Form] = field(default_factory=list)


class Person:
    def __init__(self, origin: str, username: str, password: str) -> None:
        self.origin = origin
        self.account = {"username": username, "password": password}
        self.browser = requests.Session()

    def decide(self, address: str, decision: str = "approve") -> Page:
        """Opens an address, signs in and decides if asked to, and tells where that leads."""
        page = self.sign_in(address)
        pressed = ("action", decision)
        form = next((form for form in page.forms if pressed in form.buttons), None)
        return self.submit(form, {"action": decision}) if form else page

    def sign_in(self, address: str) -> Page:
        page = self.go("GET", address)
        login = next((form for form in page.forms if "password" in form.fields), None)
        return self.submit(login, self.account) if login else page

    def submit(self, form: Form, values: dict[str, str]) -> Page:
        return self.go(form.method, form.action, {**form.fields, **values})

    def go(self, method: str, url: str, data: dict[str, str] | None = None) -> Page:
        for _ in range(REDIRECTS):
            headers = {"Origin": self.origin} if method == "POST" else {}
            response = self.browser.request(
                method, url, data=data, headers=headers, allow_redirects=False, timeout=TIMEOUT_SECONDS
            )
            if not response.is_redirect:
                return Page(url, response.text, forms(url, response.text))
            method, url, data = "GET", urljoin(url, response.headers["location"]), None
            if not url.startswith(f"{self.origin}/"):
                return Page(url)
        raise AssertionError(f"redirected {REDIRECTS} times, at last to {urlsplit(url).path}")


def forms(base: str, text: str) -> list[Form]:
    reader = Reader(base)
    reader.feed(text)
    return reader.forms


class Reader(HTMLParser):
    """Reads what would be sent if nobody touched a form, and what may be pressed."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.base, attributes.get("action", ""))
            self.forms.append(Form(action, attributes.get("method", "get").upper()))
        elif tag == "input" and self.forms:
            chosen = attributes.get("type") not in {"checkbox", "radio"} or "checked" in attributes
            if chosen and "name" in attributes:
                self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and self.forms:
            self.forms[-1].buttons.append((attributes.get("name", ""), attributes.get("value", "")))
