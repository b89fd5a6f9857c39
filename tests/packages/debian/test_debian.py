#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian package in real transactions: what is left when something was wrong before, and who is held up by it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Callable, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "cli")]
os.environ.setdefault("VFIO_SWITCH", "/usr/bin/vfio-switch")  # of the root; the helper asks for one
import debian_root  # noqa: E402  (its directory is known only now)
import test_upgrade  # noqa: E402
import test_way_out  # noqa: E402
from helper import CARD, KERNELS, MODULES_LOAD, SOFTDEP_CONF, STATE, VFIO_CONF, Entry, Sysroot, snapshot  # noqa: E402

MACHINE, KERNEL = "z370-gt1030-no-param", KERNELS[0]
LIBRARY = "usr/lib/vfio-switch"
HOOK = f"{LIBRARY}/vfio-switch-hook"
IMAGE = f"boot/initrd.img-{KERNEL}"
OURS = (VFIO_CONF, SOFTDEP_CONF, MODULES_LOAD, "etc/vfio-switch/override")
NOT_OURS = ["var/lib/dpkg", "var/log", "dev", "proc", "tmp", "run", "boot/initrd.img-*"]
# What only our programs need: libudev is one of GRUB's, too.
HIDDEN = ("libkmod.so*", "libarchive.so*", "libboost*", "libexpat.so*")
KEPT = "the package was removed, but not everything could be restored"
BROKEN = {
    "crashes": "ulimit -c 0; kill -SEGV $$",
    "hangs": "while :; do sleep 1; done",
    "hangs, and will not be told": "trap '' TERM; while :; do sleep 1; done",
}

scratch: tempfile.TemporaryDirectory[str]
ours: Path
older: Path
kernel: Path
bare: debian_root.Root
installed: debian_root.Root


def setUpModule() -> None:
    global scratch, ours, older, kernel, bare, installed
    if os.geteuid() != 0:
        raise unittest.SkipTest("a root for dpkg takes root")
    for tool in ("dpkg", "run-parts", "unshare", "chroot"):
        if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            raise unittest.SkipTest(f"{tool} is not installed")
    scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-debian-")
    unittest.addModuleCleanup(scratch.cleanup)
    directory = Path(scratch.name)
    directory.chmod(0o755)
    ours = debian_root.our_package("0.2.0-1", directory)
    older = debian_root.our_package("0.1.0-1", directory)  # by its number
    kernel = debian_root.kernel_package(KERNEL, directory)
    tree = directory / "tree-0.2.0-1"
    programs = [tree / "usr/bin/vfio-switch", *(tree / LIBRARY).glob("vfio-switch-*")]
    bare = debian_root.Root.create(directory / "bare", MACHINE, KERNEL, Path(os.environ["STAND_IN_INITRAMFS"]), programs)
    bare.write("etc/vfio-switch.conf", "initramfs = always\n")
    installed = bare.copy(directory / "installed")
    done = installed.dpkg("-i", ours)
    if done.status != 0 or not installed.exists(VFIO_CONF):
        raise RuntimeError(str(done))


