#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vfio-switch report: what it records plans as the machine does, and tells nothing of anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import module_trees
import sysroot

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from helper import VFIO_SWITCH as PROGRAM  # noqa: E402
from helper import memory, plain  # noqa: E402

LISTINGS = sorted(HERE.glob("*.json"))
KERNELS = ["6.1.0-56-amd64", "6.12.117+deb12-amd64"]
GPU = "sys/bus/pci/devices/0000:01:00.0"
SECRETS = ["fritz-pc", "brunhilde", "4a:5b:6c:7d:8e:9f", "4a-5b-6c-7d-8e-9f", "S3R14LN0", "9f6bd5c1-7a57", "topsecret", "mylabel",
           "192.168.77.5", "id_rsa"]  # fmt: skip


def run(*words: Any) -> str:
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 3) or done.stderr:  # 3: a plan that is refused
        raise AssertionError(f"{words}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


class Case(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(dir=memory())
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def build(self, machine: Any, to: str, *options: str) -> Path:
        root = self.scratch / to
        self.addCleanup(module_trees.give_back, root)
        sysroot.build(sysroot.parse([str(machine), str(root), "--menu", *options]))
        return root

    def record(self, root: Path) -> Path:
        path = self.scratch / "recorded.json"
        path.write_text(run(PROGRAM, "--sysroot", root, "report"))
        return path

    def answer(self, root: Path, *command: str) -> Any:
        """What the boot loader starts is told in a report; its files are not in it."""
        answer = json.loads(run(PROGRAM, "--sysroot", root, "--json", *command))
        if "note_details" in answer:
            said = [note for note in answer["note_details"] if note["cause"] != "boot-menu-unknown"]
            answer["note_details"], answer["notes"] = said, [note["message"] for note in said]
        return answer

    def check_same(self, one: Path, two: Path) -> None:
        for command in (["devices"], ["plan", "enable"]):
            answers = [self.answer(root, *command) for root in (one, two)]
            self.assertTrue(answers[0])
            self.assertEqual(answers[0], answers[1], command)

    def put(self, root: Path, name: str, content: str) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


class RoundTrip(Case):
    def check(self, name: str) -> None:
        root = self.build(name, "root", *(word for kernel in KERNELS for word in ("--kernel", kernel)))
        self.check_same(root, self.build(self.record(root), "again"))

    def test_every_machine_is_tested(self) -> None:
        self.assertEqual(len([name for name in dir(self) if name.startswith("test_machine_")]), 27)


for listing in LISTINGS:
    setattr(RoundTrip, f"test_machine_{listing.stem}".replace("-", "_"),
            lambda self, name=listing.stem: self.check(name))  # fmt: skip


class Content(Case):
    def test_configuration_counts(self) -> None:
        root = self.build("z170-tb3-gtx1070", "root", "--kernel", "6.1.0-56-amd64-nvidia-current", "--config",
                          f"{HERE / 'config/debian-nvidia.conf'}:etc/modprobe.d/nvidia.conf")  # fmt: skip
        two_blanks = "softdep snd_hda_intel  pre: vfio-pci"
        lines = ["softdep \\", "  nouveau post: drm", two_blanks, "options vfio-pci ids=10de:1b81"]
        self.put(root, "etc/modprobe.d/a.conf", "\n".join(lines) + "\n")
        recorded = self.record(root)
        told = json.loads(recorded.read_text())["files"]
        self.assertEqual(told["/etc/modprobe.d/a.conf"],
                         ["softdep   nouveau post: drm", "", two_blanks, "options vfio-pci ids=10de:1b81"])
        self.assertTrue(any(line.startswith("install nvidia ") for line in told["/etc/modprobe.d/nvidia.conf"]), told)
        self.check_same(root, self.build(recorded, "again"))

    def test_a_boot_display_that_is_no_vga_device_counts(self) -> None:
        root = self.build("z370-gt1030-no-param", "root", "--boot-vga", "none")
        modalias = (root / GPU / "modalias").read_text()
        self.put(root, f"{GPU}/modalias", modalias.replace("bc03sc00i00", "bc03sc80i00"))
        (root / GPU / "boot_vga").unlink()
        self.put(root, "sys/class/drm/card1/boot_display", "1\n")
        again = self.build(self.record(root), "again")
        self.assertEqual((again / "sys/class/drm/card1/boot_display").read_text(), "1\n")
        self.check_same(root, again)

    def test_what_the_host_uses_counts(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        before = run(PROGRAM, "--sysroot", root, "--json", "devices")
        card = os.path.relpath((root / GPU).resolve(), (root / "sys").resolve())
        for group, entry in (("block", "sda"), ("input", "input3")):
            self.put(root, f"sys/{card}/{group}/{entry}/capabilities/key", "10000 fffffffffffffffe\n")
            (root / f"sys/class/{group}").mkdir(parents=True)
            (root / f"sys/class/{group}/{entry}").symlink_to(f"../../{card}/{group}/{entry}")
        self.put(root, "etc/X11/xorg.conf", 'Section "Device"\n  BusID "PCI:1:0:0"\n')
        recorded = self.record(root)
        gpu = next(d for d in json.loads(recorded.read_text())["devices"] if d["address"] == "0000:01:00.0")
        self.assertEqual((gpu["disk"], gpu["keyboard"]), (True, True))
        again = self.build(recorded, "again")
        codes = [self.codes(run(PROGRAM, "--sysroot", where, "--json", "devices")) for where in (root, again)]
        self.assertEqual(codes[0], codes[1])
        self.assertNotEqual(codes[0], self.codes(before))

    def codes(self, answer: str) -> list[list[str]]:
        return [[refusal["code"] for refusal in gpu["refusals"]] for gpu in json.loads(answer)["gpus"]]

    def test_who_claims_a_function_is_told(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        devices = {d["address"]: d for d in json.loads(self.record(root).read_text())["devices"]}
        self.assertEqual(devices["0000:01:00.0"]["kernel_modules"], ["nouveau"])
        self.assertEqual(devices["0000:01:00.0"]["module"], "nouveau")
        self.assertEqual(devices["0000:01:00.1"]["kernel_modules"], ["snd_hda_intel"])


class Systems(Case):
    def test_a_machine_of_another_system_is_built_as_one(self) -> None:
        root = self.build("z370-gt1030-no-param", "root", "--os", "fedora")
        again = self.build(self.record(root), "again")
        self.assertTrue((again / "usr/lib/dracut").is_dir())
        self.check_same(root, again)


class Intent(Case):
    """A machine that is enabled, or was, plans as its fixture does: our files are told whole."""

    def check_after(self, *commands: str) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        for command in commands:
            subprocess.run([PROGRAM, "--sysroot", root, command], check=True, capture_output=True)
        again = self.build(self.record(root), "again")
        answers = [self.answer(where, "plan") for where in (root, again)]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0]["outcome"], "nothing")

    def test_enabled(self) -> None:
        self.check_after("enable")

    def test_disabled(self) -> None:
        self.check_after("enable", "disable")


class Privacy(Case):
    def test_nothing_of_anybody_is_told(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        host, user, mac, dashed, serial, uuid, secret, label, address, key = SECRETS
        self.put(root, "etc/hostname", f"{host}\n")
        self.put(root, "etc/hosts", f"{address} {host}\n")
        self.put(root, "etc/passwd", f"{user}:x:1000:1000:{user}:/home/{user}:/bin/sh\n")
        self.put(root, "etc/machine-id", f"{uuid}\n")
        self.put(root, "proc/cmdline",
                 f"BOOT_IMAGE=/{host} root=UUID={uuid} ip={address} iommu=pt vfio-pci.ids=10de:1d01,10de:0fb8 pci={dashed} "
                 f"kvm.x={mac.replace(':', '-')} vfio-pci.ids={mac} netconsole={mac} user={user} "
                 f"video={mac} ifname=eth0:{mac} rd.luks.key={key} amdgpu.x={secret}/{user}\n")  # fmt: skip
        self.put(root, "etc/os-release".replace("etc", "usr/lib"),
                 f'ID=debian\nPRETTY_NAME="{host}"\nHOME_URL="{secret}"\nVARIANT_ID={user}\n')
        self.put(root, "etc/modprobe.d/own.conf",
                 f"# {user}'s, {mac}\noptions tg3 mac={mac}\ninstall nouveau /home/{user}/load {secret}\n"
                 f"install snd_hda_intel echo {secret}; modprobe -i snd_hda_intel\n"
                 f"options vfio-pci ids=10de:1d01 path=/home/{user}\nalias eth0 {secret}/{user}\n")  # fmt: skip
        self.put(root, f"etc/modprobe.d/{user} {host}.conf", "blacklist nouveau\n")
        self.put(root, "etc/X11/xorg.conf", f'Identifier "{host}"\nBusID "PCI:1:0:0"\nOption "x" "{secret}"\n')
        self.put(root, "etc/udev/rules.d/7.rules",
                 f'SUBSYSTEM=="net", ATTR{{address}}=="{mac}", NAME="{user}"\n'
                 f'ENV{{ID_SEAT}}="{user}", TAG=="{host}-drm-pci-0000_01_00_0"\n')  # fmt: skip
        self.put(root, "etc/initramfs-tools/modules", f"# {host}\nvfio-pci ids={mac}\n")
        self.put(root, f"home/{user}/.config/environment.d/gpu.conf", "KWIN_DRM_DEVICES=/dev/dri/card1\n")
        self.put(root, f"home/{label}/.config/environment.d/gpu.conf", "KWIN_DRM_DEVICES=/dev/dri/card1\n")
        self.put(root, f"etc/libvirt/qemu/{user}s-guest.xml",
                 f"<domain><name>{user}s-guest</name><devices><hostdev type='pci'><source>"
                 f"<address bus='0x09' slot='0'/></source></hostdev></devices></domain>")
        self.put(root, "etc/default/grub", f'GRUB_CMDLINE_LINUX="vfio-pci.ids= ip={address} user={user}"\n')
        self.put(root, f"proc/77/comm", f"{secret}\n")
        for name in ("serial", "uevent", "label", "vpd", "serial_number", "driver_override"):
            self.put(root, f"{GPU}/{name}", f"{serial} {mac} {label}\n")
        self.put(root, f"{GPU}/revision", f"{serial}\n")
        self.put(root, f"{GPU}/net/eth0/address", f"{mac}\n")
        text = self.record(root).read_text()
        for word in SECRETS:
            self.assertFalse(word.lower() in text.lower(), word)
        told = json.loads(text)
        self.assertEqual(told["cmdline"], "iommu=pt vfio-pci.ids=10de:1d01,10de:0fb8")
        self.assertEqual(told["files"]["/etc/modprobe.d/own.conf"],
                         ["", "", "install nouveau not-told", "install snd_hda_intel not-told"])
        self.assertEqual(told["files"]["/etc/initramfs-tools/modules"], ["", "vfio-pci"])

    def test_nothing_that_a_message_quotes_is_told(self) -> None:
        """What a refusal, a finding or a remedy quotes is hidden by what it is, however it is worded. None of these
        names is in the lists of hosts, users and machines that are replaced wherever they stand."""
        secrets = ["siegfried", "geheim", "tarnkappe", "nibelung", "balmung", "kriemhild"]
        user, secret, path, guest, word, program = secrets
        for name, install in (("plain", f"/home/{user}/load {secret}"),
                              ("apostrophe", f"/opt/{path}/it's/{secret} 'and {word}' says '{secret}'"),
                              ("quotes", f'echo "{secret}" >/srv/{path}; modprobe -i vfio-pci')):  # fmt: skip
            for enabled in (False, True):
                with self.subTest(install=name, enabled=enabled):
                    root = self.build("z370-gt1030-no-param", f"root-{name}-{enabled}")
                    if enabled:
                        subprocess.run([PROGRAM, "--sysroot", root, "enable"], check=True, capture_output=True)
                        self.put(root, "etc/X11/xorg.conf", f'Section "Device"\n  BusID "PCI:1:0:0" # {secret}\n')
                    self.put_secrets(root, install, *secrets)
                    text = self.record(root).read_text()
                    for one in secrets:
                        self.assertNotIn(one, text.lower(), f"{one} in\n{self.lines_with(text, one)}")
                    report = json.loads(text)["report"]
                    codes = {finding["code"] for finding in report["doctor"]["findings"]}
                    self.assertLessEqual({"compositor-setting", "vm-device-missing", "vm-unreadable", "held-open"}, codes)
                    self.assertIn("config-conflict", [refusal["code"] for refusal in report["plan"]["refusals"]])

    def put_secrets(self, root: Path, install: str, user: str, secret: str, path: str, guest: str, word: str,
                    program: str) -> None:  # fmt: skip
        self.put(root, "etc/modprobe.d/own.conf", f"install vfio-pci {install}\noptions vfio-pci ids=10de:1d01 x={word}\n")
        self.put(root, "etc/default/grub",
                 f'# of {user}\nGRUB_CMDLINE_LINUX_DEFAULT="quiet vfio-pci.ids= user={user} crypt={secret}"\n')  # fmt: skip
        self.put(root, "boot/grub/grub.cfg", f"linux /boot/vmlinuz root=/dev/mapper/{word} ro {secret}\n")
        self.put(root, "usr/sbin/update-grub", "#!/bin/sh\n")
        self.put(root, "etc/default/grub.d/x.cfg", f'GRUB_CMDLINE_LINUX="amd_iommu=on vfio-pci.ids={word}"\n')
        self.put(root, "proc/cmdline", f"ro amd_iommu={word} resume=/dev/mapper/{word} vfio-pci.ids={secret} {user}\n")
        for home in (f"home/{user}", f"var/home/{user}", "root"):
            self.put(root, f"{home}/.config/environment.d/{path}.conf", f"X={secret} KWIN_DRM_DEVICES=/dev/dri/card1\n")
        self.put(root, f"etc/profile.d/{path} x.sh", f"export KWIN_DRM_DEVICES=/dev/dri/card1 # {user}\n")
        self.put(root, "etc/environment", f"A={secret}\nKWIN_DRM_DEVICES='/dev/dri/card1' # {user}\n")
        self.put(root, "etc/modules", f"nouveau # {secret}\nvfio_virqfd x={word}\n")
        self.put(root, "etc/security/limits.conf", f"{user} hard memlock unlimited\n")
        hostdev = "<hostdev type='pci'><source>\n<address bus='0x09' slot='0'/></source></hostdev>"
        self.put(root, f"etc/libvirt/qemu/{guest}.xml", f"<domain><name>{guest} {user}</name><devices>{hostdev}</devices></domain>")
        self.put(root, f"etc/libvirt/qemu/{guest}2.xml", f"<domain><name>{guest} of {user}</name>\n<{secret}>\n")
        self.put(root, "proc/812/comm", f"{program}\n")
        (root / "proc/812/fd").mkdir(parents=True)
        (root / "proc/812/fd/7").symlink_to("/dev/dri/card1")

    def lines_with(self, text: str, word: str) -> str:
        return "\n".join(line for line in text.splitlines() if word in line.lower())

    def test_an_error_is_told_without_what_it_quotes(self) -> None:
        for name, content, how in (("etc/vfio-switch.conf", "devise = geheim\n", "cannot be parsed"),
                                   ("var/lib/vfio-switch/state.json", '{"geheim": siegfried', "cannot be used")):
            with self.subTest(name=name):
                root = self.build("z370-gt1030-no-param", f"root-{len(name)}")
                self.put(root, name, content)
                text = self.record(root).read_text()
                self.assertNotIn("geheim", text)
                self.assertNotIn("siegfried", text)
                errors = json.loads(text)["report"]["errors"]
                self.assertEqual([plain(error) for error in errors], [f"/{name} {how}"])

    def test_a_name_in_a_path_or_a_kernel_is_not_told(self) -> None:
        root = self.build("z370-gt1030-no-param", "root", "--kernel", KERNELS[0])
        modules = next(path for path in (root / "usr/lib/modules", root / "lib/modules") if path.is_dir())
        (modules / KERNELS[0]).rename(modules / "6.1.0-fritz-pc")
        self.put(root, "etc/hostname", "fritz-pc\n")
        self.put(root, "etc/passwd", "brunhilde:x:1000:1000::/home/brunhilde:/bin/sh\n")
        self.put(root, "etc/modprobe.d/brunhilde.conf", "alias brunhilde nouveau\nsoftdep nouveau post: fritz-pc\n")
        self.put(root, "proc/cmdline", "module_blacklist=brunhilde\n")
        text = self.record(root).read_text()
        self.assertNotIn("brunhilde", text)
        self.assertNotIn("fritz", text)

    def test_what_doctor_says_of_names_is_told_without_them(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        self.put(root, "etc/passwd", "brunhilde:x:1000:1000:Hilde Muster,,,:/home/brunhilde:/bin/sh\n")
        self.put(root, "home/brunhilde/.config/hypr/hyprland.conf", "env = AQ_DRM_DEVICES,/dev/dri/card1\n")
        found = "AQ_DRM_DEVICES in /home/(name)/.config/hypr/hyprland.conf:1 names 0000:01:00.0."
        told = json.loads(self.record(root).read_text())
        self.assertIn(found, [plain(finding["found"]) for finding in told["report"]["doctor"]["findings"]])

    def test_output(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        run_it = [PROGRAM, "--sysroot", str(root), "report", "--output", str(self.scratch / "report.json")]
        done = subprocess.run(run_it, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("read the file before you attach it", plain(done.stderr))
        self.assertEqual((self.scratch / "report.json").read_text(), self.record(root).read_text())
        run_it[-1] = str(self.scratch / "missing/report.json")
        self.assertEqual(subprocess.run(run_it, capture_output=True).returncode, 1)

    def test_a_damaged_state_is_told_too(self) -> None:
        root = self.build("z370-gt1030-no-param", "root")
        self.put(root, "var/lib/vfio-switch/state.json", "{")
        told = json.loads(self.record(root).read_text())
        self.assertEqual([plain(error) for error in told["report"]["errors"]],
                         ["/var/lib/vfio-switch/state.json cannot be used"])  # fmt: skip
        self.assertTrue(told["devices"])


if __name__ == "__main__":
    unittest.main()
