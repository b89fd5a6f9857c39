#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""doctor on sysroots: each thing that it reads from real files, its exit status, --json and --fix."""

import time
import unittest
from collections.abc import Callable
from typing import Any

from helper import CARD, DESKTOP, KERNELS, MODULES_LOAD, STATE, VFIO_CONF, Run, Sysroot, SysrootCase, plain
from test_json import ADDRESS, PLAN, misfits
from tap import slow

GPU = CARD[0]
SEVERITIES = {"problem", "warning", "note"}
NONE = type(None)
DOCTOR = {
    "schema": {1}, "healthy": bool, "changes": NONE,
    "findings": [{
        "code": str, "cause": str, "severity": SEVERITIES, "message": str, "found": str, "why": str, "data": dict,
        "remedy": {"text": str, "steps": [dict]}, "devices": [ADDRESS], "details": [str], "fixable": bool,
    }],
}  # fmt: skip
GUEST = ("<domain><name>win11</name><devices>\n<hostdev type='pci'><source>\n<address bus='{}' slot='0'/></source>"
         "</hostdev></devices></domain>\n")  # fmt: skip
IOMEM = "a0000000-b1ffffff : PCI Bus 0000:01\n  a0000000-afffffff : {}\n    a0000000-a07e8fff : efifb\n"

Change = Callable[[Sysroot], Any]


def writes(name: str, content: str) -> Change:
    return lambda root: root.write(name, content)


def links(name: str, target: str) -> Change:
    def link(root: Sysroot) -> None:
        (root.path / name).parent.mkdir(parents=True, exist_ok=True)
        (root.path / name).symlink_to(target)
    return link


def holds(node: str) -> Change:
    def hold(root: Sysroot) -> None:
        root.write("proc/812/comm", "Xorg\n")
        links("proc/812/fd/7", node)(root)
    return hold


