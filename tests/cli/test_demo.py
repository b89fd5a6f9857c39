#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""contrib/demo and contrib/install-deps, as somebody meets them who knows nothing yet.

Environment: BUILD, a build directory that is up to date; tests/run sets it.
"""

import os
import re
import subprocess
import time
import unittest

from helper import HERE, SysrootCase, run, tool
from tap import slow

CONTRIB = HERE.parent.parent / "contrib"
BUILD = os.environ.get("BUILD", "")
STEPS = ["devices", "plan", "enable", "kernel-added", "plan", "status", "disable", "rollback"]


class Demo(SysrootCase):
    @slow
    def test_it_shows_the_main_job_and_leaves_nothing(self) -> None:
        for name in ("meson", "ninja", "modprobe", "sha256sum"):
            tool(name)
        if not BUILD:
            self.skipTest("no build directory is given")
        begin = time.monotonic()
        done = run([str(CONTRIB / "demo"), "--yes"], VFIO_SWITCH_BUILD=BUILD, TMPDIR=str(self.scratch))
        self.assert_status(done, 0)
        self.assertLess(time.monotonic() - begin, 120, "in under two minutes")
        typed = re.findall(r"^\$ vfio-switch(?:-hook)? --sysroot \S+ (\S+)", done.out, re.MULTILINE)
        self.assertEqual(typed, STEPS)
        self.assertRegex(done.out, r"No difference: \d{4,} lines")
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_wrong_words(self) -> None:
        for script in ("demo", "check", "install-deps"):
            with self.subTest(script=script):
                done = run([str(CONTRIB / script), "--frobnicate"])
                self.assert_status(done, 2)
                self.assertIn(script, done.err)


class Dependencies(SysrootCase):
    """With stand-ins for the package managers of the distributions."""

    def stand_ins(self, **scripts: str) -> str:
        place = self.scratch / "bin"
        place.mkdir()
        for name, script in {"id": "echo 0", "cat": 'exec /bin/cat "$@"', **scripts}.items():
            (place / name.replace("_", "-")).write_text(f"#!/bin/sh\n{script}\n")
            (place / name.replace("_", "-")).chmod(0o755)
        return str(place)

    def install(self, path: str, *words: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["/bin/bash", str(CONTRIB / "install-deps"), *words], input=answer, capture_output=True,
                              text=True, env={"PATH": path, "LC_ALL": "C.UTF-8"})  # fmt: skip

    def test_each_package_manager(self) -> None:
        log = self.scratch / "log"
        keep = f'echo "${{0##*/}} $*" >>{log}'
        for name, scripts, expected in (
            ("arch", {"pacman": f'[ "$1" != -T ] || {{ echo meson; exit 127; }}\n{keep}'},
             "pacman -S --needed --noconfirm meson\n"),
            ("fedora", {"dnf": keep, "rpm": 'case "$*" in *meson) exit 1 ;; esac'}, "dnf install -y -q meson\n"),
            ("debian", {"apt_get": keep, "dpkg_query": 'case "$*" in *meson) exit 1 ;; *) printf installed ;; esac'},
             "apt-get update -qq\napt-get install -y -qq --no-install-recommends meson\n"),
        ):  # fmt: skip
            with self.subTest(distribution=name):
                path = self.stand_ins(**scripts)
                log.write_text("")
                refused = self.install(path, "build", answer="n\n")
                self.assertEqual((refused.returncode, log.read_text()), (1, ""), refused.stderr)
                self.assertIn("Nothing was installed", refused.stderr)
                done = self.install(path, "--yes", "build")
                self.assertEqual((done.returncode, log.read_text()), (0, expected), done.stderr)
                subprocess.run(["rm", "-r", path], check=True)

    def test_nothing_is_asked_where_everything_is_there(self) -> None:
        path = self.stand_ins(pacman="[ \"$1\" = -T ]")
        done = self.install(path, "build")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_an_unknown_distribution_is_told_the_names(self) -> None:
        done = self.install(self.stand_ins(), "build")
        self.assertEqual(done.returncode, 1)
        for word in ("Debian", "libkmod-dev", "Arch", "nlohmann-json", "Fedora", "boost-devel"):
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
