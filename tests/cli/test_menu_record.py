#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root proved of the boot menu, for an ordinary user who may not read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import time
import unittest
from pathlib import Path
from typing import Any

from boot_roots import LINE, arch_image, put, systemd_boot
from helper import (
    CARD, DESKTOP, KERNELS, MODULES_LOAD, STATE, VFIO_CONF, OrdinaryUserCase, Run, Sysroot, run, tool,
)  # fmt: skip
from sysroot import UUID
from tap import slow

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
OLDER, NEWER = KERNELS
RECORD = f"{STATE}/boot-menu.json"
GRUB = "boot/grub/grub.cfg"
IMAGES = [f"boot/initrd.img-{kernel}" for kernel in KERNELS]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def later(path: Path) -> None:
    """Changed after the record was made."""
    moment = time.time_ns() + 3600 * 10**9
    os.utime(path, ns=(moment, moment))


class RecordCase(OrdinaryUserCase):
    def user(self, root: Sysroot, *arguments: str) -> Run:
        done = self.ordinary(root, *arguments)
        self.assertEqual(done.err, "")
        return done

    def status(self, root: Sysroot) -> Any:
        done = self.user(root, "status", "--json")
        self.assert_status(done, 0)
        return done.json

    def enabled(self) -> Sysroot:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        return root

    def close(self, root: Sysroot, *names: str, mode: int = 0) -> None:
        """As GRUB's menu, images and ESPs are on many machines: for root alone."""
        for name in names:
            path = root.path / name
            self.addCleanup(path.chmod, stat.S_IMODE(path.stat().st_mode))
            path.chmod(mode)

    def codes(self, answer: Any) -> list[str]:
        return [note["code"] for note in answer["note_details"]]


class Left(RecordCase):
    """What root's commands leave."""

    def record(self, root: Sysroot) -> Any:
        self.assertEqual(stat.S_IMODE((root.path / RECORD).stat().st_mode), 0o644)
        return json.loads(root.read(RECORD))

    def winners(self, root: Sysroot) -> list[tuple[str, bool, list[str]]]:
        return [
            (entry["release"], entry["default"], [one["winner"] for one in entry["functions"]])
            for entry in self.record(root)["entries"]
            if entry["kind"] == "usual"
        ]

    def test_enable_disable_and_rollback_leave_what_they_proved(self) -> None:
        root = self.desktop()
        vfio, host = ["vfio-pci", "vfio-pci"], ["nouveau", "snd_hda_intel"]
        for verb, expected in (("enable", vfio), ("disable", host), ("enable", vfio), ("rollback", host)):
            with self.subTest(verb):
                self.assert_status(root.run(verb, "--json"), 0)
                # GRUB's first entry stands in its submenu again.
                self.assertEqual(
                    self.winners(root), [(NEWER, True, expected), (NEWER, False, expected), (OLDER, False, expected)]
                )

    def test_it_holds_nothing_that_is_for_root_alone(self) -> None:
        root = self.enabled()
        text = root.read(RECORD)
        record = json.loads(text)
        self.assertEqual(set(record), {"schema", "time", "entries"})
        self.assertEqual(record["schema"], 1)
        self.assertEqual(
            {key for entry in record["entries"] for key in entry},
            {"id", "title", "kind", "default", "once", "release", "functions"},
        )
        first = record["entries"][0]
        self.assertEqual((first["id"], first["title"]), ("gnulinux-simple-(uuid)", "Debian GNU/Linux"))
        self.assertEqual(
            first["functions"], [{"device": one, "winner": "vfio-pci", "proved": True} for one in CARD]
        )
        for secret in (UUID, "quiet", "root=", "/boot"):
            self.assertNotIn(secret, text)

    def test_a_command_that_only_looks_leaves_none(self) -> None:
        root = self.enabled()
        (root.path / RECORD).unlink()
        for command in ("status", "verify", "plan", "doctor"):
            root.run(command)
        root.run("disable", "--dry-run")
        self.assertFalse(root.exists(RECORD))

    def test_a_change_that_is_not_needed_leaves_the_one_that_is_there(self) -> None:
        root = self.enabled()
        before = root.read(RECORD)
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(root.read(RECORD), before)

    @slow
    def test_events_leave_what_they_proved(self) -> None:
        root = self.enabled()
        for event in (["image-built", NEWER], ["boot-check"]):
            with self.subTest(event[0]):
                (root.path / RECORD).unlink()
                root.write("proc/sys/kernel/random/boot_id", "1d7b5bfa-8c5a-4d38-9c1b-1d2c3b4a5f60\n")
                done = run([HOOK, "--sysroot", str(root.path), *event])
                self.assert_status(done, 0)
                self.assertEqual({one for _, _, winners in self.winners(root) for one in winners}, {"vfio-pci"})

    @slow
    def test_the_way_out_which_proves_nothing_removes_it(self) -> None:
        for event in ("disable", "rollback", "pre-remove"):
            with self.subTest(event):
                root = self.machine(DESKTOP, "--kernel", OLDER, to=event)
                self.assert_status(root.run("enable"), 0)
                self.assertTrue(root.exists(RECORD))
                self.assert_status(run([HOOK, "--sysroot", str(root.path), event]), 0)
                self.assertFalse(root.exists(RECORD))


