#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Tab key offers in bash, zsh and fish is what the program takes; and devices by address.

Environment: COMPLETIONS, the directory of the files as they are installed; tests/run sets it.
"""

import functools
import os
import re
import time
import unittest
from pathlib import Path
from typing import Union

import shells
from helper import DESKTOP, SysrootCase, vfio_switch
from tap import slow

FILES = Path(os.environ.get("COMPLETIONS", "."))


class Words:
    """What --help lists, and what the program takes."""

    def __init__(self) -> None:
        text = vfio_switch("--help").out
        self.commands = re.findall(r"^  ([a-z]+) ", text, re.MULTILINE)
        self.options = re.findall(r"^  (?:-\w \[ )?(--[\w-]+)", text, re.MULTILINE)
        self.valued = set(re.findall(r"^  (?:-\w \[ )?(--[\w-]+)(?: \])? [A-Z]+", text, re.MULTILINE))

    @functools.cache
    def takes(self, command: str, option: str) -> bool:
        value = ["x"] if option in self.valued else []
        done = vfio_switch("--sysroot", "/nonexistent/root", *command.split(), option, *value)
        return "cannot be used with '" not in done.err

    @functools.cached_property
    def forms(self) -> list[str]:
        two = [f"{command} {word}" for command in self.commands for word in self.commands]
        taken = (form for form in two if vfio_switch("--sysroot", "/nonexistent/root", *form.split()).status != 2)
        return [*self.commands, *taken]


WORDS = Words()  # asked once for all shells


class Completions(SysrootCase):
    """Of one shell; the classes below say which."""

    shell: Union[shells.Interactive, shells.Fish]

    def setUp(self) -> None:
        super().setUp()
        self.home = self.scratch / "home"
        self.home.mkdir()
        self.shell = self.start()
        self.addCleanup(self.shell.close)

    def start(self) -> Union[shells.Interactive, shells.Fish]:
        raise NotImplementedError

    def offers(self, line: str, word: str, typed: int = -1) -> bool:
        """Whether a word is completed once it is typed but for its last letters."""
        return word in [found.removesuffix("=") for found in self.shell.complete(f"{line} {word[:typed]}")]

    @slow
    def test_every_command_and_its_options(self) -> None:
        self.assertGreater(len(WORDS.commands), 5)
        self.assertGreater(len(WORDS.options), 8)
        for command in WORDS.commands:
            self.assertTrue(self.offers("vfio-switch", command), command)
        for form in WORDS.forms:
            command, _, second = form.partition(" ")
            if second:
                self.assertTrue(self.offers(f"vfio-switch {command}", second), form)
            for option in WORDS.options:
                with self.subTest(form=form, option=option):
                    self.assertEqual(self.offers(f"vfio-switch {form}", option), WORDS.takes(form, option))

    def test_options_before_the_command(self) -> None:
        for option in ("--sysroot", "--json", "--dry-run", "--help"):
            self.assertTrue(self.offers("vfio-switch", option), option)
        self.assertFalse(self.offers("vfio-switch", "--device"))
        self.assertTrue(self.offers("vfio-switch --json --sysroot /tmp", "status"))
        self.assertFalse(self.offers("vfio-switch status", "enable"))

    def test_devices_down_to_their_address(self) -> None:
        root = self.machine(DESKTOP).path
        self.assertTrue(self.offers(f"vfio-switch --sysroot {root} enable --device", "01:00.0", 2))
        self.assertTrue(self.offers(f"vfio-switch --sysroot={root} plan enable --device", "0000:01:00.0", 7))
        self.assertTrue(self.offers(f"vfio-switch enable --sysroot {root} --json --device", "00:02.0", 3))
        self.assertFalse(self.offers(f"vfio-switch --sysroot {root} enable --device", "00:1f.3", 4), "no display")

    def test_devices_behind_an_equals_sign(self) -> None:
        root = self.machine(DESKTOP).path
        self.assertIn(self.shell.complete(f"vfio-switch --sysroot {root} enable --device=01:")[0].strip(),
                      ("--device=01:00.0",))  # fmt: skip

    def test_devices_of_another_domain(self) -> None:
        root = self.machine("rpi5-gtx1050ti-domain1").path
        self.assertTrue(self.offers(f"vfio-switch --sysroot {root} enable --device", "0001:01:00.0", 6))

    def test_directories(self) -> None:
        (self.home / "somewhere").mkdir()
        (self.home / "sometimes").write_text("")
        self.assertEqual(self.shell.complete("vfio-switch --sysroot some")[0].rstrip("/"), "somewhere")

    def test_nothing_is_said_where_there_is_nothing(self) -> None:
        (self.scratch / "empty").mkdir()
        for root in (self.scratch / "empty", "/nonexistent/root"):
            line = f"vfio-switch --sysroot {root} enable --device 0"
            if isinstance(self.shell, shells.Fish):
                self.assertEqual(self.shell.complete(line), [])
                continue
            self.shell.type(f"{line}\t\n")
            said = self.shell.read_until(f"{shells.MARK}\r\n")
            self.assertEqual(said.split(shells.MARK)[-1], "0")
            self.assertNotRegex(said, "(?i)error|no such|not found|denied")

    def test_it_does_not_keep_people_waiting(self) -> None:
        root = self.machine("x399-1900x-gtx1080-gtx1060").path
        begin = time.monotonic()
        self.shell.complete(f"vfio-switch --sysroot {root} enable --device 0")
        self.assertLess(time.monotonic() - begin, 2, "a busy machine included")


class Bash(Completions):
    def start(self) -> shells.Interactive:
        return shells.bash(FILES, self.home)


class Zsh(Completions):
    def start(self) -> shells.Interactive:
        return shells.zsh(FILES, self.home)


class Fish(Completions):
    def start(self) -> shells.Fish:
        return shells.Fish(FILES, self.home)


del Completions  # it is none of its own


if __name__ == "__main__":
    unittest.main()
