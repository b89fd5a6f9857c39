#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs' files are read as those programs read them: one that is masked, missing or no file ends nothing."""

import json
import os
import shutil
import time
import unittest
from pathlib import Path
from typing import Callable

from helper import CARD, KERNELS, MODULES_LOAD, STAND_IN, VFIO_CONF, Run, Sysroot, SysrootCase, run
from tap import slow

INDICES = f"usr/lib/modules/{KERNELS[0]}"
# A file of each reading function: the program stays whole whatever stands there.
OTHERS = [
    "etc/modprobe.d/x.conf",
    "etc/udev/rules.d/61-gdm.rules",
    "etc/X11/xorg.conf",
    "etc/X11/xorg.conf.d/10-x.conf",
    "etc/crypttab",
    "etc/prime-discrete",
    "etc/initramfs-tools/modules",
    "usr/share/initramfs-tools/modules.d/x",
    "etc/mkinitcpio.conf",
    "etc/machine-id",
    "home/user/.profile",
    f"{INDICES}/pkgbase",
]


def mask(path: Path) -> None:
    path.symlink_to("/dev/null")


def dangle(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], None]] = {
    "masked": mask, "dangling": dangle, "loop": loop, "directory": Path.mkdir, "FIFO": os.mkfifo,
}  # fmt: skip


