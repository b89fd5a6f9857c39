#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random walks: whatever happens on the way, a rollback at the end gives back the first state.

Except what the user changed, which stays. A walk that fails is shrunk and printed; the same seed gives
the same walks. VFIO_SWITCH_FAULT_SEED is another seed.
"""

import concurrent.futures
import os
import random
import unittest
from typing import Optional

from injection import KERNELS, WHOLE, Stage, as_root

SEED = int(os.environ.get("VFIO_SWITCH_FAULT_SEED", "2026"))
WALKS = 200 if WHOLE else 24
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
            if name.startswith("boot/initrd.img-") or name == "var/lib/vfio-switch/state.json":
                continue  # built anew; and the intent is remembered
            if name in self.user:
                content = tree[name].content.partition(b"\0")[0] if name in tree else None
                if content != self.user[name]:
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


def trouble_with(stage: Stage, steps: list[Step]) -> Optional[str]:
    walk = Walk(stage)
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


def shrunk(stage: Stage, steps: list[Step]) -> list[Step]:
    """Leaves steps out as long as it fails."""
    at = 0
    while at < len(steps):
        fewer = steps[:at] + steps[at + 1 :]
        if trouble_with(stage, fewer):
            steps, at = fewer, 0
        else:
            at += 1
    return steps


def walks(numbers: list[int]) -> list[str]:
    """Runs in a process of its own."""
    stage = Stage(KERNELS)
    found = []
    try:
        for number in numbers:
            chance = random.Random(f"{SEED}-{number}")
            steps = [random_step(chance) for _ in range(chance.randint(3, LENGTH))]
            if not trouble_with(stage, steps):
                continue
            steps = shrunk(stage, steps)
            lines = "\n  ".join(str(step) for step in steps)
            found.append(f"walk {number}, seed {SEED}, shrunk to\n  {lines}\n{trouble_with(stage, steps)}")
            if len(found) == 2:
                break
    finally:
        stage.remove()
    return found


class Walks(unittest.TestCase):
    def test_a_rollback_gives_back_the_first_state(self) -> None:
        as_root()
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            found = sum(pool.map(walks, [list(range(WALKS))[part::2] for part in range(2)]), [])
        print(f"# {WALKS} walks, seed {SEED}", flush=True)
        self.assertEqual(found, [], "\n\n".join(found))


if __name__ == "__main__":
    unittest.main()
