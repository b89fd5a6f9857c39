# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories: what happens to a machine, told as boots and checks."""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import guest
import root


@dataclass(frozen=True)
class Story:
    """A function that tells a story, by its name."""

    name: str
    about: str
    tell: Callable[[Stage], None]
    needs_deb: bool


STORIES: dict[str, Story] = {}


def story(name: str, needs_deb: bool = False):
    """Registers a story; the first line of its docstring says what it is about."""
    def register(function: Callable[[Stage], None]):
        about = (function.__doc__ or "").strip().splitlines()
        STORIES[name] = Story(name, about[0] if about else "", function, needs_deb)
        return function
    return register


def load(directory: Path) -> None:
    """Imports all stories of a directory."""
    sys.path.insert(0, str(directory))
    for file in sorted(directory.glob("*.py")):
        importlib.import_module(file.stem)


@dataclass
class Tally:
    """How the checks went."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass
class Stage:
    """What a story is told with: its checks, and the package under test."""

    name: str
    deb: Path | None
    tally: Tally = field(default_factory=Tally)

    def note(self, text: str) -> None:
        """Prints lines that are no check."""
        for line in text.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def check(self, holds: object, what: str, otherwise: str = "") -> bool:
        """One check; `otherwise` is printed where it does not hold."""
        if holds:
            self.tally.passed += 1
        else:
            self.tally.failed += 1
        print(f"{'ok' if holds else 'not ok'} - {self.name}: {what}", flush=True)
        if not holds and otherwise:
            self.note(otherwise)
        return bool(holds)

    def equal(self, seen: object, expected: object, what: str) -> bool:
        """Checks that two values are the same."""
        return self.check(seen == expected, what, f"expected: {expected!r}\nseen:     {seen!r}")

    def skip(self, what: str, why: str) -> None:
        """A check that cannot be made here."""
        self.tally.skipped += 1
        print(f"ok - {self.name}: {what} # SKIP {why}", flush=True)

    def drivers(self, boot: guest.BootResult, expected: dict[str, str | None], when: str) -> None:
        """Checks who owns which function after a boot."""
        for address, driver in expected.items():
            function = boot.functions.get(address)
            self.check(function is not None and function.driver == driver,
                       f"{when}: {address} is {driver or 'without a driver'}", boot.output)

    def boot(self, machine: guest.Guest, *arguments, **options) -> guest.BootResult:
        """Boots a guest, checks that its job succeeded, and notes the times."""
        result = machine.boot(*arguments, **options)
        self.note(f"boot {machine.boots} of {machine.name}: {result.wall:.1f} s in all; guest's clock: "
                  f"{result.booted:.1f} s to the job, {result.job:.1f} s in it")
        if result.status != 0:
            self.check(False, f"boot {machine.boots}: the job succeeds", result.output)
        return result


def tell(chosen: list[Story], deb: Path | None) -> Tally:
    """Tells the stories in order; a story that breaks off is a failed check."""
    total = Tally()
    for one in chosen:
        stage = Stage(one.name, deb, total)
        if one.needs_deb and deb is None:
            stage.skip(one.about, "no package given (--deb)")
            continue
        started = time.monotonic()
        try:
            one.tell(stage)
        except (guest.GuestError, root.BuildError) as error:
            stage.check(False, "is told to its end", str(error))
        except Exception:       # a broken story must not hide the others
            stage.check(False, "is told to its end", traceback.format_exc())
        stage.note(f"{one.name}: {time.monotonic() - started:.0f} s")
    return total
