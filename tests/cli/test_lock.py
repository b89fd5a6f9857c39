#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers at once: the second is told who is at work, and changes nothing."""

import fcntl
import os
import shutil
import subprocess
import time
import unittest

from helper import STAND_IN, STATE, VFIO_SWITCH, SysrootCase, as_root, environment
from tap import slow

HOOK = os.environ["VFIO_SWITCH_HOOK"]
OURS = ("etc/modprobe.d/vfio.conf", "etc/modules-load.d/vfio.conf", "var/lib/vfio-switch/state.json")


class Lock(SysrootCase):
    @slow
    def test_the_second_writer_is_told_who_has_the_lock(self) -> None:
        root = self.desktop()
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", "wait\n")
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        first = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )  # fmt: skip
        try:
            self.assertTrue(root.wait_for("run/stand-in-waits"))
            root.write("etc/stand-in-initramfs", "")
            beat = f"{STATE}/journal/builder"  # written again every second
            before = root.snapshot(without=(beat,), times=True)
            for verb in ("disable", "rollback"):
                with self.subTest(verb=verb):
                    second = root.run(verb)
                    self.assert_status(second, 1)
                    self.assertIn(f"'enable', process {first.pid}", second.err)
                    self.assertEqual(second.out, "")
                    as_json = root.run(verb, "--json")
                    self.assert_status(as_json, 1)
                    self.assertIn(f"process {first.pid}", as_json.json["error"]["message"])
                    self.assertTrue(as_json.json["error"]["remedy"])
            self.assert_same_tree(before, root.snapshot(without=(beat,), times=True))
            self.assert_status(root.run("status"), 0)  # who only looks needs no lock
        finally:
            (root.path / "run/stand-in-waits").unlink(missing_ok=True)
            out, err = first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0, err)
        self.assertIn("Done.", out)
        self.assert_status(root.run("disable"), 0)  # the lock ended with its process

    def test_an_event_that_waited_for_a_disable_does_not_enable_again(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        enabled = {path: root.read(path) for path in OURS}
        self.assert_status(root.run("disable"), 0)
        disabled = {path: root.read(path) for path in OURS}
        for path, text in enabled.items():
            root.write(path, text)
        root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\n")  # something to do
        with open(root.path / "var/lib/vfio-switch/journal/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            event = subprocess.Popen(
                [*as_root(), HOOK, "--sysroot", str(root.path), "drivers-changed"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
            )  # fmt: skip
            time.sleep(2)
            self.assertIsNone(event.poll(), "it waits for the lock")
            for path, text in disabled.items():
                root.write(path, text)
        out, err = event.communicate(timeout=60)
        self.assertEqual((event.returncode, out, err), (0, "", ""))
        self.assertEqual({path: root.read(path) for path in OURS}, disabled)


if __name__ == "__main__":
    unittest.main()
