#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies do what they promise: the program is there, no tool undoes the edit, and then the finding is gone.

Every way that needs only programs, edits and a reboot is carried out, with stand-ins for the boot loaders' tools
(tests/cli/boot_setups.py says what each was compared with). What is left to a person is a closed list, reviewed here.
"""

from __future__ import annotations

import os
import re
import sys
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from boot_setups import GrubArch, GrubDebian, Grubby, SetUp  # noqa: E402
from machine import load, variants  # noqa: E402
from more_setups import ALL, NoLoader, UnifiedSigned  # noqa: E402
from stage import LAPTOP, Stage, Way, is_doable, remedies, ways  # noqa: E402
from sysroot import system_of  # noqa: E402

DESKTOP = ("z370-gt1030-no-param",)
IDS = "10de:1d01,10de:0fb8"  # of its card
BOOT_WORDS = ("BOOT_IMAGE=", "initrd=", "root=")
COMMANDS = (("doctor",), ("plan", "enable"), ("plan", "disable"), ("devices",))
# A finding, the machine that has it, and the words on its kernel command line that it comes from: three that every
# set-up is tried with, and five of which each gets one (with VFIO_SWITCH_ALL=1 all).
FOR_ALL = (
    ("iommu-parameter-missing", LAPTOP, ""),
    ("iommu-switched-off", LAPTOP, "intel_iommu=off"),
    ("ids-partial", DESKTOP, "vfio-pci.ids=10de:1d01"),
)  # fmt: skip
CASES = (
    *FOR_ALL,
    ("parameter-wrong-vendor", LAPTOP, "amd_iommu=on"),
    ("passthrough-lost", DESKTOP, "vfio-pci.ids=10de:1d01"),
    ("driver-blacklisted", DESKTOP, "modprobe.blacklist=nouveau"),
    ("ids-parameter-kept", DESKTOP, "vfio-pci.ids="),
    ("still-given", DESKTOP, f"rd.driver.pre=vfio-pci vfio-pci.ids={IDS}"),
)  # fmt: skip


# What only a person can do, and why no program can: a code that is new here has been thought about.
BY_HAND = {
    "reboot": "it ends what everybody on the machine is doing",
    "log-in-again": "it ends the person's own session",
    "turn-on-vt-d": "the firmware's settings have no interface that all boards share",
    "turn-on-amd-iommu": "the same",
    "turn-on-iommu": "the same",
    "turn-on-acs": "the same",
    "choose-primary-gpu": "the same",
    "update-firmware": "which version helps stands in the manufacturer's notes",
    "other-slot": "hands are needed",
    "move-monitor": "hands are needed",
    "move-keyboard-or-disk": "hands are needed",
    "unmount-disk": "only the person knows whose a disk is to be",
    "move-default-route": "how the host reaches its network is the person's choice",
    "add-gpu": "hands are needed, and money",
    "insert-card": "hands are needed",
    "load-host-driver": "which driver a host wants for its own card is the person's choice",
    "other-tools-window": "the setting has no file that others may write",
    "set-vm-device": "only the person knows which device a virtual machine was to get",
    "rebuild-initramfs": "no tool is known that builds the images of this machine",
    "build-and-sign-image": "no tool is known that builds the image, or the key that signs it is not ours to use",
    "install-kernel": "which kernel a person runs is their choice",
    "install-vendor-reset": "no distribution has it, and it comes with a kernel module that is built on the machine",
    "sign-module": "the key is the person's",
    "run-on-the-machine": "nothing here can run there",
    "accept-no-screen": "it is a risk to be taken",
    "keep-other-access": "it is a precaution outside the machine",
    "add-to-boot-loader": "what passes the command line is not known, or its file cannot be edited",
    "remove-from-boot-loader": "the same",
    "add-to-image-source": "the image is signed, and its source is not known",
    "remove-from-image-source": "the same",
    "write-command-line": "what else stands in the command line is known to the person who built the image",
    "comment-out": "the line is somebody's, and what it is for is not known",
    "mind-devices": "whether a device that the step before frees should be free is the person's to know",
    "move-away": "the same of a file",
    "have-recovery-key": "it is on paper",
    "report-bug": "people read it",
}


class ByHand(unittest.TestCase):
    def test_the_list_is_closed(self) -> None:
        header = (HERE.parents[1] / "src/core/message/remedy.h").read_text()
        body = re.search(r"enum class ByHand \{(.*?)\n\};", header, re.DOTALL)
        assert body is not None
        codes = re.findall(r"(?m)^  (\w+),", body[1])
        self.assertEqual(sorted(code.replace("_", "-") for code in codes), sorted(BY_HAND))


class Case(unittest.TestCase):
    maxDiff = None

    def check_answers(self, stage: Stage) -> None:
        for command in COMMANDS:
            for steps in remedies(stage.json(*command)):
                self.check_steps(stage, steps)

    def check_steps(self, stage: Stage, steps: Way) -> None:
        self.assertEqual(stage.wrong_steps(steps), [], f"of {steps}")
        self.assertLessEqual({step["code"] for step in steps if step["kind"] == "by-hand"}, set(BY_HAND))


class SetUps(Case):
    stages: dict[tuple[str, ...], Stage] = {}

    @classmethod
    def tearDownClass(cls) -> None:
        while cls.stages:
            cls.stages.popitem()[1].close()

    def stage(self, kind: type[SetUp], machine: tuple[str, ...]) -> Stage:
        key = (kind.system, *machine)
        if key not in self.stages:
            self.stages[key] = Stage(*key)
        return self.stages[key]

    def check(self, kind: type[SetUp], code: str, machine: tuple[str, ...], words: str) -> None:
        stage = self.stage(kind, machine)
        self.set_up(stage, kind, code, words)
        self.check_answers(stage)
        found = stage.findings(code)
        self.assertNotEqual(found, [])
        for number in range(len(ways(found[0]))):
            done = [ways(steps)[number] for steps in found]
            if not all(is_doable(way) for way in done):
                self.assertIn(kind, (NoLoader, UnifiedSigned), f"left to a person: {done}")
                continue
            if number > 0:
                self.set_up(stage, kind, code, words)
            for way in done:
                stage.do(way)
            stage.reboot()
            self.assertEqual(stage.findings(code), [], f"after {done}")

    def set_up(self, stage: Stage, kind: type[SetUp], code: str, words: str) -> None:
        stage.set_up(kind, words)
        if code == "ids-parameter-kept":
            stage.root.write("etc/modprobe.d/own.conf", f"options vfio-pci ids={IDS}\n")
        if code == "words-outside-quotes":
            settings = stage.root.read("etc/default/grub")
            stage.root.write("etc/default/grub", settings.replace('"quiet"', '"quiet" iommu=pt'))
        if code == "still-given":
            for verb in ("enable", "disable"):
                self.assertEqual(stage.vfio_switch(verb).status, 0)


    def test_words_outside_the_quotes(self) -> None:
        for kind in (GrubDebian, GrubArch):
            with self.subTest(kind.__name__):
                self.check(kind, "words-outside-quotes", LAPTOP, "")
                self.assertEqual({"quiet", "iommu=pt"} - set(self.stage(kind, LAPTOP).setup.lines()[0].split()), set())


def case(kind: type[SetUp], code: str, machine: tuple[str, ...], words: str) -> Any:
    return lambda self: self.check(kind, code, machine, words)


class Machines(Case):
    """Every machine, with the boot loader that its system has and the command line that was reported."""

    def check_machine(self, name: str, variant: str) -> None:
        options = [word for word in ("--variant", variant) if variant]
        machine = load(HERE / f"{name}.json", variant or None)
        kind = {"debian": GrubDebian, "arch": GrubArch, "fedora": Grubby}[system_of(machine)]
        words = [word for word in (machine.cmdline or "").split() if not word.startswith(BOOT_WORDS) and word not in ("ro", "quiet")]
        stage = Stage(kind.system, name, *options)
        self.addCleanup(stage.close)
        stage.set_up(kind, " ".join(words))
        self.check_answers(stage)
        found = [(finding["code"], ways(finding["remedy"]["steps"])[0]) for finding in stage.json("doctor")["findings"]
                 if finding["remedy"]]  # fmt: skip
        for code, way in found:
            if is_doable(way):
                stage.set_up(kind, " ".join(words))
                stage.do(way)
                stage.reboot()
                self.assertEqual(stage.findings(code), [], f"after {way}")


def machine_case(name: str, variant: str) -> Any:
    return lambda self: self.check_machine(name, variant)


for listing in sorted(HERE.glob("*.json")):
    for named in variants(listing) or [""]:
        setattr(Machines, f"test_{listing.stem}_{named}".replace("-", "_"), machine_case(listing.stem, named))

for place, one in enumerate(ALL):
    rest = CASES[len(FOR_ALL):]
    some = CASES if os.environ.get("VFIO_SWITCH_ALL") == "1" else (*FOR_ALL, rest[place % len(rest)])
    for row in some:
        if one is NoLoader and row[0] == "ids-parameter-kept":
            continue  # nothing tells that it is kept
        setattr(SetUps, f"test_{one.__name__}_{row[0]}".replace("-", "_"), case(one, *row))

if __name__ == "__main__":
    unittest.main()
