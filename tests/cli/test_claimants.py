#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drivers could take the card, and which will: new drivers beside old ones, and vfio-pci's variants."""

import shutil
import unittest

from helper import KERNELS, STAND_IN, VFIO_SWITCH, Sysroot, SysrootCase, as_root, environment, run, tool


class FoundOnce(SysrootCase):
    """Only who looks for claimants reads a kernel's modules.dep; images have one of their own."""

    def reads(self, root: Sysroot, *arguments: str) -> int:
        log = self.scratch / "trace"
        trace = [tool("strace"), "-y", "-o", str(log), "-e", "trace=openat"]
        command = [*as_root(), *trace, VFIO_SWITCH, "--sysroot", str(root.path), *arguments]
        done = run(command, ASAN_OPTIONS=environment()["ASAN_OPTIONS"] + ":detect_leaks=0")
        opened = [line for line in log.read_text().splitlines() if line.startswith("openat(")]
        if not opened:
            self.skipTest(f"strace cannot trace here: {done.err.strip()}")
        self.assertIn(done.status, (0, 3, 5), f"\n{done}")
        return sum('"modules.dep"' in line and f"<{root.path}/usr/lib/modules/" in line for line in opened)

    def two_kernels(self) -> Sysroot:
        root = self.machine("z370-gt1030-no-param", *(word for kernel in KERNELS for word in ("--kernel", kernel)))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", "")
        return root

    def test_for_a_plan_not_for_each_image(self) -> None:
        root = self.two_kernels()
        self.assertEqual(self.reads(root, "plan", "enable"), len(KERNELS))
        planned_twice = 2 * len(KERNELS)  # the second time behind the lock
        self.assertEqual(self.reads(root, "enable", "--rebuild"), planned_twice)
        self.assertEqual(self.reads(root, "disable", "--rebuild"), planned_twice)

    def test_for_a_status_and_a_diagnosis(self) -> None:
        root = self.two_kernels()
        for command in (["status"], ["doctor"]):
            self.assertEqual(self.reads(root, *command), len(KERNELS), command)


if __name__ == "__main__":
    unittest.main()
