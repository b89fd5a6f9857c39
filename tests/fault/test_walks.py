#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random walks: whatever happens on the way, a rollback at the end gives back the first state.

Except what the user changed, which stays. A walk that fails is shrunk and printed; the same seed gives
the same walks. VFIO_SWITCH_FAULT_SEED is another seed.
"""

import concurrent.futures
import os
import random
import shutil
import unittest
from typing import Optional

from injection import HOOK, KERNELS, WHOLE, Stage, as_root

SEED = int(os.environ.get("VFIO_SWITCH_FAULT_SEED", "2026"))
WALKS = 200 if WHOLE else 8
LENGTH = 16
OURS = ["etc/modprobe.d/vfio.conf", "etc/modprobe.d/00-vfio-softdep.conf", "etc/modules-load.d/vfio.conf"]
OTHER = "etc/modprobe.d/graphics.conf"
SECOND = KERNELS[1]
CARD = ["0000:01:00.0", "0000:01:00.1"]
COMMANDS = [
    ("enable",), ("enable", "--rebuild"), ("enable", "--force-ours"), ("disable",), ("disable", "--rebuild"),
    ("disable", "--keep-mine"), ("rollback",), ("rollback", "--keep-mine"), ("drivers-changed",),
]  # fmt: skip
CALLS = ["renameat", "fsync", "write", "unlinkat", "fchmod", "mkdirat", "linkat"]

Step = tuple  # what, and with what


def random_step(chance: random.Random) -> Step:
    what = chance.choices(
        ["run", "crash", "edit", "delete", "other", "device", "kernel"], weights=[8, 5, 3, 1, 2, 1, 2]
    )[0]  # fmt: skip
    if what == "run":
        return what, chance.choice(COMMANDS)
    if what == "crash":
        return what, chance.choice(COMMANDS), chance.choice(CALLS), chance.randint(1, 14)
    if what == "edit":
        return what, chance.choice(OURS), f"# edit {chance.randint(1, 999)}\n"
    if what == "delete":
        return what, chance.choice(OURS)
    if what == "other":
        return what, chance.choice(["softdep nouveau post: snd\n", "options snd power_save=1\n", ""])
    return (what,)


def taken_back(content: Optional[bytes]) -> Optional[bytes]:
    """What somebody had written into a file that a disable put out of effect."""
    head, _, lines = (content or b"").partition(b"\n")
    if not head.startswith(b"# Put out of effect by vfio-switch"):
        return None
    return b"".join(line.removeprefix(b"#vfio-switch# ") for line in lines.splitlines(True))


class Walk:
    """A walk on one machine. What the user wrote, and did not lose by their own hand, is remembered."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.user: dict[str, bytes] = {}
        self.given_up: set[str] = set()  # their own file, which they removed: either state is right

    def take(self, step: Step) -> None:
        what, *more = step
        if what == "run":
            done = self.stage.run(*more[0])
            if done.status not in (0, 3):
                raise AssertionError(str(done))
        elif what == "crash":
            self.stage.traced(more[0], [f"{more[1]}:signal=KILL:when={more[2]}"])
        elif what == "edit":
            path = self.stage.path / more[0]
            if path.exists() and path.parent.exists():
                content = path.read_bytes() + more[1].encode()
                path.write_bytes(content)
                self.user[more[0]] = content
        elif what == "delete":
            path = self.stage.path / more[0]
            if path.exists():
                if self.user.get(more[0]) == path.read_bytes() or b"Written by vfio-switch" not in path.read_bytes():
                    self.user.pop(more[0], None)
                    self.given_up.add(more[0])
                path.unlink()
        elif what == "other":
            self.user[OTHER] = more[0].encode()
            self.stage.root.write(OTHER, more[0])
        elif what == "device":
            self.toggle([f"sys/bus/pci/devices/{address}" for address in CARD])
        elif what == "kernel":
            self.toggle([f"usr/lib/modules/{SECOND}", f"boot/initrd.img-{SECOND}"])

    def toggle(self, names: list[str]) -> None:
        """Takes something away from the machine, or gives it back."""
        for name in names:
            inside, outside = self.stage.path / name, self.stage.scratch / name.replace("/", "-")
            if os.path.lexists(inside):
                os.rename(inside, outside)
            elif os.path.lexists(outside):
                os.rename(outside, inside)

    def end(self, first: dict) -> None:
        done = self.stage.run("rollback", "--keep-mine")
        if done.status != 0:
            raise AssertionError(f"the last rollback: {done}")
        tree = self.stage.snapshot()
        wrong = []
        for name in sorted(tree.keys() | first.keys()):
            if name.startswith("boot/initrd.img-") or name in ("var/lib/vfio-switch/state.json", "var/lib/vfio-switch/declined"):
                continue  # built anew; and the intent is remembered
            if name in self.user:
                content = tree[name].content.partition(b"\0")[0] if name in tree else None
                if content != self.user[name] and taken_back(content) != self.user[name]:
                    wrong.append(f"{name}: the user wrote {self.user[name]!r}, it is {content!r}")
            elif name in self.given_up:
                continue
            elif name == "etc/modules-load.d" and OURS[2] in (*self.user, *self.given_up):
                continue  # their file is, or was, in it when we left
            elif tree.get(name) != first.get(name):
                wrong.append(f"{name}: was {first.get(name)}, is {tree.get(name)}")
        if wrong:
            raise AssertionError("\n".join([*wrong, str(done)]))

    def reset(self) -> None:
        for name in [*(f"sys/bus/pci/devices/{address}" for address in CARD), f"usr/lib/modules/{SECOND}"]:
            if not os.path.lexists(self.stage.path / name):
                self.toggle([name])
        self.stage.back_to("first")


