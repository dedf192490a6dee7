"""docs/security/threats.md names the defences against each class of attack and their tests: each exists."""

import os
import re
import unittest

import requirements_test as reading

PAGE = "docs/security/threats.md"
COLUMNS = ["class", "what", "where", "tests"]
CLASSES = [f"{number:02}" for number in range(1, 43)]
# What compares a secret's text byte by byte.
COMPARED = re.compile(r"expose\(\)(\.as_bytes\(\))?\s*[!=]=|[!=]=\s*[\w.&]*expose\(\)")


class Threats(unittest.TestCase):
    def setUp(self):
        tables = reading.tables(reading.text(PAGE))
        self.classes, self.others = (tables[heading][2:] for heading in ("Classes", "Also refused"))
        self.defended = [row for row in self.classes if not row[1].startswith("does not apply: ")]

    def test_every_class_has_one_line(self):
        self.assertEqual([row[0] for row in self.classes], CLASSES)
        self.assertEqual([row for row in self.classes if len(row) != len(COLUMNS) or not row[1]], [])

    def test_every_class_that_applies_has_a_test_of_its_number(self):
        for number, _, where, tests in self.defended:
            with self.subTest(number):
                self.assertTrue(reading.named(where))
                self.assertTrue([name for name in reading.named(tests) if f"adv_{number}_" in name], tests)

    def test_no_test_is_of_a_class_that_does_not_apply(self):
        absent = set(CLASSES) - {row[0] for row in self.defended}
        found = [name for name in reading.tests() for number in absent if f"adv_{number}_" in name]
        self.assertEqual(found, [])

    def test_every_file_function_and_test_exists(self):
        known = reading.tests()
        for row in [row[1:] for row in self.defended] + self.others:
            what, where, tests = row
            with self.subTest(what):
                for place in reading.named(where):
                    path, _, function = place.partition("::")
                    self.assertTrue(os.path.isfile(os.path.join(reading.ROOT, path)), place)
                    found = re.search(reading.FUNCTION.format(re.escape(function)), reading.text(path))
                    self.assertTrue(not function or found, place)
                self.assertEqual(set(reading.named(tests)) - known, set())

    def test_adv_42_secrets_are_compared_by_their_type(self):
        secret = reading.text("server/core/src/secret.rs")
        self.assertRegex(secret, r"#\[derive\(Clone\)\]\npub struct Secret\(")
        self.assertRegex(secret, r"fn eq\(&self, other: &Self\) -> bool \{\n\s*same\(")
        for path in reading.tracked():
            if re.match(r"(server|server/core|actors)/src/.*\.rs$", path):
                code = reading.text(path).split("#[cfg(test)]")[0]
                self.assertIsNone(COMPARED.search(code), path)


if __name__ == "__main__":
    unittest.main()
