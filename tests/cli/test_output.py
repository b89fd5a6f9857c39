#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed on a terminal and elsewhere: differences of files, and the progress of a rebuild."""

import re
import shutil
import unittest

from helper import DESKTOP, STAND_IN, VFIO_CONF, VFIO_SWITCH, Sysroot, SysrootCase, as_root
from terminal import COLOUR, on_terminal, uncoloured

GREEN, RED = "\033[32m", "\033[1;31m"


class Differences(SysrootCase):
    def applied(self, text: str, before: str) -> str:
        """A unified diff of a whole file, carried out."""
        lines, kept = text.splitlines(), []
        old = iter(before.splitlines())
        for line in lines:
            if line.startswith(("--- ", "+++ ", "@@")):
                continue
            if line[0] in " -":
                self.assertEqual(next(old), line[1:])
            if line[0] in " +":
                kept.append(line[1:])
        self.assertEqual(list(old), [])
        return "\n".join(kept) + "\n"

    def difference(self, text: str, path: str) -> str:
        """The part of a plan that is about one file, without its indent."""
        part = text.partition(f"+++ {path}\n")[2]
        found = re.match(r"(?:    .*\n)+", part)
        return "".join(line[4:] + "\n" for line in found[0].splitlines()) if found else ""

    def test_a_plan_is_a_unified_diff_that_applies(self) -> None:
        root = self.machine(DESKTOP)
        for verb in ("enable", "disable"):
            with self.subTest(verb=verb):
                before = root.read(VFIO_CONF) if root.exists(VFIO_CONF) else ""
                told = root.run("plan", verb).out
                self.assertIn("    --- " + (f"/{VFIO_CONF}" if before else "/dev/null") + "\n", told)
                self.assert_status(root.run(verb), 0)
                difference = self.difference(told, f"/{VFIO_CONF}")
                self.assertEqual(self.applied(difference, before), root.read(VFIO_CONF))

    def test_colour_says_nothing_alone(self) -> None:
        root = self.machine(DESKTOP)
        self.assert_status(root.run("enable"), 0)
        command = [VFIO_SWITCH, "--sysroot", str(root.path), "plan", "disable"]
        shown = on_terminal(command, 120)
        added = [line for line in shown.splitlines() if GREEN in line]
        removed = [line for line in shown.splitlines() if RED in line]
        self.assertTrue(added and removed)
        self.assertTrue(all(uncoloured(line).startswith("    +") for line in added), added)
        self.assertTrue(all(uncoloured(line).startswith("    -") for line in removed), removed)
        self.assertEqual(uncoloured(shown), root.run("plan", "disable").out)
        self.assertNotRegex(on_terminal(command, 120, NO_COLOR="1"), COLOUR)

    def test_what_doctor_finds_fits_the_terminal(self) -> None:
        root = self.machine(DESKTOP)
        self.assert_status(root.run("enable"), 0)
        command = [VFIO_SWITCH, "--sysroot", str(root.path), "doctor"]
        told = root.run("doctor").out
        self.assertEqual(uncoloured(on_terminal(command, 200)), told, "prose is no wider than 80 columns")
        self.assertIn("\033[33mwarning\033[0m: reboot-needed\n", on_terminal(command, 80))
        self.assertRegex(told, r"\n1 warning\. Fix it, then run")
        narrow = uncoloured(on_terminal(command, 50))
        self.assertEqual(narrow.split(), told.split())
        self.assertLessEqual(max(map(len, narrow.splitlines())), 50)

    def test_an_edited_file_is_shown_in_the_same_way(self) -> None:
        root = self.machine(DESKTOP)
        self.assert_status(root.run("enable"), 0)
        root.write(VFIO_CONF, root.read(VFIO_CONF) + "# mine\n")
        shown = on_terminal([VFIO_SWITCH, "--sysroot", str(root.path), "enable"], 120)
        self.assertIn(f"    {RED}-# mine", shown)


class Progress(SysrootCase):
    def prepared(self) -> Sysroot:
        root = self.machine(DESKTOP)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/stand-in-initramfs", "say words of the tool\n")
        return root

    def test_a_terminal_gets_a_line_that_counts(self) -> None:
        root = self.prepared()
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        shown = on_terminal(command, 120)
        self.assertRegex(shown, r"\r\033\[Krebuild /boot/initrd\.img-\S+ \(1 of 1\) \.\.\. \d+ s")
        self.assertRegex(shown, r"\nrebuild \S+ \(1 of 1\).*\n(Done|Note)", "it stays, on a line of its own")

    def test_elsewhere_there_are_plain_lines(self) -> None:
        done = self.prepared().run("enable", "--rebuild", prefix=as_root())
        self.assert_status(done, 0)
        self.assertEqual(done.err.count("(1 of 1)\n"), 1)
        self.assertNotRegex(done.err, "[\r\033]")
        self.assertIn("\n  words of the tool\n", done.err)


if __name__ == "__main__":
    unittest.main()
