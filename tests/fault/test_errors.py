#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each system call that changes something fails once: a message that names the file, and the old state."""

import unittest

from injection import ERRORS, EVERY_ERROR, SCENARIOS, FaultCase, Point, Trial

SAMPLE = 4  # of each command
WORDS = {
    "ENOSPC": "No space left on device", "EIO": "Input/output error", "EROFS": "Read-only file system",
    "EACCES": "Permission denied",
}  # fmt: skip


def require(condition: object, words: str) -> None:
    if not condition:
        raise AssertionError(words)


def told_name(path: str) -> str:
    """A file that is written under another name is told by its own."""
    directory, _, name = path.rpartition("/")
    while name.endswith(".vfio-tmp"):
        name = name.removeprefix(".").removesuffix(".vfio-tmp")
    return f"{directory}/{name}"


def failing(trial: Trial, point: Point, error: str) -> str:
    stage = trial.stage
    done, _ = stage.traced(trial.scenario.words, [f"{point.call}:error={error}:when={point.number}"])
    came_back = trial.wholly(stage.snapshot())
    is_event = trial.scenario.words[0] in ("drivers-changed", "pre-remove")  # which never fails
    if came_back == "old" and trial.old != trial.new:
        require(done.status == (0 if is_event else 1), str(done))
        named = point.path in done.err or told_name(point.path) in done.err
        require(WORDS[error] in done.err and named, f"the message: {done}")
    elif came_back == "new":
        # After the commit, or where nothing depends on the call, as in making room for a file.
        require(done.status == trial.status, str(done))
    else:
        # What is left over is named, and goes with the next run.
        require("warning: cannot remove" in done.err and ".vfio-tmp" in done.err,
                f"neither old nor new:\n{trial.difference(stage.snapshot())}\n{done}")  # fmt: skip
        stage.recover()
        came_back = trial.wholly(stage.snapshot())
        require(came_back, f"after the next run neither old nor new:\n{trial.difference(stage.snapshot())}")
    again = stage.run(*trial.scenario.words)
    require(again.status == trial.status and trial.wholly(stage.snapshot()) == trial.wholly(trial.new), str(again))
    return came_back


class Errors(FaultCase):
    def check(self, name: str) -> None:
        scenario = next(s for s in SCENARIOS if s.name == name)
        points = [point for point in self.points(scenario) if point.call != "close"]  # whose errors say nothing
        # Each error takes the same ways through the program: one after the other will do for every day.
        turn = len(ERRORS)
        cases = [(p, error) for n, p in enumerate(points) for error in (ERRORS if EVERY_ERROR else [ERRORS[n % turn]])]
        self.try_all(scenario, failing, cases, SAMPLE)

    def test_enable(self) -> None:
        self.check("enable")

    def test_disable(self) -> None:
        self.check("disable")

    def test_upgrade_refresh(self) -> None:
        self.check("upgrade-refresh")

    def test_rollback(self) -> None:
        self.check("rollback")


if __name__ == "__main__":
    unittest.main()
