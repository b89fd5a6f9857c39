#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arch and its relatives: what is read of mkinitcpio's configuration, and which images are meant."""

from __future__ import annotations

import subprocess
import unittest

from helper import DESKTOP, VFIO_CONF, Run, Sysroot, SysrootCase, tool

OLDER, NEWER = "6.1.0-56-amd64", "6.12.117+deb12-amd64"  # the newer one has no vfio_virqfd
HOOK = "usr/lib/initcpio/install/vfio-switch"
DROP_IN = "etc/mkinitcpio.conf.d/zz-vfio-switch.conf"
HOOKS = "HOOKS=(base systemd autodetect microcode modconf kms keyboard sd-vconsole block filesystems fsck)\n"


class ArchCase(SysrootCase):
    def arch(self, *kernels: str, hook: bool = True) -> Sysroot:
        words = [word for kernel in kernels or (NEWER,) for word in ("--kernel", kernel)]
        root = self.machine(DESKTOP, "--os", "arch", *words)
        if hook:
            root.write(HOOK, "build() {\n    :\n}\n")
        return root

    def plan(self, root: Sysroot, status: int = 0) -> Run:
        done = root.run("plan", "enable")
        self.assert_status(done, status)
        return done

    def messages(self, root: Sysroot) -> list[str]:
        done = root.run("--json", "plan", "enable")
        self.assert_status(done, 3)
        conflicts = [r for r in done.json["refusals"] if r["code"] == "config-conflict"]
        return [f"{r['message']}\n{r['remedy']['text']}" for r in conflicts]

    def images(self, root: Sysroot) -> dict[str, str]:
        done = root.run("--json", "status")
        self.assert_status(done, 0)
        return {kernel["release"]: kernel["image"] for kernel in done.json["kernels"]}


class TestPlan(ArchCase):
    def test_the_drop_in_is_for_the_installed_hook(self) -> None:
        self.assertIn(f"/{DROP_IN}", self.plan(self.arch()).out)

    def test_without_the_package_there_is_none(self) -> None:
        done = self.plan(self.arch(hook=False))
        self.assertNotIn(f"/{DROP_IN}", done.out)
        self.assertIn(f"/{HOOK}, which the vfio-switch package installs, does not exist", done.out)

    def test_a_hook_that_is_named_needs_none(self) -> None:
        for place in ("etc/mkinitcpio.conf", "etc/mkinitcpio.conf.d/mine.conf"):
            with self.subTest(place):
                root = self.machine(DESKTOP, "--os", "arch", to=place.replace("/", "-"))
                root.write(HOOK, "")
                root.write(place, HOOKS.replace(" fsck", " fsck vfio-switch"))
                self.assertNotIn(f"/{DROP_IN}", self.plan(root).out)

    def test_debian_has_none(self) -> None:
        root = self.desktop()
        root.write(HOOK, "")
        self.assertNotIn(f"/{DROP_IN}", self.plan(root).out)

    def test_the_drop_in_does_nothing_without_the_hook(self) -> None:
        root = self.arch()
        self.assert_status(root.run("enable"), 0)
        drop_in = root.read(DROP_IN)
        for hooks, installed, wanted in (
            ("HOOKS=(base udev)", True, "3 base udev vfio-switch"),
            ("HOOKS='base udev'", True, "3 base udev vfio-switch"),
            ("HOOKS=(base udev)", False, "2 base udev"),
        ):
            with self.subTest(hooks, installed=installed):
                text = drop_in.replace(f"/{HOOK}", "/" if installed else "/nowhere/at/all")
                self.assertNotEqual(text, drop_in)
                script = f'set -e\n{hooks}\n. "$0"\necho "${{#HOOKS[@]}} ${{HOOKS[*]}}"'
                path = self.scratch / "drop-in"
                path.write_text(text)
                done = subprocess.run([tool("bash"), "-c", script, str(path)], capture_output=True, text=True, check=True)
                self.assertEqual(done.stdout.strip(), wanted)

    def test_disabled_it_is_commented_out(self) -> None:
        root = self.arch()
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("disable"), 0)
        lines = root.read(DROP_IN).splitlines()
        self.assertEqual([line for line in lines if not line.startswith("#")], [])

    def test_rollback_gives_everything_back(self) -> None:
        root = self.arch()
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())


