#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can load a driver early, or keep one away: each input flips who is said to take the card."""

from __future__ import annotations

import unittest
from typing import Any

from early_case import DRIVERS, GIVES_IDS, HOST, IDS, KERNEL, NOBODY, UNKNOWN, VFIO, EarlyCase
from helper import CARD, DESKTOP


class Early(EarlyCase):
    def test_dracut(self) -> None:
        both = [*DRIVERS, "vfio_pci"]
        for words, files, expected in (
            ("", {}, HOST),
            ("rd.driver.pre=vfio_pci", {}, VFIO),
            ("rd.driver.pre=vfio-pci", {}, VFIO),
            ("", {"etc/cmdline.d/20-force_drivers.conf": "rd.driver.pre=vfio_pci\n"}, VFIO),
            ("", {"etc/cmdline": "rd.driver.pre=vfio_pci\n"}, VFIO),
            # dracut reads *.conf alone.
            ("", {"etc/cmdline.d/20-force_drivers.bak": "rd.driver.pre=vfio_pci\n"}, HOST),
            # Beside udev, in no order.
            ("rd.modules_load=vfio_pci", {}, UNKNOWN),  # nothing orders it against udev
            ("", {"etc/modules-load.d/a.conf": "vfio_pci\n"}, UNKNOWN),
            ("rd.driver.blacklist=nouveau,snd_hda_intel rd.modules_load=vfio_pci", {}, VFIO),
            ("rd.driver.blacklist=nouveau,snd_hda_intel modules_load=vfio_pci", {}, VFIO),
            ("rd.driver.blacklist=nouveau,snd_hda_intel rd.driver.post=vfio_pci", {}, UNKNOWN),
            ("rd.driver.blacklist=nouveau,snd_hda_intel", {"etc/modules-load.d/a.conf": "vfio-pci\n"}, VFIO),
            # What systemd-modules-load loads is subject to blacklists, what rd.driver.pre names is not.
            ("modprobe.blacklist=vfio_pci,nouveau,snd_hda_intel rd.modules_load=vfio_pci", {}, NOBODY),
            ("modprobe.blacklist=vfio_pci rd.driver.pre=vfio_pci", {}, VFIO),
            ("module_blacklist=vfio_pci rd.driver.pre=vfio_pci", {}, HOST),
            # No module has that name, and the last word counts.
            ("module_blacklist=vfio-pci rd.driver.pre=vfio_pci", {}, VFIO),
            ("module_blacklist=vfio_pci module_blacklist=floppy rd.driver.pre=vfio_pci", {}, VFIO),
            ("initcall_blacklist=vfio_pci_init rd.driver.pre=vfio_pci", {}, UNKNOWN),
            (f"pci-stub.ids={IDS} rd.driver.pre=vfio_pci", {}, UNKNOWN),
        ):
            with self.subTest(words=words, files=files):
                self.check(expected, self.root(words, self.DRACUT | files, both))

    # It is in /run, where the real root finds it.
    def test_what_dracut_blacklists_stays(self) -> None:
        words = "rd.driver.blacklist=nouveau rd.driver.post=snd_hda_intel"
        self.check(NOBODY, self.root(words, self.DRACUT, [], system="fedora"))
        self.check(HOST, self.root(words, self.DRACUT, [], system="debian"))
        # Older releases write it into the image.
        root = self.root(words, self.DRACUT, [], system="fedora")
        script = "usr/lib/dracut/modules.d/98dracut-systemd/dracut-pre-udev.sh"
        root.write(script, "_modprobe_d=/etc/modprobe.d\n")
        self.check(HOST, root)
        root.write(script, "_modprobe_d=/run/modprobe.d\n")
        self.check(NOBODY, root)
        # Of two modules dracut makes one line, which names neither.
        self.check(HOST, self.root("rd.driver.post=nouveau,snd_hda_intel", self.DRACUT, [], system="fedora"))

    def test_a_file_hides_those_of_its_name(self) -> None:
        files = {"usr/lib/modules-load.d/a.conf": "vfio_pci\n", "etc/modules-load.d/a.conf": "# nothing\n"}
        words = "modprobe.blacklist=nouveau,snd_hda_intel"
        self.check(NOBODY, self.root(words, self.DRACUT | files, ["vfio_pci"]))
        del files["etc/modules-load.d/a.conf"]
        self.check(VFIO, self.root(words, self.DRACUT | files, ["vfio_pci"]))

    def test_mkinitcpio_with_busybox(self) -> None:
        both = [*DRIVERS, "vfio_pci"]
        for words, config, expected in (
            ("", GIVES_IDS, HOST),
            ("earlymodules=vfio_pci", GIVES_IDS, VFIO),
            # modprobe -b: a blacklist keeps away what MODULES names.
            ("modprobe.blacklist=nouveau,snd_hda_intel earlymodules=vfio_pci", GIVES_IDS, VFIO),
            ("", GIVES_IDS + "blacklist nouveau\nblacklist snd_hda_intel\n", NOBODY),
            ("earlymodules=vfio_pci", GIVES_IDS + "blacklist vfio_pci\n", HOST),
        ):
            with self.subTest(words=words, config=config):
                self.check(expected, self.root(words, self.BUSYBOX, both, config))

    def test_mkinitcpio_without_a_hook(self) -> None:
        image = self.BUSYBOX | {"config": 'MODULES=""\nEARLYHOOKS=""\nHOOKS="udev"\n'}
        root = self.root("disablehooks=udev", image, DRIVERS)
        root.write("etc/modprobe.d/mine.conf", GIVES_IDS + "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n")
        self.check(VFIO, root)
        entry = root.path / "boot/efi/loader/entries/debian.conf"
        entry.write_text(entry.read_text().replace("disablehooks=udev", ""))
        self.check(HOST, root)

    def test_initramfs_tools(self) -> None:
        both = [*DRIVERS, "vfio_pci"]
        lists = {"conf/modules": f"vfio_pci ids={IDS}\n"}
        for words, files, expected in (
            ("", lists, HOST),  # udev comes first
            ("blacklist=nouveau,snd_hda_intel", lists, VFIO),
            ("blacklist=nouveau,snd_hda_intel", {}, HOST),  # in the image alone
            ("rd.driver.blacklist=nouveau,snd_hda_intel", lists, HOST),  # dracut's
        ):
            with self.subTest(words=words, files=files):
                self.check(expected, self.root(words, self.TOOLS | files, both, ""))

    def test_nothing_loads_vfio_pci(self) -> None:
        away = GIVES_IDS + "blacklist nouveau\nblacklist snd_hda_intel\n"
        root = self.root("", self.TOOLS, [], away)
        self.check(NOBODY, root)
        reasons = {one["reason_details"]["cause"] for one in self.status(root)["entries"][0]["functions"]}
        self.assertEqual(reasons, {"nothing-loads-vfio"})
        # That nothing asks for nouveau by name is not proved.
        self.check(VFIO, self.root("modules_load=vfio-pci", self.TOOLS, [], away), proved=False)
        for name in ("etc/modules", "etc/modules-load.d/a.conf", "usr/lib/modules-load.d/a.conf"):
            with self.subTest(name=name):
                root = self.root("", self.TOOLS, [], away)
                root.write(name, "# who?\nvfio-pci\n")
                self.check(VFIO, root, proved=False)
                root.write("etc/modules-load.d/a.conf" if name != "etc/modules" else name, "# vfio-pci\n")
                self.check(NOBODY, root)
        # Another device's driver does.
        self.check(VFIO, self.root("", self.TOOLS, [], away + "softdep xhci_pci pre: vfio-pci\n"), proved=False)

    # It unbinds whoever was first, where udev and systemd find its files.
    def test_driverctl(self) -> None:
        given = {**self.DRACUT, "etc/cmdline.d/a.conf": "rd.driver.pre=vfio_pci\n"}
        for words, image, driver, expected in (
            ("", given, "nouveau", ("nouveau", "vfio-pci")),
            ("", self.DRACUT, "vfio-pci", ("vfio-pci", "snd_hda_intel")),
            ("module_blacklist=vfio_pci", self.DRACUT, "vfio-pci", HOST),
            ("", given, "none", (None, "vfio-pci")),
            ("", self.DRACUT, "", HOST),
        ):
            with self.subTest(words=words, driver=driver):
                root = self.root(words, image, [*DRIVERS, "vfio_pci"])
                first = VFIO if image is given else HOST
                root.write(f"etc/driverctl.d/pci-{CARD[0]}", f"{driver}\n")
                root.write("rules.d/05-driverctl.rules", "x\n")  # as a package had it that does nothing
                self.check(first, root)
                root.write("usr/lib/udev/rules.d/05-driverctl.rules", "x\n")
                self.check(first, root)
                root.write("usr/lib/systemd/system/driverctl@.service", "x\n")
                # That nouveau can be loaded is not looked into.
                self.check(expected, root, proved=driver != "nouveau")

    # What leads to the driver, in its order, with file and line.
    def test_the_chain(self) -> None:
        both = [*DRIVERS, "vfio_pci"]
        def place(path: str, line: int) -> dict[str, Any]:
            return {"place": {"path": path, "line": line}}

        conf = "/etc/modprobe.d/mine.conf"
        softdep = GIVES_IDS + "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n"
        given = [("file-gives-ids", place(conf, 1))]
        for words, image, config, expected in (
            ("", self.DRACUT, GIVES_IDS, [("udev-loads-early", {"modules": ["nouveau"]})]),
            ("rd.driver.pre=vfio_pci", self.DRACUT, GIVES_IDS,
             [("parameter-loads-early", {"modules": ["vfio_pci"]}), *given]),
            ("", self.TOOLS | {"conf/modules": f"# early\nvfio_pci ids={IDS}\n"}, "blacklist nouveau\n",
             [("list-loads-early", place("/conf/modules", 2) | {"modules": ["vfio_pci"]}),
              ("list-gives-ids", place("/conf/modules", 2))]),
            ("", self.DRACUT, softdep,
             [("udev-loads-early", {"modules": ["vfio_pci", "nouveau"]}),
              ("softdep-before", place(conf, 2) | {"module": "nouveau"}), *given]),
        ):  # fmt: skip
            with self.subTest(words=words, image=image):
                root = self.root(words, image, both, config)
                ((function,),) = [
                    [one for one in entry["functions"] if one["device"] == CARD[0]]
                    for entry in self.status(root)["entries"]
                ]
                self.assertEqual([(link["cause"], link["data"]) for link in function["chain"]], expected)
        told = root.run("status", "-v").out
        self.assertIn(
            f"PROOF  Debian\n  {CARD[0]}  vfio-pci\n"
            "    udev loads vfio_pci and nouveau for it in the initramfs, in this order\n"
            "    /etc/modprobe.d/mine.conf:2 has vfio-pci loaded before nouveau\n"
            "    /etc/modprobe.d/mine.conf:1 gives it to vfio-pci\n",
            told,
        )
        self.assertNotIn("PROOF", root.run("status").out)

    # What dracut's next image will hold is not known: with vfio-pci in it, the word loads that first.
    def test_a_word_that_stays_after_disable(self) -> None:
        for word, proved in ((f"rd.driver.pre=vfio-pci vfio-pci.ids={IDS}", False), (f"vfio-pci.ids={IDS}", True)):
            with self.subTest(word=word):
                root = self.root(word, self.DRACUT, [*DRIVERS, "vfio_pci"], "", "fedora")
                root.write("usr/bin/dracut", "#!/bin/sh\n", 0o755)
                self.assert_status(root.run("enable"), 0)
                orders = root.run("plan", "disable", "--json").json["load_order"]
                self.assertEqual({one["proved"] for one in orders}, {proved}, orders)

    def test_driverctl_and_the_commands(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        for name in ("usr/lib/udev/rules.d/05-driverctl.rules", "usr/lib/systemd/system/driverctl@.service"):
            root.write(name, "x\n")
        path = f"etc/driverctl.d/pci-{CARD[0]}"
        root.write(path, "nouveau\n")
        plan = self.plan(root, 3)
        (refusal,) = [one for one in plan["refusals"] if one["code"] == "config-conflict"]
        (step,) = refusal["remedy"]["steps"]
        self.assertEqual(step["command"], ["driverctl", "unset-override", CARD[0]])
        (root.path / path).unlink()
        self.assert_status(root.run("enable"), 0)
        root.write(path, "vfio-pci\n")
        done = root.run("disable")
        self.assert_status(done, 0)
        self.assertIn(f"/{path} gives the card to vfio-pci, was not set up by vfio-switch, and stays", done.out)


if __name__ == "__main__":
    unittest.main()
