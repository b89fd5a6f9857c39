#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages that people meet most often, as whole texts.

Each text was written before the program said it. Read a change here as somebody who meets it at a
bad moment, and whose first language is not English: see "Words" in CONTRIBUTING.md.
"""

import fcntl
import os
import re
import shutil
import unittest

from helper import CARD, DESKTOP, HERE, KERNELS, STAND_IN, STATE, Run, Sysroot, SysrootCase, as_root, run, vfio_switch
from test_wrong_uses import as_nobody

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
MANUAL = HERE.parent.parent / "contrib/man"
SETTINGS = "etc/vfio-switch.conf"
ESCAPE = "If the screen stays black, append 'vfio-pci.ids=' (nothing after the '=') to the kernel command line at the boot menu.\n"
DONE = (f"Done. At the next boot vfio-pci will take {CARD[0]} and {CARD[1]} (checked for the boot menu entry 'Debian GNU/Linux'). "
        "Reboot, then run 'vfio-switch status'.\n")  # fmt: skip
SEE_HELP = "  See 'vfio-switch --help'.\n"


class Words(SysrootCase):
    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.root: Sysroot = self.machine(DESKTOP)

    def hook(self, *words: str) -> Run:
        return run([HOOK, "--sysroot", str(self.root.path), *words])

    def with_tool(self, behaviour: str = "", early: bool = True) -> None:
        shutil.copy(STAND_IN, self.root.path / "usr/sbin/update-initramfs")
        self.root.write("etc/stand-in-initramfs", behaviour)
        if early:
            self.root.write(SETTINGS, "initramfs = always\n")

    def fails(self, done: Run, text: str, status: int = 1) -> None:
        self.assertEqual((done.err, done.out, done.status), (text, "", status))

    def has_line(self, done: Run, line: str) -> None:
        """A whole line, on either output, without its indentation."""
        self.assertIn(line, [one.strip() for one in (done.err + done.out).splitlines()])


class Usage(Words):
    def test_wrong_command_lines(self) -> None:
        for words, text in (
            (["enabel"], f"vfio-switch: unknown command 'enabel'\n{SEE_HELP}"),
            ([], f"vfio-switch: no command given\n{SEE_HELP}"),
            (["enable", "01:00.0"], "vfio-switch: unexpected argument '01:00.0'\n  To choose a card, use --device 01:00.0.\n"),
            (["status", "again"], f"vfio-switch: unexpected argument 'again'\n{SEE_HELP}"),
            (["status", "--rebuild"], f"vfio-switch: option --rebuild cannot be used with 'status'\n{SEE_HELP}"),
            (["enable", "--force"], f"vfio-switch: unrecognised option '--force'\n{SEE_HELP}"),
            (["enable", "--keep-mine", "--force-ours"],
             f"vfio-switch: options --force-ours and --keep-mine cannot be used together\n{SEE_HELP}"),
            (["plan", "rollback"],
             "vfio-switch: cannot plan 'rollback'\n  Use 'vfio-switch plan enable' or 'vfio-switch plan disable'.\n"),
            (["enable", "--device", "01:00,0"],
             "vfio-switch: '01:00,0' is not a PCI address or ID\n"
             "  Use an address such as 01:00.0, or vendor and device ID such as 10de:2d04. See 'vfio-switch devices'.\n"),
        ):  # fmt: skip
            with self.subTest(words=words):
                self.fails(self.root.run(*words), text, 2)

    def test_an_event_that_does_not_exist(self) -> None:
        done = run([HOOK, "frobnicate"])
        self.assertRegex(done.err, r"\Avfio-switch: usage: vfio-switch-hook \[--sysroot DIR\] EVENT, where EVENT is one of "
                                   r"[a-z-]+( VERSION)?(, [a-z-]+( VERSION)?)+\n\Z")  # fmt: skip

    def test_help(self) -> None:
        text = vfio_switch("--help").out
        commands = " ".join(text.partition("Global options")[0].split())
        self.assertIn("devices list graphics cards and whether each can be passed through status", commands)
        self.assertIn("report write a bug report (host and user names removed) Commands that change", commands)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)


class Changes(Words):
    def test_enable_and_disable(self) -> None:
        done = self.root.run("enable")
        self.assertTrue(done.out.endswith(DONE + ESCAPE), done.out)
        self.assertEqual(self.root.run("enable").out,
                         "Nothing to do: passthrough is set up. 'vfio-switch status' shows whether a reboot is needed.\n")
        self.assertTrue(self.root.run("disable").out.endswith(
            f"Done. At the next boot nouveau will take {CARD[0]} and snd_hda_intel will take {CARD[1]} "
            "(checked for the boot menu entry 'Debian GNU/Linux'). "
            "Reboot, then run 'vfio-switch status'.\n"))  # fmt: skip

    def test_images_that_are_not_rebuilt_below_a_sysroot(self) -> None:
        self.root.write(SETTINGS, "initramfs = always\n")
        image = f"/boot/initrd.img-{KERNELS[0]}"
        self.assertTrue(self.root.run("enable").out.endswith(
            f"{image} is out of date: rebuild it on that system, or use --rebuild.\n"
            f"Done. At the next boot vfio-pci will take {CARD[0]} and {CARD[1]} (checked for kernel {KERNELS[0]}). "
            f"Until the files named above are rebuilt, this may not be so.\n{ESCAPE}"))  # fmt: skip

    def test_not_as_root(self) -> None:
        self.fails(self.root.run("enable", "--rebuild", prefix=as_nobody()) if os.geteuid() == 0 else
                   self.root.run("enable", "--rebuild"),
                   "vfio-switch: 'enable' needs root: it runs the initramfs tool\n  Run it as root.\n", 4)  # fmt: skip

    def test_a_tool_that_fails(self) -> None:
        self.with_tool(f"fail {KERNELS[0]}\n")
        done = self.root.run("enable", "--rebuild", prefix=as_root())
        self.assert_status(done, 1)
        self.assertIn(f"vfio-switch: update-initramfs failed for kernel {KERNELS[0]} with exit status 1; its last output:\n    ",
                      done.err)  # fmt: skip
        self.assertTrue(done.err.endswith(
            "  Fix the problem shown above, then run the command again. All changes were undone: 2 files, 1 image restored.\n"),
            done.err)  # fmt: skip

    def test_no_initramfs_tool(self) -> None:
        self.root.write(SETTINGS, "initramfs = always\n")
        (self.root.path / "usr/sbin/update-initramfs").unlink()
        self.assertIn("vfio-switch: no initramfs tool is installed; looked for update-initramfs and dracut\n"
                      "  Install one of them.", self.root.run("enable", "--rebuild", prefix=as_root()).err)  # fmt: skip

    def test_another_one_is_running(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        with open(self.root.path / STATE / "journal/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("'enable', process 4711\n")
            lock.flush()
            self.fails(self.root.run("disable"), "vfio-switch: another vfio-switch is running: 'enable', process 4711\n"
                                                 "  Wait until it has finished, then try again.\n")  # fmt: skip

    def test_a_root_that_is_not_there(self) -> None:
        self.fails(vfio_switch("--sysroot", f"{self.scratch}/none", "status"),
                   f"vfio-switch: cannot use the root directory {self.scratch}/none: No such file or directory\n"
                   "  Use --sysroot with the top directory of an installed system.\n")  # fmt: skip

    def test_a_report(self) -> None:
        path = f"{self.scratch}/report.json"
        done = self.root.run("report", "--output", path)
        self.assertEqual((done.err, done.out), (f"Wrote {path}. Host and user names were removed; read the file before you attach it to a bug report.\n", ""))


class Files(Words):
    def test_settings(self) -> None:
        for text, said in (
            ("colour = blue\n", "'colour' is not a setting (known: device, extra-devices, initramfs, iommu, headless, auto-disable)"),
            ("headless = 1\n", "'headless' is '1'; expected yes or no"),
            ("headless\n", "'headless' is not of the form key = value"),
            ("headless = no\nheadless = no\n", "'headless' is set twice"),
            ("device = big\n", "'device' contains 'big'; expected auto, none, an address such as 01:00.0 or IDs such as 10de:2d04"),
        ):  # fmt: skip
            with self.subTest(text=text):
                self.root.write(SETTINGS, text)
                line = text.count("\n")
                self.fails(self.root.run("status"), f"vfio-switch: /{SETTINGS}:{line}: {said}\n"
                                                    f"  Correct or remove line {line} of /{SETTINGS}.\n", 2)  # fmt: skip

    def test_state(self) -> None:
        path = f"/{STATE}/state.json"
        for text, said in (
            ('{"schema":99}', f"{path} was written by a newer version of vfio-switch\n  Upgrade vfio-switch.\n"),
            ('{"schema":1,"intent":"maybe"}', f"{path} cannot be parsed: intent 'maybe'\n"
             "  Restore it from a backup, or remove it and run 'vfio-switch enable' or 'vfio-switch disable'.\n"),
        ):  # fmt: skip
            with self.subTest(text=text):
                self.root.write(path[1:], text)
                self.fails(self.root.run("status"), f"vfio-switch: {said}")

    def test_a_distribution_without_a_profile(self) -> None:
        self.root.write("etc/os-release", "ID=haiku\n")
        self.fails(self.root.run("status"), "vfio-switch: no profile for this distribution (os-release: ID=haiku); "
                   "known: arch, debian, endeavouros, fedora and suse\n"
                   "  Add a profile to /etc/vfio-switch/profiles. See vfio-switch-profile(5).\n")  # fmt: skip


class Looks(Words):
    def test_devices(self) -> None:
        done = self.root.run("devices")
        self.has_line(done, "can be passed through; this card is selected")
        self.has_line(done, "Next: run 'vfio-switch plan enable' to see what enable would do.")
        off = self.machine("nobara-adl-rx6600-iommu-off", to="off").run("devices")
        self.assertTrue(off.out.startswith("The IOMMU is off: no card can be passed through yet.\n"), off.out)

    def test_plan(self) -> None:
        self.has_line(self.root.run("plan", "enable"), "Driver that will bind, according to libkmod")


class Hooks(Words):
    def test_a_boot_that_is_not_as_expected(self) -> None:
        self.root.write("proc/sys/kernel/osrelease", KERNELS[0] + "\n")
        self.root.write("proc/sys/kernel/random/boot_id", "one\n")
        self.root.write("proc/cmdline", "ro quiet\n")
        self.assert_status(self.root.run("enable"), 0)
        said = self.hook("boot-check").out
        self.assertIn(f"vfio-switch: {CARD[0]} is bound to nouveau; expected vfio-pci", said)

    def test_an_image_that_was_built_wrong(self) -> None:
        self.root.write(SETTINGS, "initramfs = always\n")
        self.assert_status(self.root.run("enable"), 0)
        self.assertRegex(self.hook("image-built", KERNELS[0]).err,
                         rf"\Avfio-switch: warning: vfio-pci would not take the card with kernel {re.escape(KERNELS[0])}: .*\n"
                         r"  Run 'vfio-switch enable'\.\n\Z")  # fmt: skip

    def test_an_event_that_fails(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        self.root.write("etc/modprobe.d/graphics.conf", "softdep nouveau post: snd\n")  # something to do
        self.root.write(f"{STATE}/journal/log", "nonsense\n")
        self.assertRegex(self.hook("drivers-changed").err, r"\Avfio-switch: warning: .*the journal is damaged: ")


class Reasons(Words):
    """Sentences about plans, images and findings. One that is not worded so yet is expected to fail."""

    def test_a_build_that_is_not_needed(self) -> None:
        self.assertRegex(self.root.run("enable").out, "(?m)^(?:Note: )?initramfs rebuild not needed: the image for "
                         f"{re.escape(KERNELS[0])} contains no driver for this card, no vfio-pci and no vfio-switch files\\.?$")

    def test_an_image_that_does_not_matter(self) -> None:
        self.assert_status(self.root.run("enable"), 0)
        self.assertIn("initramfs unaffected", self.root.run("status").out)

    def test_an_image_without_the_configuration(self) -> None:
        self.with_tool("forget etc/modprobe.d\n")
        self.assertIn("loads vfio-pci but lacks the configuration that binds the card",
                      self.root.run("enable", "--rebuild", prefix=as_root()).err)  # fmt: skip

    def test_a_kernel_that_leaves_the_iommu_off(self) -> None:
        root = self.machine("xps15-9500-gtx1650ti", "--variant", "kernel-off", to="off")
        self.assertIn("The IOMMU is off: this kernel needs intel_iommu=on to enable it.", root.run("doctor").out)

    def test_one_more_reason(self) -> None:
        self.assertRegex(self.machine("rog-g614fp-rtx5070", to="four").run("plan", "enable").out, r"(?m)^ *and 1 more reason\b")


class Manual(unittest.TestCase):
    def test_the_words_that_are_not_used(self) -> None:
        """In the help, and on every manual page."""
        texts = {"--help": vfio_switch("--help").out} | {path.name: path.read_text() for path in MANUAL.iterdir()}
        for name, text in texts.items():
            with self.subTest(page=name):
                self.assertEqual(re.findall(r"(?i)\b(?:mends?|anew|foretold|gives? away|given away|picture|is no \w+)\b", text), [])


if __name__ == "__main__":
    unittest.main()