class TestTraps(ArchCase):
    def test_vfio_virqfd_on_a_kernel_that_has_none(self) -> None:
        root = self.arch(OLDER, NEWER)
        root.write("etc/mkinitcpio.conf", f"# old guides\nMODULES=(vfio_pci vfio vfio_iommu_type1 vfio_virqfd)\n{HOOKS}")
        (message,) = self.messages(root)
        self.assertTrue(message.startswith("/etc/mkinitcpio.conf:2 lists vfio_virqfd in MODULES"), message)
        self.assertIn(f"kernel {NEWER} has no such module", message)
        self.assertIn("with 'MODULES=(vfio_pci vfio vfio_iommu_type1)'.", message)

    def test_it_is_no_trap_where_every_kernel_has_it_or_it_may_be_missing(self) -> None:
        for number, (kernel, word) in enumerate(((OLDER, "vfio_virqfd"), (NEWER, "vfio_virqfd?"))):
            with self.subTest(kernel):
                root = self.machine(DESKTOP, "--os", "arch", "--kernel", kernel, to=f"root-{number}")
                root.write("etc/mkinitcpio.conf", f"MODULES=({word})\n{HOOKS}")
                self.plan(root)

    def test_modules_of_a_drop_in_count(self) -> None:
        root = self.arch()
        root.write("etc/mkinitcpio.conf.d/old.conf", "MODULES+=(vfio_virqfd)\n")
        (message,) = self.messages(root)
        self.assertTrue(message.startswith("/etc/mkinitcpio.conf.d/old.conf:1 "), message)

    def test_a_preset_that_ignores_drop_ins(self) -> None:
        root = self.arch()
        preset = root.read("etc/mkinitcpio.d/linux.preset")
        root.write("etc/mkinitcpio.d/linux.preset", f"{preset}ALL_config='/etc/mkinitcpio.conf'\n")
        line = len(preset.splitlines()) + 1
        (message,) = self.messages(root)
        self.assertTrue(message.startswith(f"/etc/mkinitcpio.d/linux.preset:{line} "), message)
        self.assertIn(f"Put a '#' in front of the line /etc/mkinitcpio.d/linux.preset:{line}.", message)

    def test_hooks_that_are_set_behind_ours(self) -> None:
        root = self.arch()
        root.write("etc/mkinitcpio.conf.d/zzz.conf", HOOKS)
        (message,) = self.messages(root)
        self.assertTrue(message.startswith("/etc/mkinitcpio.conf.d/zzz.conf:1 sets HOOKS"), message)
        root.write("etc/mkinitcpio.conf.d/zzz.conf", "HOOKS+=(mine)\n")
        self.plan(root)

    def test_hooks_without_modconf_are_named(self) -> None:
        root = self.arch()
        root.write("etc/mkinitcpio.conf", HOOKS.replace(" modconf", ""))
        self.assertIn("/etc/mkinitcpio.conf:1 has no modconf in HOOKS", self.plan(root).out)

    # Right: HOOKS from a variable, as Omarchy's configuration sets it in a branch, are not known.
    def test_hooks_that_a_variable_holds_are_not_judged(self) -> None:
        root = self.arch()
        root.write("etc/mkinitcpio.conf", HOOKS)
        root.write("etc/mkinitcpio.conf.d/hooks.conf", 'if ((x)); then\n  HOOKS=("${others[@]}")\nfi\n')
        self.assertNotIn("modconf", self.plan(root).out)

    def test_early_kms_is_no_trap(self) -> None:
        root = self.arch()
        root.write("etc/mkinitcpio.conf", f"MODULES=(nouveau)\n{HOOKS}")
        self.plan(root)

    def test_booster_is_refused_with_what_to_write(self) -> None:
        root = self.arch(hook=False)
        (root.path / "usr/bin/mkinitcpio").rename(root.path / "usr/bin/booster")
        (message,) = self.messages(root)
        for wanted in ("modules_force_load: vfio_pci", "/etc/booster.yaml", "/usr/lib/booster/regenerate_images"):
            self.assertIn(wanted, message)
        self.assertFalse(root.exists(VFIO_CONF))


class TestImages(ArchCase):
    def test_kernels_by_their_packages(self) -> None:
        root = self.arch(NEWER, OLDER)
        self.assertEqual(
            self.images(root), {NEWER: "/boot/initramfs-linux.img", OLDER: "/boot/initramfs-linux-lts.img"}
        )

    def test_the_preset_says_which(self) -> None:
        root = self.arch()
        image = root.path / "boot/initramfs-linux.img"
        image.rename(root.path / "boot/initramfs-6.12-x86_64.img")  # as Manjaro calls it
        preset = root.read("etc/mkinitcpio.d/linux.preset")
        root.write("etc/mkinitcpio.d/linux.preset", preset.replace("initramfs-linux.img", "initramfs-6.12-x86_64.img"))
        root.write("usr/lib/os-release", "ID=manjaro\nID_LIKE=arch\n")
        self.assertEqual(self.images(root), {NEWER: "/boot/initramfs-6.12-x86_64.img"})

    def move(self, root: Sysroot, to: str) -> None:
        path = root.path / to
        path.parent.mkdir(parents=True)
        (root.path / "boot/initramfs-linux.img").rename(path)

    def test_a_unified_image(self) -> None:
        root = self.arch()
        self.move(root, "efi/EFI/Linux/arch-linux.efi")
        preset = root.read("etc/mkinitcpio.d/linux.preset")
        root.write("etc/mkinitcpio.d/linux.preset", f"{preset}default_uki=/efi/EFI/Linux/arch-linux.efi\n")
        self.assertEqual(self.images(root), {NEWER: "/efi/EFI/Linux/arch-linux.efi"})

    def test_limine_on_cachyos(self) -> None:
        root = self.arch()
        root.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        root.write("usr/lib/os-release", "ID=cachyos\nID_LIKE=arch\n")
        root.write("usr/bin/limine-mkinitcpio", "#!/bin/sh\n", 0o755)
        self.move(root, "boot/0123456789abcdef0123456789abcdef/linux/initramfs")
        self.assertEqual(self.images(root), {NEWER: "/boot/0123456789abcdef0123456789abcdef/linux/initramfs"})
        self.assertIn(f"/{DROP_IN}", self.plan(root).out)

    def test_dracut_on_endeavouros(self) -> None:
        root = self.arch(hook=False)
        (root.path / "usr/bin/mkinitcpio").rename(root.path / "usr/bin/dracut")
        root.write("usr/lib/os-release", "ID=endeavouros\nID_LIKE=arch\n")
        self.assertEqual(self.images(root), {NEWER: "/boot/initramfs-linux.img"})
        self.assertNotIn("mkinitcpio", self.plan(root).out)


if __name__ == "__main__":
    unittest.main()
