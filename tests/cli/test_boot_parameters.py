#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters, from the plan to the boot loader's files and back, byte for byte."""

import os
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from helper import STAND_IN, STAND_IN_GRUB, STATE, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, environment, run
from test_hardware import build_in

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
LAPTOP = "asus-x705-gtx1050"  # Intel; its card is 01:00.0, and `kernel-off` is without the parameter
KERNEL = "6.1.0-56-amd64"
SETTINGS = "etc/default/grub"
DROP_IN = "etc/default/grub.d/zz-vfio-switch.cfg"
GRUB_CFG = "boot/grub/grub.cfg"
READS_DROP_INS = "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n"
EFI = "sys/firmware/efi/efivars"
LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
WITH_SETTINGS = """\
# If you change this file, run 'update-grub' afterwards.
GRUB_DEFAULT=0
GRUB_CMDLINE_LINUX_DEFAULT="quiet  splash" # mine
GRUB_CMDLINE_LINUX=''
"""


class BootCase(SysrootCase):
    def laptop(self, *options: str, to: str = "root") -> Sysroot:
        root = self.machine(LAPTOP, "--variant", "kernel-off", "--kernel", KERNEL, *options, to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        return root

    def with_grub(self, root: Sysroot, drop_ins: bool = True, settings: str = WITH_SETTINGS) -> Sysroot:
        """GRUB as Debian sets it up, or one without a directory of drop-ins."""
        root.write(SETTINGS, settings, mode=0o640)
        root.write("etc/stand-in-grub", "")
        (root.path / "boot/grub").mkdir(parents=True, exist_ok=True)
        shutil.copy(STAND_IN_GRUB, root.path / "usr/sbin/grub-mkconfig")
        if drop_ins:
            shutil.copy(STAND_IN_GRUB, root.path / "usr/sbin/update-grub")
            # What tells whether it reads them is its text: a script's, or here what follows a program.
            with open(root.path / "usr/sbin/grub-mkconfig", "a", encoding="ascii") as script:
                script.write(READS_DROP_INS)
        root.write(GRUB_CFG, "")
        self.assert_status(self.chrooted(root, "/usr/sbin/grub-mkconfig", "-o", f"/{GRUB_CFG}"), 0)
        return root

    def chrooted(self, root: Sysroot, *command: str) -> Run:
        return run([*as_root(), "/usr/sbin/chroot", str(root.path), *command])

    def rebuild(self, root: Sysroot, *words: str) -> Run:
        return root.run(*words, "--rebuild", prefix=as_root())

    def reboot(self, root: Sysroot) -> None:
        """What the next boot passes to the kernel."""
        for line in root.read(GRUB_CFG).splitlines():
            if line.strip().startswith("linux"):
                root.write("proc/cmdline", f"BOOT_IMAGE={line.split(None, 1)[1]}\n")

    def passed(self, root: Sysroot) -> list[str]:
        return [line.split() for line in root.read(GRUB_CFG).splitlines() if "linux\t" in line][0][2:]

    def kept_images(self, root: Sysroot) -> dict:
        """Two builds of an image differ; everything else is compared."""
        return root.snapshot(without=(STATE, "boot/initrd.img-*"), times=False)


class Grub(BootCase):
    def test_enable_and_rollback(self) -> None:
        for drop_ins in (True, False):
            with self.subTest(drop_ins=drop_ins):
                root = self.with_grub(self.laptop(to=f"drop-ins-{drop_ins}"), drop_ins)
                before = self.kept_images(root)
                plan = root.run("plan", "enable", "--json").json
                kinds = [(one["kind"], one["path"], one["content"]) for one in plan["changes"]
                         if one["kind"] == "boot-parameters"]
                self.assertEqual([path for _, path, _ in kinds],
                                 [f"/{DROP_IN if drop_ins else SETTINGS}", f"/{GRUB_CFG}"])
                self.assertEqual(kinds[-1][2], "intel_iommu=on")
                self.assertEqual(plan["outcome"], "change")
                self.assertTrue(any("whether the card is isolated can be checked only after it" in note for note in plan["notes"]))

                done = self.rebuild(root, "enable")
                self.assert_status(done, 0)
                self.assertIn("Generating grub configuration file", done.err)
                self.assertIn("whether the card is isolated can be checked only after it", done.out)
                self.assertEqual(self.passed(root)[2:], ["quiet", "splash", "intel_iommu=on"])
                if drop_ins:
                    self.assertEqual(root.read(SETTINGS), WITH_SETTINGS)
                else:
                    edited = WITH_SETTINGS.replace('splash"', 'splash intel_iommu=on"')
                    self.assertEqual(root.read(SETTINGS), edited)
                    self.assertEqual((root.path / SETTINGS).stat().st_mode & 0o777, 0o640)
                self.assert_status(root.run("enable"), 0)
                self.assertIn("Nothing to do", root.run("enable").out)
                status = root.run("status", "--json").json
                self.assertEqual([kernel["staged"] for kernel in status["kernels"]], [True])
                self.assertEqual(status["refusals"], [])
                self.assertTrue(any("whether the card is isolated can be checked only after it" in note for note in status["notes"]), status)

                self.assert_status(self.rebuild(root, "rollback"), 0)
                self.assert_same_tree(before, self.kept_images(root))

    def test_disable_keeps_the_iommu_on(self) -> None:
        root = self.with_grub(self.laptop())
        self.assert_status(self.rebuild(root, "enable"), 0)
        done = self.rebuild(root, "disable")
        self.assert_status(done, 0)
        self.assertNotIn("update-grub", done.err)
        self.assertIn("intel_iommu=on", self.passed(root))

    def test_what_others_changed_since_stays(self) -> None:
        """Of a file that somebody edited only our parameter goes, and the menu is made anew."""
        root = self.with_grub(self.laptop(), drop_ins=False)
        self.assert_status(self.rebuild(root, "enable"), 0)
        edited = root.read(SETTINGS).replace("GRUB_DEFAULT=0", "GRUB_DEFAULT=saved").replace("on\"", "on nosplash\"")
        root.write(SETTINGS, edited)
        root.write(GRUB_CFG, root.read(GRUB_CFG) + "# another kernel\n")
        done = self.rebuild(root, "rollback")
        self.assert_status(done, 0)
        expected = WITH_SETTINGS.replace("GRUB_DEFAULT=0", "GRUB_DEFAULT=saved").replace('splash"', 'splash nosplash"')
        self.assertEqual(root.read(SETTINGS), expected)
        self.assertEqual(self.passed(root)[2:], ["quiet", "splash", "nosplash"])
        self.assertNotIn("another kernel", root.read(GRUB_CFG))

    def test_an_edited_drop_in_is_asked_about(self) -> None:
        root = self.with_grub(self.laptop())
        self.assert_status(self.rebuild(root, "enable"), 0)
        root.write(DROP_IN, root.read(DROP_IN) + "# mine\n")
        done = self.rebuild(root, "rollback")
        self.assert_status(done, 3)
        self.assertIn(f"user-edited: /{DROP_IN}", done.out)
        self.assert_status(self.rebuild(root, "rollback", "--keep-mine"), 0)
        self.assertNotIn("intel_iommu=on", self.passed(root))
        self.assertIn("# mine", root.read(DROP_IN))

    def test_a_tool_in_trouble(self) -> None:
        rows = {"fail": "error: no luck", "half": "exit status 1", "forget": f"/{GRUB_CFG} without intel_iommu=on"}
        for behaviour, words in rows.items():
            with self.subTest(behaviour=behaviour):
                root = self.with_grub(self.laptop(to=behaviour))
                root.write("etc/stand-in-grub", f"{behaviour}\n")
                before = root.snapshot(times=True)
                done = self.rebuild(root, "enable")
                self.assert_status(done, 1)
                self.assertIn(words, done.err)
                self.assertIn("All changes were undone", done.err)
                self.assert_same_tree(before, root.snapshot(times=True))
                self.assertIsNone(root.run("status", "--json").json["intent"])

    def at_work(self, root: Sysroot) -> "subprocess.Popen[str]":
        """An enable whose update-grub waits; grub.cfg.new is written."""
        root.write("etc/stand-in-grub", "wait\n")
        writer = subprocess.Popen(
            [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        self.assertTrue(root.wait_for("run/stand-in-waits"))
        return writer

    def test_a_signal_while_update_grub_is_at_work(self) -> None:
        root = self.with_grub(self.laptop())
        before = root.snapshot(without=(STATE, "etc/stand-in-grub", "run/stand-in-waits"), times=True)
        writer = self.at_work(root)
        writer.send_signal(signal.SIGTERM)
        _, err = writer.communicate(timeout=60)
        self.assertEqual(writer.returncode, 1)
        self.assertIn("All changes were undone", err)
        self.assert_same_tree(before, root.snapshot((STATE, "etc/stand-in-grub", "run/stand-in-waits"), times=True))

    def test_killed_while_update_grub_is_at_work(self) -> None:
        root = self.with_grub(self.laptop())
        without = (STATE, "etc/stand-in-grub", "run/stand-in-waits")
        before = root.snapshot(without, times=True)
        writer = self.at_work(root)
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=60)
        (root.path / "run/stand-in-waits").unlink()
        self.assertIn("interrupted: 'enable'", root.run("status").out)
        recovered = root.run("disable")
        self.assertIn("an interrupted 'enable' was undone", recovered.err)
        self.assert_same_tree(before, root.snapshot(without, times=True))

    def test_below_a_sysroot_the_menu_is_reported_as_stale(self) -> None:
        root = self.with_grub(self.laptop())
        menu = root.read(GRUB_CFG)
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("The boot loader's files are out of date: run update-grub on that system, or use --rebuild", done.out)
        self.assertEqual(root.read(GRUB_CFG), menu)
        kernel = root.run("status", "--json").json["kernels"][0]
        self.assertEqual(kernel["staged"], False)
        self.assertIn(f"/{GRUB_CFG} does not pass intel_iommu=on", kernel["reason"])
        done = self.rebuild(root, "enable")
        self.assert_status(done, 0)
        self.assertIn("intel_iommu=on", self.passed(root))

    def test_iommu_pt_is_an_option(self) -> None:
        root = self.with_grub(self.laptop())
        root.write("etc/vfio-switch.conf", "iommu = pt\n")
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assertEqual(self.passed(root)[-2:], ["intel_iommu=on", "iommu=pt"])
        (root.path / "etc/vfio-switch.conf").unlink()
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assertEqual(self.passed(root)[-1], "intel_iommu=on")

    def test_an_edit_between_two_changes_stays_alone(self) -> None:
        """What the second change found held the first one's parameter."""
        for number, program in enumerate(("rollback", "removal")):
            with self.subTest(program):
                root = self.with_grub(self.laptop(to=str(number)), drop_ins=False)
                self.assert_status(self.rebuild(root, "enable"), 0)
                root.write(SETTINGS, root.read(SETTINGS) + "# mine\n")
                root.write("etc/vfio-switch.conf", "iommu = pt\n")
                self.assert_status(self.rebuild(root, "enable"), 0)
                self.assertIn("intel_iommu=on iommu=pt", root.read(SETTINGS))
                if program == "removal":
                    self.assert_status(run([HOOK, "--sysroot", str(root.path), "pre-remove"]), 0)
                else:
                    self.assert_status(self.rebuild(root, "rollback"), 0)
                self.assertEqual(root.read(SETTINGS), WITH_SETTINGS + "# mine\n")

    def test_after_the_reboot_isolation_is_judged(self) -> None:
        """The table is there and the parameter too, and still there are no groups."""
        root = self.with_grub(self.laptop())
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.reboot(root)
        status = root.run("status", "--json").json
        self.assertEqual([refusal["code"] for refusal in status["refusals"]], ["iommu-off"])
        self.assertEqual(root.run("verify").status, 5)

    def test_automatic_set_up_never_adds_a_parameter(self) -> None:
        root = self.with_grub(self.laptop())
        before = root.snapshot(times=True)
        done = run([HOOK, "--sysroot", str(root.path), "post-install"])
        self.assert_status(done, 0)
        self.assertIn("boot-parameter: ", done.out)
        self.assertIn("    Run:\n      vfio-switch enable\n", done.out)
        self.assert_same_tree(before, root.snapshot(times=True))

    def test_a_removed_package_takes_its_parameter_along(self) -> None:
        root = self.with_grub(self.laptop())
        before = self.kept_images(root)
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assert_status(run([HOOK, "--sysroot", str(root.path), "pre-remove"]), 0)
        self.assert_same_tree(before, self.kept_images(root))
        # The removal is aborted: what was there is restored, though nobody is asked.
        self.assert_status(run([HOOK, "--sysroot", str(root.path), "post-upgrade"]), 0)
        self.assertTrue(root.exists(DROP_IN))


class OtherLoaders(BootCase):
    def test_boot_entries(self) -> None:
        root = self.laptop("--no-menu")
        entry = "boot/loader/entries/id-6.1.conf"
        root.write(entry, "title Debian\nlinux /vmlinuz\noptions root=UUID=1 ro  quiet\n", mode=0o600)
        root.write("etc/kernel/cmdline", "root=UUID=1 ro quiet")
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assertIn("options root=UUID=1 ro  quiet intel_iommu=on\n", root.read(entry))
        self.assertEqual(root.read("etc/kernel/cmdline"), "root=UUID=1 ro quiet intel_iommu=on")
        later = "boot/loader/entries/id-6.12.conf"  # kernel-install made it of the template
        root.write(later, "linux /vmlinuz\noptions root=UUID=1 ro quiet intel_iommu=on\n")
        self.assert_status(root.run("rollback"), 0)
        self.assertEqual(root.read(later), "linux /vmlinuz\noptions root=UUID=1 ro quiet\n")
        (root.path / later).unlink()
        self.assert_same_tree(before, root.snapshot())

    def test_an_entry_that_had_it_before_keeps_it(self) -> None:
        root = self.laptop("--no-menu")
        mine = "linux /vmlinuz\noptions root=UUID=1 intel_iommu=on\n"
        root.write("boot/loader/entries/id-6.1.conf", mine)
        root.write("boot/loader/entries/id-6.12.conf", "linux /vmlinuz\noptions root=UUID=1\n")
        os.utime(root.path / "boot/loader/entries/id-6.1.conf", (1, 1))
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_loaders_that_are_left_to_people(self) -> None:
        rows = {
            "boot/limine.conf": ("cmdline: root=a rw\n", "In /boot/limine.conf:1, replace 'cmdline: root=a rw' with 'cmdline: root=a rw intel_iommu=on'."),
            "boot/refind_linux.conf": ('"x" "root=a"\n', "replace '\"x\" \"root=a\"' with '\"x\" \"root=a intel_iommu=on\"'."),
            "etc/nothing": ("", "Add intel_iommu=on to the kernel command line, in the boot loader's settings."),
        }
        for path, (content, words) in rows.items():
            with self.subTest(path=path):
                root = self.laptop("--no-menu", to=Path(path).name)
                root.write(path, content)
                before = root.snapshot(without=(), times=True)
                done = root.run("enable", "--json")
                self.assert_status(done, 3)
                refusal = done.json["refusals"][0]
                self.assertEqual(refusal["code"], "boot-parameter")
                self.assertEqual(refusal["cause"], "iommu-parameter-missing")
                self.assertIn(words, refusal["remedy"]["text"])
                self.assertEqual(done.json["changes"], [])
                self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_a_locked_unified_image(self) -> None:
        root = self.laptop("--no-menu")
        root.write(f"{EFI}/StubInfo-{LOADER}", "stub")
        root.write(f"{EFI}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\x06\0\0\0\x01")
        root.write("etc/kernel/cmdline", "root=a ro\n")
        before = root.snapshot(without=(), times=True)
        done = root.run("enable")
        self.assert_status(done, 3)
        self.assertIn("cmdline-locked: the kernel command line needs intel_iommu=on (the IOMMU is off)", done.out)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_no_escape_is_promised_where_there_is_none(self) -> None:
        root = self.desktop()
        root.write(f"{EFI}/StubInfo-{LOADER}", "stub")
        root.write(f"{EFI}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\x06\0\0\0\x01")
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("a boot without passthrough cannot be chosen at the boot menu", done.out)
        self.assertNotIn("If the screen stays black", done.out)

    def test_a_disk_that_the_tpm_unlocks(self) -> None:
        root = self.with_grub(self.laptop())
        root.write("etc/crypttab", "root UUID=1 none tpm2-device=auto\n")
        self.assertIn("according to /etc/crypttab:1 the TPM unlocks a disk", root.run("plan", "enable").out)
        self.assertNotIn("TPM", self.desktop_plan().out)

    def desktop_plan(self) -> Run:
        root = self.machine("z370-gt1030-no-param", to="desktop")
        root.write("etc/crypttab", "root UUID=1 none tpm2-device=auto\n")
        return root.run("plan", "enable")


class Words(BootCase):
    def test_a_parameter_that_turns_the_iommu_off(self) -> None:
        root = self.machine("rog-g614fp-rtx5070", "--variant", "kernel-off")
        self.with_grub(root, settings='GRUB_CMDLINE_LINUX_DEFAULT="quiet amd_iommu=off"\n')
        root.write("proc/cmdline", "root=/dev/sda1 ro quiet amd_iommu=off\n")
        before = root.snapshot(without=(), times=True)
        done = root.run("enable", "--device", "01:00.0")
        self.assert_status(done, 3)
        self.assertIn("the kernel command line has amd_iommu=off (from /etc/default/grub:1)", done.out)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_the_wrong_vendors_parameter(self) -> None:
        root = self.machine("rx550-intel-wrong-param", "--variant", "other-gpu-boots")
        self.with_grub(root)
        shown = root.run("devices").out
        self.assertIn("amd_iommu=on is for AMD processors and has no effect", shown)
        # Its ids are in nobody's way; the boot loader gets what is missing.
        done = root.run("plan", "enable", "--json", "--device", "01:00.0")
        self.assertNotIn("iommu-off", [refusal["code"] for refusal in done.json["refusals"]])

    def test_vfio_pci_built_in(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNEL)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        build_in(root, KERNEL, "drivers/vfio/pci/vfio-pci.ko")
        self.with_grub(root)
        ids = "vfio-pci.ids=10de:0fb8,10de:1d01"
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assertEqual(self.passed(root)[-1], ids)
        status = root.run("status", "--json").json
        self.assertEqual((status["next_boot"], [one["staged"] for one in status["kernels"]]), ("vfio", [True]), status)
        self.assertEqual([one["modules"][0] for one in status["load_order"]], ["vfio_pci"] * 2)
        # The configuration is as it was, and the parameter gone: the host would get the card.
        (root.path / DROP_IN).rename(root.path / "gone")
        self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio", "GRUB's menu is as it was")
        self.assert_status(self.chrooted(root, "/usr/sbin/update-grub"), 0)
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")
        (root.path / "gone").rename(root.path / DROP_IN)
        self.assert_status(self.rebuild(root, "disable"), 0)
        self.assertNotIn(ids, self.passed(root))
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")
        self.assertFalse(root.exists(DROP_IN))
        self.assertTrue(root.exists(VFIO_CONF))


if __name__ == "__main__":
    unittest.main()