class OddFiles(SysrootCase):
    def prepared(self) -> Sysroot:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        return root

    def put(self, root: Sysroot, name: str, make: Callable[[Path], None]) -> Path:
        path = root.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            path.rename(f"{path}.aside")
        make(path)
        return path

    def remove(self, path: Path) -> None:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if os.path.lexists(f"{path}.aside"):
            os.rename(f"{path}.aside", path)

    def soon(self, root: Sysroot, *words: str) -> Run:
        start = time.monotonic()
        done = root.run(*words)
        self.assertLess(time.monotonic() - start, 20, f"\n{done}")
        return done

    @slow
    def test_no_file_of_others_ends_a_command(self) -> None:
        root = self.prepared()
        for name in OTHERS:
            for kind, make in KINDS.items():
                with self.subTest(name=name, kind=kind):
                    path = self.put(root, name, make)
                    for words in (["devices"], ["status"], ["disable"], ["doctor"]):
                        done = self.soon(root, *words)
                        self.assertIn(done.status, (0, 5) if words == ["doctor"] else (0,), f"\n{done}")
                        self.assertNotIn("libkmod", done.err)
                        self.assertNotIn("Remove it", done.err)
                    self.remove(path)

    def test_the_card_is_taken_and_given_back_beside_a_mask(self) -> None:
        """What NVIDIA's users make to keep a desktop on Wayland."""
        root = self.prepared()
        for name in ("etc/udev/rules.d/61-gdm.rules", "etc/modprobe.d/x.conf"):
            self.put(root, name, mask)
        self.put(root, "etc/modprobe.d/y.conf", Path.mkdir)
        self.put(root, "etc/modprobe.d/.hidden.conf", lambda path: path.write_text("blacklist vfio_pci\n"))
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(root.modprobe(KERNELS[0], root.modalias(CARD[0]))[-2][0], "vfio_pci")
        self.assert_status(root.run("disable"), 0)
        self.assertEqual(root.modprobe(KERNELS[0], root.modalias(CARD[0]))[-1][0], "nouveau")

    def test_what_modprobe_would_hang_on_is_not_proved(self) -> None:
        """What is written is understood, so it is written; what comes of it is not known, and nobody says so."""
        root = self.prepared()
        self.put(root, "etc/modprobe.d/x.conf", os.mkfifo)
        words = "not proved that vfio-pci will bind the card: /etc/modprobe.d/x.conf could not be read: it is a FIFO, a device or a socket"
        for command in (["plan", "enable"], ["enable"]):
            done = self.soon(root, *command)
            self.assert_status(done, 0)
            self.assertIn(words, " ".join(done.out.split()))
            self.assertNotIn("vfio-pci will take", done.out)
        self.assertTrue(root.exists(VFIO_CONF))
        status = json.loads(self.soon(root, "status", "--json").out)
        self.assertEqual((status["intent"], status["next_boot"]), ("enabled", "unknown"))
        self.assertIn("not known", self.soon(root, "status").out)
        self.assert_status(self.soon(root, "verify"), 5)
        self.assertIn("Nothing to do", self.soon(root, "enable").out)
        self.assert_status(self.soon(root, "disable"), 0)
        self.assertNotRegex(root.read(VFIO_CONF), r"(?m)^[^#\n]")

    def test_nobody_is_surprised_by_what_is_not_proved(self) -> None:
        """Set-up that nobody asked for wants a proof."""
        root = self.prepared()
        self.put(root, "etc/modprobe.d/x.conf", os.mkfifo)
        before = root.snapshot()
        done = run([os.environ["VFIO_SWITCH_HOOK"], "--sysroot", str(root.path), "post-install"])
        self.assert_status(done, 0)
        self.assertIn("/etc/modprobe.d/x.conf could not be read", " ".join((done.out + done.err).split()))
        self.assert_same_tree(before, root.snapshot())

    def test_an_odd_file_hides_no_line_that_decides(self) -> None:
        root = self.prepared()
        self.put(root, "etc/modprobe.d/x.conf", os.mkfifo)
        root.write("etc/modprobe.d/y.conf", "options vfio-pci ids=8086:15b8\n")
        done = self.soon(root, "enable")
        self.assert_status(done, 3)
        self.assertIn("/etc/modprobe.d/y.conf:1", done.out)
        self.assertFalse(root.exists(VFIO_CONF))

    def test_a_fifo_among_libkmods_databases(self) -> None:
        root = self.prepared()
        for name in ("modules.dep", "modules.dep.bin", "modules.alias.bin", "modules.builtin.bin", "modules.softdep"):
            with self.subTest(name=name):
                path = self.put(root, f"{INDICES}/{name}", os.mkfifo)
                for words in (["status"], ["plan", "enable"], ["disable"]):
                    done = self.soon(root, *words)
                    self.assertIn(done.status, (0, 3), f"\n{done}")
                self.remove(path)

    def test_an_index_that_is_cut_short(self) -> None:
        """libkmod reads past its end; it is never given one."""
        root = self.prepared()
        for name in ("modules.dep.bin", "modules.alias.bin", "modules.builtin.bin"):
            path = root.path / INDICES / name
            whole = path.read_bytes()
            for length in (0, 12, len(whole) // 7, len(whole) // 2, len(whole) - 1):
                path.unlink()  # it may be another root's too
                path.write_bytes(whole[:length])
                for words in (["devices"], ["status"], ["plan", "enable"]):
                    with self.subTest(name=name, length=length, words=words):
                        done = self.soon(root, *words)
                        self.assertIn(done.status, (0, 3), f"\n{done}")
                        said = " ".join((done.out + done.err).split())
                        if words != ["devices"]:
                            self.assertIn(f"/lib/modules/{KERNELS[0]}/{name}", said)
                        self.assertNotIn("vfio-pci will", said)
            path.unlink()
            path.write_bytes(whole)
        self.assert_status(root.run("enable"), 0)

    def test_an_index_of_what_is_not_there_is_empty(self) -> None:
        """depmod leaves one without a byte; in most images."""
        root = self.prepared()
        directory = root.path / INDICES
        for name in ("modules.builtin", "modules.builtin.modinfo"):
            (directory / name).unlink(missing_ok=True)
        for name in ("modules.builtin.bin", "modules.builtin.alias.bin"):
            (directory / name).unlink(missing_ok=True)
            (directory / name).write_bytes(b"")
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertNotIn("damaged", done.out)
        self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")

    def test_an_index_that_zero_bytes_overwrote(self) -> None:
        """As after a power failure: its length is right."""
        root = self.prepared()
        path = root.path / INDICES / "modules.alias.bin"
        whole = path.read_bytes()
        for start in (0, len(whole) // 2, len(whole) - 4096):
            with self.subTest(start=start):
                path.unlink()
                path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
                for words in (["devices"], ["status"], ["plan", "enable"]):
                    done = self.soon(root, *words)
                    self.assertIn(done.status, (0, 3), f"\n{done}")

    def test_install_commands_that_call_each_other(self) -> None:
        root = self.prepared()
        calls = "; ".join("modprobe nouveau" for _ in range(9))
        root.write("etc/modprobe.d/x.conf", f"install nouveau {calls}\n")
        done = self.soon(root, "plan", "enable")
        self.assertIn("call each other without end", done.out, f"\n{done}")

    def test_nothing_of_libkmods_own_words(self) -> None:
        root = self.prepared()
        root.write("etc/modprobe.d/x.conf", "nonsense\nsoftdep\noptions\n")
        self.assertEqual(self.soon(root, "status").err, "")

    def test_an_unreadable_modalias(self) -> None:
        """The function stays in the picture: nobody must think that a group is free of it."""
        root = self.prepared()
        for content in ("", "nonsense\n"):
            root.write(f"sys/bus/pci/devices/{CARD[1]}/modalias", content)
            self.assert_status(self.soon(root, "disable"), 0)
            devices = json.loads(self.soon(root, "devices", "--json").out)
            (there,) = [one for one in devices["devices"] if one["address"] == CARD[1]]
            self.assertEqual(there["vendor_id"], "0x10de")

    def test_a_link_to_the_null_device_inside_an_image(self) -> None:
        root = self.prepared()
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        self.put(root, "etc/modprobe.d/masked.conf", mask)
        self.assert_status(root.run("enable", "--rebuild"), 0)
        self.assertTrue(root.exists(VFIO_CONF) and root.exists(MODULES_LOAD))
        status = json.loads(root.run("status", "--json").out)
        self.assertEqual([kernel["staged"] for kernel in status["kernels"]], [True], status)


if __name__ == "__main__":
    unittest.main()
