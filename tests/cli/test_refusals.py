#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines whose card must not be taken: nothing changes, and a few lines say why and what to do."""

import unittest

from helper import Sysroot, SysrootCase

ALONE = {
    # machine: a code that must be among the reasons
    "nobara-adl-rx6600-iommu-off": "iommu-off",
    "ich6-radeon-x300": "only-gpu",
    "lenovo-14acn6-apu": "only-gpu",
}
REMEDIES = ("firmware", "choose", "connect", "--device", "vfio-switch devices", "kernel command line", "Remove this", "Use a kernel")


class Refusals(SysrootCase):
    def check(self, root: Sysroot, *codes: str, options: tuple[str, ...] = ()) -> None:
        before = root.snapshot(without=(), times=True)
        done = root.run("enable", *options)
        self.assert_status(done, 3)
        self.assertEqual(done.err, "")
        reasons = [line for line in done.out.splitlines() if not line.startswith("    ")]
        self.assertLessEqual(len(reasons), 5, done.out)
        self.assertTrue(any(remedy in done.out for remedy in REMEDIES), done.out)
        as_json = root.run("enable", "--json", *options)
        self.assert_status(as_json, 3)
        self.assertEqual(as_json.err, "")
        plan = as_json.json
        self.assertEqual(plan["outcome"], "refused")
        found = {refusal["code"] for refusal in plan["refusals"]}
        for code in codes:
            self.assertIn(code, found)
            self.assertIn(f"{code}: ", done.out, "the reason that counts is among the lines")
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_machines_with_one_gpu(self) -> None:
        for name, code in ALONE.items():
            with self.subTest(machine=name):
                self.check(Sysroot(self.scratch / name, name), code)

    def test_the_only_gpu_by_name(self) -> None:
        for name, address in (("ich6-radeon-x300", "01:00.0"), ("lenovo-14acn6-apu", "04:00.0")):
            with self.subTest(machine=name):
                root = Sysroot(self.scratch / name, name)
                gpus = [gpu["address"] for gpu in root.run("devices", "--json").json["gpus"]]
                self.assertIn(f"0000:{address}", gpus)
                self.check(root, "only-gpu", options=("--device", address))

    def test_the_boot_gpu(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--variant", "dgpu-boots")
        self.check(root, "boot-gpu")
        self.check(root, "boot-gpu", options=("--device", "01:00.0"))

    def test_the_flag_that_names_the_risk(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--variant", "dgpu-boots")
        both = ("--allow-boot-gpu", "--allow-display-in-use")
        done = root.run("plan", "enable", "--json", "--device", "01:00.0", *both)
        self.assert_status(done, 0)
        self.assertEqual(done.json["outcome"], "change")
        self.check(root, "display-in-use", options=("--device", "01:00.0", "--allow-boot-gpu"))
        self.check(root, "boot-gpu", options=("--device", "01:00.0", "--allow-display-in-use"))

    def test_it_is_not_known_which_gpu_boots(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--boot-vga", "none")
        self.check(root, "boot-gpu")
        done = root.run("enable", "--json")
        self.assertEqual([refusal["devices"] for refusal in done.json["refusals"]], [["0000:01:00.0"]])
        self.assertEqual([gpu["selected"] for gpu in root.run("devices", "--json").json["gpus"]], [False, False])
        self.assertIn("vfio-switch plan enable --device 0000:01:00.0", root.run("devices").out)
        named = root.run("plan", "enable", "--device", "01:00.0", "--json")
        self.assert_status(named, 0)
        self.assertEqual(named.json["outcome"], "change")

    def test_a_gpu_that_says_by_boot_display_that_it_boots(self) -> None:
        host = "sys/bus/pci/devices/0000:00:02.0"
        for place in (f"{host}/boot_display", "sys/class/drm/card0/boot_display"):
            with self.subTest(place=place):
                root = Sysroot(self.scratch / place.replace("/", "-"), "z370-gt1030-no-param", "--boot-vga", "none")
                root.write(place, "1\n")
                done = root.run("plan", "enable", "--json")
                self.assert_status(done, 0)
                self.assertEqual(done.json["functions"], ["0000:01:00.0", "0000:01:00.1"])
                boots = {one["address"]: one["boot_vga"] for one in root.run("devices", "--json").json["devices"]}
                self.assertEqual((boots["0000:00:02.0"], boots["0000:01:00.0"]), (True, False))

    def test_two_cards_that_could_be_taken(self) -> None:
        root = self.machine("x370-pro-rx570-gtx970-rx550")
        done = root.run("enable", "--json")
        self.assert_status(done, 3)
        self.assertEqual([refusal["code"] for refusal in done.json["refusals"]], ["ambiguous"])
        self.assertEqual(done.json["refusals"][0]["devices"], ["0000:08:00.0", "0000:09:00.0"])
        self.check(root, "ambiguous")

    def test_devices_has_the_reasons_that_enable_leaves_out(self) -> None:
        root = self.machine("ich6-radeon-x300")
        shown = root.run("devices").out
        for refusal in root.run("enable", "--json").json["refusals"]:
            self.assertIn(f"{refusal['code']}: ", shown)

    def test_a_device_that_is_not_there_or_no_gpu(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        for spec in ("0000:09:00.0", "00:1f.3", "dead:beef"):
            with self.subTest(spec=spec):
                self.check(root, "not-found", options=("--device", spec))

    def test_a_refused_plan_offers_no_change(self) -> None:
        root = self.machine("quansight-v100-x6")
        done = root.run("plan", "enable", "--device", "0000:27:00.0", "--json")
        self.assert_status(done, 3)
        self.assertIn("group-shared", [refusal["code"] for refusal in done.json["refusals"]])
        self.assertEqual(done.json["changes"], [])

    def test_no_kernel_is_installed(self) -> None:
        self.check(self.machine("z370-gt1030-no-param", "--kernel", "none"), "no-vfio-module")

    def test_a_line_of_somebody_else_is_named_with_its_file(self) -> None:
        for line in ("blacklist vfio-pci", "install vfio-pci /bin/false", "options vfio_pci ids=1234:5678"):
            with self.subTest(line=line):
                root = Sysroot(self.scratch / line.split()[0], "z370-gt1030-no-param")
                root.write("etc/modprobe.d/mine.conf", f"# a comment\n\n{line}\n")
                self.check(root, "config-conflict")
                self.assertIn("/etc/modprobe.d/mine.conf:3", root.run("enable").out)

    def test_a_parameter_on_the_kernel_command_line(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        root.boot_with("vfio-pci.ids=")
        self.check(root, "config-conflict")

    def test_no_iommu_group_and_a_table(self) -> None:
        """What enable could do later (intel_iommu=on) is refused as long as it cannot."""
        root = self.machine("rog-g614fp-rtx5070", "--variant", "kernel-off")
        done = root.run("enable", "--json")
        self.assert_status(done, 3)
        self.assertTrue({"iommu-off", "boot-parameter"} & {r["code"] for r in done.json["refusals"]}, done.out)


if __name__ == "__main__":
    unittest.main()
