#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the running system libkmod's own reading of modprobe.d counts: the program in a root that is its own system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("cli", "machines")]
from helper import DESKTOP, KERNELS, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, run, tool  # noqa: E402
from modprobes import LIBRARY, this_machines  # noqa: E402
from trees import Tree, shown  # noqa: E402

# The program is process 1 and has the root as its own, as on no machine but a real one; of /proc it sees what the
# root says of the kernel.
ENTER = """
mount -t proc proc "$0/proc-of-its-own"
for file in cmdline sys/kernel/osrelease; do mount --bind "$0/proc/$file" "$0/proc-of-its-own/$file"; done
mount --move "$0/proc-of-its-own" "$0/proc"
exec chroot "$0" /vfio-switch "$@"
"""
ALIAS = "/etc/modprobe.d/x.alias"
TREES = 10 if os.environ.get("VFIO_SWITCH_FAST") == "1" else 60


def libraries() -> set[str]:
    """What the program is linked with, and what it opens where an image is compressed."""
    def linked(file: str) -> set[str]:
        said = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
        return set(re.findall(r"/\S+(?= \(0x)", said))

    found = linked(VFIO_SWITCH)
    kmod = next(library for library in found if "/libkmod.so" in library)
    for archive in map(str, Path(kmod).parent.glob("libarchive.so.??")):
        found |= {archive, *linked(archive)}
    return found


class System(SysrootCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.machine(DESKTOP, "--kernel", KERNELS[0])
        # The menu's file system is not mounted on the machine that runs this.
        menu = self.root.read("boot/grub/grub.cfg")
        self.root.write("boot/grub/grub.cfg", re.sub(r"(?m)^\s*search .*$", "", menu))
        self.root.write("proc/sys/kernel/osrelease", f"{KERNELS[0]}\n")
        (self.root.path / "proc-of-its-own").mkdir()
        shutil.copy(VFIO_SWITCH, self.root.path / "vfio-switch")
        for library in libraries():
            target = self.root.path / library[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(library).resolve(), target)
            if target.name == "libkmod.so.2":
                self.libkmod = target

    def kmod_is(self, release: int) -> None:
        """What the file of the library says; what it is stays."""
        named = self.libkmod.with_name(f"libkmod.so.{LIBRARY[release]}")
        self.libkmod.rename(named)
        self.libkmod.symlink_to(named.name)

    def run_inside(self, *words: str) -> Run:
        done = run([*as_root(), tool("unshare"), "--pid", "--fork", "--mount", "--kill-child", "sh", "-euc", ENTER,
                    str(self.root.path), *words])  # fmt: skip
        if re.search(r"(?i)mount.*(permission denied|not permitted)", done.err):
            self.skipTest(f"no /proc of its own can be had here ({done.err.strip()})")
        return done

    def is_read_past_its_end(self, reason: Any) -> bool:
        """True of a file that ends in a backslash: libkmod reads the byte behind it, whatever that is, until 33."""
        if not reason or reason["cause"] != "file-unread":
            return False
        return (self.root.path / reason["data"]["file"]["path"][1:]).read_bytes().endswith(b"\\")

    def test_libkmod_agrees(self) -> None:
        version = this_machines().version
        self.kmod_is(version)
        # libkmod adds these to its lists.
        self.root.boot_with("modprobe.blacklist=radeon,amdgpu snd_hda_intel.power_save=0 nouveau.modeset=1")
        for seed in range(TREES):
            tree = Tree(seed)
            tree.write(self.root.path)
            done = self.run_inside("status", "--json")
            self.assert_status(done, 0)
            (first, second) = done.json["load_order"]
            with self.subTest(seed=seed, files=shown(self.root.path)):
                gamble = tree.has_a_gamble(self.root.path) or self.is_read_past_its_end(first["reason"])
                if not (version < 34 and gamble):
                    self.assertNotIn("in another way", str([first["reason"], second["reason"], done.json["notes"]]))

    def test_a_file_that_libkmod_reads_otherwise_leaves_unknown_what_comes(self) -> None:
        self.root.write(ALIAS[1:], "softdep nouveau pre: vfio-pci\n")
        self.kmod_is(30 if this_machines().version >= 33 else 34)
        words = f"{ALIAS} could not be read: the libkmod of this system reads it in another way than expected"
        done = self.run_inside("plan", "enable")
        self.assert_status(done, 0)
        self.assertIn(words, " ".join(done.out.split()))
        self.assertNotIn("vfio-pci will take", done.out)
        self.assert_status(self.root.run("enable"), 0)
        status = self.run_inside("status", "--json").json
        self.assertEqual((status["intent"], status["next_boot"]), ("enabled", "unknown"))
        for order in status["load_order"]:
            self.assertFalse(order["proved"])
            self.assertEqual(order["reason"]["cause"], "file-unread")
            self.assertEqual(order["reason"]["data"]["file"]["path"], ALIAS)
        done = self.run_inside("status")
        self.assertIn("not known", done.out)
        self.assertIn(ALIAS, done.out)
        self.assert_status(self.run_inside("verify"), 5)

    def test_without_such_a_file_it_is_known(self) -> None:
        self.kmod_is(this_machines().version)
        plan = self.run_inside("plan", "enable", "--json").json
        self.assertEqual([(order["winner"], order["proved"]) for order in plan["load_order"]], [("vfio-pci", True)] * 2)
        self.assert_status(self.root.run("enable"), 0)
        inside, outside = self.run_inside("status", "--json").json, self.root.run("status", "--json").json
        for key in ("next_boot", "load_order"):
            self.assertEqual(inside[key], outside[key])


if __name__ == "__main__":
    unittest.main()
