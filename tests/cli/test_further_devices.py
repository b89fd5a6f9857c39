#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes with the card (--add-device): a network card, a USB controller, disks that the host does not use."""

import json
import os
import shutil
import unittest
from typing import Any, Sequence

from helper import CARD, KERNELS, OVERRIDE, SOFTDEP_CONF, STATE, VFIO_CONF, SysrootCase, run
from test_hardware import KEYBOARD

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
# Of DESKTOP, each alone in its group but for the USB controller.
USB, SATA, ONBOARD, NETWORK, NVME = (f"0000:{rest}" for rest in ("00:14.0", "00:17.0", "00:1f.6", "03:00.0", "05:00.0"))
TWINS = "maximus-iv-rx550"
TWIN, OTHER_TWIN = "0000:03:00.0", "0000:04:00.0"  # USB controllers with the same ids
ROUTES = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


class FurtherDevices(SysrootCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.desktop()
        self.mounts: list[str] = []
        modalias = f"{self.place(SATA)}/modalias"  # the listing has no programming interface: it is AHCI
        self.root.write(modalias, self.root.read(modalias).replace("bc01sc06i00", "bc01sc06i01"))
        self.add_disk(NVME, "nvme/nvme0/nvme0n1", "259:0")
        self.add_disk(NVME, "nvme/nvme0/nvme0n1/nvme0n1p2", "259:2", is_partition=True)
        self.add_disk(SATA, "ata1/host0/target0:0:0/0:0:0:0/block/sda", "8:0")
        self.add_disk(SATA, "ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1", "8:1", is_partition=True)
        self.mount("259:2", "/dev/nvme0n1p2", "/")

    def place(self, address: str) -> str:
        return os.path.relpath((self.root.path / "sys/bus/pci/devices" / address).resolve(), self.root.path)

    def link_class(self, kind: str, place: str) -> None:
        (self.root.path / "sys/class" / kind).mkdir(exist_ok=True)
        (self.root.path / "sys/class" / kind / os.path.basename(place)).symlink_to(f"../../../{place}")

    def add_disk(self, address: str, below: str, number: str, is_partition: bool = False) -> None:
        place = f"{self.place(address)}/{below}"
        self.root.write(f"{place}/dev", f"{number}\n")
        (self.root.path / place / "holders").mkdir()
        if is_partition:
            self.root.write(f"{place}/partition", "1\n")
        self.link_class("block", place)

    def mount(self, number: str, source: str, point: str) -> None:
        self.mounts.append(f"{30 + len(self.mounts)} 1 {number} / {point} rw,relatime shared:1 - ext4 {source} rw\n")
        self.root.write("proc/self/mountinfo", "".join(self.mounts))

    def add_interface(self, address: str, name: str) -> None:
        place = f"{self.place(address)}/net/{name}"
        self.root.write(f"{place}/mtu", "1500\n")
        self.link_class("net", place)

    def plan(self, *options: str, status: int = 0) -> Any:
        done = self.root.run("plan", "enable", "--json", *options)
        self.assert_status(done, status)
        return done.json

    def enable(self, *options: str) -> None:
        self.assert_status(self.root.run("enable", *options), 0)

    def refusal(self, *options: str) -> Any:
        """The one refusal; nothing is written."""
        before = self.root.snapshot(without=(), times=True)
        done = self.root.run("enable", "--json", *options)
        self.assert_status(done, 3)
        self.assert_same_tree(before, self.root.snapshot(without=(), times=True))
        self.assertEqual(done.json["changes"], [])
        refusals = done.json["refusals"]
        self.assertEqual(len(refusals), 1, refusals)
        return refusals[0]

    def assert_given(self, functions: Sequence[str]) -> None:
        status = self.root.run("status", "--json").json
        self.assertEqual([device["address"] for device in status["devices"]], sorted(functions))
        self.assertEqual(status["next_boot"], "vfio")
        self.assertEqual({device["expected_driver"] for device in status["devices"]}, {"vfio-pci"})

    def test_a_network_card_goes_with_the_card_and_comes_back(self) -> None:
        before = self.root.snapshot(times=True)
        plan = self.plan("--add-device", "03:00.0")
        self.assertEqual(plan["functions"], [*CARD, NETWORK])
        self.assertEqual({order["winner"] for order in plan["load_order"]}, {"vfio-pci"})
        self.assertEqual({order["device"] for order in plan["load_order"]}, {*CARD, NETWORK})
        self.enable("--add-device", "03:00.0")
        conf = self.root.read(VFIO_CONF)
        self.assertIn("softdep igb pre: vfio-pci", conf)
        self.assertIn("8086:1539", conf)
        for kernel in KERNELS:
            inserted = [module for module, _ in self.root.modprobe(kernel, self.root.modalias(NETWORK))]
            self.assertLess(inserted.index("vfio_pci"), inserted.index("igb"), inserted)
        self.assert_given([*CARD, NETWORK])
        self.assertIn("\nAlso  0000:03:00.0 ", self.root.run("status").out)
        self.assert_status(self.root.run("disable"), 0)
        status = self.root.run("status", "--json").json
        self.assertEqual(status["next_boot"], "host")
        self.assertEqual({device["address"]: device["expected_driver"] for device in status["devices"]}[NETWORK], "igb")
        self.assert_status(self.root.run("rollback"), 0)
        self.assert_same_tree(before, self.root.snapshot(times=True))

    def test_the_choice_is_kept_until_it_is_replaced(self) -> None:
        self.enable("--add-device", "03:00.0", "--add-device", "8086:15b8")
        state = json.loads(self.root.read(f"{STATE}/state.json"))
        self.assertEqual([one["address"] for one in state["extra_devices"]], [NETWORK, ONBOARD])
        self.assertEqual(state["extra_devices"][0]["id"], "8086:1539")
        self.assertEqual(set(state["extra_devices"][0]), set(state["cards"][0]))
        again = self.plan()
        self.assertEqual((again["outcome"], again["functions"]), ("nothing", [*sorted([ONBOARD, *CARD]), NETWORK]))
        self.root.write(VFIO_CONF, "")
        self.enable("--force-ours")
        self.assertIn("8086:1539", self.root.read(VFIO_CONF))
        self.assert_status(self.root.run("disable"), 0)
        self.enable()
        self.assert_given([ONBOARD, *CARD, NETWORK])
        self.enable("--add-device", "00:1f.6")
        self.assert_given([ONBOARD, *CARD])
        done = self.root.run("enable", "--json", "--add-device", "none")
        self.assert_status(done, 0)
        lost = [note for note in done.json["note_details"] if note["code"] == "others-lose-vfio"]
        self.assertEqual([note["data"]["devices"] for note in lost], [[ONBOARD]])
        self.assert_given(CARD)
        self.assertNotIn("extra_devices", self.root.read(f"{STATE}/state.json"))

    def test_a_package_hook_goes_by_the_kept_choice(self) -> None:
        self.enable("--add-device", "03:00.0")
        self.root.write("etc/modprobe.d/igb.conf", "softdep igb pre: ptp\n")
        self.assert_status(run([HOOK, "--sysroot", str(self.root.path), "drivers-changed"]), 0)
        self.assertIn("softdep igb pre: vfio-pci ptp", self.root.read(SOFTDEP_CONF))
        self.assert_given([*CARD, NETWORK])

    def test_the_settings_name_them(self) -> None:
        self.root.write("etc/vfio-switch.conf", "extra-devices = 03:00.0, 8086:15b8\n")
        self.assertEqual(self.plan()["functions"], sorted([*CARD, NETWORK, ONBOARD]))
        self.assertEqual(self.plan("--add-device", "00:1f.6")["functions"], sorted([*CARD, ONBOARD]))
        self.assertEqual(self.plan("--add-device", "none")["functions"], CARD)
        self.enable()
        self.assert_given([*CARD, NETWORK, ONBOARD])
        self.root.write("etc/vfio-switch.conf", "extra-devices = none\n")
        self.assertEqual(self.plan()["functions"], CARD)
        self.root.write("etc/vfio-switch.conf", "extra-devices = everything\n")
        done = self.root.run("plan")
        self.assert_status(done, 2)
        self.assertIn("/etc/vfio-switch.conf:1: 'extra-devices' contains 'everything'; expected none, an", done.err)

    def test_the_controller_of_the_root_disk_stays(self) -> None:
        refusal = self.refusal("--add-device", "05:00.0")
        self.assertEqual((refusal["code"], refusal["cause"]), ("in-use", "device-in-use"))
        self.assertEqual(refusal["message"], "the host uses 0000:05:00.0: disk nvme0n1p2 is mounted at /")
        self.assertEqual(refusal["devices"], [NVME])

    def test_a_controller_with_free_disks_goes_and_its_disks_are_named(self) -> None:
        done = self.root.run("enable", "--add-device", "00:17.0")
        self.assert_status(done, 0)
        self.assertIn("('vfio-pci.ids=' at the boot menu) also gives the host the disk sda of 0000:00:17.0.", done.out)
        self.assertIn("softdep ahci pre: vfio-pci", self.root.read(VFIO_CONF))
        self.assert_given([SATA, *CARD])
        # The word at the boot menu frees all of it.
        self.root.boot_with("vfio-pci.ids=")
        entries = self.root.run("status", "--json").json["entries"]
        winners = {one["device"]: one["winner"] for one in entries[0]["functions"]}
        self.assertEqual(winners[SATA], "ahci")
        self.assertNotIn("vfio-pci", winners.values())

    def test_a_disk_that_the_host_uses(self) -> None:
        self.mount("8:1", "/dev/sda1", "/srv")
        self.assertEqual(self.refusal("--add-device", SATA)["message"],
                         "the host uses 0000:00:17.0: disk sda1 is mounted at /srv")  # fmt: skip
        self.mounts.pop()
        self.root.write("proc/self/mountinfo", "".join(self.mounts))
        self.root.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda1 partition 8 0 -2\n")
        self.assertIn("the host swaps to disk sda1", self.refusal("--add-device", SATA)["message"])
        (self.root.path / "proc/swaps").unlink()
        self.root.write(f"{self.place(SATA)}/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/holders/md0/dev", "9:0\n")
        self.assertIn("disk sda1 is part of md0", self.refusal("--add-device", SATA)["message"])
        shutil.rmtree(self.root.path / self.place(SATA) / "ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/holders/md0")
        self.root.write("etc/fstab", "/dev/sda1 /data ext4 noauto 0 0\n")
        refusal = self.refusal("--add-device", SATA)
        self.assertIn("/etc/fstab mounts disk sda1 at /data", refusal["message"])
        self.assertIn("remove its line from /etc/fstab", json.dumps(refusal["remedy"]))
        (self.root.path / "etc/fstab").unlink()
        (self.root.path / "proc/self/mountinfo").unlink()
        self.assertIn("it is not known what the host uses disk sda for", self.refusal("--add-device", SATA)["message"])
        self.root.write("proc/self/mountinfo", "".join(self.mounts))
        self.plan("--add-device", SATA)

    def test_the_interface_of_the_default_route(self) -> None:
        self.add_interface(ONBOARD, "eno1")
        self.root.write("proc/net/route", f"{ROUTES}eno1\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
        refusal = self.refusal("--add-device", "00:1f.6")
        self.assertEqual((refusal["code"], refusal["message"]),
                         ("in-use", "the host uses 0000:00:1f.6: the default route leads through eno1"))  # fmt: skip
        self.plan("--add-device", NETWORK)

    def test_a_boot_without_passthrough_may_use_what_stays_chosen(self) -> None:
        self.enable("--add-device", "00:1f.6")
        self.add_interface(ONBOARD, "eno1")
        self.root.write("proc/net/route", f"{ROUTES}eno1\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
        self.assertEqual(self.plan()["outcome"], "nothing")
        self.assert_given([ONBOARD, *CARD])
        self.assert_status(self.root.run("disable"), 0)
        self.assertEqual(self.refusal()["code"], "in-use")

    def test_a_group_is_given_away_whole(self) -> None:
        refusal = self.refusal("--add-device", USB)
        self.assertEqual(refusal["code"], "group-shared")
        self.assertEqual(refusal["message"], "0000:00:14.0 shares IOMMU group 3 with 0000:00:14.2 (no driver)")
        self.assertEqual(refusal["devices"], ["0000:00:14.2"])

    def test_identical_controllers_are_told_apart_by_address(self) -> None:
        self.root = self.machine(TWINS, "--variant", "igpu-boots", to="twins")
        self.enable("--add-device", TWIN)
        lines = [line for line in self.root.read(OVERRIDE).splitlines() if not line.startswith("#")]
        self.assertIn(f"{TWIN} 1b21:1042:", "\n".join(lines))
        self.assertNotIn(OTHER_TWIN, "".join(lines))
        status = self.root.run("status", "--json").json
        self.assertIn(TWIN, [device["address"] for device in status["devices"]])
        self.assertEqual(status["next_boot"], "vfio")
        self.assertEqual(self.refusal("--add-device", "1b21:1042")["code"], "ambiguous")

    def test_the_only_keyboard_stays(self) -> None:
        self.root = self.machine(TWINS, "--variant", "igpu-boots", to="twins")
        place = f"{self.place(TWIN)}/usb3/3-1/3-1:1.0/input/input7"
        self.root.write(f"{place}/capabilities/key", KEYBOARD)
        self.link_class("input", place)
        refusal = self.refusal("--add-device", TWIN)
        self.assertEqual(refusal["message"], f"the host uses {TWIN}: no keyboard would stay with the host")
        self.plan("--add-device", OTHER_TWIN)

    def test_what_is_not_there_or_not_to_be_added(self) -> None:
        for spec, code, cause in (
            ("09:00.0", "not-found", "spec-not-found"),
            ("00:02.0", "not-found", "not-addable"),
            ("00:1f.4", "not-found", "not-addable"),
        ):
            refusal = self.refusal("--add-device", spec)
            self.assertEqual((refusal["code"], refusal["cause"]), (code, cause), spec)

    def test_a_device_that_is_gone(self) -> None:
        self.enable("--add-device", NETWORK)
        (self.root.path / "sys/bus/pci/devices" / NETWORK).unlink()
        refusal = self.refusal()
        self.assertEqual((refusal["code"], refusal["cause"]), ("not-found", "kept-device-gone"))
        self.assertEqual(refusal["remedy"]["steps"][0]["command"][-2:], ["--add-device", "none"])
        self.enable("--add-device", "none")
        self.assert_given(CARD)

    def test_the_list(self) -> None:
        done = self.root.run("devices", "--all", "--json")
        self.assert_status(done, 0)
        listed = {one["address"]: one for one in done.json["extra_devices"]}
        self.assertEqual(
            {address: [one["code"] for one in entry["refusals"]] for address, entry in listed.items()},
            {USB: ["group-shared"], SATA: [], "0000:00:1f.3": ["group-shared"], ONBOARD: [], NETWORK: [],
             "0000:04:00.0": [], NVME: ["in-use"]},
        )  # fmt: skip
        self.assertEqual(sorted(listed), list(listed))
        self.assertIsNone(self.root.run("devices", "--json").json["extra_devices"])
        text = self.root.run("devices", "--all").out
        self.assertIn("\nDevices that can be passed through with the card (--add-device)\n", text)
        self.assertIn("in-use: the host uses 0000:05:00.0: disk nvme0n1p2 is mounted at /\n", text)
        self.assertNotIn("--add-device", self.root.run("devices").out)
        self.enable("--add-device", NETWORK)
        selected = [one["address"] for one in self.root.run("devices", "--all", "--json").json["extra_devices"]
                    if one["selected"]]  # fmt: skip
        self.assertEqual(selected, [NETWORK])

    def test_the_plan_shows_them_apart(self) -> None:
        text = self.root.run("plan", "enable", "--add-device", NETWORK).out
        card, below, rest = text.partition("\nWith the card\n")
        self.assertTrue(below, text)
        self.assertNotIn(NETWORK, card)
        self.assertIn(NETWORK, rest.partition("\n")[0])

    def test_wrong_words(self) -> None:
        for words in (
            ["disable", "--add-device", "03:00.0"],
            ["enable", "--add-device", "everything"],
            ["enable", "--add-device", "none", "--add-device", "03:00.0"],
            ["devices", "--all", "--dot"],
            ["status", "--all"],
        ):
            self.assert_status(self.root.run(*words), 2)


if __name__ == "__main__":
    unittest.main()
