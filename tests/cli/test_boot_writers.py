#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters through every writer of command lines: in, kept by the tool's next run, and out, byte for byte."""

from __future__ import annotations

import unittest
from typing import Any

from boot_setups import SetUp
from helper import SysrootCase
from more_setups import ALL, Limine, NoLoader, Refind, UnifiedSigned
from stage import LAPTOP, Stage

ON = "intel_iommu=on"
BY_HAND = (UnifiedSigned, Limine, Refind, NoLoader)  # enable changes nothing there, and says what a person does


class Writers(SysrootCase):
    stages: dict[str, Stage] = {}

    @classmethod
    def tearDownClass(cls) -> None:
        while cls.stages:
            cls.stages.popitem()[1].close()

    def stage(self, kind: type[SetUp]) -> Stage:
        if kind.system not in self.stages:
            self.stages[kind.system] = Stage(kind.system, *LAPTOP)
        stage = self.stages[kind.system]
        stage.set_up(kind, "splash  loglevel=3")
        return stage

    def words(self, setup: SetUp) -> list[list[str]]:
        """Of every usual entry; a deployment's own name is each time another."""
        return [sorted(word for word in line.split() if not word.startswith("ostree=")) for line in setup.lines()]

    def enable(self, stage: Stage) -> None:
        """Every usual entry gets the parameter, and loses nothing."""
        setup = stage.setup
        before = self.words(setup)
        self.assert_status(stage.vfio_switch("enable"), 0)
        self.assertEqual(self.words(setup), [sorted([*line, ON]) for line in before])

    def check(self, kind: type[SetUp]) -> None:
        stage = self.stage(kind)
        setup = stage.setup
        settings, entries = setup.matching(setup.settings), self.words(setup)
        self.enable(stage)
        enabled = setup.matching(setup.settings), self.words(setup)
        self.assertIn("Nothing to do", stage.root.run("enable").out)
        self.assert_status(stage.vfio_switch("enable"), 0)  # which builds again
        self.assertEqual((setup.matching(setup.settings), self.words(setup)), enabled)
        for command in setup.regenerate:
            stage.run(command)
        self.assertEqual(self.words(setup), enabled[1])
        self.assert_status(stage.vfio_switch("rollback"), 0)
        self.assertEqual((setup.matching(setup.settings), self.words(setup)), (settings, entries))
        # The IOMMU's parameter does no harm, so that disable leaves it; what was added goes with the rollback after it.
        self.enable(stage)
        self.assert_status(stage.vfio_switch("disable"), 0)
        self.assertEqual(self.words(setup), enabled[1])
        self.assert_status(stage.vfio_switch("rollback"), 0)
        self.assertEqual((setup.matching(setup.settings), self.words(setup)), (settings, entries))

    def check_left(self, kind: type[SetUp]) -> None:
        stage = self.stage(kind)
        setup = stage.setup
        before = setup.matching(setup.settings), self.words(setup)
        self.assert_status(stage.vfio_switch("enable"), 3)
        self.assertEqual((setup.matching(setup.settings), self.words(setup)), before)


def case(kind: type[SetUp]) -> Any:
    return lambda self: self.check_left(kind) if kind in BY_HAND else self.check(kind)


for one in ALL:
    setattr(Writers, f"test_{one.__name__}", case(one))

if __name__ == "__main__":
    unittest.main()