class Shown(RecordCase):
    """What an ordinary user sees of it."""

    def assert_recorded(self, status: Any, title: str = "Debian GNU/Linux") -> None:
        self.assertEqual(status["next_boot"], "unknown")
        first = status["entries"][0]
        self.assertEqual((first["title"], first["default"], first["release"]), (title, True, NEWER))
        self.assertRegex(first["as_of"], f"^{TIME}$")
        self.assertEqual(first["next_boot"], "unknown")
        self.assertEqual([one["winner"] for one in first["functions"]], ["vfio-pci", "vfio-pci"])
        for entry in status["entries"]:
            self.assertEqual({one["proved"] for one in entry["functions"]}, {False})
            self.assertTrue(all(one["reason"] for one in entry["functions"]))

    def test_a_menu_for_root_alone_is_shown_as_it_was(self) -> None:
        root = self.enabled()
        self.close(root, GRUB)
        status = self.status(root)
        self.assert_recorded(status)
        first = status["entries"][0]
        self.assertEqual((first["command_line"], first["kernel"], first["images"], first["source"]), (None, None, [], None))
        self.assertIn("/boot/grub/grub.cfg cannot be read", first["functions"][0]["reason"])
        self.assertIn("boot-menu-unknown", self.codes(status))
        self.assertNotIn("boot-menu-changed", self.codes(status))

    def test_people_are_told_the_local_time(self) -> None:
        root = self.enabled()
        self.close(root, GRUB)
        moment = self.status(root)["entries"][0]["as_of"]
        local = run([tool("date"), "-d", moment, "+%Y-%m-%d %H:%M %Z"]).out.strip()
        text = self.user(root, "status").out
        rows = text.partition("NEXT BOOT")[2].partition("\n\n")[0].splitlines()[1:]
        # The first entry, which is listed once, and the older kernel's; each with its time below.
        self.assertEqual(len(rows), 4, text)
        self.assertRegex(rows[0], r"^Debian GNU/Linux \(default\) +vfio-pci will bind the card$")
        self.assertEqual((rows[1].strip(), rows[3].strip()), (f"as of {local}", f"as of {local}"))
        self.assertRegex(rows[2], rf"{re.escape(OLDER)} +vfio-pci will bind the card$")
        self.assertIn("not proved for the next boot", text)

    def test_verify_does_not_take_it_for_a_proof(self) -> None:
        root = self.enabled()
        self.close(root, GRUB)
        self.assert_status(self.user(root, "verify"), 5)

    def test_an_image_for_root_alone_leaves_the_entry_as_it_is(self) -> None:
        root = self.enabled()
        (root.path / GRUB).chmod(0o644)
        self.close(root, *IMAGES)
        status = self.status(root)
        self.assert_recorded(status)
        first = status["entries"][0]
        self.assertEqual(first["images"], [f"/boot/initrd.img-{NEWER}"])
        self.assertIn("quiet", first["command_line"])

    def test_entries_for_root_alone(self) -> None:
        """An ESP whose files, or directories as well, are root's: fmask=0077, umask=0077."""
        for closed in (["efi/loader/entries/arch.conf"], ["efi/loader/entries"], ["efi"]):
            with self.subTest(closed[0]):
                root = self.machine(DESKTOP, "--os", "arch", "--kernel", NEWER, to=closed[0].replace("/", "-"))
                root.write("usr/lib/initcpio/install/vfio-switch", "build() {\n    :\n}\n")
                (root.path / "efi/EFI/systemd").mkdir(parents=True)
                for name in ("vmlinuz-linux", "initramfs-linux.img"):
                    shutil.copy(root.path / "boot" / name, root.path / "efi" / name)
                text = f"title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions {LINE}\n"
                systemd_boot(root, "efi", arch=text)
                self.assert_status(root.run("enable"), 0)
                self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")
                self.close(root, *closed)
                status = self.status(root)
                self.assert_recorded(status, "Arch Linux")
                self.assertEqual(status["entries"][0]["id"], "arch.conf")

    def test_what_everybody_may_read_is_proved_as_before(self) -> None:
        root = self.enabled()
        (root.path / GRUB).chmod(0o644)
        root.write(RECORD, "{")
        status = self.status(root)
        self.assertEqual(status["next_boot"], "vfio")
        self.assertEqual({entry["as_of"] for entry in status["entries"]}, {None})
        self.assertEqual(self.codes(status), [])


