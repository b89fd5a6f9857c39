#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One version everywhere, a licence on every file, and an archive that packages are built from.

Environment: VERSION, that of meson.build; tests/run sets it.
"""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from tap import slow

TOP = Path(__file__).resolve().parent.parent.parent
VERSION = os.environ.get("VERSION", "")
# What is data, or has a format without comments; pkg/debian/copyright speaks for these.
NO_COMMENTS = re.compile(
    r"\.(json|txt|gz|xz|zst|svg|tar)$|^\.gitignore$|^COPYING$|/(seeds|golden|kernels|config|os|overlays|menus)/"
    r"|^pkg/debian/(changelog|control|copyright|source/format|[\w.-]*\.(lintian-overrides|triggers|install|docs))$"
)


def tracked() -> list[str]:
    if not (TOP / ".git").exists() or not shutil.which("git"):
        raise unittest.SkipTest("this is no git checkout")
    command = ["git", "-c", f"safe.directory={TOP}", "-C", str(TOP), "ls-files"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


class Release(unittest.TestCase):
    maxDiff = None

    def test_one_version(self) -> None:
        found = {
            "CHANGELOG.md": r"^## (?:Unreleased \()?([\d.]+)",
            "pkg/debian/changelog": r"^vfio-switch \(([^)]+)-[^-)]+\)",
            "pkg/arch/PKGBUILD": r"^pkgver=(\S+)",
            "pkg/fedora/vfio-switch.spec": r"^Version: *(\S+)",
        }
        self.assertRegex(VERSION, r"^\d+\.\d+\.\d+$")
        for name, pattern in found.items():
            file = TOP / name
            if not file.exists() and not file.parent.is_dir():
                continue  # that package is not there yet
            with self.subTest(file=name):
                version = re.search(pattern, file.read_text(), re.MULTILINE)
                self.assertIsNotNone(version, pattern)
                self.assertEqual(version[1] if version else None, VERSION)

    def test_every_file_names_its_licence(self) -> None:
        without = [name for name in tracked()
                   if not NO_COMMENTS.search(name) and (TOP / name).is_file()
                   and "SPDX-License-Identifier: GPL-3.0-or-later" not in (TOP / name).read_text(errors="replace")[:400]]
        self.assertEqual(without, [])

    def test_the_licence_is_there(self) -> None:
        text = (TOP / "COPYING").read_text()
        self.assertIn("GNU GENERAL PUBLIC LICENSE\n                       Version 3", text)
        self.assertIn("license: 'GPL-3.0-or-later'", (TOP / "meson.build").read_text())

    @slow
    def test_the_archive_holds_all_that_packages_are_built_from(self) -> None:
        tracked()
        with tempfile.TemporaryDirectory() as scratch:
            # Of the last commit, as a release is.
            copy = Path(scratch) / "source"
            run = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--depth=1", f"file://{TOP}", str(copy)]
            subprocess.run(run, check=True)
            names = subprocess.run(["git", "ls-files"], cwd=copy, check=True, capture_output=True, text=True).stdout
            for command in (["meson", "setup", "build", "-Dtests=false"], ["meson", "dist", "-C", "build", "--no-tests"]):
                done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
            with tarfile.open(copy / f"build/meson-dist/vfio-switch-{VERSION}.tar.xz") as archive:
                held = {name.partition("/")[2] for name in archive.getnames()}
        self.assertEqual(set(names.splitlines()) - held, set())


if __name__ == "__main__":
    unittest.main()
