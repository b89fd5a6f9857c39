#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people have set up already: an adopted vfio.conf keeps their lines, and what nobody asked for adopts nothing."""

import os
import re
import unittest
from typing import Any

from boot_roots import LINE, efi_variable, no_menu, systemd_boot
from helper import CARD, DESKTOP, KERNELS, MODULES_LOAD, SOFTDEP_CONF, STATE, VFIO_CONF, Run, Sysroot, SysrootCase, run

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
PLAN_WITHOUT_SETUP = os.environ.get("PLAN_WITHOUT_SETUP", "")
NETWORK = ["0000:03:00.0", "0000:04:00.0"]
IDS = "10de:1d01,10de:0fb8"
KEPT = "# my notes\noptions vfio-pci disable_vga=1\noptions kvm ignore_msrs=1\nsoftdep drm pre: vfio-pci\n"
THEIRS = (
    "# my notes\nsoftdep nouveau pre: vfio-pci\n"
    f"options vfio-pci ids={IDS},8086:1539,8086:24fb disable_vga=1\n"
    "options kvm ignore_msrs=1\nsoftdep drm pre: vfio-pci"
)


def live(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


class AdoptionCase(SysrootCase):
    def set_up(self, content: str, to: str = "root") -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=to)
        root.write(VFIO_CONF, content)
        return root

    def hook(self, root: Sysroot, *words: str) -> Run:
        done = run([HOOK, "--sysroot", str(root.path), *words])
        self.assert_status(done, 0)
        return done

    def json(self, root: Sysroot, *words: str, status: int = 0) -> Any:
        done = root.run(*words, "--json")
        self.assert_status(done, status)
        return done.json

    def notes(self, plan: Any) -> dict[str, Any]:
        return {note["cause"]: note for note in plan["note_details"]}


