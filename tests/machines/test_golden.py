#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program says about every machine, as a person would read it, against reviewed files.

A golden file holds nothing that depends on the PCI ID database or on the program's layout: it is
told from the JSON output. VFIO_SWITCH_REGENERATE=1 writes the files anew; read the difference.
"""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

import module_trees
import sysroot
from machine import variants

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from helper import VFIO_SWITCH, memory, plain, run  # noqa: E402

GOLDEN = HERE / "golden"
ANSWERS, NOT_KNOWN = 84, 0
REGENERATE = os.environ.get("VFIO_SWITCH_REGENERATE") == "1"


def ask(root: Path, *words: str) -> dict:
    return run([VFIO_SWITCH, "--sysroot", str(root), "--json", *words]).json


class Teller:
    """Tells one machine's answers in lines."""

    def __init__(self, root: Path):
        self.root = root
        self.answer = ask(root, "devices")
        self.plan = ask(root, "plan", "enable")
        self.device = {device["address"]: device for device in self.answer["devices"]}

    def name(self, address: str) -> str:
        device = self.device[address]
        ids = f"{device['vendor_id'][2:]}:{device['device_id'][2:]}"
        group = "no group" if device["iommu_group"] is None else f"group {device['iommu_group']}"
        return f"{address} {ids} class {device['class'][2:6]}, {device['driver'] or 'no driver'}, {group}"

    def message(self, text: str) -> str:
        text = plain(text)
        for device in self.answer["devices"]:
            if device["name"]:
                text = text.replace(" " + device["name"], "")
        return text

    def card(self, gpu: dict) -> list[str]:
        lines = [self.name(gpu["address"]) + (", boot display" if self.device[gpu["address"]]["boot_vga"] else "")]
        lines += [f"  with {self.name(other)}" for other in gpu["functions"] if other != gpu["address"]]
        lines += [f"  {refusal['code']}: {self.message(refusal['message'])}" for refusal in gpu["refusals"]]
        if gpu["eligible"]:
            lines.append("  can be passed through" + ("; this card is selected" if gpu["selected"] else ""))
        return lines

    def outcome(self) -> list[str]:
        plan = self.plan
        lines = [f"enable: {plan['outcome']}"]
        lines += [f"  {refusal['code']}: {self.message(refusal['message'])}" for refusal in plan["refusals"]
                  if plan["outcome"] == "refused"]
        if plan["outcome"] != "change":
            return lines
        for change in plan["changes"]:
            lines.append(f"  {change['kind']} {change['path']}")
            lines += [f"    {line}" for line in (change["content"] or "").splitlines() if not line.startswith("#")]
        for order in plan["load_order"]:
            modules = [module for module in order["modules"] if module == "vfio_pci" or module in self.claimants()]
            lines.append(f"  {order['kernel']} {order['device']}: {order['winner']} by {', then '.join(modules)}"
                         f" ({order['stage']}, {'proved' if order['proved'] else 'not proved'})")
        return lines

    def claimants(self) -> set[str]:
        return {line.split()[1] for change in self.plan["changes"] for line in (change["content"] or "").splitlines()
                if line.startswith("softdep")}

    def tell(self, title: str) -> str:
        lines = [title, f"IOMMU {'on' if self.answer['iommu_enabled'] else 'off'}", ""]
        for gpu in self.answer["gpus"]:
            lines += self.card(gpu)
        return "\n".join([*lines, "", *self.outcome(), "", self.next_boot()]) + "\n"

    def next_boot(self) -> str:
        """Who gets the card as the machine is, and how much of that is not known."""
        status = ask(self.root, "status")
        answers = [one["proved"] for entry in status["entries"] for one in entry["functions"]]
        return (f"next boot: {status['next_boot']}; of {len(answers)} answers for {len(status['entries'])} entries "
                f"{answers.count(False)} are not known")  # fmt: skip

    def doctor(self, title: str) -> str:
        """What doctor finds, each with its remedy; its reasons are the same everywhere."""
        told = ask(self.root, "doctor")
        lines = [title, "healthy" if told["healthy"] else "falls short", ""]
        for finding in told["findings"]:
            lines.append(f"{finding['severity']}: {finding['code']}{' (ours)' if finding['fixable'] else ''}")
            lines.append(f"  {self.message(finding['found'])}")
            lines += [f"    {self.message(line)}".rstrip() for line in finding["details"]]
            lines.append(f"  -> {self.message(finding['remedy']['text'])}")
        return "\n".join(lines).rstrip() + "\n"


class Golden(unittest.TestCase):
    maxDiff = None

    def check(self, file: Path, told: str) -> None:
        if REGENERATE:
            file.parent.mkdir(exist_ok=True)
            file.write_text(told)
        self.assertTrue(file.exists(), f"{file.name} is missing: VFIO_SWITCH_REGENERATE=1 writes it; review it")
        wanted = file.read_text()
        if "VFIO_SWITCH_PSEUDO" in os.environ:  # a word whose letters are reversed gets no capital at its front
            wanted, told = wanted.lower(), told.lower()
        self.assertEqual(wanted, told, f"{file.name}: if the new text is right, VFIO_SWITCH_REGENERATE=1")


class NotKnown(unittest.TestCase):
    def test_how_many_answers_about_boot_entries_are_not_known(self) -> None:
        """A figure to be lowered: each of them is a machine whose owner is told less than could be told."""
        texts = [path.read_text().splitlines()[-1] for path in sorted(GOLDEN.glob("*.txt"))]
        figures = [list(map(int, re.findall(r"\d+", text))) for text in texts]
        self.assertEqual(sum(answers for answers, _, _ in figures), ANSWERS)
        self.assertEqual(sum(not_known for _, _, not_known in figures), NOT_KNOWN)
        self.assertEqual([text for text in texts if "next boot: unknown" in text], [])


def set_up_grub(root: Path) -> None:
    """A boot loader that kernel parameters can be given to."""
    for name, content in (("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\n'),
                          ("usr/sbin/update-grub", "#!/bin/sh\n")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def add(machine: str, variant: str) -> None:
    def test(self: Golden) -> None:
        with tempfile.TemporaryDirectory(dir=memory()) as directory:
            root = Path(directory) / "root"
            sysroot.build(sysroot.parse([machine, str(root), "--menu", "--variant", variant]))
            if variant == "kernel-off":  # what it lacks is a parameter
                set_up_grub(root)
            teller = Teller(root)
            told, doctor = teller.tell(f"{machine}, {variant}"), teller.doctor(f"{machine}, {variant}")
            module_trees.give_back(root)
        self.check(GOLDEN / f"{machine}.{variant}.txt", told)
        self.check(GOLDEN / f"doctor/{machine}.{variant}.txt", doctor)
    setattr(Golden, f"test_{machine}_{variant}".replace("-", "_"), test)


for path in sorted(HERE.glob("*.json")):
    for variant in variants(path):
        add(path.stem, variant)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
