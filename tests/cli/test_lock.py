#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers at once: the second is told who is at work, and changes nothing."""

import shutil
import subprocess
import unittest

from helper import STAND_IN, VFIO_SWITCH, SysrootCase, as_root, environment


class Lock(SysrootCase):
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
            before = root.snapshot(without=(), times=True)
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
            self.assert_same_tree(before, root.snapshot(without=(), times=True))
            self.assert_status(root.run("status"), 0)  # who only looks needs no lock
        finally:
            (root.path / "run/stand-in-waits").unlink(missing_ok=True)
            out, err = first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0, err)
        self.assertIn("Staged", out)
        self.assert_status(root.run("disable"), 0)  # the lock ended with its process


if __name__ == "__main__":
    unittest.main()
