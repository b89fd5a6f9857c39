#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents name is there: files, links, tests and stories."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [*sorted(TOP.glob("*.md")), *sorted((TOP / "docs").glob("*.md"))]
# The first part of a path of the source tree.
OURS = {"src", "tests", "docs", "hooks", "pkg", "profiles", "contrib"}


def commands(text: str, program: str) -> list[list[str]]:
    """The words behind a program, in code."""
    found = re.findall(rf"(?:`|^    ){re.escape(program)}((?: [^`#\n]+)?)", text, re.MULTILINE)
    return [one.split() for one in found]


class Documents(unittest.TestCase):
    def test_paths_are_there(self) -> None:
        for document in DOCUMENTS:
            for path in re.findall(r"`([\w.-]+/[\w./-]+)[ `]", document.read_text()):
                if path.partition("/")[0] not in OURS or "ROOM" in path:
                    continue
                with self.subTest(document=document.name, path=path):
                    self.assertTrue((TOP / path).exists())

    def test_links_lead_somewhere(self) -> None:
        for document in DOCUMENTS:
            for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
                with self.subTest(document=document.name, link=link):
                    self.assertTrue((document.parent / link).exists())

    def test_tests_and_stories_are_there(self) -> None:
        text = (TOP / "docs/testing.md").read_text()
        listed = subprocess.run([sys.executable, str(TOP / "tests/run"), "--list"], capture_output=True, text=True, check=True)
        known = {"unit", "layering", "shell", *(word for line in listed.stdout.splitlines() for word in line.split())}
        named = [words for words in commands(text, "tests/run") if words and not words[0].startswith("-")]
        self.assertGreater(len(named), 20)
        for words in named:
            for word in words if words[0] != "unit" else ["unit"]:
                if not re.match(r"[A-Z]", word):  # a class
                    with self.subTest(test=word):
                        self.assertTrue(word in known)
        stories = "\n".join(path.read_text() for path in (TOP / "tests/vm/stories").glob("*.py"))
        for words in commands(text, "tests/vm/run"):
            for word in words:
                if re.match(r"[a-z]", word):
                    with self.subTest(story=word):
                        self.assertTrue(f'@story("{word}"' in stories)


if __name__ == "__main__":
    unittest.main()
