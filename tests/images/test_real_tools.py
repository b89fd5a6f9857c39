#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real initramfs tools in trouble: no room on /boot, Ctrl-C, a power cut. Nothing is ever half done.

/boot is a small file system in memory, in a mount namespace of its own. Environment: VFIO_SWITCH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import roots  # noqa: E402
from helper import DESKTOP, VFIO_CONF, VFIO_SWITCH, Entry, Run, Sysroot, environment, run, snapshot, tool  # noqa: E402
from tap import slow  # noqa: E402

HOLD = r'mount -t tmpfs -o "size=$2,mode=755" boot "$1/boot"; echo held; exec cat'
HOOKS = HERE.parents[1] / "hooks"
MEGABYTE = 1 << 20
# As on Fedora, but for what takes the time.
DRACUT_CONF = """\
hostonly="yes"
hostonly_cmdline="no"
early_microcode="no"
compress="zstd -3"
add_drivers+=" virtio_blk ext4 "
omit_dracutmodules+=" i18n network systemd systemd-initrd dracut-systemd plymouth lvm mdraid crypt dm multipath "
"""


class SmallBoot:
    """A root whose /boot is a file system with so much room beside what is in it."""

    def __init__(self, root: Path, files: dict[str, bytes], room: int) -> None:
        self.root = root
        page = os.sysconf("SC_PAGE_SIZE")
        size = sum(len(content) + -len(content) % page for content in files.values()) + room + 2 * page
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", HOLD, "hold", str(root), str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.holder.stdout is not None
        if self.holder.stdout.readline() != b"held\n":
            self.holder.wait()
            raise unittest.SkipTest("no file system can be mounted here")
        self.boot = Path(f"/proc/{self.holder.pid}/root{root}/boot")
        for name, content in files.items():
            (self.boot / name).write_bytes(content)

    def close(self) -> None:
        self.holder.communicate()

    def command(self, *words: str) -> list[str]:
        enter = [tool("nsenter"), "--mount", "--target", str(self.holder.pid)]
        return [*enter, VFIO_SWITCH, "--sysroot", str(self.root), *words, "--rebuild"]

    def run(self, *words: str) -> Run:
        return run(self.command(*words))

    def snapshot(self) -> dict[str, Entry]:
        """All that a boot depends on, and what else is in those places."""
        tree = {f"etc/{name}": entry for name, entry in snapshot(self.root / "etc").items()}
        return tree | {f"boot/{name}": entry for name, entry in snapshot(self.boot, times=True).items()}


