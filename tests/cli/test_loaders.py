#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Menus of real reports, by the tools that write them: what boots, and what it does with the card."""

from __future__ import annotations

import os
import shutil
import unittest

from boot_roots import LINE, MenuCase, arch_image, debian_image, efi_variable, no_menu, put, unified_image, winners
from helper import CARD, DESKTOP, KERNELS, VFIO_CONF, Sysroot
from sysroot import UUID, kernel_image

OLDER, NEWER = KERNELS
OWN = dict.fromkeys(CARD, "vfio-pci") | {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"}


class Limine(MenuCase):
    ID = "0123456789abcdef0123456789abcdef"

    def root(self, config: str) -> Sysroot:
        root = self.arch()
        no_menu(root)
        root.write("boot/limine.conf", config)
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("usr/bin/limine-mkinitcpio", "#!/bin/sh\nexit 1\n", 0o755)
        efi_variable(root, "LoaderInfo", "Limine 11.4.1")
        return root

    # Right (CachyOS): the entry of limine-entry-tool below its directory; snapshots are nobody's.
    def test_the_entries_of_cachyos(self) -> None:
        at = f"boot():/{self.ID}/linux-cachyos"
        snapshot = f"boot():/{self.ID}/limine_history"
        root = self.root(
            "timeout: 5\ndefault_entry: 2\nremember_last_entry: yes\n\n"
            f"/+CachyOS\ncomment: machine-id={self.ID} order-priority=50\n\n"
            "  //linux-cachyos\n  comment: kernel-id=linux-cachyos\n  protocol: linux\n"
            f"  module_path: {at}/initramfs#{'a' * 128}\n  path: {at}/vmlinuz#{'b' * 128}\n  cmdline: {LINE}\n\n"
            "  //Snapshots\n    ///2026-09-01 10:00:00\n      ////linux-cachyos\n      protocol: linux\n"
            f"      path: {snapshot}/vmlinuz_sha#{'c' * 128}\n      module_path: {snapshot}/initramfs_sha#{'d' * 128}\n"
            f"      cmdline: {LINE.replace('ro', 'rootflags=subvol=/@/.snapshots/12/snapshot')}\n"
        )
        root.write("etc/machine-id", f"{self.ID}\n")
        directory = f"boot/{self.ID}/linux-cachyos"
        put(root, f"{directory}/vmlinuz", kernel_image(NEWER))
        put(root, f"{directory}/initramfs", arch_image(root, NEWER, ["nouveau", "snd_hda_intel"]))
        status = self.status(root)
        first, old = status["entries"]
        self.assertEqual((first["id"], first["kind"], first["default"]), ("CachyOS/linux-cachyos", "usual", True))
        self.assertEqual(first["source"], "/boot/limine.conf:8")
        self.assertEqual((first["kernel"], first["release"]), (f"/{directory}/vmlinuz", NEWER))
        self.assertEqual((first["images"], first["command_line"]), ([f"/{directory}/initramfs"], LINE))
        self.assertEqual(winners(first), OWN)
        self.assertEqual((old["kind"], old["functions"]), ("snapshot", []))
        self.assertEqual(self.rebuilds(root), [(NEWER, f"/{directory}/initramfs")])

    # Right (Omarchy): the command line is the unified image's own.
    def test_the_unified_image_of_omarchy(self) -> None:
        uki = "boot/EFI/Linux/omarchy_linux.efi"
        root = self.root("default_entry: 2\n/+Omarchy\n  //linux\n  protocol: efi\n  path: boot():/EFI/Linux/omarchy_linux.efi\n")
        for name in ("initramfs-linux.img", "vmlinuz-linux"):
            os.remove(root.path / "boot" / name)
        self.assert_status(root.run("enable"), 0)
        image = arch_image(root, NEWER, ["nouveau", "snd_hda_intel"], [VFIO_CONF], early=["vfio_pci"])
        put(root, uki, unified_image(NEWER, f"{LINE} intel_iommu=on", image))
        status = self.status(root)
        (entry,) = status["entries"]
        self.assertEqual((entry["release"], entry["images"]), (NEWER, [f"/{uki}"]))
        self.assertEqual((entry["command_line"], status["next_boot"]), (f"{LINE} intel_iommu=on", "vfio"))
        put(root, uki, unified_image(NEWER, f"{LINE} vfio-pci.ids=", image))
        self.assertEqual(self.status(root)["next_boot"], "host")


class Proxmox(MenuCase):
    # Right: what boots is on an ESP that is not mounted, so nothing is called proved; GRUB's menu does not count.
    def test_esps_that_are_not_mounted(self) -> None:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        root.write("etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\n")
        efi_variable(root, "LoaderInfo", "systemd-boot 252")
        status = self.status(root)
        self.assertEqual((status["entries"], status["next_boot"]), ([], "unknown"))
        self.assertIn("A1B2-C3D4", status["next_boot_reason"]["message"])
        plan = self.plan(root)
        (note,) = [note for note in plan["note_details"] if note["code"] == "boot-menu-unknown"]
        self.assertIn("the file system A1B2-C3D4 is not known or not mounted", note["message"])
        self.assertEqual(plan["outcome"], "change")
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("verify"), 5)
        self.assert_status(root.run("disable"), 0)


