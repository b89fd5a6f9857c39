#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever calls it, and from wherever: modes, owners and the tool's environment are the program's own."""

import os
import shutil
import stat
import subprocess
import unittest

from helper import KERNELS, MODULES_LOAD, STAND_IN, STATE, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase
from helper import as_root, environment

MODES = {
    VFIO_CONF: 0o644, MODULES_LOAD: 0o644, "etc/modules-load.d": 0o755, STATE: 0o755, f"{STATE}/state.json": 0o644,
    f"{STATE}/boot-menu.json": 0o644,
    f"{STATE}/journal": 0o700, f"{STATE}/journal/pre-images": 0o700, f"{STATE}/journal/log": 0o600,
}  # fmt: skip


class Hardening(SysrootCase):
    def enabled(self, to: str, umask: int, **variables: str) -> tuple[Sysroot, Run]:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/stand-in-initramfs", "environment\n")
        root.write(VFIO_CONF, "options vfio-pci ids=10de:1d01\n", mode=0o600)  # for a pre-image
        (root.path / "etc/modules-load.d").rmdir()
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, umask=umask,
            env=environment(**variables), timeout=120,
        )  # fmt: skip
        result = Run(command, done.returncode, done.stdout, done.stderr)
        self.assert_status(result, 0)
        return root, result

    def test_modes_and_owners_whatever_the_umask(self) -> None:
        for umask in (0, 0o077):
            with self.subTest(umask=oct(umask)):
                root, _ = self.enabled(oct(umask), umask)
                pre_images = [f"{STATE}/journal/pre-images/{name.name}"
                              for name in (root.path / STATE / "journal/pre-images").iterdir()]  # fmt: skip
                self.assertTrue(pre_images)
                for name, mode in {**MODES, **dict.fromkeys(pre_images, 0o600)}.items():
                    status = os.lstat(root.path / name)
                    self.assertEqual(oct(stat.S_IMODE(status.st_mode)), oct(mode), name)
                    self.assertEqual((status.st_uid, status.st_gid), (os.geteuid(), os.getegid()), name)

    def test_the_tool_gets_none_of_the_callers_environment(self) -> None:
        _, done = self.enabled(
            "root", 0o077, MODPROBE_OPTIONS="-C /tmp", TMPDIR="/nowhere", BASH_ENV="/tmp/x", IFS="/", LC_ALL="tlh"
        )
        said = {line.strip().partition(" ")[2] for line in done.err.splitlines() if "environment " in line}
        self.assertEqual(said, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"})
        self.assertIn("umask 022", done.err)


if __name__ == "__main__":
    unittest.main()