def secure_boot(root: Sysroot) -> None:
    variables = root.path / "sys/firmware/efi/efivars"
    variables.mkdir(parents=True)
    (variables / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(b"\6\0\0\0\1")
    (variables / "StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f").write_bytes(b"\6\0\0\0")


def edit(root: Sysroot, step: dict[str, Any]) -> None:
    """Does what a step says, as a person with an editor would."""
    name = step["path"].lstrip("/")
    lines = root.read(name).splitlines() if root.exists(name) else []
    if step["from"] is None:
        lines.append(step["to"])
    else:
        line = lines[step["line"] - 1]
        assert step["from"] in line, (step, line)
        changed = line.replace(step["from"], step["to"] or "")
        lines[step["line"] - 1 : step["line"]] = [changed] if changed.strip() else []
    root.write(name, "".join(line + "\n" for line in lines))


# What each file makes doctor say: code, what sets it off, the nearest thing that does not.
READ: list[tuple[str, str, Change, Change]] = [
    ("framebuffer-on-card", "(efifb)", writes("proc/iomem", IOMEM.format(GPU)),
     writes("proc/iomem", IOMEM.format("0000:00:02.0"))),
    ("display-config", "/etc/X11/xorg.conf:2", writes("etc/X11/xorg.conf", 'Section "Device"\nBusID "PCI:1:0:0"\n'),
     writes("etc/X11/xorg.conf", 'Section "Device"\nBusID "PCI:0:2:0"\n')),
    ("prime-mode", "on-demand", writes("etc/prime-discrete", "on-demand\n"), writes("etc/prime-discrete", "off\n")),
    ("compositor-setting", "/etc/environment:2",
     writes("etc/environment", "A=b\nKWIN_DRM_DEVICES=/dev/dri/card1\n"),
     writes("etc/environment", "A=b\nKWIN_DRM_DEVICES=/dev/dri/card0\n")),
    ("compositor-setting", "/home/a/.config/hypr/h.conf:1",
     writes("home/a/.config/hypr/h.conf", "env = AQ_DRM_DEVICES,/dev/dri/by-path/pci-0000:01:00.0-card\n"),
     writes("home/a/.config/hypr/h.conf.bak", "env = AQ_DRM_DEVICES,/dev/dri/card1\n")),
    ("vfio-virqfd", "/etc/modules:1", writes("etc/modules", "vfio_virqfd\n"), writes("etc/modules", "# vfio_virqfd\n")),
    ("vfio-virqfd", "/etc/initramfs-tools/modules:2", writes("etc/initramfs-tools/modules", "\nvfio_virqfd\n"),
     writes("etc/initramfs-tools/modules", "\nvfio_pci\n")),
    ("driver-blacklisted", "/etc/modprobe.d/old.conf:1", writes("etc/modprobe.d/old.conf", "blacklist nouveau\n"),
     writes("etc/modprobe.d/old.conf", "blacklist nvidiafb\n")),
    ("older-tool", "nvidia-passthrough-blacklist.conf",
     writes("etc/modprobe.d/nvidia-passthrough-blacklist.conf", "blacklist nouveau\n"),
     writes("etc/modprobe.d/nvidia-something.conf", "")),
    ("other-tool", "driverctl", writes(f"etc/driverctl.d/pci-{GPU}", "vfio-pci\n"),
     writes("etc/driverctl.d/pci-0000:00:1f.6", "uio\n")),
    ("other-tool", "supergfxctl", writes("etc/supergfxd.conf", "{}"), writes("etc/other.conf", "{}")),
    ("held-open", "Xorg (812, /dev/dri/card1)", holds("/dev/dri/card1"), holds("/dev/dri/card0")),
    ("memlock-limit", "/etc/udev/rules.d/70-vfio.rules:1",
     writes("etc/udev/rules.d/70-vfio.rules", 'SUBSYSTEM=="vfio", GROUP="kvm"\n'),
     writes("etc/udev/rules.d/70-vfio.rules", 'SUBSYSTEM=="kvm", GROUP="kvm"\n')),
    ("vfio-node-private", "/etc/security/limits.conf:2",
     writes("etc/security/limits.conf", "\n@kvm hard memlock 17000000\n"),
     writes("etc/security/limits.conf", "\n@kvm hard nofile 17000000\n")),
    ("vm-device-missing", "win11.xml:3 names 0000:09:00.0", writes("etc/libvirt/qemu/win11.xml", GUEST.format("0x09")),
     writes("etc/libvirt/qemu/win11.xml", GUEST.format("0x01"))),
    ("vm-unreadable", "win11.xml:3 cannot be read: no element found", writes("etc/libvirt/qemu/win11.xml", "<domain>\n<a>\n"),
     writes("etc/libvirt/qemu/win11.txt", "<domain>\n<a>\n")),
    ("command-line-locked", "signed image", secure_boot, lambda root: None),
    ("set-up-pending", "a chroot", writes(f"{STATE}/set-up", "pending: a chroot\n"), writes(f"{STATE}/set-up", "done\n")),
    ("nvidia-persistenced", "multi-user.target.wants",
     links("etc/systemd/system/multi-user.target.wants/nvidia-persistenced.service", "/lib/x"),
     links("etc/systemd/system/multi-user.target.wants/nvidia-powerd.service", "/lib/x")),
]  # fmt: skip

# The same on a machine that is enabled, and was not rebooted.
READ_ENABLED: list[tuple[str, str, Change, Change]] = [
    ("ids-parameter-kept", "/etc/kernel/cmdline:1", writes("etc/kernel/cmdline", "ro vfio-pci.ids= quiet\n"),
     writes("etc/kernel/cmdline", "ro quiet\n")),
    ("ids-parameter-kept", "/boot/loader/entries/a.conf:2",
     writes("boot/loader/entries/a.conf", "title a\noptions ro vfio-pci.ids=\n"),
     writes("boot/loader/entries/a.conf", "title vfio-pci.ids=\noptions ro\n")),
    ("ids-parameter-kept", "/etc/default/grub.d/x.cfg:1",
     writes("etc/default/grub.d/x.cfg", 'GRUB_CMDLINE_LINUX="vfio-pci.ids="\n'),
     writes("etc/default/grub.d/x.cfg", '# GRUB_CMDLINE_LINUX="vfio-pci.ids="\n')),
    ("ids-parameter-now", "vfio-pci.ids=", writes("proc/cmdline", "ro vfio-pci.ids=\n"), writes("proc/cmdline", "ro\n")),
    ("softdep-shadowed", "vfio.conf:", writes("etc/modprobe.d/a.conf", "softdep nouveau post: drm\n"),
     writes("etc/modprobe.d/z.conf", "softdep nouveau post: drm\n")),
    ("file-edited", "vfio.conf was not written", lambda root: root.write(VFIO_CONF, root.read(VFIO_CONF) + "#\n"),
     lambda root: None),
    ("not-staged", f"/{MODULES_LOAD}", lambda root: (root.path / MODULES_LOAD).unlink(),
     lambda root: None),
    ("image-stale", "initrd.img-6.1", writes("etc/vfio-switch.conf", "initramfs = always\n"), lambda root: None),
    ("hibernation", "259:3", writes("sys/power/resume", "259:3\n"), writes("sys/power/resume", "0:0\n")),
    ("config-conflict", "/etc/modprobe.d/b.conf:1", writes("etc/modprobe.d/b.conf", "blacklist vfio-pci\n"),
     writes("etc/modprobe.d/b.conf", "blacklist pcspkr\n")),
]  # fmt: skip


class Doctor(SysrootCase):
    def findings(self, root: Sysroot, status: Any = None) -> dict[str, list[dict[str, Any]]]:
        done = root.run("--json", "doctor")
        self.assertIn(done.status, (0, 5) if status is None else (status,), f"\n{done}")
        told = done.json
        self.assertEqual(misfits(told, DOCTOR), [])
        self.assertEqual(done.status, 0 if told["healthy"] else 5)
        self.assertEqual(told["healthy"], all(f["severity"] == "note" for f in told["findings"]))
        by_code: dict[str, list[dict[str, Any]]] = {}
        for finding in told["findings"]:
            by_code.setdefault(finding["code"], []).append(finding)
        return by_code

    def check_rows(self, rows: list[tuple[str, str, Change, Change]], enabled: bool) -> None:
        for number, (code, says, trigger, neighbour) in enumerate(rows):
            with self.subTest(code=code, says=says):
                for which, change in (("trigger", trigger), ("neighbour", neighbour)):
                    root = self.machine(DESKTOP, "--kernel", KERNELS[1], to=f"{which}-{number}")
                    if enabled:
                        self.assert_status(root.run("enable"), 0)
                    change(root)
                    found = self.findings(root)
                    if which == "trigger":
                        self.assertIn(code, found)
                        self.assertTrue(any(says in plain(f["found"]) for f in found[code]), found[code])
                    else:
                        self.assertNotIn(code, found)

    @slow
    def test_what_it_reads(self) -> None:
        self.check_rows(READ, enabled=False)

    @slow
    def test_what_it_reads_of_a_machine_that_is_enabled(self) -> None:
        self.check_rows(READ_ENABLED, enabled=True)

    def test_reset_method(self) -> None:
        root = self.machine("maximus-iv-rx550", "--variant", "igpu-boots")
        gpu = self.findings(root, 0)["reset-trouble"][0]["devices"][0]
        root.write(f"sys/bus/pci/devices/{gpu}/reset_method", "bus\n")
        self.assertIn("reset_method: bus", plain(self.findings(root, 0)["reset-trouble"][0]["found"]))
        root.write(f"sys/bus/pci/devices/{gpu}/reset_method", "device_specific\n")
        self.assertNotIn("reset-trouble", self.findings(root, 0))

    def test_a_card_that_is_gone(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        for address in CARD:
            (root.path / "sys/bus/pci/devices" / address).unlink()
        found = self.findings(root, 5)
        self.assertIn("was not found, neither at 0000:01:00.0 nor at another address", plain(found["card-missing"][0]["found"]))
        self.assertNotIn("no-second-gpu", found)

    def test_a_healthy_machine(self) -> None:
        done = self.desktop().run("doctor")
        self.assert_status(done, 0)
        self.assertEqual(done.out, "Found no problem. 'vfio-switch plan enable' shows what enable would do.\n")

    def test_text(self) -> None:
        root = self.desktop()
        root.write("etc/modules", "vfio_virqfd\n")
        done = root.run("doctor")
        self.assert_status(done, 5)
        self.assertTrue(done.out.startswith("warning: vfio-virqfd\n  /etc/modules:1 asks for vfio_virqfd"), done)
        self.assertIn("\n  -> Remove this from /etc/modules:1:\n       vfio_virqfd\n     Run:\n       update-initramfs"
                      " -u -k all\n", done.out)  # fmt: skip
        self.assertTrue(done.out.endswith("1 warning. Fix it, then run 'vfio-switch doctor' again.\n"))

    def test_steps_for_programs(self) -> None:
        root = self.desktop()
        root.write("etc/modules", "# a list\nvfio_virqfd x=1\n")
        root.write("etc/libvirt/qemu/win11.xml", GUEST.format("0x09"))
        found = self.findings(root, 5)
        list_entry = found["vfio-virqfd"][0]
        self.assertEqual(list_entry["data"], {"place": {"path": "/etc/modules", "line": 2}, "kernels": [KERNELS[1]]})
        self.assertEqual(list_entry["message"], list_entry["found"])
        guest = found["vm-device-missing"][0]
        self.assertEqual((guest["cause"], guest["data"]["device"]), ("vm-device-missing", "0000:09:00.0"))
        self.assertEqual(guest["remedy"]["steps"], [
            {"kind": "run", "command": ["virsh", "edit", "win11"], "as_root": True},
            {"kind": "by-hand", "code": "set-vm-device", "data": {}},
        ])  # fmt: skip
        self.assertEqual(list_entry["remedy"]["steps"][0], {
            "kind": "edit", "path": "/etc/modules", "line": 2, "from": "vfio_virqfd x=1", "to": None,
        })  # fmt: skip

    def test_a_line_is_edited_as_it_says(self) -> None:
        """The edits that are told, done to the letter, take the finding away."""
        rows = [("driver-blacklisted", "etc/modprobe.d/old.conf", "# x\nblacklist  nouveau\nblacklist pcspkr\n"),
                ("vfio-virqfd", "etc/mkinitcpio.conf", "MODULES=(vfio_virqfd vfio)\nHOOKS=(base)\n"),
                ("vfio-virqfd", "etc/dracut.conf.d/v.conf", 'force_drivers+=" vfio vfio_virqfd "\n'),
                ("compositor-setting", "etc/environment", "A=b\n KWIN_DRM_DEVICES=/dev/dri/card1\n"),
                ("display-config", "etc/X11/xorg.conf", 'Section "Device"\n\tBusID\t"PCI:1:0:0"\n'),
                ("memlock-limit", "etc/udev/rules.d/70-vfio.rules", 'SUBSYSTEM=="vfio", GROUP="kvm"\n')]
        for number, (code, name, content) in enumerate(rows):
            with self.subTest(code=code, name=name):
                root = self.machine(DESKTOP, "--kernel", KERNELS[1], to=f"edited-{number}")
                root.write(name, content)
                finding = self.findings(root, 5)[code][0]
                for step in finding["remedy"]["steps"]:
                    if step["kind"] == "edit":
                        edit(root, step)
                self.assertNotIn(code, self.findings(root))

    def test_it_answers_within_a_second(self) -> None:
        root = self.machine("kata-rtx2080ti-x8")
        started = time.monotonic()
        self.findings(root)
        self.assertLess(time.monotonic() - started, 5, "with sanitizers, on a busy machine; 0.02 s without")


class Fix(SysrootCase):
    def enabled(self) -> Sysroot:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        return root

    def codes(self, done: Run) -> list[str]:
        return [finding["code"] for finding in done.json["findings"]]

    def test_it_is_shown_and_then_done(self) -> None:
        root = self.enabled()
        before = root.snapshot()
        (root.path / MODULES_LOAD).unlink()
        dry = root.run("doctor", "--fix", "--dry-run")
        self.assertIn(f"write /{MODULES_LOAD}", dry.out)
        self.assertFalse(root.exists(MODULES_LOAD), "a dry run does nothing")
        self.assertIn("'vfio-switch doctor --fix' fixes", dry.out)
        done = root.run("doctor", "--fix")
        self.assertIn(f"write /{MODULES_LOAD}", done.out)
        self.assertNotIn("not-staged", done.out)
        self.assert_same_tree(before, root.snapshot())

    def test_json(self) -> None:
        root = self.enabled()
        (root.path / MODULES_LOAD).unlink()
        plain = root.run("--json", "doctor")
        self.assertIsNone(plain.json["changes"])
        self.assertIn("not-staged", self.codes(plain))
        done = root.run("--json", "doctor", "--fix")
        self.assertEqual(misfits(done.json["changes"], PLAN["changes"]), [])
        self.assertEqual([change["path"] for change in done.json["changes"] if change["kind"] == "write"],
                         [f"/{MODULES_LOAD}"])  # fmt: skip
        self.assertNotIn("not-staged", self.codes(done))
        self.assertEqual(root.run("--json", "doctor", "--fix").json["changes"], [])

    def test_nobody_elses_file_is_touched(self) -> None:
        root = self.desktop()
        for name, content in (("etc/modules", "vfio_virqfd\n"), ("etc/modprobe.d/old.conf", "blacklist nouveau\n"),
                              ("etc/modprobe.d/nvidia-passthrough-blacklist.conf", "blacklist nouveau\n"),
                              ("etc/supergfxd.conf", "{}")):  # fmt: skip
            root.write(name, content)
        before = root.snapshot(without=())
        self.assert_status(root.run("doctor", "--fix"), 5)
        self.assert_same_tree(before, root.snapshot(without=()))

    def test_an_edited_file_is_left(self) -> None:
        root = self.enabled()
        root.write(VFIO_CONF, root.read(VFIO_CONF) + "# mine\n")
        before = root.snapshot()
        done = root.run("doctor", "--fix")
        self.assert_status(done, 5)
        self.assertIn("--keep-mine", done.out)
        self.assert_same_tree(before, root.snapshot())

    def test_a_disabled_machine_stays_disabled(self) -> None:
        root = self.enabled()
        content = root.read(VFIO_CONF)
        self.assert_status(root.run("disable"), 0)
        before = root.snapshot()
        root.write(VFIO_CONF, content)
        done = root.run("--json", "doctor", "--fix")
        self.assertEqual([change["path"] for change in done.json["changes"] if change["kind"] == "write"],
                         [f"/{VFIO_CONF}"])  # fmt: skip
        self.assert_same_tree(before, root.snapshot())

    def test_usage(self) -> None:
        root = self.desktop()
        for words in (["doctor", "--rebuild"], ["doctor", "--output", "x"], ["status", "--fix"], ["report", "--fix"]):
            with self.subTest(words=words):
                self.assert_status(root.run(*words), 2)

    def test_a_report_that_cannot_be_written(self) -> None:
        done = self.desktop().run("report", "--output", str(self.scratch / "missing/report.json"))
        self.assert_status(done, 1)
        self.assertEqual(done.err.splitlines(), [
            f"vfio-switch: cannot write {self.scratch}/missing/report.json: No such file or directory",
            "  Use --output with a file in a directory that you can write to.",
        ])


if __name__ == "__main__":
    unittest.main()
