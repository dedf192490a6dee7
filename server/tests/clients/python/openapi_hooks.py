"""What schemathesis loads: a check that an answer has no member and no header that the document does not name, and some
requests that are right, since nothing that is made up would ever be.

`OPENAPI_RIGHT` has those as JSON: by operation the parts of a request. Every answer is noted in the file that
`OPENAPI_SEEN` names, a line each: operation and status.
"""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import schemathesis

# Headers that an operation must name for itself; what every answer carries stands in the document's introduction.
OWN_HEADERS = {
    "cache-control", "location", "retry-after", "set-cookie", "www-authenticate",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
}  # fmt: skip
RIGHT = json.loads(os.environ["OPENAPI_RIGHT"])
SEEN = Path(os.environ["OPENAPI_SEEN"])


turn = itertools.count()


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Makes every other request right that the document allows."""
    parts = RIGHT.get(case.operation.label)
    if parts and case.meta.generation.mode.is_positive and next(turn) % 2:
        for part, value in parts.items():
            setattr(case, part, value)


@schemathesis.check
def nothing_undocumented(ctx: Any, response: Any, case: Any) -> None:
    with SEEN.open("a") as seen:
        seen.write(f"{case.operation.label} {response.status_code}\n")
    document = case.operation.schema.raw_schema
    operation = document["paths"][case.operation.path][case.operation.method]
    described = follow(document, operation["responses"].get(str(response.status_code)))
    if described is None or response.request.method.lower() != case.operation.method:
        return
    headers = {name.lower(): follow(document, header) for name, header in described.get("headers", {}).items()}
    sent = set(response.headers)
    assert sent & OWN_HEADERS <= set(headers), f"headers: {sorted(sent & OWN_HEADERS - set(headers))}"
    # A header with one value belongs to the answer, others depend on the server's state.
    always = {name for name, header in headers.items() if "enum" in header["schema"]}
    assert always <= sent, f"missing headers: {sorted(always - sent)}"
    if content := described.get("content", {}).get("application/json"):
        members = follow(document, content["schema"]).get("properties")
        unknown = set(response.json()) - set(members) if members else set()
        assert not unknown, f"members: {sorted(unknown)}"


def follow(document: dict[str, Any], node: Any) -> Any:
    """What a reference of the document refers to."""
    if not isinstance(node, dict) or "$ref" not in node:
        return node
    found: Any = document
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found
