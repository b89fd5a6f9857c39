#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every real machine in every variant: devices and plan run, and what must always hold does."""

import re
import unittest
from typing import Any

from helper import BIND, KERNELS, MACHINES, OVERRIDE, VFIO_CONF, Sysroot, SysrootCase
from machine import variants
from test_json import DEVICES, PLAN, misfits

IDS = re.compile(r"^options vfio-pci ids=(\S+)$", re.MULTILINE)


class Machines(SysrootCase):
    def check(self, name: str, variant: str) -> None:
        options = [word for kernel in KERNELS for word in ("--kernel", kernel)]
        root = self.machine(name, "--variant", variant, *options)
        before = root.snapshot()
        looked = root.run("devices", "--json")
        self.assert_status(looked, 0)
        planned = root.run("plan", "--json")
        self.assertIn(planned.status, (0, 3), f"\n{planned}")
        devices, plan = looked.json, planned.json
        self.assertEqual(misfits(devices, DEVICES) + misfits(plan, PLAN), [])
        self.check_devices(devices)
        self.check_plan(devices, plan)
        for gpu in devices["gpus"]:  # each by its name, whatever may come of it
            named = root.run("plan", "enable", "--json", "--device", gpu["address"])
            self.assertIn(named.status, (0, 3), f"\n{named}")
            self.assertEqual(misfits(named.json, PLAN), [])
            self.check_plan(devices, named.json)
            self.assertLessEqual(set(gpu["functions"]), set(named.json["functions"]))
        if plan["outcome"] == "change":
            self.check_modprobe(root, plan)
            self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def check_devices(self, devices: dict[str, Any]) -> None:
        known = {device["address"]: device for device in devices["devices"]}
        displays = [address for address, device in known.items() if device["class"].startswith("0x03")]
        self.assertEqual([gpu["address"] for gpu in devices["gpus"]], sorted(displays))
        for gpu in devices["gpus"]:
            self.assertIn(gpu["address"], gpu["functions"])
            self.assertLessEqual(set(gpu["functions"]), set(known))
            slot = {address for address in known if address.rpartition(".")[0] == gpu["address"].rpartition(".")[0]}
            codes = {refusal["code"] for refusal in gpu["refusals"]}
            vendor = known[gpu["address"]]["vendor_id"]
            if "integrated" in codes:
                own = {one for one in slot if known[one]["class"].startswith("0x03")
                       or (known[one]["class"].startswith("0x0403") and known[one]["vendor_id"] == vendor)}  # fmt: skip
                groups = {known[one]["iommu_group"] for one in own} - {None}
                slot = own | {one for one in slot if known[one]["iommu_group"] in groups}
                self.assertEqual(slot, set(gpu["functions"]), "the processor's other controllers stay")
            elif "virtual-function" not in codes:
                self.assertLessEqual(slot, set(gpu["functions"]), "every function of the slot is the card's")
            for address in set(gpu["functions"]) - slot:
                self.assertEqual(known[address]["vendor_id"], vendor, "below the card's own switch")
            self.assertEqual(gpu["eligible"], not gpu["refusals"])
            if known[gpu["address"]]["boot_vga"]:
                self.assertFalse(gpu["eligible"])
        self.assertTrue(devices["iommu_enabled"] or not any(gpu["eligible"] for gpu in devices["gpus"]))

    def check_plan(self, devices: dict[str, Any], plan: dict[str, Any]) -> None:
        self.assertEqual(plan["functions"], sorted(set(plan["functions"])))
        cards = [set(gpu["functions"]) for gpu in devices["gpus"] if set(gpu["functions"]) <= set(plan["functions"])]
        self.assertEqual(set(plan["functions"]), set().union(*cards), "whole cards")
        pairs = [(order["kernel"], order["device"]) for order in plan["load_order"]]
        self.assertEqual(len(pairs), len(set(pairs)))
        self.assertEqual(set(pairs), {(kernel, address) for kernel in KERNELS for address in plan["functions"]})
        self.assertEqual(plan["outcome"] == "refused", bool(plan["refusals"]))
        if plan["outcome"] != "change":
            return
        for order in plan["load_order"]:
            self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", True), order)
            self.assertIn("vfio_pci", order["modules"])
        written = {change["path"]: change["content"] for change in plan["changes"] if change["kind"] == "write"}
        identity = {
            device["address"]: f"{device['vendor_id'][2:]}:{device['device_id'][2:]}" for device in devices["devices"]
        }
        card = {identity[address] for address in plan["functions"]}
        stays = {what for address, what in identity.items() if address not in plan["functions"]}
        ids = IDS.findall(written[f"/{VFIO_CONF}"])
        if card & stays:
            self.assertEqual(ids, [])
            self.assertIn(f"install vfio-pci {BIND} ", written[f"/{VFIO_CONF}"])
            lines = [line.split() for line in written[f"/{OVERRIDE}"].splitlines() if not line.startswith("#")]
            self.assertEqual([(where, what[:9]) for where, what in lines],
                             [(address, identity[address]) for address in plan["functions"]])
        else:
            self.assertEqual([set(one.split(",")) for one in ids], [card])
            self.assertNotIn(f"/{OVERRIDE}", written)
        chosen = [gpu for gpu in devices["gpus"] if gpu["address"] in plan["functions"]]
        self.assertLess(len(chosen), len(devices["gpus"]), "the host keeps a display")

    def check_modprobe(self, root: Sysroot, plan: dict[str, Any]) -> None:
        """The real modprobe inserts the modules in the order that the plan tells."""
        self.assert_status(root.run("enable"), 0)
        if "blacklist=" in root.read("proc/cmdline"):
            return  # modprobe knows only the command line of the machine that it runs on
        for order in plan["load_order"]:
            inserted = [name for name, _ in root.modprobe(order["kernel"], root.modalias(order["device"]))]
            if inserted:  # where nothing claims the function, modules-load.d loads vfio-pci
                self.assertEqual(order["modules"], inserted, order)
            else:
                self.assertEqual(order["modules"][-1], "vfio_pci")


def case(name: str, variant: str) -> Any:
    return lambda self: self.check(name, variant)


for listing in sorted(MACHINES.glob("*.json")):
    for one in variants(listing):
        method = f"test_{listing.stem}_{one}".replace("-", "_")
        setattr(Machines, method, case(listing.stem, one))


class Coverage(unittest.TestCase):
    def test_all_machines_are_tested(self) -> None:
        self.assertEqual(len(list(MACHINES.glob("*.json"))), 27)
        self.assertGreaterEqual(len([name for name in dir(Machines) if name.startswith("test_")]), 27)


if __name__ == "__main__":
    unittest.main()
