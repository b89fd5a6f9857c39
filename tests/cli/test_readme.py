#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of README.md is run, and what README shows of its output is what it prints.

A block of code holds either commands, one a line, with comments; or a session: lines that begin
with "$ ", and below each what it prints. Commands of the program run on the sysroot of a real
desktop, one after the other in the order of README. A comment before a block starts anew:

    <!-- test: MACHINE -->                           on that machine
    <!-- test: MACHINE; enable --rebuild; ... -->    after these commands

Commands of other kinds must be known below, with what runs them.
"""

import re
import shlex
import shutil
import unittest
from dataclasses import dataclass, field

from helper import DESKTOP, HERE, KERNELS, STAND_IN, Run, Sysroot, SysrootCase, as_root, run, tool, vfio_switch
from test_devices import without_names

TOP = HERE.parent.parent
README = TOP / "README.md"
OTHERS = {  # the first words of a command, and what runs it; scripts of the project must be there too
    "contrib/demo": "tests/cli/test_demo.py",
    "contrib/check": "this is part of it",
    "contrib/install-deps": "contrib/check",
    "contrib/record-machine": "tests/machines/test_recorder.py",
    "contrib/tidy": "contrib/check",
    "pkg/debian/build": "contrib/check",
    "tests/vm/run": "contrib/check",
    "tests/vm/install-deps": "contrib/check",
    "meson": "contrib/check builds so",
    "ninja": "contrib/check builds so",
    "git clone": "it needs a network",
    "cd": "it goes with git clone",
    "apt": "tests of the packages install them",
    "apt-get": "tests of the packages install them",
    "dpkg": "tests of the packages install them",
    "pacman": "tests of the packages install them",
    "makepkg": "tests of the packages build them",
    "dnf": "tests of the packages install them",
    "rpmbuild": "tests of the packages build them",
    "ansible-playbook": "contrib/ansible/test",
    "reboot": "tests/vm",
}
FELL_SHORT = 5  # what verify and doctor may end with on a machine that was not booted yet


@dataclass
class Block:
    line: int
    fresh: str = ""  # "MACHINE; COMMAND; ..." where the comment before it says so
    text: list[str] = field(default_factory=list)

    def commands(self) -> "list[tuple[int, str, list[str] | None]]":
        """Line, command, and the output that is shown below it; None where none is."""
        found: "list[tuple[int, str, list[str] | None]]" = []
        session = any(line.startswith("$ ") for line in self.text)
        for number, line in enumerate(self.text, self.line):
            if session and line.startswith("$ "):
                found.append((number, line[2:], []))
            elif session and found:
                output = found[-1][2]
                assert output is not None
                output.append(line)
            elif not session and line.strip() and not line.startswith("#"):
                found.append((number, line, None))
        return found


def blocks(text: str) -> list[Block]:
    """The code of README: fenced as sh, console or nothing, or indented by four."""
    found: list[Block] = []
    fresh, fence, current = "", "", None
    for number, line in enumerate(text.splitlines(), 1):
        if comment := re.match(r"<!-- test: (.*) -->$", line):
            fresh = comment[1]
            continue
        if fence:
            if line.startswith("```"):
                fence, current = "", None
            elif current:
                current.text.append(line)
            continue
        if line.startswith("```"):
            fence = line
            current = Block(number + 1, fresh) if line[3:].strip() in ("", "sh", "console", "bash") else None
            if current:
                found.append(current)
                fresh = ""
        elif line.startswith("    "):
            if current is None:
                current, fresh = Block(number, fresh), ""
                found.append(current)
            current.text.append(line[4:])
        elif line.strip():
            current = None
        elif current:
            current.text.append("")
    return [block for block in found if any(re.match(r"(\$ )?[a-z./]", line) for line in block.text)]


class Readme(SysrootCase):
    maxDiff = None
    number = 0
    root: Sysroot

    def fresh(self, machine: str) -> None:
        self.number += 1
        kernels = [word for kernel in KERNELS for word in ("--kernel", kernel)]
        self.root = self.machine(machine, *kernels, to=str(self.number))
        shutil.copy(STAND_IN, self.root.path / "usr/sbin/update-initramfs")
        self.root.write("etc/stand-in-initramfs", "")

    def program(self, words: list[str]) -> Run:
        if {"--help", "--version"} & set(words):
            return vfio_switch(*words)
        return self.root.run(*words, prefix=as_root() if "--rebuild" in words else [])

    def modprobe(self, words: list[str]) -> Run:
        place = ["-d", str(self.root.path), "-S", KERNELS[0], "-C", str(self.root.path / "etc/modprobe.d")]
        return run([tool("modprobe"), *place, *words])

    def check(self, where: str, command: str, shown: "list[str] | None") -> None:
        words = shlex.split(command, comments=True)
        while words and (words[0] in ("sudo", "&&") or "=" in words[0]):
            words = words[1:]
        if "&&" in words:
            at = words.index("&&")
            self.check(where, shlex.join(words[:at]), None)
            return self.check(where, shlex.join(words[at + 1 :]), shown)
        words = words[: words.index("|")] if "|" in words else words
        if words[0] not in ("vfio-switch", "modprobe"):
            known = [start for start in OTHERS if words[: len(start.split())] == start.split()]
            self.assertTrue(known, f"{where}: nothing runs '{command}': tests/cli/test_readme.py")
            if "/" in words[0]:
                self.assertTrue((TOP / words[0]).exists(), f"{where}: {words[0]}")
            return None
        done = self.program(words[1:]) if words[0] == "vfio-switch" else self.modprobe(words[1:])
        expected = (0, FELL_SHORT) if {"verify", "doctor"} & set(words) else (0,)
        self.assertIn(done.status, expected, f"{where}\n{done}")
        if shown is not None:
            wanted = "\n".join(shown).rstrip() + "\n"
            self.assertEqual(without_names(self.root, wanted), without_names(self.root, done.err + done.out), where)
        return None

    def test_commands(self) -> None:
        found = blocks(README.read_text())
        self.assertGreaterEqual(sum(len(block.commands()) for block in found), 10)
        self.fresh(DESKTOP)
        for block in found:
            if block.fresh:
                machine, *before = [part.strip() for part in block.fresh.split(";")]
                self.fresh(machine)
                for command in before:
                    self.assert_status(self.program(shlex.split(command)), 0)
            for number, command, shown in block.commands():
                with self.subTest(line=number, command=command):
                    self.check(f"README.md:{number}", command, shown)

    def test_options_in_prose(self) -> None:
        known = set(re.findall(r"--[a-z][a-z-]+", vfio_switch("--help").out))
        for script in ("contrib/check", "contrib/demo", "contrib/install-deps"):
            known |= set(re.findall(r"--[a-z][a-z-]+", (TOP / script).read_text()))
        told = set(re.findall(r"`(--[a-z][a-z-]+)[^`]*`", README.read_text()))
        self.assertLessEqual(told, known | {"--show-depends"})

    def test_files_in_prose(self) -> None:
        for name in set(re.findall(r"`((?:src|contrib|pkg|tests|profiles|hooks)(?:/[\w./-]+)?)`", README.read_text())):
            self.assertTrue((TOP / name).exists(), name)


if __name__ == "__main__":
    unittest.main()
