#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers at once, a hundred times: one state or the other, never a mixture."""

import fcntl
import random
import subprocess
import time
import unittest

from helper import environment, run
from injection import SEED, WHOLE, FaultCase, Stage

TIMES = 100 if WHOLE else 15
COMMANDS = [("enable", "--rebuild"), ("disable", "--rebuild"), ("rollback", "--rebuild"), ("drivers-changed",)]


class TwoAtOnce(FaultCase):
    def state_after(self, *commands: tuple[str, ...]) -> dict:
        self.stage.back_to("first")
        for words in commands:
            self.assertEqual(self.stage.run(*words).status, 0)
        return self.stage.snapshot()

    def test_never_a_mixed_state(self) -> None:
        stage, chance = self.stage, random.Random(SEED)
        enable, disable, rollback = COMMANDS[:3]
        states = {
            "first": self.state_after(),
            "enabled": self.state_after(enable),
            "disabled": self.state_after(enable, disable),
            "rolled back": self.state_after(enable, rollback),
            # Of a rollback the intent stays, and the images are built anew.
        }
        ends: dict[str, int] = {}
        stage.back_to("first")
        for number in range(TIMES):
            pair = chance.sample(COMMANDS, 2) if chance.random() < 0.8 else [chance.choice(COMMANDS)] * 2
            before = stage.snapshot()
            running = []
            for words in pair:
                running.append(
                    subprocess.Popen(
                        stage.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True, env=environment(),
                    )
                )  # fmt: skip
                time.sleep(chance.choice([0, 0, 0.005, 0.02]))
            texts = [process.communicate(timeout=60) for process in running]
            what = f"number {number}, seed {SEED}: {pair}, {[p.returncode for p in running]}, {texts}"
            for process, (_out, err) in zip(running, texts):
                self.assertIn(process.returncode, (0, 1), what)
                if process.returncode == 1:
                    self.assertIn("another vfio-switch is at work", err, what)
                self.assertNotIn("interrupted", err, what)
            tree = stage.snapshot()
            name = next((name for name, state in states.items() if state == tree), None)
            if name is None:
                # Where the first command was a rollback there may be states that no single one ends in.
                possible = []
                for order in ([pair[0]], [pair[1]], pair, pair[::-1]):
                    possible.append(self.replayed(before, order))
                self.assertIn(tree, possible, what)
                name = "another"
            ends[name] = ends.get(name, 0) + 1
            self.assertEqual(stage.recover().err, "", what)
        print(f"# {TIMES} times: {ends}", flush=True)
        self.assertGreater(len(ends), 1)

    def replayed(self, before: dict, order: list) -> dict:
        """The tree that the commands lead to, one after the other, on a stage of their own."""
        other = Stage()
        try:
            for words in self.history:
                other.run(*words)
            for words in order:
                other.run(*words)
            return other.snapshot()
        finally:
            other.remove()

    history: list = []

    def test_an_event_waits_for_the_lock_and_says_what_it_could_not_do(self) -> None:
        if not WHOLE:
            self.skipTest("waits for half a minute; VFIO_SWITCH_FAULT=whole does")
        stage = self.stage
        self.state_after(COMMANDS[0])
        stage.root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\n")
        before = stage.snapshot()
        with open(stage.path / "var/lib/vfio-switch/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            start = time.monotonic()
            done = run(stage.command("drivers-changed"))
        self.assertEqual(done.status, 0, "no package transaction is broken")
        self.assertTrue(25 < time.monotonic() - start < 60)
        self.assertIn("warning: vfio-switch: 'drivers-changed' was not carried out: another vfio-switch", done.err)
        self.assertEqual(stage.snapshot(), before)


if __name__ == "__main__":
    unittest.main()
