# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a command, or makes a system call fail, at each call with which it changes the tree.

A command is traced once by strace(1) to find those calls: by name, and the how manieth of that name
it is. It is then run anew for each of them, from the same tree, with the kill or the error injected
there.

Environment: as for tests/cli/helper.py, and VFIO_SWITCH_HOOK. VFIO_SWITCH_FAULT=points tries every
call, and whole every error at each; otherwise a sample of them is tried, which takes less than a minute.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from helper import (  # noqa: E402
    DESKTOP, KERNELS, STAND_IN, STAND_IN_GRUB, VFIO_SWITCH, Entry, Run, Sysroot, as_root, environment, memory, record,
    run, tool,
)  # fmt: skip

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
PLAN = os.environ.get("VFIO_SWITCH_PLAN", "")  # what the hook hands events to that need a plan
EVERY_ERROR = os.environ.get("VFIO_SWITCH_FAULT") == "whole"
WHOLE = EVERY_ERROR or os.environ.get("VFIO_SWITCH_FAULT") == "points"
SEED = 6
CHANGING = ["etc", "boot", "var", "run"]  # all that a command may change
JOURNAL = "var/lib/vfio-switch/journal"
# What the program keeps for itself: no part of the machine's state.
OWN = {JOURNAL, "var/lib/vfio-switch/journal/lock", "var/lib/vfio-switch/images", "var/lib/vfio-switch/removal",
       "var/lib/vfio-switch/boot-menu.json", "var/lib/vfio-switch"}

# A question mark: no error where an architecture has no such call.
CHANGES = [
    "write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "fallocate", "sendfile", "copy_file_range",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat", "symlink",
    "symlinkat", "chmod", "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "setxattr", "fsetxattr",
]  # fmt: skip
OPENS = ["openat", "openat2"]
TRACED = ",".join(f"?{name}" for name in [*CHANGES, *OPENS, "close"])
ERRORS = ["ENOSPC", "EIO", "EROFS", "EACCES"]
OPENED = re.compile(r"= (\d+)<")
CLOSED = re.compile(r"^close\((\d+)<")
# The file of an open descriptor, or the directory of one with the name in it.
PLACE = re.compile(r"<(?P<at>/[^>]*)>(?:, \"(?P<name>[^\"]*)\")?")


@dataclass(frozen=True)
class Point:
    """The `number`th call of that name."""

    call: str
    number: int
    line: str  # of the trace
    path: str  # what it changes, below the root; of a rename what is renamed

    @property
    def stratum(self) -> str:
        """Calls of one kind at one kind of place."""
        place = "journal" if self.path.startswith(f"/{JOURNAL}") else self.path.split("/")[1]
        return f"{self.call} {place}"

    def __str__(self) -> str:
        return f"{self.call} number {self.number}, {self.line}"


def place_of(line: str, root: Path) -> str:
    found = PLACE.search(line)
    if not found:
        raise AssertionError(f"no path in {line}")
    name = found["name"] if re.match(r"\w+at2?\(", line) else None  # else it is what is written
    return "/" + os.path.relpath(os.path.join(found["at"], (name or "").lstrip("/")), root)


def points_of(trace: str, root: Path) -> Iterator[Point]:
    """The calls of a trace that change something below `root`."""
    counts: dict[str, int] = {}
    written: set[str] = set()  # descriptors that are open for writing
    for line in trace.splitlines():
        call = line.partition("(")[0]
        counts[call] = counts.get(call, 0) + 1
        inside = str(root) in line
        if not inside:
            continue
        point = Point(call, counts[call], line, place_of(line, root))
        if call in OPENS and re.search(r"O_(WRONLY|RDWR|CREAT)", line):
            opened = OPENED.search(line)
            if opened:
                written.add(opened.group(1))
            if "O_CREAT" in line:
                yield point
        elif call == "close":
            closed = CLOSED.match(line)
            if closed and closed.group(1) in written:
                written.remove(closed.group(1))
                yield point
        elif call in CHANGES:
            yield point