class KeptLines(AdoptionCase):
    def test_they_stay_in_effect(self) -> None:
        root = self.set_up(THEIRS)
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        text = root.read(VFIO_CONF)
        own, mark, kept = text.partition("# Kept by vfio-switch: ")
        self.assertTrue(mark)
        self.assertEqual(kept.partition("\n")[2].rpartition("# digest")[0], KEPT)
        self.assertIn(f"options vfio-pci ids={IDS}\n", own)
        inserted = dict(root.modprobe(KERNELS[0], root.modalias(CARD[0])))
        self.assertEqual(inserted["vfio_pci"], f"ids={IDS} disable_vga=1")
        self.assertFalse(root.exists(SOFTDEP_CONF))

        enabled = root.snapshot()
        self.assertIn("Nothing to do", root.run("enable").out)
        for event in (["drivers-changed"], ["kernel-added", KERNELS[0]], ["post-upgrade"]):
            self.hook(root, *event)
        self.assert_same_tree(enabled, root.snapshot())
        self.assertEqual(self.json(root, "status")["next_boot"], "vfio")

        for program in ("cli", "hook"):
            done = root.run("disable") if program == "cli" else self.hook(root, "disable")
            self.assert_status(done, 0)
            self.assertNotIn("warning", done.out + done.err)
            self.assertEqual(live(root.read(VFIO_CONF)), live(KEPT), program)
            self.assertEqual(self.json(root, "status")["next_boot"], "host")
            self.assertIn("Nothing to do", root.run("disable").out)
            self.assert_status(root.run("enable"), 0)
            self.assertEqual(root.read(VFIO_CONF), text, program)
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_a_new_plan_of_a_hook_keeps_them(self) -> None:
        root = self.set_up(THEIRS)
        self.assert_status(root.run("enable"), 0)
        text = root.read(VFIO_CONF)
        root.write("etc/modprobe.d/a.conf", "softdep nouveau pre: i915\n")
        self.hook(root, "drivers-changed")
        self.assertIn("softdep nouveau pre: vfio-pci i915\n", root.read(SOFTDEP_CONF))
        self.assertEqual(root.read(VFIO_CONF), text)

    def test_the_plan_names_them_and_what_loses_vfio_pci(self) -> None:
        plan = self.json(self.set_up(THEIRS), "plan", "enable")
        notes = self.notes(plan)
        self.assertEqual(notes["lines-kept"]["data"]["lines"], live(KEPT))
        lost = notes["others-lose-vfio"]
        self.assertEqual((lost["code"], lost["data"]["devices"]), ("others-lose-vfio", NETWORK))
        self.assertEqual([step["command"] for step in lost["remedy"]["steps"]],
                         [["vfio-switch", "enable", "--device", CARD[0], "--add-device", NETWORK[0], "--add-device",
                           NETWORK[1]]])  # fmt: skip

    def test_removal_gives_the_file_back(self) -> None:
        root = self.set_up(THEIRS)
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assertNotIn("warning", self.hook(root, "pre-remove").err)
        self.assert_same_tree(before, root.snapshot())
        self.assertEqual(root.read(f"{STATE}/removal"), "")

    def test_one_that_was_edited_is_no_output_of_ours(self) -> None:
        root = self.set_up(THEIRS)
        self.assert_status(root.run("enable"), 0)
        edited = root.read(VFIO_CONF).replace("ignore_msrs=1", "ignore_msrs=0")
        root.write(VFIO_CONF, edited)
        self.assertEqual(self.json(root, "enable", status=3)["refusals"][0]["code"], "user-edited")
        self.assert_status(root.run("rollback"), 3)
        self.assert_status(root.run("enable", "--force-ours"), 0)
        self.assertIn("options kvm ignore_msrs=0\n", root.read(VFIO_CONF), "theirs is theirs")

    def test_what_works_against_the_binding_is_named(self) -> None:
        for number, line in enumerate(("blacklist vfio-pci", "install vfio-pci /sbin/vfio-pci-override.sh")):
            root = self.set_up(f"options vfio-pci ids={IDS}\n{line}\n", to=str(number))
            before = root.snapshot(times=True)
            (refusal,) = self.json(root, "enable", status=3)["refusals"]
            self.assertEqual(refusal["code"], "config-conflict")
            self.assertEqual(refusal["data"]["place"], {"path": f"/{VFIO_CONF}", "line": 2})
            self.assert_same_tree(before, root.snapshot(times=True))
            # As the remedy says.
            root.write(VFIO_CONF, f"options vfio-pci ids={IDS}\n")
            self.assert_status(root.run("enable"), 0)

    def test_what_keeps_another_driver_away_is_proved(self) -> None:
        for number, line in enumerate(("install nouveau /bin/false", "blacklist nouveau")):
            root = self.set_up(f"options vfio-pci ids={IDS}\n{line}\n", to=str(number))
            self.assert_status(root.run("enable"), 0)
            self.assertEqual(live(root.read(VFIO_CONF))[-1], line)
            self.assertEqual(self.json(root, "status")["next_boot"], "vfio")
            notes = self.notes(self.json(root, "plan", "disable"))
            (place,) = notes["no-driver-left"]["data"]["by"]
            self.assertEqual(place["path"], f"/{VFIO_CONF}")

    def test_force_ours_keeps_nothing(self) -> None:
        root = self.set_up(THEIRS)
        before = root.snapshot()
        self.assert_status(root.run("enable", "--force-ours"), 0)
        self.assertNotIn("kvm", root.read(VFIO_CONF))
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_a_report_tells_no_remark(self) -> None:
        root = self.set_up(THEIRS.replace("my notes", "hunter2") + "\noptions foo key=hunter2\n")
        self.assertNotIn("hunter2", root.run("report").raw)
        self.assert_status(root.run("enable"), 0)
        done = root.run("report")
        self.assert_status(done, 0)
        self.assertNotIn("hunter2", done.raw)
        self.assertIn("Kept by vfio-switch", done.raw)


class KeepMine(AdoptionCase):
    def test_it_works_where_the_result_is_proved(self) -> None:
        for number, content in enumerate((f"options vfio-pci ids={IDS}\noptions kvm ignore_msrs=1\n", THEIRS)):
            root = self.set_up(content, to=str(number))
            before = root.snapshot()
            done = root.run("enable", "--keep-mine")
            self.assert_status(done, 0)
            self.assertIn(f"/{VFIO_CONF} stays as it is", done.out)
            self.assertEqual(root.read(VFIO_CONF), content)
            self.assertIn("softdep snd_hda_intel pre: vfio-pci\n", root.read(SOFTDEP_CONF))
            self.assertEqual("softdep nouveau" in root.read(SOFTDEP_CONF), content != THEIRS)
            kept = root.snapshot()
            for event in ("drivers-changed", "post-upgrade"):
                self.hook(root, event)
            self.assert_same_tree(kept, root.snapshot())
            status = self.json(root, "status")
            self.assertEqual((status["next_boot"], status["refusals"]), ("vfio", []))
            self.assertEqual([kernel["staged"] for kernel in status["kernels"]], [True])
            self.assert_status(root.run("disable"), 0)
            self.assertEqual(live(root.read(VFIO_CONF)), [])
            self.assert_status(root.run("rollback"), 0)
            self.assert_same_tree(before, root.snapshot())

    def test_it_is_refused_where_it_is_not(self) -> None:
        root = self.set_up("options vfio-pci ids=10de:2d04\n")
        before = root.snapshot(times=True)
        (refusal, *_) = self.json(root, "enable", "--keep-mine", status=3)["refusals"]
        self.assertEqual(refusal["cause"], "order-unproved")
        self.assert_same_tree(before, root.snapshot(times=True))


