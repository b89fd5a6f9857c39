#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What version 0.1.0 left: its state and its journal are read, nothing is done without need, and all of it goes back."""

import json
import os
import shutil
import unittest

from helper import KERNELS, STAND_IN, STATE, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, run
from test_boot_parameters import BootCase
from tap import slow

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
LOG = f"{STATE}/journal/log"
IMAGE = f"boot/initrd.img-{KERNELS[0]}"
BOOKS = (STATE, f"{STATE}/*")


def as_0_1_0_left_it(root: Sysroot) -> None:
    """It kept images without a record of its own, had its lock elsewhere, and knew nothing of the files that came later."""
    lines = [line for line in root.read(LOG).splitlines(True) if '{"kept":' not in line]
    root.write(LOG, "".join(lines), mode=0o600)
    for name in ("declined", "images-owed", "removal", "journal/lock", "journal/builder"):
        (root.path / STATE / name).unlink(missing_ok=True)
    shutil.rmtree(root.path / STATE / "journal/images", ignore_errors=True)
    root.write(f"{STATE}/lock", "'enable', process 4711\n", mode=0o644)


class Upgrade(BootCase):
    number = 0

    def start(self, kind: str) -> tuple[Sysroot, dict, list[str]]:
        """A machine, what it was, and how the program is called there."""
        self.number += 1
        to = str(self.number)
        rebuild = ["--rebuild"]
        if kind == "by address":
            root = self.machine("truenas-twin-t400", "--variant", "card-boots", "--kernel", KERNELS[0], to=to)
        elif kind == "with a parameter":
            root = self.with_grub(self.laptop(to=to))
        else:
            root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        if kind != "with a parameter":
            root.write("etc/vfio-switch.conf", "initramfs = always\n")
        before = root.snapshot(without=(*BOOKS, "boot/initrd.img-*"))
        if kind == "by address":
            rebuild = []  # the image would take the package's script
        done = root.run("enable", *rebuild, prefix=as_root())
        self.assert_status(done, 0)
        as_0_1_0_left_it(root)
        return root, before, rebuild

    def hook(self, root: Sysroot, *words: str) -> Run:
        return run([HOOK, "--sysroot", str(root.path), *words])

    def test_it_is_understood_and_nothing_is_done_without_need(self) -> None:
        for kind in ("by ids", "by address", "with a parameter"):
            with self.subTest(kind=kind):
                root, _, rebuild = self.start(kind)
                there = root.snapshot(without=(), times=True)
                status = json.loads(root.run("status", "--json").out)
                self.assertEqual(status["intent"], "enabled")
                self.assertEqual([kernel["staged"] for kernel in status["kernels"]], [bool(rebuild)])
                done = root.run("enable", *rebuild[:0])
                self.assert_status(done, 0)
                self.assertIn("Nothing to do", done.out)
                self.assert_status(self.hook(root, "post-upgrade"), 0)
                self.assert_same_tree(there, root.snapshot(without=(), times=True))

    @slow
    def test_every_way_back_is_byte_for_byte(self) -> None:
        for kind in ("by ids", "by address", "with a parameter"):
            for program, verb in (("cli", "rollback"), ("hook", "rollback"), ("hook", "pre-remove")):
                with self.subTest(kind=kind, program=program, verb=verb):
                    root, before, rebuild = self.start(kind)
                    if program == "cli":
                        done = root.run(verb, *rebuild, prefix=as_root())
                    else:
                        done = self.hook(root, verb)
                    self.assert_status(done, 0)
                    self.assert_same_tree(before, root.snapshot(without=(*BOOKS, "boot/initrd.img-*")))

    @slow
    def test_it_is_disabled_and_enabled_again(self) -> None:
        for kind in ("by ids", "by address"):
            for program in ("cli", "hook"):
                with self.subTest(kind=kind, program=program):
                    root, _, _ = self.start(kind)
                    enabled = root.read(VFIO_CONF)
                    words = [VFIO_SWITCH if program == "cli" else HOOK, "--sysroot", str(root.path), "disable"]
                    self.assert_status(run(words), 0)
                    self.assertNotRegex(root.read(VFIO_CONF), r"(?m)^[^#\n]")
                    self.assert_status(root.run("enable"), 0)
                    self.assertEqual(root.read(VFIO_CONF), enabled)

    def test_what_was_interrupted_is_taken_back(self) -> None:
        """The last line of its journal is missing: it was killed while it built the image."""
        for verb in ("disable", "rollback", "pre-remove"):
            with self.subTest(verb=verb):
                root, before, _ = self.start("by ids")
                lines = root.read(LOG).splitlines(True)
                self.assertIn("committed", lines[-1])
                root.write(LOG, "".join(lines[:-1]), mode=0o600)
                image = root.path / IMAGE
                kept = image.with_name(f".{image.name}.vfio-tmp")
                kept.write_bytes(b"the old image")
                image.write_bytes(b"half an ima")
                done = self.hook(root, verb)
                self.assert_status(done, 0)
                self.assertIn("an interrupted 'enable' was", done.err)
                self.assertEqual(image.read_bytes(), b"the old image")
                self.assertFalse(kept.exists())
                self.assert_same_tree(before, root.snapshot(without=(*BOOKS, "boot/initrd.img-*")))


if __name__ == "__main__":
    unittest.main()