class DebianCase(unittest.TestCase):
    maxDiff = 4000
    number = 0

    def copy_of(self, base: debian_root.Root) -> debian_root.Root:
        DebianCase.number += 1
        root = base.copy(Path(scratch.name) / f"case-{DebianCase.number}")
        self.addCleanup(shutil.rmtree, root.path.parent)
        return root

    def assert_done(self, done: debian_root.Run) -> debian_root.Run:
        self.assertEqual(done.status, 0, f"\n{done}")
        return done

    def snapshot(self, root: debian_root.Root, *without: str) -> dict[str, Entry]:
        return snapshot(root.path, [*NOT_OURS, *without])

    def assert_same_tree(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        differing = {
            name: (before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        self.assertEqual(dict(list(differing.items())[:8]), {})

    def live(self, root: debian_root.Root) -> list[str]:
        """Of our files those with a line that has an effect."""
        return [name for name in OURS if (root.path / name).is_file() and re.search(r"(?m)^[^#\n]", root.read(name))]

    def assert_given_back_or_told(self, root: debian_root.Root, done: debian_root.Run) -> None:
        """By the real modprobe."""
        orders = [[name for name, _ in Sysroot.modprobe(root, KERNEL, self.modalias(address))] for address in CARD]
        if self.live(root) or any("vfio_pci" in order for order in orders):
            self.assertIn(KEPT, done.words, f"\n{done}")
            self.assertTrue(root.exists(f"{STATE}/state.json"), f"\n{done}")
        else:
            self.assertEqual([order[-1] for order in orders], ["nouveau", "snd_hda_intel"], f"\n{done}")

    def modalias(self, address: str) -> str:
        return bare.read(f"sys/bus/pci/devices/{address}/modalias").strip()

    def break_hook(self, root: debian_root.Root, text: str) -> None:
        """Another program in the hook's place, and little patience with it."""
        (root.path / HOOK).unlink()
        root.write(HOOK, f"#!/bin/sh\n{text}\n", 0o755)
        guard = root.read(f"{LIBRARY}/guard")
        for name in ("limit", "grace"):
            guard = re.sub(rf"(?m)^{name}=\d+", f"{name}=1", guard)
        root.write(f"{LIBRARY}/guard", guard, 0o755)

    def hide_libraries(self, root: debian_root.Root) -> None:
        hidden = [path for pattern in HIDDEN for path in (root.path / "usr/lib/x86_64-linux-gnu").glob(pattern)]
        self.assertTrue(hidden)
        for path in hidden:
            path.unlink()


class Removal(DebianCase):
    def test_it_gives_everything_back(self) -> None:
        root = self.copy_of(bare)
        before = self.snapshot(root)
        self.assert_done(root.dpkg("-i", ours))
        self.assertEqual(json.loads(root.enter("vfio-switch", "status", "--json").out)["next_boot"], "vfio")
        self.assert_done(root.dpkg("-P", "vfio-switch"))
        self.assert_same_tree(before, self.snapshot(root))

    def test_whatever_is_damaged(self) -> None:
        """Nothing of ours has an effect afterwards, or the state is kept and somebody is told."""
        indices = {path.name: path.read_bytes() for path in (bare.path / "usr/lib/modules" / KERNEL).glob("*.bin")}
        damages = test_way_out.Damage("test_every_way_out_of_every_damage").damages()
        for name, damage in damages.items():
            if name == "state.json a FIFO":
                continue  # the stand-in for update-initramfs would wait for who writes into it; Debian's own reads no state
            with self.subTest(damage=name):
                root = self.copy_of(installed)
                damage(root)  # type: ignore[arg-type]  (it has what they use of a Sysroot)
                done = self.assert_done(root.dpkg("-r", "vfio-switch"))
                for index, content in indices.items():  # modprobe itself must be able to answer
                    (root.path / "usr/lib/modules" / KERNEL / index).write_bytes(content)
                self.assert_given_back_or_told(root, done)
                self.assertFalse(root.exists(HOOK))

    def test_without_the_libraries_that_planning_needs(self) -> None:
        root = self.copy_of(installed)
        self.hide_libraries(root)
        self.assertNotEqual(root.enter("vfio-switch", "status").status, 0)
        done = self.assert_done(root.dpkg("-r", "vfio-switch"))
        self.assertEqual(self.live(root), [], f"\n{done}")

    def test_with_a_hook_that_does_nothing(self) -> None:
        for kind, text in BROKEN.items():
            with self.subTest(kind=kind):
                root = self.copy_of(installed)
                self.break_hook(root, text)
                start = time.monotonic()
                done = self.assert_done(root.dpkg("-r", "vfio-switch"))
                self.assertLess(time.monotonic() - start, 15)
                self.assertTrue(self.live(root))
                self.assertIn(KEPT, done.words)
                self.assertIn(f"/{VFIO_CONF}", done.words)
                self.assertTrue(root.exists(f"{STATE}/state.json") and root.exists(f"{STATE}/journal/log"))
                # As it says: install it again, and go back.
                self.assert_done(root.dpkg("-i", ours))
                self.assert_done(root.enter("vfio-switch", "rollback"))
                self.assertEqual(self.live(root), [])

    def test_in_a_root_that_is_another_systems(self) -> None:
        """dpkg --root with scripts that are not run in a chroot."""
        root = self.copy_of(installed)
        host = {name: os.path.lexists(f"/{name}") for name in OURS}
        done = root.enter("dpkg", f"--root={root.path}", "--force-script-chrootless", "-r", "vfio-switch", chroot=False)
        self.assert_done(done)
        self.assertEqual(self.live(root), [], f"\n{done}")
        self.assertEqual({name: os.path.lexists(f"/{name}") for name in OURS}, host)


class Kernels(DebianCase):
    def install_a_kernel(self, root: debian_root.Root) -> debian_root.Run:
        (root.path / IMAGE).unlink()
        done = self.assert_done(root.dpkg("-i", kernel))
        self.assertTrue(root.exists(IMAGE), f"no image was made\n{done}")
        self.assertIn("install ok installed", root.enter("dpkg-query", "-s", "a-kernel").out)
        return done

    def test_beside_a_backend_that_works(self) -> None:
        root = self.copy_of(installed)
        self.assertNotIn("warning", self.install_a_kernel(root).out)
        self.assertIn(VFIO_CONF.encode(), (root.path / IMAGE).read_bytes())

    def test_without_the_libraries_that_planning_needs(self) -> None:
        root = self.copy_of(installed)
        self.hide_libraries(root)
        self.assertIn("'kernel-added' was not done", self.install_a_kernel(root).words)

    def test_with_a_hook_that_crashes_or_hangs(self) -> None:
        for kind, text in BROKEN.items():
            with self.subTest(kind=kind):
                root = self.copy_of(installed)
                self.break_hook(root, text)
                start = time.monotonic()
                done = self.install_a_kernel(root)
                self.assertLess(time.monotonic() - start, 15)
                self.assertIn("'kernel-added' was not done", done.words)


class Answers(DebianCase):
    def answer(self, *verbs: str) -> debian_root.Root:
        """Installed again after it was removed."""
        root = self.copy_of(installed)
        for verb in verbs:
            self.assert_done(root.enter("vfio-switch", verb))
        self.assert_done(root.dpkg("-r", "vfio-switch"))
        self.assertEqual(self.live(root), [])
        return root

    def test_a_no_outlasts_the_package(self) -> None:
        for verb in ("disable", "rollback"):
            with self.subTest(verb=verb):
                root = self.answer(verb)
                self.assertEqual(os.listdir(root.path / STATE), ["declined"])
                self.assertIn("disabled before the package was removed", self.assert_done(root.dpkg("-i", ours)).words)
                self.assertEqual(self.live(root), [])

    def test_purged_it_is_forgotten(self) -> None:
        root = self.answer("disable")
        self.assert_done(root.dpkg("-P", "vfio-switch"))
        self.assertFalse(root.exists(STATE))
        self.assert_done(root.dpkg("-i", ours))
        self.assertIn(VFIO_CONF, self.live(root))

    def test_who_said_nothing_is_asked_nothing(self) -> None:
        root = self.answer()
        self.assertFalse(root.exists(STATE))
        self.assert_done(root.dpkg("-i", ours))
        self.assertIn(VFIO_CONF, self.live(root))


class Upgrade(DebianCase):
    """From what 0.1.0 left; see tests/cli/test_upgrade.py."""

    def older(self, change: Optional[Callable[[debian_root.Root], None]] = None) -> tuple[debian_root.Root, dict[str, Entry]]:
        root = self.copy_of(bare)
        before = self.snapshot(root)
        self.assert_done(root.dpkg("-i", older))
        test_upgrade.as_0_1_0_left_it(root)  # type: ignore[arg-type]
        if change:
            change(root)
        return root, before

    def test_nothing_is_done_without_need(self) -> None:
        root, before = self.older()
        without = [f"{STATE}/hook-facts", f"{STATE}/journal", f"{STATE}/journal/*", "usr/share/vfio-switch/release", f"{STATE}"]
        image, tree = (root.path / IMAGE).stat(), self.snapshot(root, *without)
        self.assert_done(root.dpkg("-i", ours))
        self.assert_same_tree(tree, self.snapshot(root, *without))
        self.assertEqual((root.path / IMAGE).stat().st_ino, image.st_ino, "an image was built")
        status = json.loads(root.enter("vfio-switch", "status", "--json").out)
        self.assertEqual((status["intent"], status["next_boot"]), ("enabled", "vfio"))
        self.assertEqual([one["staged"] for one in status["kernels"]], [True])
        self.assert_done(root.dpkg("-P", "vfio-switch"))
        self.assert_same_tree(before, self.snapshot(root))

    def test_every_way_back(self) -> None:
        for verb in ("disable", "rollback"):
            with self.subTest(verb=verb):
                root, before = self.older()
                self.assert_done(root.dpkg("-i", ours))
                self.assert_done(root.enter("vfio-switch", verb))
                self.assertEqual(self.live(root), [])
                self.assertNotRegex((root.path / IMAGE).read_bytes(), rb"(?m)^options vfio-pci ids=")
                self.assert_done(root.dpkg("-P", "vfio-switch"))
                self.assert_same_tree(before, self.snapshot(root))

    def test_what_was_interrupted_is_taken_back(self) -> None:
        def interrupt(root: debian_root.Root) -> None:
            log = f"{STATE}/journal/log"
            lines = root.read(log).splitlines(True)
            self.assertIn("committed", lines[-1])
            root.write(log, "".join(lines[:-1]), 0o600)

        root, before = self.older(interrupt)
        done = self.assert_done(root.dpkg("-i", ours))
        self.assertIn("an interrupted", done.words)
        self.assert_done(root.dpkg("-P", "vfio-switch"))
        self.assert_same_tree(before, self.snapshot(root))


if __name__ == "__main__":
    unittest.main()
