#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""hooks/bind on a sysfs of plain files, under dash, busybox, and klibc's shell (Debian's images).

The script runs in a root of its own. What the kernel does when an attribute is written is done by
MODEL, which runs behind every write; modprobe is a stand-in that registers vfio-pci, as the module does.
"""

import glob
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from helper import HERE, SysrootCase, as_root, run, tool

BIND = HERE.parents[1] / "hooks/bind"
GPU, AUDIO, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0"
CARD = {GPU: "10de:1ff2:10de:1613", AUDIO: "10de:10fa:10de:1613"}
PCI = "sys/bus/pci"
KLIBC = "/usr/lib/klibc/bin/sh"

# Binds and unbinds as the PCI core does. $1: "register" where vfio-pci is loaded.
MODEL = r"""
pci=/sys/bus/pci
bind_to() { # DRIVER ADDRESS
    grep -qsx "$2" "/model/refused-by-$1" && return 1
    ln -s "../../drivers/$1" "$pci/devices/$2/driver"
    ln -s "../../devices/$2" "$pci/drivers/$1/$2"
}
probe() { # ADDRESS
    [ ! -e "$pci/devices/$1/driver" ] || return 0
    override=$(cat "$pci/devices/$1/driver_override")
    driver=$(cat "/model/native/$1")
    [ "$override" = "(null)" ] || driver=$override
    [ ! -d "$pci/drivers/$driver" ] || bind_to "$driver" "$1"
}
for file in $pci/devices/*/driver_override; do
    [ -n "$(cat "$file")" ] || echo "(null)" >"$file"
done
for file in $pci/drivers/*/unbind; do
    address=$(cat "$file")
    [ -n "$address" ] || continue
    : >"$file"
    echo "unbind $address" >>/model/log
    rm "$pci/devices/$address/driver" "${file%/unbind}/$address"
done
address=$(cat $pci/drivers_probe)
: >$pci/drivers_probe
[ -z "$address" ] || probe "$address"
case ${1:-} in
    register)
        mkdir $pci/drivers/vfio-pci
        mkdir -p /sys/module/vfio_pci
        : >/sys/module/vfio_pci/initstate
        ln -s /sys/module/vfio_pci $pci/drivers/vfio-pci/module
        : >$pci/drivers/vfio-pci/unbind
        for device in $pci/devices/*; do
            [ "$(cat "$device/driver_override")" != vfio-pci ] || probe "${device##*/}"
        done
        ;;