class Ostree(MenuCase):
    """Bazzite: a deployment is an entry that GRUB reads; a link leads to its directory."""

    DEPLOYMENT = "default-" + "0" * 64
    WORDS = f"root=UUID={UUID} rw rootflags=subvol=root ostree=/ostree/boot.1/default/{'0' * 64}/0"

    def root(self) -> Sysroot:
        root = self.machine(DESKTOP, "--os", "fedora", "--kernel", NEWER)
        for path in (root.path / "boot").glob("*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        put(root, f"boot/ostree/{self.DEPLOYMENT}/vmlinuz-{NEWER}", kernel_image(NEWER))
        put(root, f"boot/ostree/{self.DEPLOYMENT}/initramfs-{NEWER}.img", self.image(root))
        put(root, f"usr/lib/modules/{NEWER}/initramfs.img", self.image(root))
        root.write("boot/loader.1/entries/ostree-1.conf",
                   f"title Bazzite 43 (ostree:0)\nversion 1\noptions {self.WORDS}\n"
                   f"linux /ostree/{self.DEPLOYMENT}/vmlinuz-{NEWER}\n"
                   f"initrd /ostree/{self.DEPLOYMENT}/initramfs-{NEWER}.img\n")  # fmt: skip
        (root.path / "boot/loader").symlink_to("loader.1")
        root.write("boot/grub2/grub.cfg", "blscfg\n")
        root.write("run/ostree-booted", "")
        root.write("usr/bin/rpm-ostree", "#!/bin/sh\nexit 0\n", 0o755)
        return root

    def image(self, root: Sysroot) -> bytes:
        return debian_image(root, NEWER, ["nouveau", "snd_hda_intel"])

    def test_a_deployment_is_an_entry(self) -> None:
        status = self.status(self.root())
        (entry,) = status["entries"]
        self.assertEqual((entry["id"], entry["kind"], entry["default"]), ("ostree-1", "usual", True))
        self.assertEqual((entry["release"], entry["command_line"]), (NEWER, self.WORDS))
        self.assertEqual(entry["images"], [f"/boot/ostree/{self.DEPLOYMENT}/initramfs-{NEWER}.img"])
        self.assertEqual((winners(entry), status["next_boot"]), (OWN, "host"))

    # Right: a staged deployment becomes the default when the system shuts down: it is not known what boots.
    def test_a_staged_deployment(self) -> None:
        root = self.root()
        root.write("run/ostree/staged-deployment", "")
        status = self.status(root)
        self.assertEqual(status["next_boot"], "unknown")
        why = status["next_boot_reason"]
        self.assertEqual((why["cause"], why["data"]["unknown"]), ("menu-not-known", "staged"))


if __name__ == "__main__":
    unittest.main()
