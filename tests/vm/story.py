# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories: what happens to a machine, told as boots and checks."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import pickle
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import guest  # noqa: E402  (the directory of tap is known only now)
import root  # noqa: E402
import tap  # noqa: E402


@dataclass(frozen=True)
class Story:
    """A function that tells a story, by its name."""

    name: str
    about: str
    tell: Callable[[Stage], None]
    needs_deb: bool
    minutes: float  # what it costs on two idle cores, where that is too much for every day; else 0
    why: str        # it can be spared from every day


STORIES: dict[str, Story] = {}


def story(name: str, needs_deb: bool = False, minutes: float = 0, why: str = ""):
    """Registers a story; the first line of its docstring says what it is about. One with `minutes`
    is told with VFIO_SWITCH_ALL=1, or by its name; `why` says what stands in for it on other days."""
    def register(function: Callable[[Stage], None]):
        about = (function.__doc__ or "").strip().splitlines()
        STORIES[name] = Story(name, about[0] if about else "", function, needs_deb, minutes, why)
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


ESCAPE = "vfio-pci.ids="    # typed at the boot menu
LIMIT = 3600                # seconds for a story


@dataclass
class Stage:
    """What a story is told with: its checks, and the package under test."""

    name: str
    deb: Path | None
    out: tap.Tap
    rows: list[Row] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Prints lines that are no check."""
        self.out.note(text)

    def check(self, holds: object, what: str, otherwise: str = "") -> bool:
        """One check; `otherwise` is printed where it does not hold."""
        self.out.result(holds, f"{self.name}: {what}", trouble=otherwise)
        return bool(holds)

    def equal(self, seen: object, expected: object, what: str) -> bool:
        """Checks that two values are the same."""
        return self.check(seen == expected, what, f"expected: {expected!r}\nseen:     {seen!r}")

    def skip(self, what: str, why: str) -> None:
        """A check that cannot be made here."""
        self.out.result(True, f"{self.name}: {what}", why)

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
        release = options.get("kernel") or (machine.kernels()[-1] if predict else "")
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
            self.rows.append(row)
            self.equal(row.observed.replace("-", "_"), row.predicted.replace("-", "_"),
                       f"{when}: {address} as expected")

    def untouched(self, name: str = "clean") -> Untouched:
        """One of the machines as it is before anything is done to it; booted once in a run."""
        kept = guest.RUN / f"{name}.pickle"
        with open(guest.RUN / f"{name}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                with guest.Guest(f"untouched-{name}", name) as machine:
                    boot = self.boot(machine, record_sysfs=True)
                    record = guest.unpack_record(boot.sysfs, guest.RUN / name)
                kept.write_bytes(pickle.dumps(Untouched(boot, record)))
            return pickle.loads(kept.read_bytes())


def tell_one(one: Story, deb: Path | None) -> int:
    """Tells a story; one that breaks off is a failed check."""
    stage = Stage(one.name, deb, tap.Tap())
    try:
        one.tell(stage)
    except (guest.GuestError, root.BuildError) as error:
        stage.check(False, "is told to its end", str(error))
    except Exception:
        stage.check(False, "is told to its end", traceback.format_exc())
    (guest.RUN / f"{one.name}.rows").write_text(json.dumps([asdict(row) for row in stage.rows]))
    return stage.out.close()


def tell(chosen: list[Story], deb: Path | None, at_once: int) -> int:
    """Tells stories, all where none is chosen, `at_once` at a time; the exit status."""
    out, everything = tap.Tap(), bool(chosen) or os.environ.get("VFIO_SWITCH_ALL") == "1"
    times = root.cache_directory() / "story-seconds.json"
    seconds = json.loads(times.read_text()) if times.exists() else {}
    jobs: list[tap.Job] = []
    for one in chosen or STORIES.values():
        if one.minutes and not everything:
            out.result(True, f"{one.name}: {one.about}", f"costs {one.minutes:g} minutes, {one.why}: contrib/check --all")
        elif one.needs_deb and deb is None:
            out.result(True, f"{one.name}: {one.about}", "no package given (--deb)")
        else:
            jobs.append(tap.Job(one.name, lambda one=one: tell_one(one, deb), seconds=seconds.get(one.name, 0)))
    tap.run_jobs(jobs, out, at_once, LIMIT)
    times.write_text(json.dumps(seconds | {job.name: round(job.seconds) for job in jobs}, indent=1))
    told = [Row(**row) for job in jobs if (file := guest.RUN / f"{job.name}.rows").exists()
            for row in json.loads(file.read_text())]
    if told:
        out.note(table(told))
    return out.close()


def table(rows: list[Row]) -> str:
    """Prediction against reality, for people."""
    titles = ("scenario", "kernel", "function", "predicted", "observed")
    lines = [titles, *((r.scenario, r.kernel, r.function, r.predicted, r.observed) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in lines)
