#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every system call that changes something: each file is whole, and the next run recovers."""

import unittest

from injection import SCENARIOS, FaultCase, Point, Scenario, Trial

SAMPLE = 3  # of each command
MARK = ".vfio-tmp"  # what a temporary file's name ends in


def require(condition: object, words: str) -> None:
    if not condition:
        raise AssertionError(words)


def killed(trial: Trial, point: Point, _error: str) -> str:
    stage = trial.stage
    done, _ = stage.traced(trial.scenario.words, [f"{point.call}:signal=KILL:when={point.number}"])
    require(done.status in (-9, 137), f"it was not killed: {done}")

    # As it stands: every file is wholly old or wholly new, and the proof gives one answer.
    tree = stage.snapshot()
    for name, entry in tree.items():
        if not name.endswith(MARK):
            whole = [state.get(name) for state in (trial.old, trial.new, trial.start)]
            require(entry in whole, f"{name} is neither old nor new: {entry}")
    for name in trial.old.keys() & trial.new.keys() & trial.start.keys():
        require(name in tree, f"{name} is lost")
    plan, status = stage.run("plan", "--json"), stage.run("status", "--json")
    require(plan.status in (0, 3), str(plan))
    require(status.status == 0, str(status))
    require(status.json["next_boot"] in trial.answers, f"{trial.answers} expected: {status}")
    require(all(order["proved"] for order in plan.json["load_order"]), str(plan))
    interrupted = [r for r in status.json["refusals"] if r["code"] == "interrupted"]
    require(bool(interrupted) == (plan.json["refusals"][:1] == interrupted and bool(interrupted)), str(plan))

    # The next run recovers, and says so in one line.
    recovered = stage.recover()
    require(recovered.status == 3, str(recovered))
    said = [line for line in recovered.err.splitlines() if "interrupted" in line]
    require(len(said) <= 1 and bool(said) >= bool(interrupted), str(recovered))
    tree = stage.snapshot()
    came_back = trial.wholly(tree)
    require(came_back, f"after the recovery neither old nor new:\n{trial.difference(tree)}\n{recovered}")
    told = {"was undone": "old", "had not begun": "old", "was finished": "new"}
    require(all(came_back == state for words, state in told.items() if said and words in said[0])
            or trial.old == trial.new, f"it came back {came_back}: {recovered}")  # fmt: skip

    # And the command can be given again, with nothing left to recover from.
    again = stage.run(*trial.scenario.words)
    require("interrupted" not in again.err, f"a second recovery: {again}")
    require(again.status == trial.status and trial.wholly(stage.snapshot()) == trial.wholly(trial.new), str(again))
    return came_back


class CrashPoints(FaultCase):
    def check(self, name: str) -> None:
        scenario = next(s for s in SCENARIOS if s.name == name)
        self.try_all(scenario, killed, [(point, "") for point in self.points(scenario)], SAMPLE)

    def test_enable(self) -> None:
        self.check("enable")

    def test_disable(self) -> None:
        self.check("disable")

    def test_upgrade_refresh(self) -> None:
        self.check("upgrade-refresh")

    def test_rollback(self) -> None:
        self.check("rollback")

    def test_recovery(self) -> None:
        self.check("recovery")

    def test_removal_of_the_package(self) -> None:
        self.check("removal")


if __name__ == "__main__":
    unittest.main()
