#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers at once, a hundred times: one state or the other, never a mixture."""

import fcntl
import random
import subprocess
import time
import unittest
from typing import Optional

from injection import SEED, WHOLE, Stage, as_root, environment, tool

TIMES = 100 if WHOLE else 4
ENABLE, DISABLE, ROLLBACK = (("enable", "--rebuild"), ("disable", "--rebuild"), ("rollback", "--rebuild"))
COMMANDS = [ENABLE, DISABLE, ROLLBACK, ("drivers-changed",)]


def differences(tree: dict, state: dict) -> list[str]:
    return sorted(path for path in tree.keys() | state.keys() if tree.get(path) != state.get(path))


class BareStage(Stage):
    """A machine with nothing of anybody's: the commands have few states then."""

    def prepare(self) -> None:
        self.root.write("etc/stand-in-initramfs", "")

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment(),
        )  # fmt: skip

    def state_after(self, *commands: tuple[str, ...]) -> dict:
        self.back_to("first")
        for words in commands:
            done = self.run(*words)
            if done.status != 0:
                raise AssertionError(str(done))
        return self.snapshot()


class TwoAtOnce(unittest.TestCase):
    def stage(self) -> BareStage:
        tool("unshare")
        as_root()
        stage = BareStage()
        self.addCleanup(stage.remove)
        return stage

    def race(self, stage: BareStage, states: dict[str, dict], pair: list, pause: float) -> Optional[str]:
        """The name of the state that the two ended in."""
        first = stage.start(*pair[0])
        time.sleep(pause)
        second = stage.start(*pair[1])
        texts = [process.communicate(timeout=60) for process in (first, second)]
        what = f"seed {SEED}: {pair}, {pause} s between them, {first.returncode}, {second.returncode}, {texts}"
        for process, (_out, err) in zip((first, second), texts):
            self.assertIn(process.returncode, (0, 1), what)
            if process.returncode == 1:
                self.assertIn("another vfio-switch is running", err, what)
            self.assertNotIn("interrupted", err, what)
        tree = stage.snapshot()
        ended = next((name for name, state in states.items() if state == tree), None)
        if ended is None:
            unlike = {name: differences(tree, state) for name, state in states.items()}
            self.fail(f"neither state, paths that differ: {unlike}\n{what}")
        self.assertEqual(stage.recover().err, "", what)
        return ended

    def test_never_a_mixed_state(self) -> None:
        stage, chance = self.stage(), random.Random(SEED)
        states = {
            "first": stage.state_after(),
            "enabled": stage.state_after(ENABLE),
            "disabled": stage.state_after(ENABLE, DISABLE),
            "rolled back": stage.state_after(ENABLE, ROLLBACK),
        }
        stage.back_to("first")
        ends = dict.fromkeys(states, 0)
        for _ in range(TIMES):
            pair = [chance.choice(COMMANDS), chance.choice(COMMANDS)]
            ends[self.race(stage, states, pair, chance.choice([0, 0.004, 0.01, 0.02, 0.04]))] += 1
        print(f"# {TIMES} times: {ends}", flush=True)
        if WHOLE:  # four races may all end alike
            self.assertGreater(sum(count > 0 for count in ends.values()), 2)

    def test_an_event_waits_for_the_lock_and_says_what_it_could_not_do(self) -> None:
        if not WHOLE:
            self.skipTest("waits for half a minute: only with VFIO_SWITCH_FAULT=whole")
        stage = self.stage()
        stage.state_after(ENABLE)
        stage.root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\n")
        before = stage.snapshot()
        with open(stage.path / "var/lib/vfio-switch/journal/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            start = time.monotonic()
            done = stage.run("drivers-changed")
        self.assertEqual(done.status, 0, "no package transaction is broken")
        self.assertTrue(25 < time.monotonic() - start < 60)
        self.assertIn("vfio-switch: warning: 'drivers-changed' failed: another vfio-switch", done.err)
        self.assertEqual(stage.snapshot(), before)


if __name__ == "__main__":
    unittest.main()
