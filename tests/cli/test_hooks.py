#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/hooks.md names every event, every file that calls one, and every other file in hooks.

Environment: VFIO_SWITCH_HOOK, the program.
"""

import os
import re
import unittest
from pathlib import Path

from helper import run

TOP = Path(__file__).resolve().parent.parent.parent
PAGE = TOP / "docs/hooks.md"
HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
# The program in a script, a unit or a spec file: by its path, or by a variable that holds it.
CALL = re.compile(r"(?:vfio-switch-hook|/guard|@HOOK@|\$\{?(?:hook|guard)\}?|%\{(?:hook|guard)\})\"?[ \t]+([a-z]+(?:-[a-z]+)*)\b")


def events() -> "dict[str, str]":
    """Each event that the program knows, with the word for its argument."""
    said = run([HOOK]).err
    known = re.search(r"EVENT is (?:one of )?(.*)", said)
    assert known, said
    return {one.split()[0]: " ".join(one.split()[1:]) for one in known[1].split(",")}


def table() -> "dict[str, tuple[str, set[str]]]":
    """Each event of the page, with its argument and the files that are said to call it."""
    section = PAGE.read_text().partition("\n## Events\n")[2].partition("\n## ")[0]
    found = {}
    for row in re.findall(r"^\| `([^`]+)` \| ([^|]*) \|", section, re.MULTILINE):
        name, _, argument = row[0].partition(" ")
        found[name] = (argument, set(re.findall(r"`([^`]+)`", row[1])))
    return found


def scripts() -> "dict[str, str]":
    """The files in hooks and pkg, without their comments."""
    found = {}
    for path in sorted([*(TOP / "hooks").rglob("*"), *(TOP / "pkg").rglob("*")]):
        if path.is_file():
            lines = path.read_text().splitlines()
            found[str(path.relative_to(TOP))] = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return found


class Hooks(unittest.TestCase):
    maxDiff = None

    def test_every_event_is_told_with_its_argument(self) -> None:
        self.assertEqual({name: argument for name, (argument, _) in table().items()}, events())

    def test_every_caller_is_told(self) -> None:
        known = events()
        called: "dict[str, set[str]]" = {name: set() for name in known}
        for file, text in scripts().items():
            for name in CALL.findall(text):
                if file == "hooks/guard.in":
                    continue  # it passes on what it is given
                self.assertIn(name, known, f"{file} calls an event that the program does not know")
                called[name].add(file)
        self.assertGreater(sum(map(len, called.values())), 10, "calls are found at all")
        self.assertEqual({name: files for name, (_, files) in table().items()}, called)

    def test_every_other_hook_is_told(self) -> None:
        told = set(re.findall(r"`((?:hooks|pkg)/[^`]+)`", PAGE.read_text()))
        hooks = {file for file in scripts() if file.startswith("hooks/") and not file.endswith("meson.build")}
        self.assertEqual(hooks - told, set())
        self.assertEqual({file for file in told if not (TOP / file).exists()}, set())


if __name__ == "__main__":
    unittest.main()
