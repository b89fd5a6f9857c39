#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees that somebody prepared: nothing outside the root is touched, and each command comes to an end."""

import os
import re
import shutil
import unittest
from pathlib import Path

from helper import (
    KERNELS, MODULES_LOAD, SOFTDEP_CONF, STAND_IN, STATE, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root,
    run, snapshot, tool,
)  # fmt: skip
from tap import slow

IMAGE = f"boot/initrd.img-{KERNELS[0]}"
JOURNAL = f"{STATE}/journal"
OTHER_CONF = "etc/modprobe.d/other.conf"
OWN = (STATE,)
FILES = [VFIO_CONF, SOFTDEP_CONF, MODULES_LOAD, f"{STATE}/state.json", f"{STATE}/journal/lock", f"{JOURNAL}/log"]
TEMPORARIES = [
    "etc/modprobe.d/.vfio.conf.vfio-tmp", "etc/modules-load.d/.vfio.conf.vfio-tmp", f"{STATE}/.state.json.vfio-tmp",
    f"boot/.{Path(IMAGE).name}.vfio-tmp",
]  # fmt: skip
DIRECTORIES = ["etc/modprobe.d", "etc/modules-load.d", STATE, JOURNAL, f"{JOURNAL}/pre-images"]


class Hostile(SysrootCase):
    number = 0

    def prepared(self) -> Sysroot:
        self.number += 1
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], to=str(self.number))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        return root

    def put(self, root: Sysroot, name: str) -> Path:
        """The place for something in place of `name`."""
        path = root.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        return path

    def enable(self, root: Sysroot, *more: str) -> Run:
        return root.run("enable", "--rebuild", *more, prefix=as_root())

    def assert_clear_error(self, root: Sysroot, before: dict, done: Run, name: str) -> None:
        self.assertIn(done.status, (1, 3), f"\n{done}")
        self.assertIn(f"/{name}", done.out + done.err)
        self.assert_same_tree(before, root.snapshot(without=OWN, times=True))

    @slow
    def test_links_out_of_the_root(self) -> None:
        outside = self.scratch / "outside"
        (outside / "directory").mkdir(parents=True)
        (outside / "file").write_text("not ours\n")
        for name in [*FILES, *TEMPORARIES, *DIRECTORIES]:
            for target in ("directory" if name in DIRECTORIES else "file", "missing"):
                with self.subTest(name=name, target=target):
                    root = self.prepared()
                    self.put(root, name).symlink_to(outside / target)
                    before, around = root.snapshot(without=OWN), snapshot(outside, without=(), times=True)
                    done = self.enable(root)
                    self.assert_same_tree(around, snapshot(outside, without=(), times=True))
                    if done.status != 0:
                        self.assertIn(done.status, (1, 3), f"\n{done}")
                        self.assert_same_tree(before, root.snapshot(without=OWN))
                    elif name not in TEMPORARIES:
                        self.assertIn(name, ("etc/modprobe.d", "etc/modules-load.d"), f"\n{done}")

    def test_links_in_place_of_files_are_refused(self) -> None:
        for name in FILES:
            with self.subTest(name=name):
                root = self.prepared()
                self.put(root, name).symlink_to("/etc/hostname")
                before = root.snapshot(without=OWN, times=True)
                self.assert_clear_error(root, before, self.enable(root), name)

    @slow
    def test_fifos_and_directories_in_place_of_files(self) -> None:
        for name in [*FILES, IMAGE]:
            for make in (os.mkfifo, os.mkdir):
                with self.subTest(name=name, kind=make.__name__):
                    root = self.prepared()
                    path = self.put(root, name)
                    path.unlink(missing_ok=True)
                    make(path)
                    before = root.snapshot(without=OWN, times=True)
                    if name == SOFTDEP_CONF and make == os.mkdir:
                        continue  # nothing is to be written there
                    if name == IMAGE and make == os.mkdir:
                        continue  # the kernel has no image then
                    self.assert_clear_error(root, before, self.enable(root), name)

    def test_a_directory_is_never_overwritten(self) -> None:
        root = self.prepared()
        self.put(root, VFIO_CONF).mkdir()
        for option in ("--force-ours", "--keep-mine"):
            with self.subTest(option=option):
                before = root.snapshot(without=OWN, times=True)
                done = self.enable(root, option)
                if option == "--force-ours":
                    self.assert_clear_error(root, before, done, VFIO_CONF)
                self.assertTrue((root.path / VFIO_CONF).is_dir())

    def test_files_in_place_of_directories(self) -> None:
        for name in DIRECTORIES:
            with self.subTest(name=name):
                root = self.prepared()
                self.put(root, name).write_text("a file\n")
                before = root.snapshot(without=OWN, times=True)
                self.assert_clear_error(root, before, self.enable(root), name)

    def test_a_state_directory_of_somebody_else(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("takes root to give a directory to somebody")
        for name in (STATE, JOURNAL, f"{JOURNAL}/pre-images"):
            for change, words in (
                (lambda path: os.chown(path, 1000, 1000), "is owned by user 1000"),
                (lambda path: os.chmod(path, 0o777), "is writable by other users"),
            ):
                with self.subTest(name=name, words=words):
                    root = self.prepared()
                    path = self.put(root, name)
                    path.mkdir(mode=0o755)
                    change(path)
                    before = root.snapshot(without=(), times=True)
                    done = self.enable(root)
                    self.assert_status(done, 1)
                    self.assertIn(f"/{name} {words}", done.err)
                    after = root.snapshot(without=(), times=True)
                    self.assertEqual([n for n in after if n not in before and n not in (JOURNAL, f"{STATE}/journal/pre-images")], [])
                    self.assertEqual({n: after[n] for n in before}, before)

    def files(self, root: Sysroot) -> dict:
        """Those of ours, by what a change would change; too large to be read."""
        found = {name: os.lstat(root.path / name) for name in (VFIO_CONF, MODULES_LOAD) if root.exists(name)}
        return {name: (status.st_ino, status.st_size, status.st_mtime_ns) for name, status in found.items()}

    def test_a_file_of_100_megabytes(self) -> None:
        root = self.prepared()
        for name in (VFIO_CONF, OTHER_CONF, f"{STATE}/state.json", f"{JOURNAL}/log", "etc/vfio-switch.conf"):
            with self.subTest(name=name):
                path = root.write(name, "")
                os.truncate(path, 100 << 20)
                before = self.files(root)
                # It is not read whole first. A sanitizer takes terabytes of address space for itself.
                sanitized = b"__asan_init" in Path(VFIO_SWITCH).read_bytes()
                limited = [] if sanitized else ["/bin/sh", "-c", 'ulimit -v 98304; exec "$@"', "sh"]
                done = root.run("enable", prefix=limited)
                self.assertRegex(done.out + done.err, rf"/{re.escape(name)} (could not be read: it )?is larger than 16 MiB")
                # Of another program's file nothing is known then, and nothing proved.
                self.assert_status(done, 0 if name == OTHER_CONF else 1)
                if name == OTHER_CONF:
                    self.assertIn("not proved that vfio-pci will bind the card: ", done.out)
                    self.assert_status(root.run("rollback"), 0)
                self.assertEqual(self.files(root), before)
                path.unlink()

    def test_unreadable_files(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("takes root to make a file that somebody else cannot read")
        program = self.scratch / "vfio-switch"
        shutil.copy(VFIO_SWITCH, program)
        other = [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", str(program)]
        for name in (VFIO_CONF, OTHER_CONF, "etc/vfio-switch.conf", f"{STATE}/state.json"):
            with self.subTest(name=name):
                root = self.prepared()
                run(["chown", "-hR", "65534:65534", str(root.path)])
                os.chown(root.write(name, "softdep nouveau pre: vfio-pci\n", mode=0o600), 0, 0)
                before = root.snapshot(without=OWN, times=True)
                done = run([*other, "--sysroot", str(root.path), "enable"])
                if name == OTHER_CONF:
                    self.assert_status(done, 0)
                    self.assertIn(f"not proved that vfio-pci will bind the card: /{name} could not be read: Permission denied", done.out)
                    self.assert_status(run([*other, "--sysroot", str(root.path), "rollback"]), 0)
                else:
                    self.assert_status(done, 4)
                    self.assertIn(f"cannot read /{name}: Permission denied", done.err)
                self.assert_same_tree(before, root.snapshot(without=OWN, times=True))

    def test_names_with_line_ends(self) -> None:
        """They are never printed as they are: a name must not look like a message."""
        name = "x\nvfio-switch: done"
        root = self.prepared()
        conf = root.write(f"etc/modprobe.d/{name}.conf", "blacklist vfio_pci\noptions vfio-pci ids=8086:15b8\n")
        done = self.enable(root)
        self.assert_status(done, 3)
        self.assertIn("x?vfio-switch: done.conf:2", done.out)
        self.assertNotIn(name, done.out + done.err)
        conf.unlink()
        shutil.copytree(root.path / "usr/lib/modules" / KERNELS[0], root.path / "usr/lib/modules" / name)
        root.write(f"boot/initrd.img-{name}", "an image")
        before = root.snapshot(without=OWN, times=True)
        done = self.enable(root)
        self.assertNotIn(name, done.out + done.err)
        if done.status != 0:
            self.assertIn("?vfio-switch: done", done.out + done.err)
            self.assert_same_tree(before, root.snapshot(without=OWN, times=True))
        self.assertNotIn(name, root.run("status").out)
        self.assertNotIn(name, root.run("plan", "-v").out)
        self.assertNotIn("\nvfio", root.run("enable", "--device", "01:00.0\nvfio").err)


if __name__ == "__main__":
    unittest.main()