def snapshot(root: Path) -> dict[str, Entry]:
    """What a command may change, without its own journal. The time in state.json is that of the run."""
    tree: dict[str, Entry] = {}
    for top in CHANGING:
        for where, directories, files in os.walk(root / top):
            for name in [*directories, *files]:
                path = os.path.join(where, name)
                key = os.path.relpath(path, root)
                if key in OWN or key.startswith(JOURNAL):
                    continue
                status = os.lstat(path)
                content = b""
                if stat.S_ISLNK(status.st_mode):
                    content = os.readlink(path).encode()
                elif stat.S_ISREG(status.st_mode):
                    content = Path(path).read_bytes()
                    for attribute in os.listxattr(path):
                        content += f"\0{attribute}=".encode() + os.getxattr(path, attribute)
                tree[key] = Entry(status.st_mode, status.st_uid, status.st_gid, content, 0)
    return tree


class Stage:
    """A sysroot, and the trees that it is put back to."""

    def __init__(self, kernels: Sequence[str] = (KERNELS[0],), below: Optional[Path] = None) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="vfio-switch-fault-", dir=below or memory()))
        self.root = Sysroot(self.scratch / "root", DESKTOP, *(word for kernel in kernels for word in ("--kernel", kernel)))
        self.path = self.root.path
        shutil.copy(STAND_IN, self.path / "usr/sbin/update-initramfs")
        self.prepare()
        self.keep("first")

    def prepare(self) -> None:
        """A machine on which somebody followed a guide, and used the older tool before that. Its boot loader
        gets a parameter as well."""
        self.root.write("etc/vfio-switch.conf", "iommu = pt\n")
        self.root.write("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
        self.root.write("boot/grub/grub.cfg", "linux /boot/vmlinuz ro quiet\n")
        shutil.copy(STAND_IN_GRUB, self.path / "usr/sbin/update-grub")
        self.root.write("etc/stand-in-initramfs", "")
        self.root.write("etc/vfio-switch.conf", "initramfs = always\n")  # each command builds an image
        guide = "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n"
        theirs = self.root.write("etc/modprobe.d/vfio.conf", guide, mode=0o600)
        if os.geteuid() == 0:
            os.setxattr(theirs, "trusted.note", b"kept")
            os.chown(theirs, 7, 8)
        self.root.write("etc/modprobe.d/nvidia-passthrough-blacklist.conf", "blacklist nouveau\n")
        (self.path / "etc/modules-load.d").rmdir()  # one that the program has to make

    def remove(self) -> None:
        shutil.rmtree(self.scratch)

    def keep(self, name: str) -> None:
        for top in CHANGING:
            shutil.copytree(self.path / top, self.scratch / name / top, symlinks=True)
            self.own(self.path / top, self.scratch / name / top)

    def back_to(self, name: str) -> None:
        for top in CHANGING:
            shutil.rmtree(self.path / top)
            shutil.copytree(self.scratch / name / top, self.path / top, symlinks=True)
            self.own(self.scratch / name / top, self.path / top)

    @staticmethod
    def own(source: Path, copy: Path) -> None:
        """copytree keeps modes, times and attributes, but no owners."""
        for where, directories, files in os.walk(source):
            for name in [*directories, *files]:
                status = os.lstat(os.path.join(where, name))
                target = copy / os.path.relpath(os.path.join(where, name), source)
                os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)

    def command(self, *words: str, program: Optional[str] = None) -> list[str]:
        programs = {"pre-remove": HOOK, "drivers-changed": PLAN, "post-install": PLAN}
        return [program or programs.get(words[0], VFIO_SWITCH), "--sysroot", str(self.path), *words]

    def run(self, *words: str, program: Optional[str] = None) -> Run:
        return run(self.command(*words, program=program))

    def recover(self) -> Run:
        """A command that has nothing to do but to recover: no such card."""
        return self.run("enable", "--device", "ff:1e.7")

    def traced(
        self, words: Sequence[str], inject: Sequence[str] = (), program: Optional[str] = None
    ) -> tuple[Run, str]:
        log = self.scratch / "trace"
        command = [tool("strace"), "-qq", "-y", "-o", str(log)]
        command += [part for rule in inject for part in ("-e", f"inject={rule}")]
        if not inject:
            command += ["-s", "40", "-e", f"trace={TRACED}"]
        done = subprocess.run(
            [*command, *self.command(*words, program=program)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=environment(ASAN_OPTIONS="detect_leaks=0"), timeout=120,
        )  # fmt: skip
        ended = Run(list(words), done.returncode, done.stdout, done.stderr)
        record(f"{ended.err}\n{ended.out}")
        return ended, log.read_text()

    def snapshot(self) -> dict[str, Entry]:
        return snapshot(self.path)


@dataclass(frozen=True)
class Scenario:
    """A command that is disturbed, and those before it."""

    name: str
    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    vendor_file: bool = False  # arrives before the command
    killed_before: bool = False  # at the very end of the last one of `before`: this one recovers

    def set_up(self, stage: Stage) -> None:
        stage.back_to("first")
        for number, words in enumerate(self.before):
            if self.killed_before and number == len(self.before) - 1:
                point = [p for p in self.points(stage, words) if p.call == "write" and "journal/log" in p.line][-1]
                stage.traced(words, [f"{point.call}:signal=KILL:when={point.number}"])
            else:
                done = stage.run(*words)
                if done.status != 0:
                    raise AssertionError(str(done))
        if self.vendor_file:
            stage.root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\nsoftdep snd_hda_intel post: snd\n")
        shutil.rmtree(stage.scratch / self.name, ignore_errors=True)
        stage.keep(self.name)

    def points(self, stage: Stage, words: Optional[Sequence[str]] = None) -> list[Point]:
        """Traces the command where it is left undisturbed."""
        stage.keep("untraced")
        done, trace = stage.traced(words or self.words)
        stage.back_to("untraced")
        shutil.rmtree(stage.scratch / "untraced")
        if "openat" not in trace:
            raise unittest.SkipTest(f"strace cannot trace here: {done.err.strip()}")
        return list(points_of(trace, stage.path))


SCENARIOS = [
    Scenario("enable", ("enable", "--rebuild")),
    Scenario("disable", ("disable", "--rebuild"), before=(("enable", "--rebuild"),)),
    Scenario("upgrade-refresh", ("drivers-changed",), before=(("enable", "--rebuild"),), vendor_file=True),
    Scenario("rollback", ("rollback", "--rebuild"), before=(("enable", "--rebuild"),)),
    Scenario(
        "recovery", ("enable", "--device", "ff:1e.7"), before=(("enable", "--rebuild"),), killed_before=True
    ),
    Scenario("removal", ("pre-remove",), before=(("enable", "--rebuild"),)),
]  # fmt: skip


class Trial:
    """A scenario at one process's stage."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage, self.scenario = stage, scenario
        scenario.set_up(stage)
        self.start = stage.snapshot()  # another one than the old state where a recovery is disturbed
        if scenario.killed_before:
            stage.recover()
        self.old, before = stage.snapshot(), self.next_boot()
        stage.back_to(scenario.name)
        self.status = stage.run(*scenario.words).status
        self.new, after = stage.snapshot(), self.next_boot()
        self.answers = {before, after}

    def next_boot(self) -> str:
        return self.stage.run("status", "--json").json["next_boot"]

    def wholly(self, tree: dict[str, Entry]) -> Optional[str]:
        """ "old" or "new", if the tree is one of them."""
        return "old" if tree == self.old else "new" if tree == self.new else None

    def difference(self, tree: dict[str, Entry]) -> str:
        lines = []
        for name in sorted(tree.keys() | self.old.keys() | self.new.keys()):
            states = (tree.get(name), self.old.get(name), self.new.get(name))
            if states[0] != states[1] or states[0] != states[2]:
                lines.append(f"{name}: is {states[0]}, old {states[1]}, new {states[2]}")
        return "\n".join(lines)


Attempt = Callable[[Trial, Point, str], str]  # gives "old" or "new"


@functools.cache
def own_stage(below: Path) -> Stage:
    """The one of this process."""
    return Stage(below=below)


@functools.lru_cache(maxsize=1)
def own_trial(below: Path, scenario: Scenario) -> Trial:
    return Trial(own_stage(below), scenario)


@dataclass(frozen=True)
class Job:
    """One disturbance of a scenario."""

    below: Path  # where the process that does it has its stage
    scenario: Scenario
    attempt: Attempt
    point: Point
    error: str  # "": it is killed

    def run(self) -> tuple[str, str]:
        """What it came back as; or nothing, and why that is wrong."""
        trial = own_trial(self.below, self.scenario)
        trial.stage.back_to(self.scenario.name)
        try:
            return self.attempt(trial, self.point, self.error), ""
        except AssertionError as wrong:
            return "", f"{self.scenario.name}, {self.error or 'killed'} at {self.point}:\n{wrong}"


def sample_of(what: list[tuple[Point, str]], size: int, turn: int) -> list[tuple[Point, str]]:
    """A few of each stratum. Where there are more strata than that, another `turn` begins with others."""
    chance = random.Random(f"{SEED}-{turn}")
    strata: dict[str, list[tuple[Point, str]]] = {}
    for one in chance.sample(what, len(what)):
        strata.setdefault(one[0].stratum, []).append(one)
    names = sorted(strata)
    first = turn * size % len(names)
    names = names[first:] + names[:first]
    chosen: list[tuple[Point, str]] = []
    while len(chosen) < min(size, len(what)):
        chosen += [strata[name].pop() for name in names if strata[name]][: size - len(chosen)]
    return chosen


class FaultCase(unittest.TestCase):
    """A scenario disturbed at each of its points, by two processes."""

    scratch: Path
    stage: Stage
    pool: concurrent.futures.ProcessPoolExecutor

    @classmethod
    def setUpClass(cls) -> None:
        tool("strace")
        as_root()  # an initramfs tool is run with mounts of its own
        cls.scratch = Path(tempfile.mkdtemp(prefix="vfio-switch-fault-", dir=memory()))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.stage = Stage(below=cls.scratch)
        cls.pool = concurrent.futures.ProcessPoolExecutor(2)
        cls.addClassCleanup(cls.pool.shutdown)

    def points(self, scenario: Scenario) -> list[Point]:
        scenario.set_up(self.stage)
        points = scenario.points(self.stage)
        # Behind the last call of each name: the run must survive that.
        beyond = [f"{call}:signal=KILL:when=10000" for call in sorted({point.call for point in points})]
        done, _ = self.stage.traced(scenario.words, beyond)
        self.assertGreaterEqual(done.status, 0, str(done))
        return points

    def try_all(self, scenario: Scenario, attempt: Attempt, what: list[tuple[Point, str]], sample: int) -> None:
        total = len(what)
        self.assertGreater(total, 10, "the trace must show something")
        if not WHOLE:
            what = sample_of(what, sample, SCENARIOS.index(scenario))
        jobs = [Job(self.scratch, scenario, attempt, point, error) for point, error in what]
        # A rename anywhere on the machine may have openat2 called once more (RESOLVE_IN_ROOT, EAGAIN), and another
        # call be hit than the one that was meant: what is wrong is so again.
        results = [(end, why) if not why else job.run() for job, (end, why) in zip(jobs, self.pool.map(Job.run, jobs))]
        ends = [end for end, _ in results]
        trouble = [why for _, why in results if why]
        sampled = "" if len(what) == total else f" of {total} (a sample, seed {SEED})"
        print(f"# {scenario.name}: {len(what)} points{sampled}, {ends.count('old')} came back old, "
              f"{ends.count('new')} new", flush=True)  # fmt: skip
        self.assertEqual(trouble, [], "\n\n".join(trouble[:5]))
        self.assertIn("old", ends, "nothing came back old")
