#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""status on a terminal: its width, its colours, and what it says there."""

import unittest

import terminal
from helper import KERNELS, VFIO_SWITCH, Sysroot, SysrootCase
from terminal import COLOUR


def on_terminal(root: Sysroot, columns: int, *words: str, **more: str) -> str:
    """What the program prints on a terminal that is so wide (0: it does not know)."""
    return terminal.on_terminal([VFIO_SWITCH, "--sysroot", str(root.path), *words], columns, **more)


class Status(SysrootCase):
    def enabled(self) -> Sysroot:
        root = self.desktop()
        root.write("proc/sys/kernel/osrelease", KERNELS[0] + "\n")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        self.assert_status(root.run("enable"), 0)
        return root

    def test_no_line_is_wider_than_the_terminal(self) -> None:
        root = self.enabled()
        root.write("proc/cmdline", "ro quiet vfio-pci.ids= modprobe.blacklist=nouveau,nvidia,nvidiafb\n")
        for width in (60, 66, 72, 80, 97, 120, 200):
            with self.subTest(width=width):
                text = COLOUR.sub("", on_terminal(root, width, "status"))
                self.assertEqual([line for line in text.splitlines() if len(line) > width], [])
                for words in ("WANTED", "STAGED", "vfio-pci.ids=", "ACTIVE", "NEXT BOOT", "Next"):
                    self.assertIn(words, text)

    def test_a_terminal_that_does_not_know_its_width_has_eighty_columns(self) -> None:
        root = self.enabled()
        self.assertEqual(on_terminal(root, 0, "status"), on_terminal(root, 80, "status"))

    def test_colours_on_a_terminal_and_nowhere_else(self) -> None:
        root = self.enabled()
        coloured = on_terminal(root, 120, "status")
        self.assertRegex(coloured, COLOUR)
        plain = [
            on_terminal(root, 120, "status", NO_COLOR="1"),
            on_terminal(root, 120, "status", TERM="dumb"),
        ]
        for text in plain:
            self.assertNotIn("\x1b", text)
            self.assertEqual(text, COLOUR.sub("", coloured), "colour is never alone")
        self.assertRegex(on_terminal(root, 120, "status", NO_COLOR=""), COLOUR)
        self.assertNotIn("\x1b", root.run("status").out)
        self.assertNotIn("\x1b", on_terminal(root, 120, "status", "--json"))

    def test_each_kernel_has_its_row_and_its_reason(self) -> None:
        root = self.enabled()
        value = root.run("status", "--json").json
        self.assertEqual(
            [(k["release"], k["files_staged"], k["image_staged"], k["running"], k["next_boot"]) for k in value["kernels"]],
            [(KERNELS[1], True, False, False, "vfio"), (KERNELS[0], True, False, True, "vfio")],
        )
        text = root.run("status").out
        self.assertIn(f"{KERNELS[0]} (running)", text)
        for kernel in KERNELS:
            self.assertIn(f"Why   {kernel}: the initramfs is stale", text)

    def test_the_command_line_is_read(self) -> None:
        root = self.enabled()
        self.assertEqual(root.run("status", "--json").json["parameters"], [])
        self.assertIn("nothing about the card", root.run("status").out)
        root.write("proc/cmdline", "ro vfio-pci.ids=\n")
        value = root.run("status", "--json").json
        self.assertEqual([(p["parameter"], p["keeps_host"]) for p in value["parameters"]], [("vfio-pci.ids=", True)])
        self.assertEqual(value["next_boot"], "vfio", "it is this boot's, not the next one's")

    def test_a_machine_that_was_never_enabled(self) -> None:
        text = self.desktop().run("status").out
        self.assertIn("nothing configured", text)
        self.assertIn("'vfio-switch enable' gives this card to virtual machines", text)


if __name__ == "__main__":
    unittest.main()