esac
"""

MODPROBE = r"""
echo "modprobe $*" >>/model/log
[ ! -e /model/race ] || . /model/race
[ ! -e /model/no-vfio-pci ] || exit 1
[ -d /sys/bus/pci/drivers/vfio-pci ] || sh /model/kernel register
"""

# Every write of the script's goes through its echo.
PRELUDE = r"""
echo() {
    command echo "$@"
    sh /model/kernel >/dev/null
}
"""


def libraries(program: str) -> list[str]:
    return re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout)


class Bind:
    """The cases, told once for each shell."""

    shell: str

    def setUp(self) -> None:
        super().setUp()
        self.enter = [word for word in as_root() if word != "--mount"]
        self.root = self.scratch / "root"
        busybox = tool("busybox")
        shell = KLIBC if self.shell == "klibc" else tool(self.shell)
        if not os.path.exists(shell):
            self.skipTest(f"{shell} is not installed")
        for program in {busybox, shell}:
            for file in [program, *libraries(program), *glob.glob("/lib/klibc-*.so"), *glob.glob("/usr/lib/klibc-*.so")]:
                copy = self.root / file.lstrip("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
        bin_directory = self.root / "bin"
        bin_directory.mkdir(parents=True, exist_ok=True)
        for name in ("cat", "grep", "ln", "mkdir", "rm", "sh"):
            (bin_directory / name).symlink_to(busybox)
        self.interpreter = [busybox, "sh"] if self.shell == "busybox" else [shell]
        self.write("sbin/modprobe", f"#!/bin/sh\n{MODPROBE}", 0o755)
        self.write("model/kernel", MODEL)
        self.write("model/log", "")
        self.write("dev/null", "")
        self.write("prelude", PRELUDE)
        self.write("proc/cmdline", "root=/dev/sda1 ro quiet\n")
        self.write("usr/lib/vfio-switch/bind", BIND.read_text(), 0o755)
        self.write("etc/vfio-switch/override",
                   "# a comment\n" + "".join(f"{where} {what}\n" for where, what in CARD.items()))
        self.write(f"{PCI}/drivers_probe", "")
        self.driver("nvidia")
        self.driver("snd_hda_intel")
        self.function(GPU, CARD[GPU], "nvidia")
        self.function(AUDIO, CARD[AUDIO], "snd_hda_intel")
        self.function(TWIN, CARD[GPU], "nvidia")

    def write(self, name: str, content: str, mode: int = 0o644) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def driver(self, name: str, built_in: bool = False) -> None:
        self.write(f"{PCI}/drivers/{name}/unbind", "")
        module = self.root / "sys/module" / name
        module.mkdir(parents=True)
        if not built_in:
            (module / "initstate").write_text("live\n")
        (self.root / PCI / "drivers" / name / "module").symlink_to(f"/sys/module/{name}")

    def function(self, address: str, identity: str, native: str) -> None:
        """A function that no driver has yet."""
        for name, value in zip(("vendor", "device", "subsystem_vendor", "subsystem_device"), identity.split(":")):
            self.write(f"{PCI}/devices/{address}/{name}", f"0x{value}\n")
        self.write(f"{PCI}/devices/{address}/driver_override", "(null)\n")
        self.write(f"model/native/{address}", f"{native}\n")

    def bound(self, address: str, driver: str) -> None:
        (self.root / PCI / "devices" / address / "driver").symlink_to(f"../../drivers/{driver}")
        (self.root / PCI / "drivers" / driver / address).symlink_to(f"../../devices/{address}")

    def bind(self, *arguments: str, status: int = 0) -> str:
        command = [*self.enter, tool("chroot"), str(self.root), *self.interpreter, "-c",
                   ". /prelude; . /usr/lib/vfio-switch/bind", "bind", *arguments]
        done = run(command)
        self.assert_status(done, status)
        return done.err

    def log(self) -> list[str]:
        return (self.root / "model/log").read_text().splitlines()

    def assert_drivers(self, **drivers: str) -> None:
        """Who has the functions; that no override stands but vfio-pci's own."""
        addresses = {"gpu": GPU, "audio": AUDIO, "twin": TWIN}
        devices = self.root / PCI / "devices"
        seen = {}
        for name, address in addresses.items():
            link = devices / address / "driver"
            seen[name] = os.path.basename(os.readlink(link)) if link.is_symlink() else None
            override = (devices / address / "driver_override").read_text().strip()
            self.assertEqual(override, "vfio-pci" if seen[name] == "vfio-pci" else "(null)", f"override of {name}")
        self.assertEqual(seen, {"twin": None, **drivers})

    def test_the_card_is_taken_and_its_twin_is_not(self) -> None:
        self.bind("disable_vga=1")
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")
        self.assertEqual(self.log(), ["modprobe -i vfio-pci disable_vga=1"])

    def test_again_changes_nothing(self) -> None:
        self.bind()
        self.assertEqual(self.bind(), "")
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")
        self.bind("--boot")
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")

    def test_vfio_pci_is_there_already(self) -> None:
        self.driver("vfio-pci")
        self.bind()
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")

    def test_a_driver_that_loads_meanwhile_comes_too_late(self) -> None:
        """Another process sees the module loading, skips the script and loads the next driver."""
        self.write("model/race", f"for one in {GPU} {AUDIO}; do echo $one >/sys/bus/pci/drivers_probe; "
                   "sh /model/kernel; done\n")
        self.bind()
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")

    def test_vfio_pci_is_missing(self) -> None:
        self.write("model/no-vfio-pci", "")
        self.bind(status=1)
        self.assert_drivers(gpu="nvidia", audio="snd_hda_intel")

    def test_vfio_pci_is_missing_before_udev(self) -> None:
        self.write("model/no-vfio-pci", "")
        self.bind("--boot", status=1)
        self.assert_drivers(gpu="nvidia", audio="snd_hda_intel")

    def test_another_device_stands_there(self) -> None:
        for what in ("10de:1ff3:10de:1613", "1002:1ff2:10de:1613", "10de:1ff2:1458:1613", "10de:1ff2:10de:0000"):
            with self.subTest(identity=what):
                self.function(GPU, what, "nvidia")
                said = self.bind("--boot")
                self.assertIn(f"{GPU} is not the chosen device {CARD[GPU]}", said)
                self.assertEqual((self.root / PCI / "devices" / GPU / "driver_override").read_text(), "(null)\n")
        self.assert_drivers(gpu=None, audio="vfio-pci")

    def test_the_device_is_missing(self) -> None:
        shutil.rmtree(self.root / PCI / "devices" / GPU)
        self.bind("--boot")
        self.function(GPU, CARD[GPU], "nvidia")
        self.assert_drivers(gpu=None, audio="vfio-pci")

    def test_ids_on_the_command_line(self) -> None:
        for parameter in ("vfio-pci.ids=", "vfio_pci.ids=", "vfio-pci.ids=8086:1572"):
            with self.subTest(parameter=parameter):
                self.write("proc/cmdline", f"ro {parameter} quiet\n")
                self.write("model/log", "")
                self.bind("--boot")
                self.assertEqual(self.log(), [])
                self.bind("a=b")
                self.assertEqual(self.log(), ["modprobe -i vfio-pci a=b"])
                self.assert_drivers(gpu=None, audio=None)

    def test_a_driver_that_is_built_in(self) -> None:
        self.driver("built_in", built_in=True)
        self.function(AUDIO, CARD[AUDIO], "built_in")
        self.bound(AUDIO, "built_in")
        self.bind()
        self.assert_drivers(gpu="vfio-pci", audio="built_in")  # somebody may use it by now
        self.bind("--boot")
        self.assert_drivers(gpu="vfio-pci", audio="vfio-pci")
        self.assertIn(f"unbind {AUDIO}", self.log())

    def test_a_driver_that_is_built_in_and_no_vfio_pci(self) -> None:
        self.driver("built_in", built_in=True)
        self.function(AUDIO, CARD[AUDIO], "built_in")
        self.bound(AUDIO, "built_in")
        self.write("model/no-vfio-pci", "")
        self.bind("--boot", status=1)
        self.assert_drivers(gpu="nvidia", audio="built_in")
        self.assertNotIn(f"unbind {AUDIO}", self.log())

    def test_vfio_pci_refuses_a_function(self) -> None:
        self.write("model/refused-by-vfio-pci", f"{GPU}\n{AUDIO}\n")
        self.driver("built_in", built_in=True)
        self.function(AUDIO, CARD[AUDIO], "built_in")
        self.bound(AUDIO, "built_in")
        self.bind("--boot")
        self.assert_drivers(gpu="nvidia", audio="built_in")

    def test_a_modules_driver_keeps_what_it_has(self) -> None:
        self.bound(GPU, "nvidia")
        for arguments in ((), ("--boot",)):
            self.bind(*arguments)
            self.assert_drivers(gpu="nvidia", audio="vfio-pci")

    def test_somebody_elses_override_stays(self) -> None:
        override = self.root / PCI / "devices" / AUDIO / "driver_override"
        override.write_text("pci-stub\n")
        self.bind("--boot")
        self.assertEqual(override.read_text(), "pci-stub\n")
        override.write_text("(null)\n")
        self.assert_drivers(gpu="vfio-pci", audio=None)

    def test_disabled(self) -> None:
        for content in ("", f"#{GPU} {CARD[GPU]}\n", f"../../{GPU} {CARD[GPU]}\n", None):
            with self.subTest(content=content):
                if content is None:
                    (self.root / "etc/vfio-switch/override").unlink()
                else:
                    self.write("etc/vfio-switch/override", content)
                self.write("model/log", "")
                self.assertEqual(self.bind("--boot"), "")
                self.assertEqual(self.log(), [])
                self.bind()
                self.assertEqual(self.log(), ["modprobe -i vfio-pci"])
                self.assert_drivers(gpu=None, audio=None)

    def test_an_interrupted_run_leaves_no_override(self) -> None:
        self.write("model/race", "kill -TERM $PPID\n")
        self.write("model/no-vfio-pci", "")
        self.bind(status=1)
        self.assert_drivers(gpu="nvidia", audio="snd_hda_intel")


class UnderDash(Bind, SysrootCase):
    shell = "dash"


class UnderKlibc(Bind, SysrootCase):
    shell = "klibc"


class UnderBusybox(Bind, SysrootCase):
    shell = "busybox"


if __name__ == "__main__":
    unittest.main()
