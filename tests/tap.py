# SPDX-License-Identifier: GPL-3.0-or-later
"""The one form in which every harness here tells its results, and several jobs at once.

A line for each test ("ok 3 - NAME", "not ok ...", "ok ... # SKIP WHY"), comments behind it, a plan
("1..N") that says that nothing broke off, and at last "N passed, N failed, N skipped".
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
import traceback
import unittest
from dataclasses import dataclass, field
from typing import IO, Callable, Iterable, Optional

RESULT = re.compile(r"(ok|not ok)\b(?: +\d+)?(?: +-)? *(.*?)(?: *# *SKIP\b *(.*))?$", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)(?: *# *SKIP\b *(.*))?$", re.IGNORECASE)
TOTAL = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$")
POLL, GRACE = 0.02, 1.0  # seconds

# For a test that takes a second or more, where others show most of the same sooner.
slow = unittest.skipIf(os.environ.get("VFIO_SWITCH_FAST") == "1", "takes long: left out by --fast")


class Tap:
    """Numbers results as they come, and counts them."""

    def __init__(self, for_meson: bool = False) -> None:
        self.for_meson = for_meson  # who warns of a line that is none of TAP's
        self.passed = self.failed = self.skipped = 0

    @property
    def number(self) -> int:
        return self.passed + self.failed + self.skipped

    def result(self, good: object, name: str, skipped: Optional[str] = None, trouble: str = "") -> None:
        """One test; `trouble` is what it said where it failed."""
        skips = bool(good) and skipped is not None
        self.failed += not good
        self.skipped += skips
        self.passed += bool(good) and not skips
        why = f" # SKIP {' '.join((skipped or '').split())}" if skips else ""
        print(f"{'ok' if good else 'not ok'} {self.number} - {name.replace('#', '')}{why}", flush=True)
        if not good:
            self.note(trouble)

    def note(self, text: str) -> None:
        for line in text.splitlines():
            print(f"# {line}".rstrip(), flush=True)

    def relay(self, what: str, lines: Iterable[str], ending: Callable[[], tuple[int, str]]) -> None:
        """The results of a program that prints TAP, with numbers of ours; `ending` gives its exit status and what
        it said on standard error."""
        before, planned, failed = self.number, None, self.failed
        for line in lines:
            line = line.rstrip("\n")
            if one := RESULT.match(line):
                self.result(one[1].lower() == "ok", one[2], one[3])
            elif plan := PLAN.match(line):
                planned = int(plan[1])
                if plan[2] is not None:
                    self.result(True, what, plan[2])
                    before += 1
            elif not TOTAL.match(line):
                print(line if line.startswith("#") else f"# {line}".rstrip(), flush=True)
        told, (status, errors) = self.number - before, ending()
        if planned is None or planned != told or (status != 0 and failed == self.failed):
            ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            self.result(False, f"{what} is run to its end", trouble=f"{ended}, after {told} results, {planned} planned")
        if failed != self.failed:
            self.note("\n".join(f"standard error: {line}" for line in errors.splitlines()[-60:]))

    def close(self) -> int:
        """Prints the plan and the last line; the exit status."""
        print(f"1..{self.number}")
        total = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        print(f"# {total}" if self.for_meson else total, flush=True)
        return 0 if self.number and not self.failed else 1


@dataclass
class Job:
    """Something that prints TAP, in a process of its own."""

    name: str
    run: Callable[[], int]  # gives the exit status
    alone: bool = False  # it keeps all processors busy itself, or measures
    seconds: float = 0  # that it took, or is expected to take
    work: float = 0  # seconds of a processor
    pid: int = 0
    begun: float = 0
    said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    errors: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def start(self) -> None:
        sys.stdout.flush()
        self.begun = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(self._child())

    def _child(self) -> int:
        try:
            os.setsid()
            # What starts tests may ignore them, as nohup and a shell's & do.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (self.said.fileno(), 1), (self.errors.fileno(), 2)):
                os.dup2(source, target)
            return self.run()
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def stop(self) -> None:
        """Ends it: it may end what it started itself."""
        self._kill(signal.SIGTERM)
        time.sleep(GRACE)
        self._kill(signal.SIGKILL)

    def sweep(self) -> None:
        """Ends what it left running."""
        self._kill(signal.SIGKILL)

    def _kill(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def has_ended(self, limit: float) -> Optional[int]:
        """Its status, once it has ended; after `limit` seconds it is made to."""
        self.seconds = time.monotonic() - self.begun
        if self.seconds > limit:
            self.stop()
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        self.work = usage.ru_utime + usage.ru_stime
        return os.waitstatus_to_exitcode(status) if pid else None

    def tell(self, tap: Tap, status: int) -> None:
        said, errors = (self._text(file) for file in (self.said, self.errors))
        tap.relay(self.name, said.splitlines(), lambda: (status, errors))
        tap.note(f"{self.name}: {self.seconds:.1f} s, {self.work:.1f} s of a processor")

    @staticmethod
    def _text(file: IO[bytes]) -> str:
        file.seek(0)
        with file:
            return file.read().decode(errors="replace")


def run_jobs(jobs: Iterable[Job], tap: Tap, at_once: int, limit: float) -> None:
    """Runs them, the longest first; what each printed is told when it ends, `limit` seconds at most."""
    waiting = sorted(jobs, key=lambda job: (job.alone, -job.seconds))
    running: list[Job] = []

    def stopped(number: int, _: object) -> None:
        for job in running:
            job.stop()
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stopped) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while waiting or running:
            while waiting and len(running) < at_once and not any(job.alone for job in running):
                if waiting[0].alone and running:
                    break
                running.append(waiting.pop(0))
                running[-1].start()
            for job in list(running):
                if (status := job.has_ended(limit)) is not None:
                    running.remove(job)
                    job.sweep()
                    job.tell(tap, status)
            time.sleep(POLL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