def trouble_with(stage: Stage, steps: list[Step], disturbed: bool) -> Optional[str]:
    walk = DisturbedWalk(stage) if disturbed else Walk(stage)
    try:
        walk.reset()
        first = stage.snapshot()
        for step in steps:
            walk.take(step)
        walk.end(first)
    except AssertionError as wrong:
        return str(wrong)
    finally:
        walk.reset()
    return None


def shrunk(stage: Stage, steps: list[Step], disturbed: bool) -> list[Step]:
    """Leaves steps out as long as it fails."""
    at = 0
    while at < len(steps):
        fewer = steps[:at] + steps[at + 1 :]
        if trouble_with(stage, fewer, disturbed):
            steps, at = fewer, 0
        else:
            at += 1
    return steps


def walks(numbers: list[int], disturbed: bool = False) -> list[str]:
    """Runs in a process of its own."""
    stage = Stage(KERNELS)
    found = []
    try:
        for number in numbers:
            chance = random.Random(f"{SEED}-{number}")
            make_step = disturbed_step if disturbed else random_step
            steps = [make_step(chance) for _ in range(chance.randint(3, LENGTH))]
            if not trouble_with(stage, steps, disturbed):
                continue
            steps = shrunk(stage, steps, disturbed)
            lines = "\n  ".join(str(step) for step in steps)
            found.append(f"walk {number}, seed {SEED}, shrunk to\n  {lines}\n{trouble_with(stage, steps, disturbed)}")
            if len(found) == 2:
                break
    finally:
        stage.remove()
    return found


def disturbed_step(chance: random.Random) -> Step:
    """What people and other programs do around ours, and how it is called then."""
    what = chance.choices(
        ["run", "crash", "edit", "delete", "other", "boot", "keep", "restore", "damage"], weights=[8, 4, 3, 2, 1, 2, 2, 2, 1]
    )[0]  # fmt: skip
    if what in ("run", "crash"):
        command = chance.choice([*COMMANDS, ("hook-disable",), ("hook-rollback",), ("pre-remove",), ("post-install",)])
        return (what, command) if what == "run" else (what, command, chance.choice(CALLS), chance.randint(1, 14))
    if what in ("keep", "restore"):
        return what, chance.choice(["etc", "var"])
    if what == "damage":
        return what, chance.choice(["state.json", "journal/log"]), chance.randint(1, 400)
    if what == "boot":
        return (what,)
    return random_step_of(chance, what)