class HandMade(AdoptionCase):
    """A rollback brings back what people had made, byte for byte, and nothing finds fault with it."""

    SCRIPT = (
        f"#!/bin/sh\nfor dev in {' '.join(CARD)}; do\n"
        "  echo vfio-pci > /sys/bus/pci/devices/$dev/driver_override\ndone\nmodprobe -i vfio-pci\n"
    )
    FILES = {
        "ids alone": {VFIO_CONF: f"options vfio-pci ids={IDS}\n"},
        "ids, and a list of the image's": {
            VFIO_CONF: f"options vfio-pci ids={IDS} disable_vga=1\n",
            "etc/initramfs-tools/modules": "vfio\nvfio_iommu_type1\nvfio_pci\n",
        },
        "a blacklist": {
            VFIO_CONF: f"# passthrough\noptions vfio-pci ids={IDS}\nblacklist nouveau\noptions nouveau modeset=0\n",
            "etc/modules": "vfio-pci\n",
        },
        "a script that sets driver_override": {"etc/initramfs-tools/scripts/init-top/vfio.sh": SCRIPT},
        "the kernel command line": {},
    }

    def test_it_is_as_it_was(self) -> None:
        for number, (name, files) in enumerate(self.FILES.items()):
            with self.subTest(name):
                root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=str(number))
                for path, content in files.items():
                    root.write(path, content, mode=0o755 if content.startswith("#!") else 0o640)
                if not files:
                    root.boot_with(f"vfio-pci.ids={IDS}")
                before = root.snapshot(times=True)
                answers = self.answers(root)
                self.assert_status(root.run("enable"), 0)
                self.assertEqual(self.json(root, "status")["intent"], "enabled")
                self.assert_status(root.run("rollback"), 0)
                self.assert_same_tree(before, root.snapshot(times=True))
                self.assert_status(root.run("verify"), 0)
                self.assertEqual(self.answers(root), answers)

    def answers(self, root: Sysroot) -> Any:
        status = self.json(root, "status")
        return (status["next_boot"], status["entries"], root.run("doctor", "--json").json["findings"])


