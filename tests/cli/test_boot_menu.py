#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What boots: the boot menu says it, and the proof is made of it."""

from __future__ import annotations

import os
import shutil
import unittest

from boot_roots import (
    LINE,
    MenuCase,
    arch_image,
    debian_image,
    efi_variable,
    no_menu,
    put,
    systemd_boot,
    unified_image,
    winners,
)
from helper import CARD, DESKTOP, KERNELS, VFIO_CONF, Sysroot
from tap import slow

OLDER, NEWER = KERNELS
VFIO = ["vfio_pci"]
OURS = [VFIO_CONF]


class Entries(MenuCase):
    """GRUB's menu as grub-mkconfig writes it."""

    def test_every_entry_is_told_with_its_files_and_its_command_line(self) -> None:
        root = self.desktop()
        status = self.status(root)
        first = status["entries"][0]
        self.assertEqual((first["title"], first["default"], first["once"]), ("Debian GNU/Linux", True, False))
        self.assertEqual((first["kind"], first["release"]), ("usual", NEWER))
        self.assertEqual(first["kernel"], f"/boot/vmlinuz-{NEWER}")
        self.assertEqual(first["images"], [f"/boot/initrd.img-{NEWER}"])
        self.assertIn("quiet", first["command_line"].split())
        self.assertRegex(first["source"], r"^/boot/grub/grub\.cfg:\d+$")
        self.assertEqual(winners(first), {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"})
        self.assertEqual([entry["kind"] for entry in status["entries"]], ["usual", "usual", "rescue", "usual", "rescue"])
        self.assertEqual(sum(entry["default"] for entry in status["entries"]), 1)
        self.assertEqual(status["next_boot"], "host")

    def test_the_next_boot_is_that_of_the_entry_that_starts_next(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        root.write(f"boot/initrd.img-{OLDER}", "")
        put(root, f"boot/initrd.img-{OLDER}", debian_image(root, OLDER, ["nouveau"]))
        status = self.status(root)
        self.assertEqual(status["next_boot"], "vfio", "the default entry starts the newer kernel")
        older = [entry for entry in status["entries"] if entry["release"] == OLDER]
        self.assertEqual({winners(entry)[CARD[0]] for entry in older}, {"nouveau"})
        text = root.read("boot/grub/grub.cfg").replace('set default="0"', 'set default="1>2"')
        root.write("boot/grub/grub.cfg", text)
        status = self.status(root)
        self.assertEqual(status["next_boot"], "mixed")
        self.assertTrue(status["entries"][3]["default"])

    def test_words_of_an_entry_decide(self) -> None:
        for words, expected in (
            ("vfio-pci.ids=", "nouveau"),
            ("module_blacklist=vfio_pci", "nouveau"),
            ("iommu=off", "nouveau"),
            ("pci-stub.ids=10de:1d01", "?"),
        ):
            with self.subTest(words):
                root = self.machine(DESKTOP, "--kernel", OLDER, to=words.partition("=")[0])
                self.assert_status(root.run("enable"), 0)
                self.assertEqual(self.status(root)["next_boot"], "vfio")
                text = root.read("boot/grub/grub.cfg").replace(" quiet", f" quiet {words}", 1)
                root.write("boot/grub/grub.cfg", text)
                status = self.status(root)
                self.assertEqual(winners(status["entries"][0])[CARD[0]], expected)
                self.assertNotEqual(status["next_boot"], "vfio")
                self.assertEqual(winners(status["entries"][1])[CARD[0]], "vfio-pci", "the entry without it")
                self.assert_status(root.run("verify"), 5)

    def test_a_missing_image_is_not_known(self) -> None:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        self.assert_status(root.run("enable"), 0)
        (root.path / f"boot/initrd.img-{OLDER}").unlink()
        status = self.status(root)
        self.assertEqual(status["next_boot"], "unknown")
        self.assertIn("not-proved", self.codes(status))
        self.assertEqual(winners(status["entries"][0]), {CARD[0]: "?", CARD[1]: "?"})
        self.assert_status(root.run("verify"), 5)

    def test_without_a_menu_enable_goes_on_and_nothing_is_called_proved(self) -> None:
        root = self.machine(DESKTOP, "--no-menu")
        self.assertIn("boot-menu-unknown", self.codes(self.plan(root)))
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("Not proved for the next boot", done.out)
        status = self.status(root)
        self.assertEqual((status["next_boot"], status["entries"]), ("unknown", []))
        self.assertIn("boot-menu-unknown", self.codes(status))
        self.assert_status(root.run("verify"), 5)
        self.assertIn("vfio-pci will bind the card if it is started\n", root.run("status").out)
        self.assert_status(root.run("disable"), 0)


class SimpleMachine(MenuCase):
    """The simple main job with one thing that cannot be read: it goes on, and says what is not known."""

    def damage(self, root: Sysroot, what: str) -> None:
        menu = root.path / "boot/grub/grub.cfg"
        if what == "no menu":
            menu.unlink()
        elif what == "a directory in place of the menu":
            menu.unlink()
            menu.mkdir()
        elif what == "a FIFO in place of the menu":
            menu.unlink()
            os.mkfifo(menu)
        elif what == "a menu that is no text":
            menu.write_bytes(bytes(range(256)) * 16)
        elif what == "half a menu":
            menu.write_text(menu.read_text()[:900])
        elif what == "a kernel that does not tell its release":
            root.write(f"boot/vmlinuz-{OLDER}", "no kernel\n")
        elif what == "no kernel":
            (root.path / f"boot/vmlinuz-{OLDER}").unlink()
        elif what == "no EFI variables":
            root.write("sys/firmware/efi/efivars", "no directory\n")

    @slow
    def test_whatever_cannot_be_read_enable_and_disable_go_on(self) -> None:
        for number, what in enumerate((
            "no menu", "a directory in place of the menu", "a FIFO in place of the menu", "a menu that is no text",
            "half a menu", "a kernel that does not tell its release", "no kernel", "no EFI variables",
        )):  # fmt: skip
            with self.subTest(what):
                root = self.machine(DESKTOP, "--kernel", OLDER, to=str(number))
                self.damage(root, what)
                done = root.run("enable")
                self.assert_status(done, 0)
                status = self.status(root)
                if status["next_boot"] == "unknown":
                    self.assertIn("ot proved", done.out)
                    self.assert_status(root.run("verify"), 5)
                else:
                    self.assertEqual((what, status["next_boot"]), ("no EFI variables", "vfio"))
                self.assertIn("vfio-pci", root.read(VFIO_CONF))
                self.assert_status(root.run("disable"), 0)
                self.assertNotEqual(self.status(root)["next_boot"], "vfio")


class KeptTrees(MenuCase):
    """A hook keeps the module trees of earlier kernels; two say that they are of the package "linux"."""

    def root(self) -> Sysroot:
        root = self.arch(NEWER, OLDER)
        for path in ("boot/vmlinuz-linux-lts", "boot/initramfs-linux-lts.img", "etc/mkinitcpio.d/linux-lts.preset"):
            (root.path / path).unlink()
        root.write(f"usr/lib/modules/{OLDER}/pkgbase", "linux\n")
        text = f"title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions {LINE}\n"
        systemd_boot(root, "boot", arch=text)
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        return root

    # Right: one build, for the release of the kernel beside the image; the other tree boots nothing
    # and is no finding.
    def test_one_image_is_built_once_for_the_kernel_that_boots(self) -> None:
        root = self.root()
        self.assertEqual(self.rebuilds(root), [(NEWER, "/boot/initramfs-linux.img")])
        status = self.status(root)
        self.assertEqual([kernel["release"] for kernel in status["kernels"]], [NEWER])
        (entry,) = status["entries"]
        self.assertEqual((entry["id"], entry["release"], entry["default"]), ("arch.conf", NEWER, True))
        self.assertEqual(entry["images"], ["/boot/initramfs-linux.img"])
        self.assertEqual(winners(entry), {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"})
        self.assertEqual(status["next_boot"], "host")

    def test_the_kept_tree_keeps_verify_from_nothing(self) -> None:
        root = self.root()
        root.write("etc/vfio-switch.conf", "")
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.status(root)["next_boot"], "vfio")
        findings = root.run("doctor", "--json").out
        self.assertNotIn(OLDER, findings)

    def test_the_image_tells_of_a_kernel_that_does_not_say_its_release(self) -> None:
        root = self.root()
        root.write("boot/vmlinuz-linux", "no kernel\n")
        put(root, "boot/initramfs-linux.img", arch_image(root, OLDER, ["nouveau"]))
        status = self.status(root)
        self.assertEqual([kernel["release"] for kernel in status["kernels"]], [OLDER])
        self.assertEqual(status["entries"][0]["release"], OLDER)

    def test_where_nothing_tells_all_trees_stay_and_the_entry_is_not_known(self) -> None:
        root = self.root()
        root.write("boot/vmlinuz-linux", "no kernel\n")
        status = self.status(root)
        self.assertEqual([kernel["release"] for kernel in status["kernels"]], [NEWER, OLDER])
        self.assertEqual((status["next_boot"], status["entries"][0]["release"]), ("unknown", None))


class EntryForTheHost(MenuCase):
    """A second entry that starts the same files, and leaves the card with the host."""

    def root(self, default: str, other: str) -> Sysroot:
        root = self.arch()
        text = "title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions " + LINE
        lines = {"arch": f"{text}\n", "host": f"{text} vfio-pci.ids=\n"}
        systemd_boot(root, "boot", **{default: lines[default], other: lines[other]})
        return root

    # Right: the default entry decides; what the other one has is no reason to refuse.
    def test_enable_goes_by_the_default_entry(self) -> None:
        root = self.root("arch", "host")
        self.assert_status(root.run("enable"), 0)
        status = self.status(root)
        self.assertEqual(status["next_boot"], "vfio")
        found = {entry["id"]: winners(entry) for entry in status["entries"]}
        self.assertEqual(found["arch.conf"], dict.fromkeys(CARD[:2], "vfio-pci"))
        self.assertEqual(found["host.conf"], {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"})
        (host,) = [entry for entry in status["entries"] if entry["id"] == "host.conf"]
        self.assertEqual({one["reason_details"]["cause"] for one in host["functions"]}, {"parameter-lacks-ids"})

    # Right: what was typed for this boot alone is no reason to refuse either.
    def test_enable_in_a_boot_that_leaves_the_card_with_the_host(self) -> None:
        root = self.root("arch", "host")
        root.write("proc/cmdline", f"{LINE} vfio-pci.ids=\n")
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.status(root)["next_boot"], "vfio")

    def test_enable_is_refused_where_the_default_entry_leaves_the_card_with_the_host(self) -> None:
        root = self.root("host", "arch")
        plan = self.plan(root, 3)
        self.assertEqual({refusal["code"] for refusal in plan["refusals"]}, {"config-conflict"})


class Images(MenuCase):
    # Right: booster's image decides: refused with the recipe, also when mkinitcpio is there.
    def test_boosters_image_decides_beside_mkinitcpio(self) -> None:
        root = self.arch()
        put(root, "boot/booster-linux.img", arch_image(root, NEWER, ["nouveau"]))
        systemd_boot(root, "boot", arch=f"title Arch\nlinux /vmlinuz-linux\ninitrd /booster-linux.img\noptions {LINE}\n")
        plan = self.plan(root, 3)
        self.assertIn("booster", " ".join(refusal["message"] for refusal in plan["refusals"]))
        self.assertEqual([(r["code"], r["cause"]) for r in plan["refusals"]], [("config-conflict", "image-tool")])
        status = self.status(root)
        self.assertEqual(status["entries"][0]["images"], ["/boot/booster-linux.img"])
        self.assertEqual(status["kernels"][0]["image"], "/boot/booster-linux.img")

    # Right: the booted image is stale, and which; the guide's own image boots nothing.
    def test_an_image_that_no_entry_names_proves_nothing(self) -> None:
        root = self.arch()
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        self.assert_status(root.run("enable"), 0)
        put(root, "boot/linux-custom.img", arch_image(root, NEWER, [], OURS, early=VFIO))
        put(root, "boot/initramfs-linux.img", arch_image(root, NEWER, ["nouveau"]))
        status = self.status(root)
        self.assertEqual(status["kernels"][0]["image"], "/boot/initramfs-linux.img")
        self.assertEqual(status["kernels"][0]["staged"], False)
        self.assertEqual(winners(status["entries"][0])[CARD[0]], "nouveau")
        self.assertNotIn("linux-custom", root.run("status").out)

    # Right: found, and built by limine-mkinitcpio.
    def test_a_unified_image_with_a_name_of_its_own_is_found(self) -> None:
        root = self.arch()
        no_menu(root)
        uki = "/boot/EFI/Linux/omarchy_linux.efi"
        put(root, uki[1:], unified_image(NEWER, LINE, arch_image(root, NEWER, [], early=["nouveau"])))
        for path in ("boot/initramfs-linux.img", "boot/vmlinuz-linux"):
            (root.path / path).unlink()
        root.write("usr/bin/limine-mkinitcpio", "#!/bin/sh\nexit 1\n", 0o755)
        root.write("boot/limine.conf", "timeout: 3\ndefault_entry: 2\n\n/+Omarchy\n  //linux\n  comment: kernel-id=linux\n"
                   "  protocol: efi\n  path: boot():/EFI/Linux/omarchy_linux.efi\n")  # fmt: skip
        efi_variable(root, "LoaderInfo", "Limine 10.3.0")
        efi_variable(root, "StubInfo", "systemd-stub 258")
        self.assertEqual(self.rebuilds(root), [(NEWER, uki)])
        status = self.status(root)
        (entry,) = status["entries"]
        self.assertEqual((entry["release"], entry["images"], entry["command_line"]), (NEWER, [uki], LINE))
        self.assertEqual(winners(entry)[CARD[0]], "nouveau")
        self.assertEqual((status["next_boot"], status["kernels"][0]["image"]), ("host", uki))


if __name__ == "__main__":
    unittest.main()
