#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Next boots that do not go by the boot menu: a kernel that kexec starts, a hibernated system that resumes."""

from __future__ import annotations

import unittest
from typing import Any

from boot_roots import put
from helper import CARD, DESKTOP, KERNELS, VFIO_CONF, Sysroot, SysrootCase

LOADED = "sys/kernel/kexec_loaded"
SETTINGS = "etc/default/kexec"
HIBERNATED = "sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"
RESUME = "etc/initramfs-tools/conf.d/resume"


class SkippedCase(SysrootCase):
    def root(self) -> Sysroot:
        return self.machine(DESKTOP, "--kernel", KERNELS[0])

    def enabled(self) -> Sysroot:
        root = self.root()
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.status(root)["next_boot"], "vfio")
        return root

    def status(self, root: Sysroot) -> Any:
        done = root.run("status", "--json")
        self.assert_status(done, 0)
        return done.json

    def why(self, answer: Any) -> tuple[str, str]:
        """Why the next boot is not known: the code, and the sentence."""
        (note,) = [note for note in answer["note_details"] if note["code"] == "boot-menu-unknown"]
        return note["data"]["reason"]["data"]["unknown"], note["message"]

    def assert_unknown(self, root: Sysroot, code: str, text: str) -> None:
        status = self.status(root)
        self.assertEqual(status["next_boot"], "unknown")
        self.assertEqual(self.why(status)[0], code)
        self.assertIn(text, self.why(status)[1])
        self.assert_status(root.run("verify"), 5)


class Kexec(SkippedCase):
    def test_a_kernel_that_is_loaded_starts_next(self) -> None:
        root = self.enabled()
        root.write(LOADED, "0\n")
        self.assertEqual(self.status(root)["next_boot"], "vfio")
        root.write(LOADED, "1\n")
        self.assert_unknown(root, "kexec", "a kernel is loaded by kexec (/sys/kernel/kexec_loaded)")
        self.assertTrue(self.status(root)["entries"][0]["default"], "later boots start it")

    def test_enable_and_disable_go_on_and_say_what_is_not_known(self) -> None:
        root = self.root()
        root.write(LOADED, "1\n")
        self.assertEqual(self.why(root.run("plan", "enable", "--json").json)[0], "kexec")
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("Not proved for the next boot", done.out)
        self.assertIn("vfio-pci", root.read(VFIO_CONF))
        self.assert_status(root.run("disable"), 0)

    def test_debians_kexec_tools_load_one_at_each_reboot(self) -> None:
        root = self.enabled()
        root.write(LOADED, "0\n")
        root.write("usr/sbin/kexec", "#!/bin/sh\n", 0o755)
        root.write(SETTINGS, "# Load a kexec kernel (true/false)\nLOAD_KEXEC=true\n")
        self.assert_unknown(root, "load-kexec", "/etc/default/kexec:2: with 'LOAD_KEXEC=true'")
        root.write(f"{SETTINGS}.d/site", "LOAD_KEXEC=false\n")
        self.assertEqual(self.status(root)["next_boot"], "vfio")


class Hibernated(SkippedCase):
    """systemd sets the EFI variable when it hibernates, and removes it when it resumes."""

    def test_a_hibernated_system_resumes_next(self) -> None:
        root = self.enabled()
        put(root, HIBERNATED, b"\7\0\0\0" + "{}".encode("utf-16-le") + b"\0\0")
        self.assert_unknown(root, "hibernated", "names a hibernated system, which the next boot resumes")
        (root.path / HIBERNATED).unlink()
        self.assertEqual(self.status(root)["next_boot"], "vfio")


class Hibernation(SkippedCase):
    """It brings back the drivers of before: a switch takes a reboot."""

    def notes(self, root: Sysroot, verb: str) -> list[Any]:
        done = root.run("plan", verb, "--json")
        self.assert_status(done, 0)
        return [note for note in done.json["note_details"] if note["code"] == "hibernation"]

    def test_without_hibernation_nothing_is_said(self) -> None:
        root = self.root()
        self.assertEqual(self.notes(root, "enable"), [])
        root.write(RESUME, "RESUME=none\n")
        self.assertEqual(self.notes(root, "enable"), [])

    def test_the_command_line_names_what_to_resume_from(self) -> None:
        root = self.root()
        root.boot_with("resume=/dev/sda2")
        (note,) = self.notes(root, "enable")
        self.assertEqual(note["data"]["what"], "resume=/dev/sda2")
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("reboot, and do not hibernate", " ".join(done.out.split()))

    def test_debians_installer_names_what_to_resume_from(self) -> None:
        root = self.root()
        root.write(RESUME, "RESUME=UUID=1111-aaaa\n")
        (note,) = self.notes(root, "enable")
        self.assertEqual(note["data"]["what"], {"path": f"/{RESUME}", "line": 1})

    def test_the_card_comes_back_to_the_host_by_a_reboot_as_well(self) -> None:
        root = self.root()
        root.boot_with("resume=/dev/sda2")
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.notes(root, "disable"), [], "the host has the card still")
        (root.path / "sys/bus/pci/drivers/vfio-pci").mkdir()
        for address in CARD:
            link = root.path / f"sys/bus/pci/devices/{address}/driver"
            link.unlink()
            link.symlink_to(f"{'../' * 4}bus/pci/drivers/vfio-pci")
        self.assertEqual(len(self.notes(root, "disable")), 1)
        self.assert_status(root.run("disable"), 0)


if __name__ == "__main__":
    unittest.main()
