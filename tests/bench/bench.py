# SPDX-License-Identifier: GPL-3.0-or-later
"""What benchmarks have in common: commands raced side by side, and ratios told as TAP.

Environment: VFIO_SWITCH, the program; MEASURE, tests/bench/measure.c built; OPTIMIZED, whether both
were. tests/run sets them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cli")]
import helper  # noqa: E402
import tap  # noqa: E402

MEASURE = os.environ.get("MEASURE", "")


@dataclass(frozen=True, order=True)
class Cost:
    """Of one command, the best of several runs: whatever disturbs a run makes it longer."""

    seconds: float
    peak_kib: int

    def __str__(self) -> str:
        return f"{self.seconds * 1000:.1f} ms, {self.peak_kib / 1024:.1f} MiB"


@dataclass(frozen=True)
class Contender:
    """A command, and what runs it without being measured."""

    command: Sequence[str]
    within: Sequence[str] = ()

    def run(self) -> Cost:
        measured = [*self.within, MEASURE, *self.command]
        done = subprocess.run(measured, check=True, stdout=subprocess.PIPE, text=True, env=helper.environment())
        nanoseconds, peak, status = map(int, done.stdout.split())
        if status != 0:
            raise RuntimeError(f"{' '.join(self.command)}: exit status {status}")
        return Cost(nanoseconds / 1e9, peak)


def race(*contenders: Contender, rounds: int) -> list[Cost]:
    """What each costs. They take turns, so that a busy spell hits all of them; the first round warms up."""
    runs = [[contender.run() for contender in contenders] for _ in range(rounds + 1)][1:]
    return [Cost(min(c.seconds for c in costs), max(c.peak_kib for c in costs)) for costs in zip(*runs)]


def race_for(limit: float, ours: Contender, theirs: Contender, rounds: int) -> list[Cost]:
    """As race(), again where the ratio is above `limit`: a busy spell may be as long as a race, and the best of more
    runs is nearer to the truth."""
    costs = race(ours, theirs, rounds=rounds)
    for _ in range(2):
        if costs[0].seconds > costs[1].seconds * limit:
            costs = [min(pair) for pair in zip(costs, race(ours, theirs, rounds=rounds))]
    return costs


class Report(tap.Tap):
    """A line for each ratio, and whether it is within its limit."""

    def line(self, good: bool, text: str) -> None:
        self.result(good, text)

    def ratio(self, what: str, value: float, limit: float, detail: str) -> None:
        self.line(value <= limit, f"{what}: ratio {value:.2f}, limit {limit:.2f} ({detail})")


def main(benchmarks: Sequence[Callable[[Report], None]]) -> int:
    report = Report()
    if os.environ.get("OPTIMIZED") != "1":
        print("1..0 # SKIP the program is not optimized: meson setup --buildtype=minsize")
        return 0
    for benchmark in benchmarks:
        try:
            benchmark(report)
        except unittest.SkipTest as reason:
            report.result(True, benchmark.__name__, str(reason))
        except Exception as error:  # a benchmark that breaks is one that failed; the others go on
            report.line(False, f"{benchmark.__name__}: {error}")
    return report.close()