class InTrouble:
    """What has to hold whatever tool builds the image."""

    image: str  # its name, for a kernel's release
    rooms: list[float]  # that are too small

    @classmethod
    def prepare(cls) -> None:
        """Makes the root one of a distribution that has this tool."""
        raise NotImplementedError

    def written(self, small: SmallBoot) -> list[Path]:
        """What the tool is writing just now."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest("building images takes root")
        tool("mmdebstrap")
        roots.check_sources()
        scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-images-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = Path(scratch.name)
        cls.root = roots.image_root(cls.scratch)
        cls.release = roots.release(cls.root)
        hardware = Sysroot(cls.scratch / "hardware", DESKTOP)
        (cls.root / "sys").rmdir()
        shutil.copytree(hardware.path / "sys", cls.root / "sys", symlinks=True)
        cls.prepare()
        cls.files = {}
        for name in (cls.image.format(cls.release), f"config-{cls.release}", f"vmlinuz-{cls.release}"):
            cls.files[name] = (cls.root / "boot" / name).read_bytes()
        cls.size = len(cls.files[cls.image.format(cls.release)])
        shutil.copytree(cls.root / "etc", cls.scratch / "etc", symlinks=True)

    def small(self, room: float) -> SmallBoot:
        """A machine that nothing was done to; `room` in sizes of its image."""
        for kept in ("etc", "var/lib/vfio-switch"):
            shutil.rmtree(self.root / kept, ignore_errors=True)
        shutil.copytree(self.scratch / "etc", self.root / "etc", symlinks=True)
        small = SmallBoot(self.root, self.files, int(room * self.size))
        self.addCleanup(small.close)
        return small

    def assert_same(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        """Names alone: an image is long."""
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        self.assertEqual(names, [])

    def assert_staged(self, small: SmallBoot, intent: str) -> None:
        status = run([*small.command("status")[:-1], "--json"]).json
        self.assertEqual((status["intent"], [k["staged"] for k in status["kernels"]]), (intent, [True]), status)
        names = {path.name for path in small.boot.iterdir()}
        self.assertEqual(names, set(self.files), "nothing is left over")

    def assert_no_space(self, done: Run) -> None:
        self.assertEqual(done.status, 3, f"\n{done}")
        self.assertRegex(done.err, r"no-space: /boot has \d+ MiB free, and building its images needs \d+ MiB\n  Nothing was changed\.")

    def test_no_room(self) -> None:
        """What the tool would write is known before: refused. Then there is room, and the same command works."""
        for room in self.rooms:
            with self.subTest(room=room):
                small = self.small(room)
                before = small.snapshot()
                done = small.run("enable")
                self.assert_no_space(done)
                self.assert_same(before, small.snapshot())
                small.close()
        small = self.small(4)
        for verb, intent in (("enable", "enabled"), ("disable", "disabled")):
            done = small.run(verb)
            self.assertEqual(done.status, 0, f"\n{done}")
            self.assert_staged(small, intent)

    def test_no_room_to_go_back(self) -> None:
        """A disable that is refused leaves everything enabled, the image byte for byte."""
        small = self.small(4)
        self.assertEqual(small.run("enable").status, 0)
        filler = small.boot / "filler"
        free = os.statvfs(small.boot)
        filler.write_bytes(bytes(free.f_bavail * free.f_bsize - self.size // 2))
        before = small.snapshot()
        for verb in ("disable", "rollback"):
            with self.subTest(verb=verb):
                done = small.run(verb)
                self.assert_no_space(done)
                self.assert_same(before, small.snapshot())
        filler.unlink()
        self.assert_staged(small, "enabled")

    def start(self, small: SmallBoot) -> subprocess.Popen:
        """An enable whose tool has begun to write its image."""
        writer = subprocess.Popen(
            small.command("enable"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, env=environment(),
        )  # fmt: skip
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        end = time.monotonic() + 300
        while not any(path.stat().st_size > MEGABYTE for path in self.written(small)):
            self.assertIsNone(writer.poll(), "it ended too soon")
            self.assertLess(time.monotonic(), end, "the tool writes nothing")
            time.sleep(0.005)
        return writer

    def test_interrupted(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                small = self.small(4)
                before = small.snapshot()
                writer = self.start(small)
                writer.send_signal(number)
                _, err = writer.communicate(timeout=60)
                self.assertEqual(writer.returncode, 1, err)
                self.assertIn("vfio-switch: interrupted\n  All changes were undone", err)
                self.assert_same(before, small.snapshot())

    def test_power_cut(self) -> None:
        """vfio-switch, the tool and all that it started end at once; the next run takes it back."""
        small = self.small(4)
        before = small.snapshot()
        writer = self.start(small)
        children = Path(f"/proc/{writer.pid}/task/{writer.pid}/children").read_text().split()
        writer.kill()
        for group in map(int, children):
            with contextlib.suppress(ProcessLookupError):  # not every child leads a group
                os.killpg(group, signal.SIGKILL)
        writer.wait()
        self.assertTrue((self.root / VFIO_CONF).exists())
        done = small.run("disable")
        self.assertEqual(done.status, 0, f"\n{done}")
        self.assertIn("an interrupted 'enable' was undone", done.err)
        self.assert_same(before, small.snapshot())


@slow
class UpdateInitramfs(InTrouble, unittest.TestCase):
    """It writes IMAGE.new and renames it."""

    image = "initrd.img-{}"
    rooms = [0, 0.02, 0.4, 0.9]

    @classmethod
    def prepare(cls) -> None:
        for hook, directory in (("vfio-switch", "hooks"), ("00-vfio-switch", "scripts/init-top")):
            shutil.copy(HOOKS / "initramfs-tools" / hook, cls.root / "usr/share/initramfs-tools" / directory)

    def written(self, small: SmallBoot) -> list[Path]:
        return list(small.boot.glob("*.new"))


@slow
class Dracut(InTrouble, unittest.TestCase):
    """It writes in place, and removes what it was writing where there is no room."""

    image = "initramfs-{}.img"
    rooms = [0, 0.4, 0.9]

    @classmethod
    def prepare(cls) -> None:
        shutil.copy(HERE.parent / "machines/os/fedora/usr/lib/os-release", cls.root / "usr/lib/os-release")
        shutil.copytree(HOOKS / "dracut", cls.root / "usr/lib/dracut/modules.d/90vfio-switch")
        (cls.root / "etc/dracut.conf.d/test.conf").write_text(DRACUT_CONF)
        roots.inside(cls.root, "dracut", "--force", f"/boot/{cls.image.format(cls.release)}", cls.release)

    def written(self, small: SmallBoot) -> list[Path]:
        return list((self.root / "var/tmp").glob("dracut.*/initramfs.img"))

    def test_left_to_itself_it_deletes_the_old_image(self) -> None:
        """Which is why it is given another name to write to."""
        name = self.image.format(self.release)
        small = SmallBoot(self.root, {name: self.files[name][:MEGABYTE]}, 0)
        self.addCleanup(small.close)
        enter = [tool("nsenter"), "--mount", "--target", str(small.holder.pid), "sh", "-euc", roots.ENTER, "enter"]
        done = run([*enter, str(self.root), "dracut", "--force", f"/boot/{name}", self.release])
        self.assertIn("No space left on device", done.out + done.err)
        self.assertFalse((small.boot / name).exists())


if __name__ == "__main__":
    unittest.main()
