#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual pages tell of every command, option, setting and profile key that there is, and of no other."""

import re
import unittest
from pathlib import Path

from helper import HERE, SysrootCase, run, tool, vfio_switch
from test_completions import Words

CONTRIB = HERE.parent.parent / "contrib"
SOURCE = HERE.parent.parent / "src"


def items(page: str) -> str:
    """What a page has entries for, one a line, without its markup's backslashes."""
    text = (CONTRIB / "man" / page).read_text().replace("\\-", "-")
    return "\n".join(line for line in text.splitlines() if line.startswith(".It "))


def keys(page: str) -> set[str]:
    return set(re.findall(r"^\.It Cm ([a-z-]+) No = ", items(page), re.MULTILINE))


class Manual(SysrootCase):
    def test_every_command(self) -> None:
        told = set(re.findall(r"^\.It Cm ([a-z]+)", items("vfio-switch.8"), re.MULTILINE))
        self.assertEqual(told, set(Words().commands))

    def test_every_option(self) -> None:
        told = {f"-{option}" for option in re.findall(r"\bFl (-[\w-]+)", items("vfio-switch.8"))}
        told |= {f"-{option}" for option in re.findall(r", (-[a-z][\w-]+)", items("vfio-switch.8"))}
        self.assertEqual(told, set(Words().options))

    def test_the_synopsis_has_the_global_options(self) -> None:
        text = (CONTRIB / "man/vfio-switch.8").read_text().replace("\\-", "-")
        synopsis = text.partition(".Sh SYNOPSIS")[2].partition(".Sh")[0]
        for option in ("--sysroot", "--json", "--dry-run"):
            self.assertIn(f"Fl {option[1:]}", synopsis)

    def test_every_setting(self) -> None:
        root = self.machine("ich6-radeon-x300")
        root.write("etc/vfio-switch.conf", "no-such-setting = 1\n")
        said = root.run("status").err
        known = re.search(r"known: ([^)]+)\)", said)
        self.assertIsNotNone(known, said)
        self.assertEqual(keys("vfio-switch.conf.5"), set(re.split(r"[, ]+", known[1])) if known else set())

    def test_every_key_of_a_profile(self) -> None:
        known = set(re.findall(r'entry\.key == "([a-z-]+)"', (SOURCE / "core/machine/profile.cc").read_text()))
        self.assertGreaterEqual(len(known), 3)
        self.assertEqual(keys("vfio-switch-profile.5"), known)
        for profile in (CONTRIB.parent / "profiles").glob("*.conf"):
            used = set(re.findall(r"^([a-z-]+) *=", profile.read_text(), re.MULTILINE))
            self.assertLessEqual(used, known, profile.name)

    def test_every_tool_of_a_profile(self) -> None:
        page = (CONTRIB / "man/vfio-switch-profile.5").read_text().replace("\\-", "-")
        for profile in (CONTRIB.parent / "profiles").glob("*.conf"):
            for name in re.findall(r"^(?:initramfs|package-db) *= *(\S+)", profile.read_text(), re.MULTILINE):
                self.assertRegex(page, rf"\.Cm {re.escape(name)}\b", profile.name)

    def test_every_exit_status(self) -> None:
        statuses = re.findall(r"^\.It (\d)$", (CONTRIB / "man/vfio-switch.8").read_text(), re.MULTILINE)
        self.assertEqual(statuses, ["0", "1", "2", "3", "4", "5"])

    def test_pages_that_are_named_are_there(self) -> None:
        texts = [file.read_text() for file in [*SOURCE.rglob("*.cc"), *SOURCE.rglob("*.h"), *CONTRIB.glob("man/*")]]
        texts.append(vfio_switch("--help").out)
        named = {f"{name}.{section}" for text in texts for name, section in
                 re.findall(r"\b(vfio-switch[\w.-]*)(?: |\()([1-8])\b", text)}  # fmt: skip
        self.assertTrue(named)
        self.assertLessEqual(named, {page.name for page in CONTRIB.glob("man/*")})

    def test_mandoc_finds_nothing(self) -> None:
        tool("mandoc")
        done = run([str(CONTRIB / "lint-man")])
        self.assertEqual((done.out, done.status), ("", 0))


if __name__ == "__main__":
    unittest.main()
