#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""By whose rules modprobe.d is read below a root: those of its libkmod, or of all where that is not known."""

from __future__ import annotations

import shutil
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("cli", "machines")]
from helper import DESKTOP, KERNELS, Sysroot, SysrootCase  # noqa: E402
from modprobes import LIBRARIES, LIBRARY  # noqa: E402

ALIAS = "etc/modprobe.d/x.alias"
CUT = "etc/modprobe.d/y.conf"
WHY = "could not be read: releases of kmod read it differently, and which one is installed is not known"


class Rules(SysrootCase):
    def root(self, release: int = 0) -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", KERNELS[0], to=f"root-{release}")
        if release:
            library = root.write(f"{LIBRARIES}/libkmod.so.{LIBRARY[release]}", "")
            library.with_name("libkmod.so.2").symlink_to(library.name)
        return root

    def order(self, root: Sysroot, verb: str = "status") -> dict[str, Any]:
        done = root.run(verb, "--json")
        self.assert_status(done, 0)
        return done.json["load_order"][0]

    def test_the_roots_libkmod_decides(self) -> None:
        winners = {30: ("vfio-pci", "nouveau"), 33: ("nouveau", "nouveau"), 34: ("nouveau", "vfio-pci")}
        for release, (by_alias, by_cut) in winners.items():
            root = self.root(release)
            root.write("etc/modprobe.d/a.conf", "options vfio-pci ids=10de:1d01,10de:0fb8\n")
            for name, content, winner in ((ALIAS, "softdep nouveau pre: vfio-pci\n", by_alias),
                                          (CUT, "softdep nouveau pre: vfio-pci\\", by_cut)):
                with self.subTest(release=release, name=name):
                    file = root.write(name, content)
                    order = self.order(root)
                    self.assertEqual((order["winner"], order["proved"]), (winner, True))
                    file.unlink()

    def test_an_unknown_release_leaves_unknown_what_releases_read_differently(self) -> None:
        for name, content in ((ALIAS, "softdep snd_hda_intel pre: nouveau\nsoftdep nouveau post: vfio-pci\n"),
                              (CUT, "softdep nouveau pre: vfio-pci\\")):
            with self.subTest(name=name):
                root = self.root()
                self.assert_status(root.run("enable"), 0)
                self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")
                # What sorts before vfio.conf is taken instead of it.
                file = root.write(f"etc/modprobe.d/0{Path(name).name}", content)
                orders = root.run("status", "--json").json
                self.assertEqual(orders["next_boot"], "unknown")
                unknown = [order for order in orders["load_order"] if not order["proved"]]
                named = {order["reason"]["data"]["file"]["path"] for order in unknown}
                self.assertEqual(named, {f"/etc/modprobe.d/{file.name}"})
                said = " ".join(root.run("status").out.split())
                self.assertIn("not known", said)
                self.assertIn(f"/etc/modprobe.d/{file.name}", said)
                self.assert_status(root.run("verify"), 5)
                file.unlink()
                self.assert_status(root.run("disable"), 0)
                shutil.rmtree(root.path)

    def test_an_unknown_release_leaves_a_plan_unproved(self) -> None:
        """Only some releases would give the card to vfio-pci once more."""
        root = self.root()
        self.assert_status(root.run("enable"), 0)
        root.write(ALIAS, "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n")
        done = root.run("plan", "disable")
        self.assertIn(f"/{ALIAS} {WHY}", " ".join(done.out.split()), f"\n{done}")

    def test_an_unknown_release_matters_only_where_the_answers_differ(self) -> None:
        root = self.root()
        root.write("etc/modprobe.d/a.conf", "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n")
        root.write(ALIAS, "softdep nouveau post: vfio-pci\noptions nouveau modeset=0\n")
        root.write(CUT, "blacklist radeon\\")
        order = self.order(root)
        self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", True))


if __name__ == "__main__":
    unittest.main()
