#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people try, and what they are told: ten transcripts, read by people.

golden/wrong-uses holds them, with ids in place of names, which depend on the hardware database.
VFIO_SWITCH_REGENERATE=1 writes the files anew; read the difference as somebody who meets it.
"""

import os
import re
import shlex
import shutil
import unittest
from typing import Sequence

from helper import CARD, DESKTOP, HERE, STAND_IN, VFIO_CONF, Run, Sysroot, SysrootCase, as_root, tool, vfio_switch
from test_devices import without_names

GOLDEN = HERE / "golden/wrong-uses"
REGENERATE = os.environ.get("VFIO_SWITCH_REGENERATE") == "1"


def inside(script: str) -> list[str]:
    """Runs the command after a script, with mounts of its own."""
    return [*as_root(), "unshare", "--mount", "sh", "-c", f'{script}\nexec "$@"', "sh"]


def as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]


class WrongUses(SysrootCase):
    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.root: Sysroot = self.machine(DESKTOP)
        shutil.copy(STAND_IN, self.root.path / "usr/sbin/update-initramfs")
        self.root.write("etc/stand-in-initramfs", "")
        self.transcript = ""

    def type(self, line: str, prefix: Sequence[str] = ()) -> Run:
        """Runs a line as it would be typed, on the sysroot, and keeps what came of it."""
        words = shlex.split(line)[1:]
        done = self.root.run(*words, prefix=prefix)
        text = f"$ {line}\n{done.err}{done.out}"
        self.transcript += f"{text}(exit status {done.status})\n\n"
        return done

    def settle(self, name: str) -> None:
        """Compares the transcript with the reviewed one."""
        root = str(self.root.path)
        text = without_names(self.root, self.transcript.replace(f"{root}/", "/").replace(root, "/mnt"))
        text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text).rstrip("\n") + "\n"
        file = GOLDEN / f"{name}.txt"
        if REGENERATE:
            GOLDEN.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.assertEqual(file.read_text(), text)

    def test_a_typo_in_the_device(self) -> None:
        self.type("vfio-switch enable --device 01:00,0")
        self.type("vfio-switch enable --device 01.00.0")
        self.type("vfio-switch enable 01:00.0")
        self.settle("device-typo")

    def test_not_as_root(self) -> None:
        self.type("vfio-switch enable --rebuild", as_nobody())
        self.type("vfio-switch enable", as_nobody())
        self.settle("not-root")

    def test_a_root_that_is_not_there(self) -> None:
        nowhere = self.scratch / "nowhere"
        done = vfio_switch("--sysroot", str(nowhere), "status")
        self.transcript = f"$ vfio-switch --sysroot /mnt status\n{done}\n".replace(str(nowhere), "/mnt")
        self.transcript = re.sub(r"(?m)^\$ .*/vfio-switch .*\n", "", self.transcript)
        self.settle("root-that-is-not-there")

    def test_an_unknown_command(self) -> None:
        self.type("vfio-switch enabel")
        self.type("vfio-switch")
        self.type("vfio-switch enable --force")
        self.settle("unknown-command")

    def test_the_device_of_another_machine(self) -> None:
        self.type("vfio-switch enable --device 0000:0a:00.0")
        self.type("vfio-switch enable --device 1002:73bf")
        self.settle("device-of-another-machine")

    def test_two_devices_of_one_card(self) -> None:
        self.type("vfio-switch enable --device 01:00.0 --device 01:00.1")
        self.settle("two-devices-of-one-card")

    def test_enable_twice(self) -> None:
        self.type("vfio-switch enable")
        self.type("vfio-switch enable")
        self.settle("enable-twice")

    def test_disable_when_never_enabled(self) -> None:
        before = self.root.snapshot(without=(), times=True)
        self.type("vfio-switch disable")
        self.type("vfio-switch rollback")
        self.assert_same_tree(before, self.root.snapshot(without=(), times=True))
        self.settle("disable-when-never-enabled")

    def test_a_removed_card(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        for address in CARD:
            device = (self.root.path / "sys/bus/pci/devices" / address)
            shutil.rmtree(device.resolve())
            device.unlink()
        shutil.rmtree(self.root.path / "sys/kernel/iommu_groups/2", ignore_errors=True)
        self.type("vfio-switch status")
        self.type("vfio-switch enable")
        self.type("vfio-switch disable")
        self.settle("removed-card")

    def test_a_read_only_etc(self) -> None:
        etc = shlex.quote(str(self.root.path / "etc"))
        before = self.root.snapshot()
        self.type("vfio-switch enable", inside(f"mount --bind {etc} {etc} && mount -o remount,bind,ro {etc}"))
        self.assert_same_tree(before, self.root.snapshot())
        self.settle("read-only-etc")

    def test_a_full_boot(self) -> None:
        boot = shlex.quote(str(self.root.path / "boot"))
        script = (f"mkdir {boot}.kept && cp -a {boot}/. {boot}.kept && mount -t tmpfs -o size=64k none {boot} && "
                  f"cp -a {boot}.kept/. {boot} && rm -r {boot}.kept && dd if=/dev/zero of={boot}/other bs=4k 2>/dev/null; true")  # fmt: skip
        self.type("vfio-switch enable --rebuild", inside(script))
        self.assertFalse(self.root.exists(VFIO_CONF), "it is taken back")
        self.settle("full-boot")


if __name__ == "__main__":
    unittest.main()
