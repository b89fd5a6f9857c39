#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages and units call never fails them, and never makes them wait for ever."""

import os
import re
import subprocess
import time
import unittest
from pathlib import Path

from helper import Run, SysrootCase, environment

HOOKS = Path(__file__).resolve().parents[2] / "hooks"
LIMIT, GRACE = 2, 1  # seconds
KINDS = {
    "ends": "exit 0",
    "fails": "echo the reason >&2; exit 1",
    "is missing": None,
    "lacks a library": "exit 127",
    "crashes": "ulimit -c 0; kill -SEGV $$",
    "hangs": "while :; do sleep 1; done",
    "hangs, and will not be told": "trap '' TERM; while :; do sleep 1; done",
}


class Guard(SysrootCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.scratch / "root"
        self.builder = self.root / "var/lib/vfio-switch/journal/builder"
        self.builder.parent.mkdir(parents=True)

    def put(self, text: str | None) -> Path:
        """The guard, with another backend and little patience."""
        hook = self.root / "hook"
        hook.unlink(missing_ok=True)
        if text is not None:
            hook.write_text(f"#!/bin/sh\n{text}\n")
            hook.chmod(0o755)
        guard = self.root / "guard"
        words = (HOOKS / "guard.in").read_text().replace("@HOOK@", "/hook")
        words = re.sub(r"(?m)^limit=\d+", f"limit={LIMIT}", words)
        guard.write_text(re.sub(r"(?m)^grace=\d+", f"grace={GRACE}", words))
        guard.chmod(0o755)
        return guard

    def call(self, *words: str, given: str = "") -> tuple[Run, float]:
        start = time.monotonic()
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, env=environment(DPKG_ROOT=f"{self.root}/"), timeout=60
        )
        return Run(list(words), done.returncode, done.stdout, done.stderr), time.monotonic() - start

    def test_it_always_ends_in_success_and_says_what_went_wrong(self) -> None:
        for kind, text in KINDS.items():
            with self.subTest(kind=kind):
                done, seconds = self.call(str(self.put(text)), "drivers-changed")
                self.assert_status(done, 0)
                self.assertLess(seconds, LIMIT + GRACE + 10)
                self.assertEqual("warning" in done.err, kind not in ("ends", "fails"), f"\n{done}")
                if kind == "fails":
                    self.assertIn("the reason", done.err)
                if kind.startswith("hangs"):
                    self.assertIn(f"did not end within {LIMIT} s", done.err)

    def test_a_builder_is_waited_for(self) -> None:
        text = f'echo $$ >{self.builder}; sleep {LIMIT + 3}; : >{self.builder}; echo built'
        done, seconds = self.call(str(self.put(text)), "kernel-added", "6.1")
        self.assertEqual((done.out, done.err), ("built\n", ""))
        self.assertGreater(seconds, LIMIT + 2)

    def test_a_builder_that_is_gone_is_not(self) -> None:
        self.builder.write_text("2147483000\n")
        done, seconds = self.call(str(self.put(KINDS["hangs"])), "kernel-added", "6.1")
        self.assertIn("did not end", done.err)
        self.assertLess(seconds, LIMIT + GRACE + 10)

    def test_without_a_clock_there_is_no_limit(self) -> None:
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "sleep").write_text("#!/bin/sh\nexit 127\n")
        (tools / "sleep").chmod(0o755)
        guard = self.put("/bin/sleep 1; echo whole")
        done = subprocess.run([guard, "drivers-changed"], capture_output=True, text=True, timeout=60,
                              env=environment(DPKG_ROOT=f"{self.root}/", PATH=f"{tools}:{os.environ['PATH']}"))  # fmt: skip
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("whole\n", "", 0))

    def test_targets_and_words_reach_the_backend(self) -> None:
        done, _ = self.call(str(self.put('echo "$@"; cat')), "alpm-check", given="usr/lib/modprobe.d/x\n")
        self.assertEqual(done.out, f"--sysroot {self.root} alpm-check\nusr/lib/modprobe.d/x\n")

    def test_kernel_packages_are_not_failed(self) -> None:
        """The hooks as they are called, with the guard in their place, and without."""
        calls = [
            ("kernel/dkms-vfio-switch", "6.1"),
            ("kernel/dkms-vfio-switch-headers",),
            ("kernel-install/40-vfio-switch.install", "add", "6.1"),
            ("kernel-install/99-vfio-switch.install", "add", "6.1"),
        ]
        for kind in ("is missing", "lacks a library", "crashes", "hangs"):
            guard = self.put(KINDS[kind])
            for there in (True, False):
                for name, *words in calls:
                    with self.subTest(kind=kind, name=name, guard=there):
                        script = self.root / "script"
                        text = (HOOKS / name).read_text()
                        self.assertIn("guard=/usr/lib/vfio-switch/guard\n", text)
                        place = guard if there else "/nowhere/at/all"
                        script.write_text(text.replace("/usr/lib/vfio-switch/guard", str(place)))
                        script.chmod(0o755)
                        done, seconds = self.call(str(script), *words)
                        self.assert_status(done, 0)
                        self.assertLess(seconds, LIMIT + GRACE + 10)

    def test_everything_that_others_call_goes_through_it(self) -> None:
        for name in ("alpm", "kernel", "kernel-install", "systemd"):
            for path in sorted((HOOKS / name).iterdir()):
                with self.subTest(path=path.name):
                    text = "".join(line for line in path.read_text().splitlines(True) if not line.startswith("#"))
                    self.assertNotIn("vfio-switch-hook", text)
                    if path.name != "vfio-switch-bind.service":
                        self.assertIn("/usr/lib/vfio-switch/guard", text)


if __name__ == "__main__":
    os.environ.pop("DPKG_ROOT", None)
    unittest.main()
