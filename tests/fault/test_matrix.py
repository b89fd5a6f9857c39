#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file that the program reads, damaged in every way, and the way out all the same.

The list of files is strace's, so that a new one is in it by itself. What counts is the real modprobe's answer on the
root that is left: nothing of ours has an effect. VFIO_SWITCH_FAULT=whole tries everything; else it is a sample, with
one file of each kind of place; "points" is every file in every way, but one of the commands for each.
"""

from __future__ import annotations

import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Callable, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from helper import CARD, DESKTOP, KERNELS, STAND_IN, VFIO_SWITCH, Sysroot, environment, memory, tool  # noqa: E402

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
HOW = os.environ.get("VFIO_SWITCH_FAULT")
SEED = 7
LIMIT = 10  # seconds for each run
WAYS = {"disable": [VFIO_SWITCH, "disable"], "rollback": [VFIO_SWITCH, "rollback"], "pre-remove": [HOOK, "pre-remove"]}
OWN = ["etc/modprobe.d/vfio.conf", "etc/modprobe.d/00-vfio-softdep.conf", "etc/modules-load.d/vfio.conf",
       "etc/vfio-switch/override", "etc/mkinitcpio.conf.d/zz-vfio-switch.conf"]  # fmt: skip
CHANGING = ["etc", "var"]
OPENED = re.compile(r"= \d+<(?P<file>/[^>]*)>")
ASKED = re.compile(r"<(?P<at>/[^>]*)>, \"(?P<name>[^\"]*)\"")


def truncated(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])


def fifo(path: Path, _: bytes) -> None:
    os.mkfifo(path)


def link(target: str) -> Callable[[Path, bytes], None]:
    return lambda path, _: path.symlink_to(target)


def unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)


KINDS: dict[str, Callable[[Path, bytes], object]] = {
    "absent": lambda path, _: None,
    "empty": lambda path, _: path.write_bytes(b""),
    "truncated": truncated,
    "garbage": lambda path, _: path.write_bytes(random.Random(SEED).randbytes(3000)),
    "NUL bytes": lambda path, _: path.write_bytes(bytes(3000)),
    "directory": lambda path, _: path.mkdir(),
    "link to /dev/null": link("/dev/null"),
    "dangling": link("/nowhere/at/all"),
    "FIFO": fifo,
    "EACCES": unreadable,
    "16 MiB of text": lambda path, _: path.write_bytes(b"one line of text\n" * (2**24 // 17 + 1)),
}


class Case(NamedTuple):
    path: str
    kind: str
    way: str


class Stage:
    """A machine on which passthrough is enabled."""

    def __init__(self, below: Path) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="stage-", dir=below))
        self.root = Sysroot(self.scratch / "root", DESKTOP, "--kernel", KERNELS[0])
        self.path = self.root.path
        shutil.copy(STAND_IN, self.path / "usr/sbin/update-initramfs")
        # A softdep that shadows ours: every file that the program may write is there.
        self.root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\n")
        self.root.write("etc/modprobe.d/x.conf", "options drm debug=0\n")
        self.root.write("etc/udev/rules.d/61-gdm.rules", "# none\n")
        done = self.root.run("enable")
        if done.status != 0:
            raise AssertionError(str(done))
        for top in CHANGING:
            shutil.copytree(self.path / top, self.scratch / "kept" / top, symlinks=True)

    def back(self) -> None:
        for top in CHANGING:
            shutil.rmtree(self.path / top)
            shutil.copytree(self.scratch / "kept" / top, self.path / top, symlinks=True)

    def files_read(self) -> list[str]:
        """As seen inside the root: those that were opened, and those that were looked for."""
        found: set[str] = set()
        log = self.scratch / "trace"
        for command in [[*WAYS["disable"], "--dry-run"], *WAYS.values(), [VFIO_SWITCH, "status"], [VFIO_SWITCH, "doctor"]]:
            subprocess.run(
                [tool("strace"), "-f", "-qq", "-y", "-o", str(log), "-s", "300", "-e", "trace=open,openat,openat2",
                 command[0], "--sysroot", str(self.path), *command[1:]],
                capture_output=True, env=environment(ASAN_OPTIONS="detect_leaks=0"), timeout=120,
            )  # fmt: skip
            self.back()
            for line in log.read_text(errors="replace").splitlines():
                opened, asked = OPENED.search(line), ASKED.search(line)
                path = None
                if opened:
                    path = opened["file"]
                elif asked and "ENOENT" in line and "O_DIRECTORY" not in line:
                    path = os.path.join(asked["at"], asked["name"].lstrip("/"))
                if path and path.startswith(f"{self.path}/") and not os.path.isdir(path):
                    found.add(os.path.relpath(os.path.realpath(os.path.dirname(path)), self.path) + "/" + os.path.basename(path))
        return sorted(name for name in found if ".vfio-tmp" not in name and ".vfio-new" not in name)

    def live(self) -> Optional[str]:
        """What modprobe would do of ours; nothing where all is well."""
        for address in CARD:
            try:
                order = self.root.modprobe(KERNELS[0], self.root.modalias(address))
            except (AssertionError, subprocess.TimeoutExpired) as wrong:
                return f"modprobe has no answer: {wrong}"
            if any(name == "vfio_pci" for name, _ in order):
                return f"{address}: {order}"
        return None

    def attempt(self, case: Case) -> Optional[str]:
        """Why it is wrong; nothing where all is well."""
        path = self.path / case.path
        aside = self.scratch / "aside"
        content = b""
        there = os.path.lexists(path)
        if there:
            content = path.read_bytes() if path.is_file() else b""
            shutil.move(path, aside)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            KINDS[case.kind](path, content)
            command = [WAYS[case.way][0], "--sysroot", str(self.path), *WAYS[case.way][1:]]
            if case.kind == "EACCES":
                caps = "-dac_override,-dac_read_search"
                command = [tool("setpriv"), f"--inh-caps={caps}", f"--bounding-set={caps}", *command]
            start = time.monotonic()
            try:
                done = subprocess.run(
                    command, capture_output=True, stdin=subprocess.DEVNULL, text=True, errors="replace", env=environment(),
                    timeout=LIMIT + 20,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return "it does not end"
            said = f"{done.stdout[-1500:]}{done.stderr[-1500:]}exit status {done.returncode}"
            if time.monotonic() - start > LIMIT:
                return f"it took {time.monotonic() - start:.0f} s: {said}"
            # What somebody wrote into a file of ours is theirs to decide about.
            asks = case.way == "rollback" and case.path in OWN and "user-edited" in done.stdout
            if done.returncode != 0 and not asks:
                return said
            if case.path not in OWN:
                self.put_back(path, aside if there else None)
                there = False
            wrong = None if asks else self.live()
            return f"{wrong}\n{said}" if wrong else None
        finally:
            if case.path in OWN or there:
                self.put_back(path, aside if there else None)
            self.back()

    @staticmethod
    def put_back(path: Path, aside: Optional[Path]) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
        if aside is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(aside, path)


STAGES: dict[Path, Stage] = {}


def attempt(below: Path, case: Case) -> tuple[Case, Optional[str]]:
    if below not in STAGES:
        STAGES[below] = Stage(below)
    return case, STAGES[below].attempt(case)


def place(path: str) -> str:
    """What kind of place it is: one device, one kernel, one package stands for all."""
    return re.sub(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]|[0-9a-f]{64}|\d+", "N", path)


class Matrix(unittest.TestCase):
    def test_every_file_in_every_way(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("takes root to be without a capability")
        tool("strace")
        below = Path(tempfile.mkdtemp(prefix="vfio-switch-matrix-", dir=memory()))
        self.addCleanup(shutil.rmtree, below)
        files = Stage(below).files_read()
        places: dict[str, str] = {}
        for name in sorted(files, key=lambda name: (CARD[0] not in name, name)):
            places.setdefault(place(name), name)
        names = sorted({*places.values(), *(name for name in files if name in OWN)})
        self.assertIn("etc/modprobe.d/vfio.conf", names)
        self.assertIn("var/lib/vfio-switch/state.json", names)
        self.assertIn(f"usr/lib/modules/{KERNELS[0]}/modules.dep.bin", names)
        self.assertGreater(len(names), 40)
        cases = [Case(name, kind, way) for name in names for kind in KINDS for way in WAYS]
        total = len(cases)
        if HOW == "points":
            cases = [case for number, case in enumerate(cases) if number % len(WAYS) == number // len(WAYS) % len(WAYS)]
        elif HOW != "whole":
            # Each file once, each kind and each way about as often.
            chance = random.Random(SEED)
            cases = [Case(name, list(KINDS)[number % len(KINDS)], chance.choice(list(WAYS))) for number, name in enumerate(names)]
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            results = list(pool.map(attempt, [below] * len(cases), cases, chunksize=1))
        wrong = [f"{case.way} with {case.path} {case.kind}: {why}" for case, why in results if why]
        print(f"# {len(names)} files of {len(files)}, {len(cases)} of {total} cases, {len(wrong)} wrong", flush=True)
        self.assertEqual(wrong, [], "\n\n".join(wrong[:20]))


if __name__ == "__main__":
    unittest.main()