class NotShown(RecordCase):
    """Then it is as without one."""

    def assert_not_shown(self, root: Sysroot) -> Any:
        status = self.status(root)
        self.assertEqual(status["entries"], [])
        self.assertIn("boot-menu-unknown", self.codes(status))
        return status

    def test_without_one(self) -> None:
        root = self.enabled()
        (root.path / RECORD).unlink()
        self.close(root, GRUB)
        self.assert_not_shown(root)

    @slow
    def test_something_that_can_be_seen_was_changed_since(self) -> None:
        for number, name in enumerate((
            GRUB, IMAGES[0], VFIO_CONF, MODULES_LOAD, "etc/modprobe.d", "usr/lib/modules",
        )):  # fmt: skip
            with self.subTest(name):
                root = self.machine(DESKTOP, "--kernel", OLDER, to=str(number))
                self.assert_status(root.run("enable"), 0)
                self.close(root, GRUB)
                later(root.path / name)
                status = self.assert_not_shown(root)
                (note,) = [note for note in status["note_details"] if note["code"] == "boot-menu-changed"]
                self.assertEqual(note["data"]["file"]["path"], f"/{name.removeprefix('usr/')}")
                self.assertIn(f"because /{name.removeprefix('usr/')} was changed since", note["message"])

    @slow
    def test_one_that_is_not_understood(self) -> None:
        root = self.enabled()
        self.close(root, GRUB)
        newer = {**json.loads(root.read(RECORD)), "schema": 2}
        for text, why in (("{", "it cannot be parsed"), (json.dumps(newer), "a newer version of vfio-switch")):
            with self.subTest(why):
                root.write(RECORD, text)
                status = self.assert_not_shown(root)
                (note,) = [note for note in status["note_details"] if note["code"] == "file-unread"]
                self.assertEqual(note["data"]["file"]["path"], f"/{RECORD}")
                self.assertIn(why, note["message"])


if __name__ == "__main__":
    unittest.main()
