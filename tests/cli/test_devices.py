#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of IOMMU groups: what it holds, how it fits a terminal, and the picture of it.

golden/devices holds what is printed on some machines, with ids in place of names, which depend on
the hardware database. VFIO_SWITCH_REGENERATE=1 writes the files anew; read the difference.
"""

import os
import re
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from helper import DESKTOP, HERE, VFIO_SWITCH, Sysroot, SysrootCase, tool
from terminal import COLOUR, on_terminal, uncoloured, width

GOLDEN = HERE / "golden/devices"
REGENERATE = os.environ.get("VFIO_SWITCH_REGENERATE") == "1"
MACHINES = {
    DESKTOP: "one card, alone in its group but for a bridge",
    "x370-pro-rx570-gtx970-rx550": "two that could go, and one in the chipset's group",
    "b650e-7600x-rx7900xt": "a card in two groups",
    "quansight-v100-x6": "two cards in one group",
    "nobara-adl-rx6600-iommu-off": "no groups at all",
    "arc-a770-5600g": "a card with a switch of its own",
}


def without_names(root: Sysroot, text: str) -> str:
    devices = root.run("devices", "--json").json["devices"]
    for device in sorted(devices, key=lambda device: -len(device["name"] or "")):
        if device["name"]:
            text = text.replace(device["name"], f"{device['vendor_id'][2:]}:{device['device_id'][2:]}")
    return text


class Tree(SysrootCase):
    maxDiff = None

    def test_machines(self) -> None:
        for machine in MACHINES:
            with self.subTest(machine=machine):
                root = self.machine(machine, to=machine)
                told = without_names(root, root.run("devices").out)
                file = GOLDEN / f"{machine}.txt"
                if REGENERATE:
                    GOLDEN.mkdir(parents=True, exist_ok=True)
                    file.write_text(told)
                self.assertEqual(file.read_text(), told)

    def test_an_eligible_card_is_marked_and_no_other(self) -> None:
        for machine in MACHINES:
            with self.subTest(machine=machine):
                root = self.machine(machine, to=machine)
                gpus = root.run("devices", "--json").json["gpus"]
                eligible = {function for gpu in gpus if gpu["eligible"] for function in gpu["functions"]}
                text = root.run("devices").out
                self.assertEqual(set(re.findall(r"^  \* (\S+)", text, re.MULTILINE)), eligible)
                shown = set(re.findall(r"^  [ *] ([0-9a-f]{4}:\S+)", text, re.MULTILINE))
                self.assertLessEqual({gpu["address"] for gpu in gpus}, shown)
                for gpu in gpus:
                    for refusal in gpu["refusals"]:
                        self.assertIn(f"      {refusal['code']}: ", text)

    def test_verbose_has_every_function(self) -> None:
        root = self.machine(DESKTOP)
        text = root.run("devices", "-v").out
        for device in root.run("devices", "--json").json["devices"]:
            self.assertEqual(text.count(f"\n    {device['address']}  ") + text.count(f"\n  * {device['address']}  "), 1)

    def test_a_narrow_terminal(self) -> None:
        for machine in MACHINES:
            root = self.machine(machine, to=machine)
            whole = root.run("devices").out
            for columns in (60, 80, 132):
                with self.subTest(machine=machine, columns=columns):
                    shown = on_terminal([VFIO_SWITCH, "--sysroot", str(root.path), "devices"], columns)
                    for line in shown.splitlines():
                        last = uncoloured(line).split(" ")[-1]  # a word that is too long for its column stays whole
                        self.assertTrue(width(line) <= columns or len(last) > columns - 34, line)
                    self.assertEqual(uncoloured(shown).split(), whole.split(), "the same words")

    def test_colour_only_where_it_is_wanted(self) -> None:
        command = [VFIO_SWITCH, "--sysroot", str(self.machine(DESKTOP).path), "devices"]
        self.assertRegex(on_terminal(command, 200), COLOUR)
        self.assertNotRegex(on_terminal(command, 200, NO_COLOR="1"), COLOUR)
        self.assertRegex(on_terminal(command, 200, NO_COLOR=""), COLOUR, "no-color.org: not empty")
        self.assertNotRegex(on_terminal(command, 200, TERM="dumb"), COLOUR)
        self.assertNotRegex(subprocess.run(command, capture_output=True, text=True).stdout, COLOUR)


class Picture(SysrootCase):
    def nodes(self, root: Sysroot) -> "tuple[dict[str, str], set[str], set[str]]":
        """Of the picture as dot draws it: each function's text, the edges, the groups."""
        done = root.run("devices", "--dot")
        self.assert_status(done, 0)
        drawn = subprocess.run([tool("dot"), "-Tsvg"], input=done.out, capture_output=True, text=True)
        self.assertEqual((drawn.stderr, drawn.returncode), ("", 0))
        svg = "{http://www.w3.org/2000/svg}"
        found: "dict[str, dict[str, str]]" = {"node": {}, "edge": {}, "cluster": {}}
        for one in ElementTree.fromstring(drawn.stdout).iter(f"{svg}g"):
            if one.get("class") in found:
                text = " ".join(text.text or "" for text in one.iter(f"{svg}text"))
                found[str(one.get("class"))][one.findtext(f"{svg}title") or ""] = text
        return found["node"], set(found["edge"]), set(found["cluster"])

    def test_it_has_every_function_group_and_bridge(self) -> None:
        for machine in (DESKTOP, "arc-a770-5600g", "nobara-adl-rx6600-iommu-off"):
            with self.subTest(machine=machine):
                root = self.machine(machine, to=machine)
                told = root.run("devices", "--json").json
                nodes, edges, groups = self.nodes(root)
                addresses = {device["address"] for device in told["devices"]}
                self.assertEqual({name for name in nodes if not name.startswith("PCI ")}, addresses)
                numbers = {device["iommu_group"] for device in told["devices"]} - {None}
                self.assertEqual(groups, {f"cluster_{number}" for number in numbers})
                self.assertEqual(len(edges), len(addresses), "each function hangs somewhere")
                for gpu in told["gpus"]:
                    text = nodes[gpu["address"]]
                    self.assertEqual("can be passed through" in text, gpu["eligible"], text)
                    for refusal in gpu["refusals"]:
                        self.assertIn(refusal["code"], text)

    def test_the_card_hangs_below_its_bridge(self) -> None:
        edges = self.nodes(self.machine(DESKTOP))[1]
        self.assertIn("0000:00:01.0->0000:01:00.0", edges)

    def test_names_cannot_leave_their_quotes(self) -> None:
        root = self.machine(DESKTOP)
        driver = root.path / "sys/bus/pci/devices/0000:01:00.0/driver"
        driver.unlink()
        (root.path / 'sys/bus/pci/drivers/a"];b\\').mkdir()
        driver.symlink_to('../../../../bus/pci/drivers/a"];b\\')
        self.assertIn('a"];b\\', self.nodes(root)[0]["0000:01:00.0"])

    def test_it_is_no_json(self) -> None:
        done = self.machine(DESKTOP).run("devices", "--dot", "--json")
        self.assert_status(done, 2)


if __name__ == "__main__":
    unittest.main()
