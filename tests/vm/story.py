# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories: what happens to a machine, told as boots and checks."""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import tempfile
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
    minutes: int    # what it costs on two idle cores, where that is too much for every day; else 0


STORIES: dict[str, Story] = {}


def story(name: str, needs_deb: bool = False, minutes: int = 0):
    """Registers a story; the first line of its docstring says what it is about. One with `minutes`
    is told with VFIO_SWITCH_ALL_IMAGES=1, or by its name."""
    def register(function: Callable[[Stage], None]):
        about = (function.__doc__ or "").strip().splitlines()
        STORIES[name] = Story(name, about[0] if about else "", function, needs_deb, minutes)
        return function
    return register


def load(directory: Path) -> None:
    """Imports all stories of a directory."""
    sys.path.insert(0, str(directory))
    for file in sorted(directory.glob("*.py")):
        importlib.import_module(file.stem)


@dataclass(frozen=True)
class Row:
    """Who would get a function, as the program said before a boot, and who got it."""

    scenario: str
    kernel: str
    function: str
    predicted: str
    observed: str


@dataclass(frozen=True)
class Untouched:
    """A machine before anything was done to it: its boot, and its recorded sysfs."""

    boot: guest.BootResult
    record: Path


@functools.cache
def records() -> tempfile.TemporaryDirectory:
    """Where recorded machines are kept until the run ends."""
    return tempfile.TemporaryDirectory(prefix="vm-records-")


UNTOUCHED: dict[str, Untouched] = {}
ESCAPE = "vfio-pci.ids="    # typed at the boot menu


@dataclass
class Tally:
    """How the checks went."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    rows: list[Row] = field(default_factory=list)


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

    def boot(self, machine: guest.Guest, *arguments, predict: Path | None = None, when: str = "",
             **options) -> guest.BootResult:
        """Boots a guest, checks that its job succeeded, and notes the times.

        With `predict`, a recorded sysfs, the guest's vfio-switch is asked before the boot who will
        get each function of the card, and the answer is compared with who did.
        """
        release = options.get("kernel") or machine.kernels()[-1]
        escape = ESCAPE in options.get("cmdline", "").split()
        winners = self._winners_with_escape if escape else self._winners
        predicted = winners(machine, predict, release, when) if predict else {}
        result = machine.boot(*arguments, **options)
        self.note(f"boot {machine.boots} of {machine.name}: {result.wall:.1f} s in all; guest's clock: "
                  f"{result.booted:.1f} s to the job, {result.job:.1f} s in it")
        if result.status != 0:
            self.check(False, f"boot {machine.boots}: the job succeeds", result.output)
        self.as_expected(result, predicted, release, when)
        return result

    def _winners(self, machine: guest.Guest, record: Path, release: str, when: str) -> dict[str, str | None]:
        """What `vfio-switch plan` says of the configuration as it is."""
        said = machine.chroot("vfio-switch", "plan", "--json", record=record, check=False).stdout
        plan = json.loads(said)
        winners = {order["device"]: order["winner"] for order in plan["load_order"] if order["kernel"] == release}
        self.check(plan["outcome"] != "change" and winners, f"{when}: the next boot is predicted", said)
        return winners

    def _winners_with_escape(self, machine: guest.Guest, record: Path, release: str,
                             when: str) -> dict[str, str | None]:
        """What status says of a boot that was asked to leave the card with the host: whether that
        keeps it there, and then who has it where passthrough is disabled."""
        with tempfile.TemporaryDirectory(prefix="vm-escape-") as scratch:
            typed = Path(scratch)
            (typed / "sys").symlink_to(record / "sys")
            (typed / "proc").mkdir()
            (typed / "proc/cmdline").write_text(f"{(record / 'proc/cmdline').read_text().rstrip()} {ESCAPE}\n")
            said = machine.chroot("vfio-switch", "status", "--json", record=typed).stdout
        kept = any(parameter["keeps_host"] for parameter in json.loads(said)["parameters"])
        self.check(kept, f"{when}: status says that the host keeps the card", said)
        plan = json.loads(machine.chroot("vfio-switch", "plan", "disable", "--json", record=record).stdout)
        return {order["device"]: order["winner"] if kept else "vfio_pci"
                for order in plan["load_order"] if order["kernel"] == release}

    def as_expected(self, boot: guest.BootResult, winners: dict[str, str | None], release: str, when: str) -> None:
        """Compares who was said to win each function (a module's name) with who owns it, and keeps
        the rows for the table."""
        for address, winner in winners.items():
            function = boot.functions[address]
            owner = function.driver if function.driver == "vfio-pci" else function.module or function.driver
            row = Row(f"{self.name}, {when}", release, address, winner or "none", owner or "none")
            self.tally.rows.append(row)
            self.equal(row.observed.replace("-", "_"), row.predicted.replace("-", "_"),
                       f"{when}: {address} as expected")

    def untouched(self, name: str = "clean") -> Untouched:
        """One of the machines as it is before anything is done to it; booted once in a run."""
        if name not in UNTOUCHED:
            with guest.Guest(f"untouched-{name}", name) as machine:
                boot = self.boot(machine, record_sysfs=True)
                UNTOUCHED[name] = Untouched(boot, guest.unpack_record(boot.sysfs, Path(records().name, name)))
        return UNTOUCHED[name]


def tell(chosen: list[Story], deb: Path | None) -> Tally:
    """Tells the stories in order, all where none is chosen; a story that breaks off is a failed check."""
    total = Tally()
    everything = bool(chosen) or os.environ.get("VFIO_SWITCH_ALL_IMAGES") == "1"
    for one in chosen or STORIES.values():
        stage = Stage(one.name, deb, total)
        if one.minutes and not everything:
            stage.skip(one.about, f"costs {one.minutes} minutes: contrib/check --all")
            continue
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


def table(rows: list[Row]) -> str:
    """Prediction against reality, for people."""
    titles = ("scenario", "kernel", "function", "predicted", "observed")
    lines = [titles, *((r.scenario, r.kernel, r.function, r.predicted, r.observed) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in lines)
