#!/usr/bin/env python3
"""Runs every test suite, one after the other, and ends with one line: `N passed, N failed`.

A suite that cannot start, crashes, hangs or runs nothing counts as a failure.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading

# A cold build of the workspace takes a quarter of an hour on two cores; no suite takes half as long.
HUNG_AFTER_SECONDS = 3600

CLIENTS = "server/tests/clients"


def cargo(lines):
    """`test result:` of each test binary."""
    found = [re.match(r"test result: \w+\. (\d+) passed; (\d+) failed;", line) for line in lines]
    return sum(int(m[1]) for m in found if m), sum(int(m[2]) for m in found if m)


def node(lines):
    """The summary of node's `spec` reporter; a cancelled test is a failed one."""
    last = {"pass": 0, "fail": 0, "cancelled": 0}
    for line in lines:
        if m := re.fullmatch(r"ℹ (pass|fail|cancelled) (\d+)", line):
            last[m[1]] = int(m[2])
    return last["pass"], last["fail"] + last["cancelled"]


def go(lines):
    """Events of `go test -json`; an event without a test is about its package."""
    ends = {"pass": 0, "fail": 0}
    for line in lines:
        if (event := go_event(line)) and "Test" in event and event["Action"] in ends:
            ends[event["Action"]] += 1
    return ends["pass"], ends["fail"]


def go_event(line):
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "Action" in event else None


def python(lines):
    """The summary of `unittest`."""
    ran = failed = 0
    for line in lines:
        if m := re.match(r"Ran (\d+) tests? in ", line):
            ran = int(m[1])
        elif m := re.fullmatch(r"FAILED \((.*)\)", line):
            failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", m[1]))
    return max(ran - failed, 0), failed


# name, how its output counts, folder, command
SUITES = [
    ("scripts", python, ".", ["python3", "-m", "unittest", "discover", "-s", "scripts", "-p", "*_test.py"]),
    ("cargo", cargo, ".", ["cargo", "test", "--workspace", "--no-fail-fast"]),
    ("node clients", node, CLIENTS, ["npm", "run", "--silent", "node"]),
    ("go clients", go, f"{CLIENTS}/go", ["go", "test", "-json", "-count=1", "-timeout=3m", "./..."]),
    ("python clients", python, f"{CLIENTS}/python", ["node", "../over-tls.js", ".venv/bin/python", "-m", "unittest"]),
    ("browser", node, CLIENTS, ["npm", "run", "--silent", "browser"]),
]


def verdict(count, lines, status):
    """Passed and failed; what cannot be success is at least one failure."""
    passed, failed = count(lines)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return passed, failed


def run(count, folder, command, env):
    """Runs one suite, shows what it prints, and counts."""
    lines = []
    try:
        child = subprocess.Popen(
            command, cwd=folder, env=env, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except OSError as error:
        print(error)
        return 0, 1
    timer = threading.Timer(HUNG_AFTER_SECONDS, os.killpg, (child.pid, signal.SIGKILL))
    timer.start()
    with child:
        for line in child.stdout:
            event = go_event(line) if count is go else None
            print(event.get("Output", "") if event else line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    timer.cancel()
    return verdict(count, lines, child.returncode)


def environment():
    """Plain output, and the server that cargo has just built."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1"]
    metadata = subprocess.run(command, capture_output=True, check=False)
    env = {**os.environ, "NO_COLOR": "1", "CARGO_TERM_COLOR": "never"}
    if metadata.returncode == 0 and "AUTHGATE_BIN" not in env:
        env["AUTHGATE_BIN"] = os.path.join(json.loads(metadata.stdout)["target_directory"], "debug", "authgate")
    return env


def main(suites, env):
    totals = []
    for name, count, folder, command in suites:
        print(f"\n== {name}: {' '.join(command)}", flush=True)
        totals.append((name, *run(count, folder, command, env)))
    print()
    for name, passed, failed in totals:
        print(f"{name:>16}: {passed} ok, {failed} not")
    passed, failed = (sum(total[i] for total in totals) for i in (1, 2))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(SUITES, environment()))
