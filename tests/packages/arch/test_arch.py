#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Arch package in real transactions: what pacman says, what is built, and what is left."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import arch_root as root  # noqa: E402  (its directory is known only now)

os.environ.setdefault("VFIO_SWITCH", "/usr/bin/vfio-switch")  # of the root; the helper asks for one
sys.path.insert(0, str(HERE.parents[1] / "cli"))
from helper import Entry, snapshot  # noqa: E402

CARD = ["0000:01:00.0", "0000:01:00.1"]
VFIO_CONF = "etc/modprobe.d/vfio.conf"
SOFTDEP_CONF = "etc/modprobe.d/00-vfio-softdep.conf"
DROP_IN = "etc/mkinitcpio.conf.d/zz-vfio-switch.conf"
LINUX, NEWER_LINUX, LTS = "6.12.9-arch1-1", "6.12.10-arch1-1", "6.6.70-1-lts"
IMAGES = {"linux": "boot/initramfs-linux.img", "linux-lts": "boot/initramfs-linux-lts.img"}
# What pacman writes about itself, and programs about what they did.
NOT_OURS = ["var/log", "var/lib/pacman", "var/cache", "dev", "proc", "tmp", "run", "etc/ld.so.cache"]

scratch: tempfile.TemporaryDirectory[str]
packages: root.Packages
base: root.Root


def setUpModule() -> None:
    global scratch, packages, base
    if os.geteuid() != 0:
        raise unittest.SkipTest("a root for pacman takes root")
    for tool in ("pacman", "makepkg", "bsdtar", "unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"{tool} is not installed; tests/packages/arch/install-deps does it")
    scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-arch-")
    unittest.addModuleCleanup(scratch.cleanup)
    directory = Path(scratch.name)
    packages = root.Packages(directory)
    packages.make("PKGBUILD.stand-ins", "stand-ins-1", KERNELS="1")
    packages.make("PKGBUILD.stand-ins", "stand-ins-2", KERNELS="2")
    (directory / "base").mkdir()
    base = root.Root.create(directory / "base", packages.programs())
    names = ("kmod", "mkinitcpio", "linux", "linux-lts")
    done = base.pacman("-U", *(packages.file(name) for name in names))
    if done.status != 0 or not (base.path / IMAGES["linux"]).exists():
        raise RuntimeError(str(done))


def tearDownModule() -> None:
    if "packages" in globals():
        print(f"# mkinitcpio: {packages.mkinitcpio}", flush=True)


class ArchCase(unittest.TestCase):
    maxDiff = 4000

    def setUp(self) -> None:
        self.directory = Path(scratch.name) / "case"
        self.root = base.copy(self.directory)
        self.addCleanup(shutil.rmtree, self.directory)
        self.log_seen = self.log_length()

    def log_length(self) -> int:
        return len(self.log())

    def log(self) -> list[str]:
        return (self.root.path / "var/log/mkinitcpio.log").read_text().splitlines()

    def read(self, name: str) -> str:
        return (self.root.path / name).read_text()

    def write(self, name: str, text: str) -> None:
        path = self.root.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.root.path / name)

    def pacman(self, *arguments: object, status: int = 0) -> root.Run:
        done = self.root.pacman(*arguments)
        self.assertEqual(done.status, status, f"\n{done}")
        return done

    def install(self) -> root.Run:
        return self.pacman("-U", packages.ours)

    def program(self, *arguments: str, status: int = 0) -> root.Run:
        done = self.root.run("vfio-switch", *arguments)
        self.assertEqual(done.status, status, f"\n{done}")
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.program("--json", *arguments, status=status).out)

    def runs(self) -> list[str]:
        """The builds since this was asked last."""
        new = self.log()[self.log_seen :]
        self.log_seen = self.log_length()
        return [line.removeprefix("run ") for line in new if line.startswith("run ")]

    def snapshot(self) -> dict[str, Entry]:
        return snapshot(self.root.path, NOT_OURS)

    def assert_same_tree(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        def told(entry: Optional[Entry]) -> object:
            return entry and dataclasses.replace(entry, content=entry.content[:60])

        differing = {
            name: (told(before.get(name)), told(after.get(name)))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        self.assertEqual(dict(list(differing.items())[:8]), {})

    def assert_staged(self, *releases: str) -> None:
        """Each kernel's image gives the card to vfio-pci: status, and the proof of an empty plan."""
        status = self.json("status")
        kernels = {kernel["release"]: kernel for kernel in status["kernels"]}
        self.assertEqual(set(kernels), set(releases))
        for release in releases:
            self.assertTrue(kernels[release]["staged"], kernels[release])
        self.assertEqual(status["next_boot"], "vfio")
        plan = self.json("plan")
        self.assertEqual((plan["outcome"], plan["functions"]), ("nothing", CARD), plan)
        self.assertEqual(len(plan["load_order"]), len(CARD) * len(releases))
        for order in plan["load_order"]:
            self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", True), order)

    def hooks_in(self, done: root.Run) -> list[str]:
        """The descriptions of the hooks, in the order in which pacman ran them."""
        return re.findall(r"^\(\d+/\d+\) (.*\.\.\.)", done.out, re.MULTILINE)

    def image_names(self, image: str) -> set[str]:
        """The files of an image, by bsdtar behind its early part."""
        listed = self.root.run(
            "bash", "-c", "zstd -dcq <(tail -c +$(($(grep -abom1 $'\\x28\\xb5\\x2f\\xfd' \"$0\" | cut -d: -f1) + 1)) "
            '"$0") | bsdtar -tf -', f"/{image}",
        )  # fmt: skip
        return set(listed.out.splitlines())


class TestMainJob(ArchCase):
    def test_install_sets_up_with_one_build(self) -> None:
        done = self.install()
        self.assertEqual(self.runs(), ["-P"])
        self.assertIn("after the next boot vfio-pci has the card", done.out)
        self.assertEqual(
            self.hooks_in(done),
            [
                "Keeping the graphics card's set-up right...",
                "Updating linux initcpios...",
                "Checking that images give the graphics card to vfio-pci...",
            ],
        )
        self.assert_staged(LINUX, LTS)

    def test_removal_gives_everything_back(self) -> None:
        before = self.snapshot()
        self.install()
        self.runs()
        done = self.pacman("-R", "vfio-switch")
        self.assertEqual(self.runs(), ["-P"])
        self.assertEqual(
            self.hooks_in(done), ["Giving the graphics card back to the host...", "Updating linux initcpios..."]
        )
        self.assert_same_tree(before, self.snapshot())


if __name__ == "__main__":
    unittest.main()
