#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and files as the tools themselves read them, where they differ from what people mean."""

from __future__ import annotations

import unittest
from typing import Any, Optional

from boot_roots import archive, module_files, put
from early_case import DRIVERS, GIVES_IDS, HOST, IDS, KERNEL, NOBODY, UNKNOWN, VFIO, EarlyCase
from helper import CARD, DESKTOP, Sysroot

BOTH = [*DRIVERS, "vfio_pci"]
SOFTDEPS = GIVES_IDS + "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n"
AWAY = "rd.driver.blacklist=nouveau,snd_hda_intel"
FIRST = ("?", "snd_hda_intel")
OVERRIDE = f"echo vfio-pci > /sys/bus/pci/devices/{CARD[0]}/driver_override\n"
RULE = 'KERNEL=="{}", SUBSYSTEM=="pci", ATTR{{driver_override}}="vfio-pci"\n'
UNIT, WANTS = "etc/systemd/system/v.service", "etc/systemd/system/multi-user.target.wants/v.service"
SHELL = "[Service]\nExecStart=/bin/sh -c '{}'\n"
Row = tuple[str, dict[str, str], list[str], str, tuple[Optional[str], Optional[str]]]


class AsToolsRead(EarlyCase):
    def rows(self, image: dict[str, str], system: str, *rows: Row) -> None:
        for words, files, modules, config, expected in rows:
            with self.subTest(words=words, files=files, config=config):
                self.check(expected, self.root(words, image | files, modules, config, system))

    # The kernel does not load vfio_pci without what it needs (kernel/module/main.c, simplify_symbols).
    def test_a_module_that_vfio_pci_needs(self) -> None:
        self.rows(self.DRACUT, "debian",
            ("module_blacklist=vfio_pci_core", {}, [], SOFTDEPS, HOST),
            ("module_blacklist=vfio", {}, [], SOFTDEPS, HOST),
            ("module_blacklist=snd_hda_codec", {}, [], "", ("nouveau", None)),
            ("", {}, [], SOFTDEPS + "install vfio_pci_core /bin/false\n", ("?", "?")),
        )  # fmt: skip

    # libkmod-config.c, kcmdline_parse_result: names as they stand, dashes and quotes included.
    def test_modprobes_blacklist(self) -> None:
        self.rows(self.DRACUT, "debian",
            ("modprobe.blacklist=nouveau,snd_hda_intel", {}, [], "", NOBODY),
            ("modprobe.blacklist=nouveau,snd-hda-intel", {}, [], "", (None, "snd_hda_intel")),
            ('modprobe.blacklist="nouveau,snd_hda_intel"', {}, [], "", HOST),
        )  # fmt: skip

    # initramfs-tools 0.142, /init: MODPROBE_OPTIONS=-qb, and blacklist=* is overwritten by the next.
    def test_initramfs_tools(self) -> None:
        away, vfio = "blacklist=nouveau,snd_hda_intel", {"conf/modules": f"vfio_pci ids={IDS}\n"}
        self.rows(self.TOOLS, "debian",
            (f"modprobe.blacklist=vfio_pci {away}", vfio, BOTH, "", HOST),
            (away, vfio, BOTH, "", VFIO),
            ("blacklist=nouveau blacklist=snd_hda_intel", vfio, BOTH, "", ("nouveau", "vfio-pci")),
            ('blacklist="nouveau,snd_hda_intel"', vfio, BOTH, "", HOST),
            ("", {"conf/modules": "nouveau\nsnd_hda_intel\nvfio_pci\n"}, BOTH,
             GIVES_IDS + "blacklist nouveau\nblacklist snd_hda_intel\n", VFIO),
            # Its hook puts the rules of /etc there.
            ("", {"lib/udev/rules.d/10-vfio.rules": RULE.format(CARD[0])}, BOTH, GIVES_IDS, FIRST),
        )  # fmt: skip

    # dracut-lib.sh, getcmdline: /etc/cmdline.d, then /etc/cmdline. Nothing but systemd reads modules-load.d.
    def test_dracut(self) -> None:
        one, other, listed = "rd.driver.pre=vfio_pci\n", "rd.driver.pre=nouveau\n", {"etc/modules-load.d/a.conf": "vfio_pci\n"}
        self.rows(self.DRACUT, "fedora",
            ("", {"etc/cmdline": one, "etc/cmdline.d/a.conf": other}, BOTH, GIVES_IDS, ("nouveau", "vfio-pci")),
            ("", {"etc/cmdline": other, "etc/cmdline.d/a.conf": one}, BOTH, GIVES_IDS, VFIO),
            (AWAY, listed, BOTH, GIVES_IDS, VFIO),
            (f"{AWAY} rd.systemd.mask=systemd-modules-load.service", listed, BOTH, GIVES_IDS, NOBODY),
            (AWAY, {"etc/modules-load.d/a.conf": "vfio_pci ids=10de:1d01\n"}, BOTH, GIVES_IDS, NOBODY),
            (AWAY, {"etc/modules-load.d/a.conf": "vfio_pci # early\n"}, BOTH, GIVES_IDS, NOBODY),
            ("", listed, BOTH, GIVES_IDS, UNKNOWN),  # beside udev, in no order
            ("", {"usr/lib/udev/rules.d/10-vfio.rules": RULE.format(CARD[0])}, BOTH, GIVES_IDS, FIRST),
            ("", {"lib/dracut/hooks/initqueue/10-v.sh": OVERRIDE}, BOTH, GIVES_IDS, FIRST),
        )  # fmt: skip
        self.rows({"usr/lib/dracut/.keep": ""}, "fedora", (AWAY, listed, BOTH, GIVES_IDS, NOBODY))

    # init_functions, parse_cmdline: each word is a variable, and one that begins with # ends the line.
    def test_mkinitcpio(self) -> None:
        self.rows(self.BUSYBOX, "debian",
            ("earlymodules=vfio_pci", {}, BOTH, GIVES_IDS, VFIO),
            ("earlymodules=vfio_pci earlymodules=ext4", {}, BOTH, GIVES_IDS, HOST),
            ("# earlymodules=vfio_pci", {}, BOTH, GIVES_IDS, HOST),
        )  # fmt: skip

    def test_another_program_than_the_usual_one(self) -> None:
        early = "rd.driver.pre=vfio_pci"
        self.rows(self.DRACUT, "debian",
            (f"{early} rdinit=/init init=/usr/lib/systemd/systemd", {}, BOTH, GIVES_IDS, VFIO),
            (f"{early} rdinit=/bin/sh", {}, BOTH, GIVES_IDS, UNKNOWN),
            ("init=/bin/sh", {}, [], "", UNKNOWN),
            # They may do without the card, which is then nobody's.
            ("nomodeset", {}, [], "", FIRST),
            ("nouveau.modeset=0", {}, [], "", FIRST),
            ("initcall_blacklist=azx_driver_init", {}, [], "", ("nouveau", "?")),
        )  # fmt: skip

    def test_driverctl_that_is_masked(self) -> None:
        rules, unit = "usr/lib/udev/rules.d/05-driverctl.rules", "usr/lib/systemd/system/driverctl@.service"
        for mask in ("", "etc/udev/rules.d/05-driverctl.rules", "etc/systemd/system/driverctl@.service"):
            with self.subTest(mask=mask):
                root = self.root("", self.DRACUT, [])
                for name, content in ((rules, "x\n"), (unit, "x\n"), (f"etc/driverctl.d/pci-{CARD[0]}", "vfio-pci\n")):
                    root.write(name, content)
                if mask:
                    (root.path / mask).parent.mkdir(parents=True, exist_ok=True)
                    (root.path / mask).symlink_to("/dev/null")
                self.check(HOST if mask else ("vfio-pci", "snd_hda_intel"), root)

    def test_scripts_where_people_have_them(self) -> None:
        script = '#!/bin/sh\nmodprobe -i vfio-pci\necho vfio-pci > "/sys/bus/pci/devices/$1/driver_override"\n'
        new_id = SHELL.format(f"echo {CARD[0]} > /sys/bus/pci/devices/{CARD[0]}/driver/unbind; "
                              "echo 10de 1d01 > /sys/bus/pci/drivers/vfio-pci/new_id")  # fmt: skip
        back = SHELL.format(f"echo {CARD[0]} > /sys/bus/pci/drivers/vfio-pci/unbind; "
                            f"echo {CARD[0]} > /sys/bus/pci/drivers/nouveau/bind")  # fmt: skip
        by_id = 'ATTR{vendor}=="0x10de", ATTR{device}=="0x1d01", ATTR{driver_override}="vfio-pci"\n'
        unit = SHELL.format(OVERRIDE.strip())
        for files, config, expected in (
            # andre-richter/vfio-pci-bind, as its README has it.
            ({"etc/udev/rules.d/25-vfio-pci-bind.rules": 'TAG=="vfio-pci-bind", RUN+="vfio-pci-bind.sh $kernel"\n',
              "usr/lib/udev/vfio-pci-bind.sh": script}, GIVES_IDS, UNKNOWN),
            ({UNIT: new_id, WANTS: "->../v.service"}, GIVES_IDS, FIRST),
            ({"etc/udev/rules.d/10-v.rules": RULE.format("0000:09:00.0") + by_id}, GIVES_IDS, UNKNOWN),
            ({"etc/udev/rules.d/10-v.rules": RULE.format("0000:09:00.0")}, GIVES_IDS, HOST),
            ({"usr/lib/systemd/system/v.service": unit, WANTS: "->/usr/lib/systemd/system/v.service"}, GIVES_IDS, FIRST),
            ({UNIT: unit, "etc/systemd/system/timers.target.wants/v.timer": "->../v.timer"}, GIVES_IDS, FIRST),
            ({"etc/rc.local": "#!/bin/sh\n" + OVERRIDE}, GIVES_IDS, FIRST),
            ({UNIT: "[Service]\nExecStart=v 0000:01:00.0\n", WANTS: "->../v.service", "usr/bin/v": script}, GIVES_IDS, UNKNOWN),
            ({UNIT: "[Service]\nExecStart=/bin/sh \\\n  /opt/v\n", WANTS: "->../v.service", "opt/v": OVERRIDE}, GIVES_IDS, FIRST),
            ({"etc/udev/rules.d/10-my-vfio-switch.rules": RULE.format(CARD[0])}, GIVES_IDS, FIRST),
            ({"usr/lib/udev/rules.d/10-v.rules": RULE.format(CARD[0])}, GIVES_IDS, FIRST),
            ({UNIT: back, WANTS: "->../v.service"}, SOFTDEPS, ("?", "vfio-pci")),
            # Ours, as the package has it.
            ({"usr/lib/systemd/system/vfio-switch-bind.service": "[Service]\nExecStart=/usr/lib/vfio-switch/bind\n",
              "usr/lib/systemd/system/sysinit.target.wants/vfio-switch-bind.service": "->../vfio-switch-bind.service",
              "usr/lib/vfio-switch/bind": script}, GIVES_IDS, HOST),
            ({UNIT: "[Service]\nExecStart=/opt/v\n", WANTS: "->../v.service",
              "opt/v": OVERRIDE.replace("vfio-pci", "nouveau", 1).strip() + " # not vfio-pci\n"}, SOFTDEPS, ("?", "vfio-pci")),
        ):  # fmt: skip
            with self.subTest(files=files):
                root = self.root("", self.DRACUT, [], config)
                for name, content in files.items():
                    if content.startswith("->"):
                        (root.path / name).parent.mkdir(parents=True, exist_ok=True)
                        (root.path / name).symlink_to(content[2:])
                    else:
                        root.write(name, content)
                self.check(expected, root)

    def test_a_link_of_debians_nvidia_in_the_image(self) -> None:
        """mkinitramfs copies both ends. boot_roots.archive() knows no links: a file's mode is changed."""
        root = self.root("", {}, [], SOFTDEPS)
        link, target = "etc/modprobe.d/nvidia.conf", "etc/nvidia/current/nvidia-modprobe.conf"
        texts = self.TOOLS | {"etc/modprobe.d/mine.conf": SOFTDEPS, target: "options nvidia NVreg_x=1\n", link: f"/{target}"}
        data = archive(module_files(root, KERNEL, BOTH) | {name: text.encode() for name, text in texts.items()})
        at = data.index(link.encode() + b"\0") - 110
        put(root, "boot/efi/debian/initrd.img", data[: at + 14] + f"{0o120777:08X}".encode() + data[at + 22 :])
        self.check(VFIO, root)

    # dracut ignores what initramfs-tools left behind.
    def test_dracut_on_debian(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        (root.path / "usr/sbin/update-initramfs").unlink()
        root.write("usr/bin/dracut", "#!/bin/sh\n", 0o755)
        root.write("etc/initramfs-tools/modules", "vfio_pci ids=1234:5678\n")
        orders = root.run("plan", "enable", "--json").json["load_order"]
        self.assertEqual([one["winner"] for one in orders], ["vfio-pci", "vfio-pci"])


class Told(EarlyCase):
    """Who keeps vfio-pci away is named, wherever it matters."""

    def said(self, root: Sysroot, *command: str) -> str:
        return " ".join(root.run(*command).out.split())

    def test_a_word_whose_effect_is_not_known(self) -> None:
        word = "initcall_blacklist=vfio_pci_init"
        root = self.root(f"{word} rd.driver.pre=vfio_pci", self.DRACUT, BOTH, SOFTDEPS)
        for command in (["status"], ["status", "-v"], ["doctor"]):
            self.assertIn(f"{word} on the kernel command line", self.said(root, *command))

    def test_a_module_that_the_kernel_refuses(self) -> None:
        root = self.root("module_blacklist=vfio_pci rd.driver.pre=vfio_pci", self.DRACUT, BOTH, SOFTDEPS)
        why = "the kernel refuses vfio-pci, as its command line has module_blacklist=vfio_pci"
        self.assertIn(why, self.said(root, "status", "-v"))
        findings: list[Any] = root.run("doctor", "--json").json["findings"]
        (lost,) = [one for one in findings if one["code"] == "passthrough-lost"]
        self.assertIn(why, lost["found"])
        self.assertNotIn("vfio-switch enable", str(lost["remedy"]))


if __name__ == "__main__":
    unittest.main()
