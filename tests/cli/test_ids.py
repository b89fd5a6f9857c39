#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vfio-pci.ids= is a set of devices, of which the card may be a part: machines as people reported them. What is right
of each stands above its test."""

from __future__ import annotations

import unittest
from typing import Any

from helper import CARD, DESKTOP, KERNELS, SOFTDEP_CONF, VFIO_CONF, Sysroot
from test_boot_menu import winners
from test_hardware import TURING, build_in
from test_reports import ReportCase

OLDER, NEWER = KERNELS
TURING_CARD = [f"0000:01:00.{function}" for function in range(4)]  # GPU, sound, USB (xhci_pci), USB-C (i2c_nvidia_gpu)
TURING_IDS = "10de:1aeb,10de:1aec,10de:1aed,10de:21c4"
PARAMETER = f"vfio-pci.ids={TURING_IDS}"
VFIO_PCI = "drivers/vfio/pci/vfio-pci.ko"
XHCI_PCI = "drivers/usb/host/xhci-pci.ko"
NOUVEAU = "drivers/gpu/drm/nouveau/nouveau.ko"
GRUB = "etc/default/grub"
OTHERS = "options vfio-pci ids=10de:1d01,10de:0fb8,8086:1539,8086:24fb disable_vga=1"  # two network cards as well
NETWORK = ["0000:03:00.0", "0000:04:00.0"]


class IdsCase(ReportCase):
    def refusals(self, root: Sysroot, *options: str) -> dict[str, Any]:
        plan = self.json(root, "plan", "enable", *options, status=3)
        return {refusal["cause"]: refusal for refusal in plan["refusals"]}

    def minded(self, remedy: Any) -> list[list[str]]:
        """The devices of which it is said that they lose vfio-pci."""
        return [step["data"]["devices"] for step in remedy["steps"] if step.get("code") == "mind-devices"]

    def kinds(self, remedy: Any) -> list[str]:
        return [step["kind"] for step in remedy["steps"]]

    def with_grub(self, root: Sysroot, parameters: str, behind: str = "") -> None:
        """Settings of GRUB, its menu as they make it, and a system that was started by it."""
        root.write(GRUB, f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {parameters}"{behind}\n')
        root.write("usr/sbin/update-grub", "#!/bin/sh\n", 0o755)
        root.boot_with(parameters)


class BuiltIn(IdsCase):
    def turing(self, *built_in: str, parameters: str = "intel_iommu=on", to: str = "root") -> Sysroot:
        root = self.machine(TURING, "--variant", "igpu-boots", "--kernel", OLDER, to=to)
        build_in(root, OLDER, VFIO_PCI, *built_in)
        self.with_grub(root, parameters)
        return root

    def boot_changes(self, plan: Any) -> list[str]:
        return [change["path"] for change in plan["changes"] if "grub" in (change["path"] or "")]

    # Right: vfio-pci is built in and everything else a module: a parameter that has the ids, in whatever order, is
    # enough, and nothing is planned about it.
    def test_a_parameter_that_is_there(self) -> None:
        root = self.turing(parameters="intel_iommu=on vfio-pci.ids=10de:21c4,10de:1aeb,10de:1aec,10de:1aed")
        plan = self.json(root, "plan", "enable")
        self.assertEqual(self.boot_changes(plan), [])
        self.assertEqual([(one["device"], one["winner"], one["proved"]) for one in plan["load_order"]],
                         [(function, "vfio-pci", True) for function in TURING_CARD])  # fmt: skip
        self.assertEqual(self.json(root, "status")["next_boot"], "vfio")
        self.assertEqual(self.findings(root), {})

    # Right: xhci_pci is built in as well, but drivers/vfio is linked before drivers/usb, so that vfio-pci binds the USB
    # controller first: the ids go on the command line, and the reason is given. plan and doctor say the same.
    def test_a_built_in_driver_that_comes_later(self) -> None:
        root = self.turing(XHCI_PCI)
        finding = self.findings(root)["vfio-pci-built-in"]
        self.assertEqual(self.edits(finding["remedy"]),
                         [(f"/{GRUB}", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"',
                           f'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on {PARAMETER}"')])  # fmt: skip
        plan = self.json(root, "plan", "enable")
        self.assertEqual(self.boot_changes(plan), [f"/{GRUB}", "/boot/grub/grub.cfg"])
        (content,) = [change["content"] for change in plan["changes"] if change["path"] == f"/{GRUB}"]
        self.assertIn(PARAMETER, content)
        (note,) = [note for note in plan["note_details"] if note["cause"] == "vfio-registers-first"]
        self.assertIn("vfio-pci and xhci_pci are built into this kernel, where vfio-pci registers first", note["message"])
        self.assertIn("drivers/usb is linked after drivers/vfio", note["message"])
        orders = {one["device"]: one for one in plan["load_order"]}
        self.assertEqual({orders[function]["winner"] for function in TURING_CARD}, {"vfio-pci"})
        self.assertIn("xhci_pci", orders[TURING_CARD[2]]["reason"]["message"])
        self.assertFalse(root.exists("etc/vfio-switch/override"))

    # Right: with the parameter there, nothing is planned about it; status and the proof say that vfio-pci takes the
    # USB controller; doctor finds nothing.
    def test_a_built_in_driver_that_comes_later_and_the_parameter(self) -> None:
        root = self.turing(XHCI_PCI, parameters=f"intel_iommu=on {PARAMETER}")
        self.assertEqual(self.boot_changes(self.json(root, "plan", "enable")), [])
        status = self.json(root, "status")
        self.assertEqual(status["next_boot"], "vfio")
        self.assertEqual([winners(status["entries"][0])[function] for function in TURING_CARD], ["vfio-pci"] * 4)
        self.assertEqual(self.findings(root), {})
        # Without the ids the driver that is built in has it before any module is loaded.
        root.boot_with("intel_iommu=on vfio-pci.ids=10de:21c4,10de:1aeb,10de:1aed")
        self.assertEqual(winners(self.json(root, "status")["entries"][0])[TURING_CARD[2]], "xhci_pci")

    # Right: drivers/gpu is linked before drivers/vfio: refused, and doctor names no parameter either.
    def test_a_built_in_driver_that_may_come_first(self) -> None:
        root = self.turing(XHCI_PCI, NOUVEAU, parameters=f"intel_iommu=on {PARAMETER}")
        refusal = self.refusals(root)["vfio-built-in"]
        self.assertIn("nouveau is built into kernel", refusal["message"])
        self.assertIn("not known to register after vfio-pci", refusal["message"])
        self.assertEqual(winners(self.json(root, "status")["entries"][0])[TURING_CARD[0]], "nouveau")
        steps = self.findings(root)["vfio-pci-built-in"]["remedy"]["steps"]
        self.assertEqual([step.get("code") for step in steps], ["install-kernel"])

    # Right: a second vfio-pci.ids= would take its device from the first, since the last one counts alone: one word
    # gets all of them, and no id goes.
    def test_ids_of_other_devices_stay(self) -> None:
        former = "vfio-pci.ids=8086:a3af"
        root = self.turing(parameters=f"intel_iommu=on {former}")
        wanted = [(f"/{GRUB}", f'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on {former}"',
                   f'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on {PARAMETER},8086:a3af"')]  # fmt: skip
        refusal = self.refusals(root)["parameter-by-hand"]
        self.assertIn(f"it has {former}", refusal["message"])
        self.assertEqual(self.edits(refusal["remedy"]), wanted)
        self.assertEqual(self.edits(self.findings(root)["vfio-pci-built-in"]["remedy"]), wanted)

    # Right: what stands in a comment gives nothing to anybody.
    def test_a_parameter_in_a_comment(self) -> None:
        root = self.turing()
        root.write(GRUB, f'GRUB_CMDLINE_LINUX_DEFAULT="quiet" # {PARAMETER}\n')
        plan = self.json(root, "plan", "enable")
        (content,) = [change["content"] for change in plan["changes"] if change["path"] == f"/{GRUB}"]
        self.assertIn(f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {PARAMETER}" # {PARAMETER}\n', content)


class CommandLineIds(IdsCase):
    # Right (Rocky Linux, set up by a playbook): the parameter lacks two of the card's ids. It is no escape. grubby
    # removes it, since xhci_pci is built in and vfio-pci a module, so that no ids would do. vfio_virqfd is found.
    def test_a_playbooks_parameter_and_list(self) -> None:
        root = self.machine(TURING, "--variant", "igpu-boots", "--os", "fedora", "--kernel", NEWER)
        build_in(root, NEWER, XHCI_PCI)
        word = "vfio-pci.ids=10de:21c4,10de:1aeb"
        (entry,) = (root.path / "boot/loader/entries").glob("*.conf")
        text = entry.read_text().replace("modprobe.blacklist=nouveau ", "")
        entry.write_text("".join(f"{line.rstrip()} {word}\n" if line.startswith("options") else line
                                 for line in text.splitlines(keepends=True)))  # fmt: skip
        root.write("proc/cmdline", f"root=/dev/sda1 ro intel_iommu=on {word}\n")
        root.write("usr/sbin/grubby", "#!/bin/sh\n", 0o755)
        root.write(GRUB, f'GRUB_CMDLINE_LINUX="intel_iommu=on {word}"\nGRUB_ENABLE_BLSCFG=true\n')
        root.write("etc/dracut.conf.d/gpu-vfio.conf", 'add_drivers+="vfio vfio_iommu_type1 vfio_pci vfio_virqfd"\n')
        removal = ["grubby", "--update-kernel=ALL", f"--remove-args={word}"]
        refusal = self.refusals(root)["command-line-lacks"]
        self.assertIn(f"has {word}, which overrides vfio.conf and lacks {TURING_CARD[2]} and {TURING_CARD[3]}",
                      refusal["message"])  # fmt: skip
        self.assertEqual(self.commands(refusal["remedy"]), [removal])
        findings = self.findings(root)
        self.assertEqual([step["command"] for step in findings["ids-partial"]["remedy"]["steps"]],
                         [removal, ["vfio-switch", "enable"]])  # fmt: skip
        self.assertIn(f"lacks {TURING_CARD[2]} and {TURING_CARD[3]}", findings["ids-partial"]["message"])
        self.assertNotIn("ids-parameter-kept", findings)
        self.assertNotIn("ids-parameter-now", findings)
        self.assertIn("/etc/dracut.conf.d/gpu-vfio.conf:1", findings["vfio-virqfd"]["message"])

    # Right: vfio-pci is a module, and the parameter is for other devices: with the card's ids in it as well, they keep
    # vfio-pci; without it they lose it, and which is said. Either remedy works as it is printed.
    def test_ids_of_other_devices(self) -> None:
        word, union = "vfio-pci.ids=8086:1539,8086:24fb", "vfio-pci.ids=10de:0fb8,10de:1d01,8086:1539,8086:24fb"
        root = self.machine(DESKTOP, "--kernel", OLDER)
        self.with_grub(root, word)
        remedy = self.refusals(root)["command-line-lacks"]["remedy"]
        before = f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {word}"'
        self.assertEqual(self.edits(remedy),
                         [(f"/{GRUB}", before, f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {union}"'),
                          (f"/{GRUB}", before, 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"')])  # fmt: skip
        self.assertEqual(self.minded(remedy), [NETWORK])
        self.assertEqual(self.kinds(remedy), ["edit", "run", "or", "edit", "run", "by-hand"])
        self.with_grub(root, union)
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.json(root, "status")["next_boot"], "vfio")
        # Given back, the card goes from the set, and the others stay in it.
        plan = self.json(root, "disable", "--dry-run")
        (note,) = [note for note in plan["note_details"] if note["cause"] == "still-given"]
        self.assertEqual(self.edits(note["remedy"]), [(f"/{GRUB}", f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {union}"', before)])


class FileIds(IdsCase):
    def desktop_with(self, path: str) -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        root.write(path, f"{OTHERS}\n")
        return root

    # Right (Proxmox): says which other devices lose vfio-pci with that line, and how they keep it.
    def test_a_line_for_several_devices(self) -> None:
        root = self.desktop_with("etc/modprobe.d/vfio-pci.conf")
        remedy = self.refusals(root)["modprobe-line"]["remedy"]
        self.assertEqual(self.commands(remedy), [["mv", "/etc/modprobe.d/vfio-pci.conf", "/etc/modprobe.d/zz-vfio-pci.conf"]])
        self.assertEqual(self.edits(remedy), [("/etc/modprobe.d/vfio-pci.conf", OTHERS, "")])
        self.assertEqual(self.minded(remedy), [NETWORK])
        self.assertEqual(self.kinds(remedy), ["run", "or", "edit", "by-hand"])
        modprobe = root.path / "etc/modprobe.d"
        (modprobe / "vfio-pci.conf").rename(modprobe / "zz-vfio-pci.conf")
        plan = self.json(root, "plan", "enable")
        self.assertEqual([note for note in plan["note_details"] if note["cause"] == "others-lose-vfio"], [])
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.json(root, "status")["next_boot"], "vfio")
        inserted = dict(root.modprobe(OLDER, root.modalias(CARD[0])))
        self.assertTrue(inserted["vfio_pci"].endswith(OTHERS.partition("ids=")[2]), "the last ids are those of all")
        self.assertFalse(root.exists(SOFTDEP_CONF))

    # Right: the same line in vfio.conf, which is replaced: the devices are named.
    def test_a_line_for_several_devices_in_vfio_conf(self) -> None:
        root = self.desktop_with(VFIO_CONF)
        for options in ((), ("--force-ours",)):
            plan = self.json(root, "plan", "enable", *options)
            (note,) = [note for note in plan["note_details"] if note["cause"] == "others-lose-vfio"]
            self.assertEqual(note["message"], "0000:03:00.0 and 0000:04:00.0 are no longer given to vfio-pci")

    # Right: somebody added them to ours, which only --force-ours would replace: the devices are named before and after.
    def test_devices_that_were_added_to_ours(self) -> None:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        self.assert_status(root.run("enable"), 0)
        root.write(VFIO_CONF, root.read(VFIO_CONF) + f"{OTHERS}\n")
        remedy = self.refusals(root)["file-edited"]["remedy"]
        self.assertEqual(self.minded(remedy), [NETWORK])
        self.assertEqual(self.kinds(remedy), ["run", "by-hand", "or", "run"])
        plan = self.json(root, "plan", "enable", "--force-ours")
        (note,) = [note for note in plan["note_details"] if note["cause"] == "others-lose-vfio"]
        self.assertEqual(note["data"]["devices"], NETWORK)


if __name__ == "__main__":
    unittest.main()
