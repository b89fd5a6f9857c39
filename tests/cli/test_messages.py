#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for what is rare: each is produced here once, and says what failed and where.

tests/messages shows which messages no test produces.
"""

import os
import shutil
import unittest
from typing import Sequence

from helper import CARD, DESKTOP, KERNELS, STAND_IN, STATE, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, run, tool
from test_wrong_uses import as_nobody

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")


class Messages(SysrootCase):
    def setUp(self) -> None:
        super().setUp()
        self.root: Sysroot = self.machine(DESKTOP)

    def says(self, done: Run, *words: str, status: int = 1) -> None:
        self.assert_status(done, status)
        for word in words:
            self.assertIn(word, done.out + done.err)

    def with_failing(self, rule: str, *words: str, prefix: Sequence[str] = (), path: str = "") -> Run:
        """A command of which some system calls fail; with `path` only those on that file."""
        trace = [tool("strace"), "-f", "-qq", "-o", str(self.scratch / "trace"), "-e", f"inject={rule}"]
        trace += ["-P", str(self.root.path / path)] if path else []
        command = [*prefix, *trace, VFIO_SWITCH, "--sysroot", str(self.root.path), *words]
        return run(command, ASAN_OPTIONS="detect_leaks=0")

    def with_tool(self) -> None:
        shutil.copy(STAND_IN, self.root.path / "usr/sbin/update-initramfs")
        self.root.write("etc/stand-in-initramfs", "")

    # -- what is there

    def test_an_attribute_that_makes_no_sense(self) -> None:
        (self.root.path / f"sys/bus/pci/devices/{CARD[0]}/modalias").write_text("nonsense\n")
        done = self.root.run("devices")
        self.says(done, f"warning: /sys/bus/pci/devices/{CARD[0]}/modalias could not be read: its content is not a PCI modalias", status=0)

    def test_a_card_in_no_group(self) -> None:
        (self.root.path / f"sys/bus/pci/devices/{CARD[0]}/iommu_group").unlink()
        self.says(self.root.run("enable"), "is in no IOMMU group, although other devices are", status=3)

    def test_xorg_has_the_card(self) -> None:
        self.root.write("etc/X11/xorg.conf.d/10-gpu.conf",
                        'Section "Device"\n  Identifier "GPU"\n  BusID "PCI:1:0:0"\nEndSection\n')
        self.says(self.root.run("enable"), "10-gpu.conf:3 assigns", "to the host's display\n", "Remove this from", status=3)

    def test_a_directory_that_cannot_be_listed(self) -> None:
        (self.root.path / "etc/modprobe.d").chmod(0 if os.geteuid() != 0 else 0o700)
        done = self.root.run("status", prefix=as_nobody())
        (self.root.path / "etc/modprobe.d").chmod(0o755)
        self.says(done, "cannot access /etc/modprobe.d/00-vfio-softdep.conf: Permission denied", status=4)

    # -- the journal and the lock

    def test_a_journal_of_a_newer_version(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        log = self.root.path / STATE / "journal/log"
        first, _, rest = log.read_text().partition("\n")
        self.assertIn('"journal":', first)
        log.write_text('{"journal":99}\n' + rest)
        self.says(self.root.run("enable"), "the journal was written by a newer version", "Upgrade vfio-switch.")

    def test_a_lock_that_cannot_be_taken(self) -> None:
        done = self.with_failing("flock:error=ENOLCK", "enable")
        self.says(done, "cannot lock /var/lib/vfio-switch/journal/lock: No locks available")

    def test_a_kernel_whose_name_is_no_text(self) -> None:
        self.with_tool()
        shutil.rmtree(self.root.path / "boot/grub")  # whose menu does not name it
        release = os.fsencode(KERNELS[0]) + b"-\xff"
        modules = os.fsencode(self.root.path / "usr/lib/modules")
        shutil.copytree(os.path.join(modules, os.fsencode(KERNELS[0])), os.path.join(modules, release), symlinks=True)
        with open(os.path.join(os.fsencode(self.root.path / "boot"), b"initrd.img-" + release), "wb") as image:
            image.write(b"an image\n")
        before = sorted(os.listdir(self.root.path / "etc/modprobe.d"))
        done = self.root.run("enable", "--rebuild", prefix=as_root())
        self.says(done, "is not UTF-8, so it cannot be recorded in the journal", "Rename it.")
        self.assertEqual(sorted(os.listdir(self.root.path / "etc/modprobe.d")), before)

    # -- system calls that fail

    def test_the_tool_cannot_be_started(self) -> None:
        self.with_tool()
        done = self.with_failing("/^(clone|clone3|fork|vfork)$:error=EAGAIN", "enable", "--rebuild", prefix=as_root())
        self.says(done, "cannot start update-initramfs: Resource temporarily unavailable", "All changes were undone")

    def test_no_standard_output_and_nothing_in_its_place(self) -> None:
        strace = tool("strace")
        trace = f"{strace} -qq -o {self.scratch}/trace -P /dev/null -e inject=openat:error=EMFILE"
        done = run(["sh", "-c", f'exec {trace} "$0" --version >&-', VFIO_SWITCH], ASAN_OPTIONS="detect_leaks=0")
        self.says(done, "standard output is closed")

    def test_no_memory_for_the_configuration(self) -> None:
        done = self.with_failing("memfd_create:error=ENFILE", "plan", "enable")
        self.says(done, "cannot create a file in memory for the configuration: Too many open files in system")

    def test_no_file_system_in_memory(self) -> None:
        self.with_tool()
        self.assert_status(self.root.run("enable", "--rebuild", prefix=as_root()), 0)
        done = self.with_failing("/^(fsopen|unshare)$:error=EPERM", "status", "--json")
        self.assert_status(done, 0)
        kernel = done.json["kernels"][0]
        self.assertIsNone(kernel["staged"], kernel)
        self.assertIn("only root can unpack an image in memory on this system", kernel["reason"])

    def test_an_image_that_cannot_be_read(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        done = self.with_failing("pread64:error=EIO", "status", "--json", path=f"boot/initrd.img-{KERNELS[0]}")
        self.assertIn("it cannot be read: Input/output error", done.json["kernels"][0]["reason"])

    def test_a_tool_that_succeeds_without_an_image(self) -> None:
        shutil.copy(STAND_IN, self.root.path / "usr/bin/dracut")
        self.root.write("etc/stand-in-initramfs", "vanish\n")
        before = self.root.snapshot()
        done = self.root.run("enable", "--rebuild", prefix=as_root())
        self.says(done, "dracut did not write an image", "All changes were undone")
        self.assert_same_tree(before, self.root.snapshot())

    # -- what only package hooks meet

    def test_an_image_that_somebody_else_built_wrong(self) -> None:
        self.root.write("etc/vfio-switch.conf", "initramfs = always\n")
        self.assert_status(self.root.run("enable"), 0)
        done = run([HOOK, "--sysroot", str(self.root.path), "image-built", KERNELS[0]])
        self.says(done, f"vfio-pci would not take the card with kernel {KERNELS[0]}: ", "Run 'vfio-switch enable'.", status=0)

    def test_a_command_line_that_secure_boot_locks(self) -> None:
        variables = "sys/firmware/efi/efivars"
        self.root.write(f"{variables}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\6\0\0\0\1")
        self.root.write(f"{variables}/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "\6\0\0\0stub")
        done = run([HOOK, "--sysroot", str(self.root.path), "post-install"])
        self.says(done, "Secure Boot locks this system's kernel command line", status=0)


if __name__ == "__main__":
    unittest.main()
