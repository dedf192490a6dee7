"""The counting of suites.py against what the tools print, and against what they print when all goes wrong."""

import contextlib
import io
import os
import sys
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(__file__))
import suites


def run(count, script):
    """Runs a shell script as a suite; returns its count and what was shown."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        counted = suites.run(count, ".", ["sh", "-c", script], dict(os.environ))
    return counted, shown.getvalue()


class Counting(unittest.TestCase):
    def test_cargo_adds_up_its_binaries(self):
        lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s",
            "   a test that prints test result: ok. 9 passed; 9 failed; in the middle of a line",
        ]
        self.assertEqual(suites.verdict(suites.cargo, lines, 101), (8, 2))

    def test_node_counts_its_last_summary_and_cancelled_tests(self):
        lines = ["ℹ pass 99", "✔ works (1ms)", "ℹ tests 6", "ℹ pass 3", "ℹ fail 1", "ℹ cancelled 2", "ℹ skipped 0"]
        self.assertEqual(suites.verdict(suites.node, lines, 1), (3, 3))

    def test_go_counts_tests_and_not_packages(self):
        lines = [
            '{"Action":"run","Test":"TestA"}',
            '{"Action":"output","Test":"TestA","Output":"{\\"Action\\":\\"pass\\",\\"Test\\":\\"TestX\\"}\\n"}',
            '{"Action":"pass","Test":"TestA","Elapsed":0.1}',
            '{"Action":"fail","Test":"TestB"}',
            '{"Action":"fail","Package":"clients"}',
            "not json", "[]", "7",
        ]
        self.assertEqual(suites.verdict(suites.go, lines, 1), (1, 1))

    def test_python_tells_failures_from_errors(self):
        lines = ["Ran 5 tests in 0.1s", "", "FAILED (failures=1, errors=2, skipped=1)"]
        self.assertEqual(suites.verdict(suites.python, lines, 1), (2, 3))


class WhatCannotBeSuccess(unittest.TestCase):
    def test_nothing_ran(self):
        for count in (suites.cargo, suites.node, suites.go, suites.python):
            self.assertEqual(suites.verdict(count, [], 0), (0, 1), count.__name__)

    def test_a_crash_after_good_results(self):
        crash = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'; kill -SEGV $$"
        self.assertEqual(run(suites.cargo, crash)[0], (3, 1))

    def test_go_did_not_build(self):
        lines = ['{"Action":"build-output","Output":"undefined: x"}', '{"Action":"fail","Package":"clients"}']
        self.assertEqual(suites.verdict(suites.go, lines, 1), (0, 1))

    def test_a_command_that_is_missing(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(suites.run(suites.node, ".", ["/no/such/command"], {}), (0, 1))

    def test_a_suite_that_hangs(self):
        with unittest.mock.patch.object(suites, "HUNG_AFTER_SECONDS", 0.1):
            hangs = "echo 'test result: ok. 3 passed; 0 failed;'; read forever <>/dev/ptmx"
            self.assertEqual(run(suites.cargo, hangs)[0], (3, 1))

    def test_bytes_that_are_no_text(self):
        self.assertEqual(run(suites.cargo, r"printf '\377\n'; exit 1")[0], (0, 1))


class TheLastLine(unittest.TestCase):
    def test_it_is_the_sum_and_the_status_follows(self):
        def suite(text, status):
            return ("a suite", suites.cargo, ".", ["sh", "-c", f"echo '{text}'; exit {status}"])

        good = suite("test result: ok. 2 passed; 0 failed;", 0)
        bad = suite("test result: FAILED. 1 passed; 1 failed;", 101)
        for chosen, status, line in [([good, good], 0, "4 passed, 0 failed"), ([good, bad], 1, "3 passed, 1 failed")]:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                self.assertEqual(suites.main(chosen, dict(os.environ)), status)
            self.assertEqual(shown.getvalue().splitlines()[-1], line)
            self.assertEqual(shown.getvalue().count(" passed, "), 1)

    def test_go_output_is_shown_as_text(self):
        _, shown = run(suites.go, """echo '{"Action":"output","Test":"A","Output":"hello\\\\n"}'""")
        self.assertEqual(shown, "hello\n")


if __name__ == "__main__":
    unittest.main()