def random_step_of(chance: random.Random, what: str) -> Step:
    while True:
        step = random_step(chance)
        if step[0] == what:
            return step


class DisturbedWalk(Walk):
    """The same with a /boot that is not mounted, snapshots of /etc or /var alone that come back, and damage: there
    is no first state then that could be owed. What is owed is that the way out is open at the end."""

    boot_is_there = True

    def take(self, step: Step) -> None:
        what, *more = step
        if what in ("run", "crash"):
            words = {"hook-disable": ("disable",), "hook-rollback": ("rollback",)}.get(more[0][0], more[0])
            program = HOOK if more[0][0] in ("hook-disable", "hook-rollback", "pre-remove") else None
            inject = [f"{more[1]}:signal=KILL:when={more[2]}"] if what == "crash" else []
            if inject:
                self.stage.traced(words, inject, program)
            elif (done := self.stage.run(*words, program=program)).status not in (0, 1, 3):
                raise AssertionError(str(done))
        elif what == "boot":
            self.toggle_boot()
        elif what == "keep":
            shutil.rmtree(self.stage.scratch / f"kept-{more[0]}", ignore_errors=True)
            shutil.copytree(self.stage.path / more[0], self.stage.scratch / f"kept-{more[0]}", symlinks=True)
        elif what == "restore":
            kept = self.stage.scratch / f"kept-{more[0]}"
            if kept.exists():
                shutil.rmtree(self.stage.path / more[0])
                shutil.copytree(kept, self.stage.path / more[0], symlinks=True)
        elif what == "damage":
            path = self.stage.path / "var/lib/vfio-switch" / more[0]
            if path.is_file() and path.stat().st_size > more[1]:
                os.truncate(path, more[1])
        else:
            super().take(step)

    def toggle_boot(self) -> None:
        """The directory that is seen while the file system is not mounted is empty."""
        inside, outside = self.stage.path / "boot", self.stage.scratch / "boot-aside"
        if self.boot_is_there:
            os.rename(inside, outside)
            inside.mkdir()
        else:
            shutil.rmtree(inside)
            os.rename(outside, inside)
        self.boot_is_there = not self.boot_is_there

    def end(self, first: dict) -> None:
        if not self.boot_is_there:
            self.toggle_boot()
        done = self.stage.run("disable", program=HOOK)
        if done.status != 0:
            raise AssertionError(f"the last disable: {done}")
        for name in OURS:
            path = self.stage.path / name
            lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
            if not any(line.startswith("# digest sha256 ") for line in lines):
                continue  # what was there before us, edited since or not
            if live := [line for line in lines if line.strip() and not line.startswith("#")]:
                raise AssertionError(f"{name} is in effect: {live}\n{done}")
        tree = self.stage.snapshot()
        again = self.stage.run("disable", program=HOOK)
        if again.status != 0 or self.stage.snapshot() != tree:
            raise AssertionError(f"there was something left to do: {again}")

    def reset(self) -> None:
        if not self.boot_is_there:
            self.toggle_boot()
        for top in ("etc", "var"):
            shutil.rmtree(self.stage.scratch / f"kept-{top}", ignore_errors=True)
        super().reset()


class Walks(unittest.TestCase):
    def test_the_way_out_is_open_whatever_happened(self) -> None:
        as_root()
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            parts = [list(range(WALKS))[part::2] for part in range(2)]
            found = sum(pool.map(walks, parts, [True, True]), [])
        print(f"# {WALKS} disturbed walks, seed {SEED}", flush=True)
        self.assertEqual(found, [], "\n\n".join(found))

    def test_a_rollback_gives_back_the_first_state(self) -> None:
        as_root()
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            found = sum(pool.map(walks, [list(range(WALKS))[part::2] for part in range(2)]), [])
        print(f"# {WALKS} walks, seed {SEED}", flush=True)
        self.assertEqual(found, [], "\n\n".join(found))


if __name__ == "__main__":
    unittest.main()
