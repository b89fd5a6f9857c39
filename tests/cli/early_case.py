# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots whose boot entry and image are made of what is asked for, to see who is said to take the card."""

from __future__ import annotations

from typing import Optional

from boot_roots import LINE, MenuCase, archive, module_files, put, systemd_boot, winners
from helper import CARD, DESKTOP, KERNELS, Sysroot

KERNEL = KERNELS[0]
IDS = "10de:1d01,10de:0fb8"
DRIVERS = ["nouveau", "snd_hda_intel"]
VFIO, HOST, NOBODY = ("vfio-pci", "vfio-pci"), ("nouveau", "snd_hda_intel"), (None, None)
UNKNOWN = ("?", "?")
GIVES_IDS = f"options vfio-pci ids={IDS}\n"


class EarlyCase(MenuCase):
    """A boot entry of systemd-boot's, and an image of the tool that is asked for."""

    def root(
        self, words: str, image: dict[str, str], modules: list[str], config: str = GIVES_IDS, system: str = "debian"
    ) -> Sysroot:
        self.count = getattr(self, "count", 0) + 1
        root = self.machine(DESKTOP, "--os", system, "--kernel", KERNEL, to=f"root-{self.count}")
        for path in root.path.glob("etc/modules-load.d/*"):
            path.unlink()
        if config:
            root.write("etc/modprobe.d/mine.conf", config)
            image = image | {"etc/modprobe.d/mine.conf": config}
        files = module_files(root, KERNEL, modules) | {name: text.encode() for name, text in image.items()}
        put(root, "boot/efi/debian/initrd.img", archive(files))
        put(root, "boot/efi/debian/vmlinuz", (root.path / f"boot/vmlinuz-{KERNEL}").read_bytes())
        entry = f"title Debian\nlinux /debian/vmlinuz\ninitrd /debian/initrd.img\noptions {LINE} {words}\n"
        systemd_boot(root, "boot/efi", debian=entry)
        return root

    def check(self, expected: tuple[Optional[str], Optional[str]], root: Sysroot, proved: bool = True) -> None:
        (entry,) = self.status(root)["entries"]
        seen = winners(entry) if proved else {one["device"]: one["winner"] for one in entry["functions"]}
        self.assertEqual((seen[CARD[0]], seen[CARD[1]]), expected, entry["functions"])

    DRACUT = {"usr/lib/dracut/.keep": "", "usr/lib/systemd/system/initrd.target": ""}
    BUSYBOX = {"config": 'MODULES="nouveau snd_hda_intel"\nEARLYHOOKS=""\nHOOKS="udev"\n', "hooks/udev": ""}
    TOOLS = {"scripts/functions": "", "scripts/init-top/udev": "", "conf/modules": ""}
