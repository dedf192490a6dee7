"""docs/security/requirements names files, functions and tests: each exists, so that the tables cannot drift."""

import functools
import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = "docs/security/requirements.md"
FOLDER = "docs/security/requirements"
COLUMNS = ["section", "requirement", "where", "tests"]
# How a requirement begins that need not name code and tests, and what stands there instead.
EXCUSED, NOTHING = ("**Not ours**: ", "**Not done**: "), "\N{EN DASH}"

# What makes a test in each language, by the end of its file's name.
TESTS = {
    ".rs": r"#\[(?:\w+::)*test\]\s*(?:#\[[^\]]*\]\s*)*(?:pub )?(?:async )?fn (\w+)",
    ".js": r"\btest\('((?:[^'\\]|\\.)*)'",
    ".go": r"(?m)^func (Test\w+)\(",
    ".py": r"(?m)^\s+def (test_\w+)\(",
}
# What makes a function.
FUNCTION = r"\b(?:fn|func|function|def)\s+{}\b"


@functools.cache
def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return [path for path in listed.stdout.split("\0") if os.path.isfile(os.path.join(ROOT, path))]


def tests():
    """The names of all tests."""
    names = set()
    for path in tracked():
        if pattern := TESTS.get(os.path.splitext(path)[1]):
            names.update(re.findall(pattern, text(path)))
    return names


def tables(page):
    """The rows below each `##` heading, as lists of cells."""
    found = {}
    for line in page.splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line[3:], [])
        elif line.startswith("|") and found:
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def pages():
    return [PAGE] + [f"{FOLDER}/{name}" for name in sorted(os.listdir(os.path.join(ROOT, FOLDER)))]


def is_excused(requirement, where, by):
    """Nobody's code and no test, and why."""
    return requirement.startswith(EXCUSED) and where == by == NOTHING


def named(cell):
    return re.findall(r"`([^`]+)`", cell)


class Requirements(unittest.TestCase):
    def setUp(self):
        self.tables = {}
        for page in pages():
            found = tables(text(page))
            self.assertEqual(self.tables.keys() & found.keys(), set(), f"a heading of {page} stands elsewhere too")
            self.tables |= found
        self.rows = [(heading, row) for heading, rows in self.tables.items() for row in rows[2:]]

    def test_every_heading_has_a_table_of_four_columns(self):
        self.assertGreater(len(self.tables), 0)
        for heading, rows in self.tables.items():
            with self.subTest(heading):
                self.assertGreater(len(rows), 2, "a head, a rule and at least one row")
                self.assertEqual(rows[0], COLUMNS)
                self.assertEqual([row for row in rows if len(row) != len(COLUMNS) or "" in row], [])

    def test_every_row_names_where_and_by_which_test(self):
        for heading, (section, requirement, where, by) in self.rows:
            with self.subTest(f"{heading} {section}"):
                excused = is_excused(requirement, where, by)
                self.assertTrue(excused or (named(where) and named(by)), f"{where} | {by}")

    def test_the_page_leads_to_every_other(self):
        for page in pages()[1:]:
            self.assertIn(f"](requirements/{os.path.basename(page)})", text(PAGE))

    def test_every_file_and_function_exists(self):
        for place in sorted({place for _, row in self.rows for place in named(row[2])}):
            with self.subTest(place):
                path, _, function = place.partition("::")
                self.assertTrue(os.path.isfile(os.path.join(ROOT, path)), "no such file")
                if function:
                    found = re.search(FUNCTION.format(re.escape(function)), text(path))
                    self.assertTrue(found, f"{path} has no function {function}")

    def test_every_test_exists(self):
        unknown = {name for _, row in self.rows for name in named(row[3])} - tests()
        self.assertEqual(sorted(unknown), [])


class Reading(unittest.TestCase):
    def test_tests_are_told_from_functions(self):
        rust = "#[actix_web::test]\nasync fn a_b() {}\nfn helper() {}\n#[test]\n#[should_panic]\nfn c() {}\n"
        self.assertEqual(re.findall(TESTS[".rs"], rust), ["a_b", "c"])
        self.assertEqual(re.findall(TESTS[".js"], "  test('by hand', async () => {"), ["by hand"])
        self.assertEqual(re.findall(TESTS[".go"], "func TestMain(m *testing.M) {\nfunc other() {"), ["TestMain"])

    def test_rows_belong_to_the_heading_above(self):
        page = "| a |\n## One\ntext\n| x | `f.rs::g` |\n## Two\n"
        self.assertEqual(tables(page), {"One": [["x", "`f.rs::g`"]], "Two": []})
        self.assertEqual(named("`a`, `b c`"), ["a", "b c"])

    def test_only_what_says_so_names_nothing(self):
        self.assertTrue(is_excused("**Not ours**: clients do", NOTHING, NOTHING))
        self.assertFalse(is_excused("we do", NOTHING, NOTHING))
        self.assertFalse(is_excused("**Not done**: but tested", NOTHING, "`a`"))


if __name__ == "__main__":
    unittest.main()