class Unasked(AdoptionCase):
    SET_UPS = {
        VFIO_CONF: ("# nothing yet\n", f"/{VFIO_CONF}"),
        "etc/modprobe.d/gpu.conf": (f"# mine\noptions vfio-pci ids={IDS}\n", "/etc/modprobe.d/gpu.conf:2"),
        "etc/modprobe.d/stub.conf": ("options pci-stub ids=8086:1539\n", "/etc/modprobe.d/stub.conf:1"),
        "etc/initramfs-tools/modules": ("vfio_pci\n", "/etc/initramfs-tools/modules:1"),
        MODULES_LOAD: ("vfio\nvfio_iommu_type1\n", f"/{MODULES_LOAD}"),
        "etc/udev/rules.d/99-vfio.rules": (
            'ACTION=="add", KERNEL=="0000:04:00.0", ATTR{driver_override}="vfio-pci"\n',
            "/etc/udev/rules.d/99-vfio.rules:1",
        ),
    }

    def install(self, root: Sysroot, program: str = HOOK) -> str:
        """What an installation says, which changes nothing."""
        before = root.snapshot(times=True)
        done = run([program, "--sysroot", str(root.path), "post-install"])
        self.assert_status(done, 0)
        self.assert_same_tree(before, root.snapshot(times=True))
        return done.out

    def test_what_somebody_has_set_up_is_left_alone(self) -> None:
        for number, (path, (content, named)) in enumerate(self.SET_UPS.items()):
            with self.subTest(path):
                root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=str(number))
                root.write(path, content)
                said = self.install(root)
                self.assertIn("not-automatic: passthrough is not set up automatically, because vfio is", said)
                self.assertIn(f"configured already, by {named}", said)

    def test_the_command_is_said_which_does_it(self) -> None:
        root = self.set_up(THEIRS)
        said = self.install(root)
        (command,) = re.findall(r"Run:\n +(.*)\n", said)
        self.assertEqual(command, f"vfio-switch enable --device {CARD[0]}")
        self.assert_status(root.run(*command.split()[1:]), 0)

    def test_a_parameter_counts(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNELS[0])
        root.boot_with("vfio-pci.ids=8086:1539")
        self.assertIn("vfio-pci.ids=8086:1539", self.install(root))

    def test_a_menu_out_of_reach(self) -> None:
        for number, (settings, words) in enumerate((
            ("set timeout=0", "GRUB shows its boot menu for 0 seconds"),
            ("set timeout_style=hidden\nset timeout=5", "GRUB hides its boot menu"),
            ("set timeout_style=hidden\nset timeout=0", "GRUB hides its boot menu"),
        )):  # fmt: skip
            with self.subTest(settings):
                root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=str(number))
                root.write("boot/grub/grub.cfg", root.read("boot/grub/grub.cfg").replace("set timeout=5", settings))
                said = self.install(root)
                self.assertIn(words, said)
                self.assertIn(f"vfio-switch enable --device {CARD[0]}\n", said)
                self.assert_status(root.run("enable"), 0)

    def test_other_loaders(self) -> None:
        files = f"/vmlinuz-{KERNELS[0]}", f"/initrd.img-{KERNELS[0]}"
        entry = f"title Debian\nlinux {files[0]}\ninitrd {files[1]}\noptions {LINE}\n"
        limine = f"/Debian\n  protocol: linux\n  path: boot():{files[0]}\n"
        limine += f"  module_path: boot():{files[1]}\n  cmdline: {LINE}\n"
        hides = "systemd-boot hides its boot menu"
        for number, (loader, setting, words) in enumerate((
            ("systemd-boot", "timeout menu-hidden\n", hides),
            ("systemd-boot", "timeout menu-disabled\n", hides),
            ("systemd-boot", "timeout 0\n", hides),
            ("systemd-boot", "", hides),
            ("systemd-boot", "timeout menu-force\n", ""),
            ("systemd-boot", "timeout 3\n", ""),
            ("Limine", "timeout: 0\n", "Limine hides its boot menu"),
            ("Limine", "quiet: yes\n", "Limine hides its boot menu"),
            ("Limine", "timeout: no\n", ""),
            ("Limine", "", ""),
        )):  # fmt: skip
            with self.subTest(loader=loader, setting=setting):
                root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=str(number))
                if loader == "Limine":
                    no_menu(root)
                    efi_variable(root, "LoaderInfo", "Limine 11.4.1")
                    root.write("boot/limine.conf", setting + limine)
                else:
                    systemd_boot(root, "boot", debian=entry)
                    root.write("boot/loader/loader.conf", f"default debian.conf\n{setting}")
                if words:
                    self.assertIn(words, self.install(root))
                else:
                    self.assertIn("passthrough is set up", self.hook(root, "post-install").out)

    def test_elsewhere_it_is_set_up(self) -> None:
        for number, settings in enumerate(("set timeout=5", "set timeout_style=countdown\nset timeout=3", "")):
            root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=str(number))
            root.write("boot/grub/grub.cfg", root.read("boot/grub/grub.cfg").replace("set timeout=5", settings))
            root.write("etc/modprobe.d/kvm.conf", "options kvm ignore_msrs=1\nblacklist nvidiafb\n")
            self.assertIn("passthrough is set up", self.hook(root, "post-install").out, settings)
            self.assertTrue(root.exists(VFIO_CONF))

    def test_a_distribution_may_turn_it_off(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNELS[0])
        said = self.install(root, PLAN_WITHOUT_SETUP)
        self.assertIn("this distribution's package does not set up passthrough automatically", said)
        self.assertIn(f"    Run:\n      vfio-switch enable --device {CARD[0]}\n", said)
        self.assert_status(root.run("enable"), 0)
        enabled = root.snapshot()
        for event in ("post-install", "drivers-changed"):
            self.assert_status(run([PLAN_WITHOUT_SETUP, "--sysroot", str(root.path), event]), 0)
        self.assert_same_tree(enabled, root.snapshot())


if __name__ == "__main__":
    unittest.main()
