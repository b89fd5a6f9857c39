#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out depends on nothing: whatever is damaged, the card goes back to the host."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path
from typing import Callable, Optional

from helper import (
    CARD, KERNELS, MODULES_LOAD, STAND_IN, STATE, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, run, tool,
)  # fmt: skip
from tap import slow

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
JOURNAL = f"{STATE}/journal"
MINE = "options vfio-pci disable_idle_d3=1\n"
# What the programs are given, and whether a removal keeps the books.
WAYS = [("cli", "disable"), ("cli", "rollback"), ("hook", "disable"), ("hook", "rollback"), ("hook", "pre-remove")]


def with_last_byte_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


class WayOutCase(SysrootCase):
    number = 0

    def enabled(self, *options: str, before: Optional[str] = None) -> Sysroot:
        self.number += 1
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], *options, to=str(self.number))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        if before is not None:
            root.write(VFIO_CONF, before)
        self.assert_status(root.run("enable"), 0)
        return root

    def call(self, root: Sysroot, program: str, *words: str) -> Run:
        return run([VFIO_SWITCH if program == "cli" else HOOK, "--sysroot", str(root.path), *words])

    def assert_given_back(self, root: Sysroot, done: Optional[Run] = None) -> None:
        """By the real modprobe: nothing of ours has an effect."""
        for address, driver in zip(CARD, ("nouveau", "snd_hda_intel")):
            order = [name for name, _ in root.modprobe(KERNELS[0], root.modalias(address))]
            self.assertNotIn("vfio_pci", order, f"\n{done}")
            self.assertIn(driver, order, f"\n{done}")


class Programs(WayOutCase):
    def test_the_hook_needs_the_c_and_the_cpp_library_alone(self) -> None:
        text = subprocess.run([tool("readelf"), "-d", HOOK], capture_output=True, text=True, check=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.+?)\.so", text))
        sanitizers = {name for name in needed if name.startswith(("libasan", "libubsan", "libresolv"))}
        self.assertIn("libc", needed)
        self.assertLessEqual(needed - sanitizers, {"libc", "libstdc++", "libgcc_s", "libm", "ld-linux-x86-64"})

    def test_what_is_loaded_at_run_time_is_named_in_the_packages(self) -> None:
        """No tool finds these by itself."""
        sources = Path(__file__).resolve().parents[2]
        text = "".join(path.read_text() for path in (sources / "src").rglob("*.cc"))
        loaded = set(re.findall(r'"lib([a-z]+)\.so\.\d', text))
        loaded.discard("kmod")  # whose files are told apart by name
        # Without systemd there is no journal to write to.
        self.assertEqual(loaded, {"archive", "expat", "systemd"})
        loaded.remove("systemd")
        names = {
            "pkg/debian/control": {"archive": "libarchive13", "expat": "libexpat1"},
            "pkg/arch/PKGBUILD": {"archive": "'libarchive'", "expat": "'expat'"},
            "pkg/fedora/vfio-switch.spec": {"archive": "Requires:       libarchive", "expat": "Requires:       expat"},
        }
        for path, packages in names.items():
            for library in loaded:
                self.assertIn(packages[library], (sources / path).read_text(), path)

    def test_events_that_need_a_plan_end_well_without_the_program_that_plans(self) -> None:
        root = self.enabled()
        hook = self.scratch / "alone/vfio-switch-hook"
        hook.parent.mkdir()
        shutil.copy(HOOK, hook)
        planner = hook.with_name("vfio-switch-plan")
        for text in ("exit 127", "ulimit -c 0; kill -SEGV $$", None):
            planner.unlink(missing_ok=True)
            if text is not None:
                planner.write_text(f"#!/bin/sh\n{text}\n")
                planner.chmod(0o755)
            for words in (("kernel-added", KERNELS[0]), ("drivers-changed",), ("boot-check",), ("post-install",)):
                with self.subTest(text=text, words=words):
                    if text is None and os.path.exists("/usr/lib/vfio-switch/vfio-switch-plan"):
                        continue
                    done = run([str(hook), "--sysroot", str(root.path), *words])
                    self.assert_status(done, 0)
                    self.assertIn("vfio-switch: warning: ", done.err)
                    self.assertIn(f"'{words[0]}' was not done", done.err)
        self.assert_status(run([str(hook), "--sysroot", str(root.path), "disable"]), 0)
        self.assert_given_back(root)

    def test_exit_statuses_and_options(self) -> None:
        root = self.enabled()
        root.write(VFIO_CONF, root.read(VFIO_CONF).replace("options", MINE + "options"))
        done = self.call(root, "hook", "rollback")
        self.assert_status(done, 0)
        self.assertNotIn("--", done.out.replace("--sysroot", ""), "it takes no options")
        self.assert_status(self.call(root, "hook", "rollback", "--force-ours"), 2)
        self.assert_status(self.call(root, "hook"), 2)

    def test_output_that_cannot_be_written_is_a_failure(self) -> None:
        root = self.enabled()
        for program, words in ((VFIO_SWITCH, ["status", "--json"]), (VFIO_SWITCH, ["report"]), (VFIO_SWITCH, ["devices"])):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                done = subprocess.run(
                    [program, "--sysroot", str(root.path), *words], stdout=full, stderr=subprocess.PIPE, text=True
                )
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot write to standard output", done.stderr)


class Damage(WayOutCase):
    def damages(self) -> dict[str, Callable[[Sysroot], None]]:
        def write(name: str, content: str) -> Callable[[Sysroot], None]:
            return lambda root: (root.path / name).unlink(missing_ok=True) or root.write(name, content) and None

        def cut(name: str) -> Callable[[Sysroot], None]:
            def apply(root: Sysroot) -> None:
                path = root.path / name
                os.truncate(path, path.stat().st_size // 2)
            return apply

        def newer(name: str, old: str, new: str) -> Callable[[Sysroot], None]:
            def apply(root: Sysroot) -> None:
                self.assertIn(old, root.read(name))
                root.write(name, root.read(name).replace(old, new))
            return apply

        def damage_a_line(root: Sysroot) -> None:
            lines = root.read(f"{JOURNAL}/log").splitlines(True)
            lines[1] = lines[1][: len(lines[1]) // 2] + "\n"
            root.write(f"{JOURNAL}/log", "".join(lines))

        def special(name: str, make: Callable[[Path], None]) -> Callable[[Sysroot], None]:
            def apply(root: Sysroot) -> None:
                path = root.path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
                make(path)
            return apply

        return {
            "a typo in the settings": write("etc/vfio-switch.conf", "devices = 01:00.0\n"),
            "a broken profile": write("etc/vfio-switch/profiles/mine.conf", "id debian\n"),
            "an unknown distribution": write("etc/os-release", "ID=plan9\n"),
            "state.json cut short": cut(f"{STATE}/state.json"),
            "state.json of a newer version": newer(f"{STATE}/state.json", '"schema": 1', '"schema": 7'),
            "state.json a directory": special(f"{STATE}/state.json", Path.mkdir),
            "state.json a FIFO": special(f"{STATE}/state.json", os.mkfifo),
            "the journal of a newer version": newer(f"{JOURNAL}/log", '"journal":1', '"journal":7'),
            "a damaged line in the journal": damage_a_line,
            "the journal cut short": cut(f"{JOURNAL}/log"),
            "the journal a directory": special(f"{JOURNAL}/log", Path.mkdir),
            "no journal": lambda root: shutil.rmtree(root.path / JOURNAL),
            "no state at all": lambda root: shutil.rmtree(root.path / STATE),
            "an unreadable modalias": write(f"sys/bus/pci/devices/{CARD[0]}/modalias", "nonsense"),
            "no PCI devices": lambda root: shutil.rmtree(root.path / "sys/bus/pci/devices"),
            "crypttab a directory": special("etc/crypttab", Path.mkdir),
            "xorg.conf a FIFO": special("etc/X11/xorg.conf", os.mkfifo),
            "the tool's list a directory": special("etc/initramfs-tools/modules", Path.mkdir),
            "a masked file of others": special("etc/modprobe.d/x.conf", lambda path: path.symlink_to("/dev/null")),
            "the module index cut short": cut(f"usr/lib/modules/{KERNELS[0]}/modules.alias.bin"),
            "the module index is garbage": write(f"usr/lib/modules/{KERNELS[0]}/modules.dep.bin", "x" * 5000),
        }  # fmt: skip

    @slow
    def test_every_way_out_of_every_damage(self) -> None:
        for name, damage in self.damages().items():
            for program, verb in WAYS:
                with self.subTest(damage=name, program=program, verb=verb):
                    root = self.enabled()
                    index = {
                        path: path.read_bytes() for path in (root.path / "usr/lib/modules" / KERNELS[0]).glob("*.bin")
                    }
                    damage(root)
                    done = self.call(root, program, verb)
                    self.assert_status(done, 0)
                    for path, content in index.items():  # modprobe itself must be able to answer
                        path.write_bytes(content)
                    if name in ("an unreadable modalias", "no PCI devices"):
                        self.assertNotRegex(root.read(VFIO_CONF) if root.exists(VFIO_CONF) else "", r"(?m)^[^#\n]")
                    else:
                        self.assert_given_back(root, done)
                    self.assertNotIn("\x00", done.out + done.err)

    def test_a_damaged_pre_image_of_an_old_transaction(self) -> None:
        for program, verb in WAYS:
            with self.subTest(program=program, verb=verb):
                root = self.enabled(before="options vfio-pci ids=10de:1d01,10de:0fb8\nsoftdep nouveau pre: vfio-pci\n")
                for path in (root.path / JOURNAL / "pre-images").iterdir():
                    with_last_byte_changed(path)
                done = self.call(root, program, verb)
                self.assert_status(done, 0)
                self.assertIn("missing or damaged", done.err)
                self.assert_given_back(root, done)

    def test_what_cannot_be_given_back_keeps_the_books(self) -> None:
        root = self.enabled(before="options vfio-pci ids=10de:1d01,10de:0fb8\nsoftdep nouveau pre: vfio-pci\n")
        for path in (root.path / JOURNAL / "pre-images").iterdir():
            with_last_byte_changed(path)
        self.assert_status(self.call(root, "hook", "pre-remove"), 0)
        self.assertIn("lost\n", root.read(f"{STATE}/removal"))
        self.assertTrue(root.exists(f"{JOURNAL}/log"))

    def test_after_a_removal_what_was_there_before_is_left_alone(self) -> None:
        theirs = "options vfio-pci ids=10de:1d01,10de:0fb8\nsoftdep nouveau pre: vfio-pci\n"
        root = self.enabled(before=theirs)
        self.assert_status(self.call(root, "hook", "pre-remove"), 0)
        for time in ("first", "second"):
            with self.subTest(time=time):
                self.assert_status(self.call(root, "hook", "disable"), 0)
                self.assertEqual(root.read(VFIO_CONF), theirs)

    def test_shell_hooks_see_that_it_is_disabled(self) -> None:
        """They look for the intent in state.json, whatever else has become of it."""
        for damage in ("state.json cut short", "state.json of a newer version", "state.json a directory"):
            with self.subTest(damage=damage):
                root = self.enabled()
                self.damages()[damage](root)
                self.assert_status(self.call(root, "hook", "disable"), 0)
                self.assertIn('"intent": "disabled"', root.read(f"{STATE}/state.json"))
                self.assertNotIn('"enabled"', root.read(f"{STATE}/state.json"))


class Edited(WayOutCase):
    def edited(self) -> tuple[Sysroot, bytes]:
        root = self.enabled()
        path = root.path / VFIO_CONF
        theirs = path.read_bytes() + MINE.encode() + b"\xff\0 # no line end \\"
        path.write_bytes(theirs)
        return root, theirs

    def test_no_byte_is_lost(self) -> None:
        for program, verb in WAYS:
            if (program, verb) == ("cli", "rollback"):
                continue  # it asks
            with self.subTest(program=program, verb=verb):
                root, theirs = self.edited()
                self.assert_status(self.call(root, program, verb), 0)
                self.assert_given_back(root)
                out = (root.path / VFIO_CONF).read_bytes()
                (command,) = re.findall(rb"(?m)^# .* To undo: (.*)$", out)
                here = command.decode().replace(f"/{VFIO_CONF}", str(root.path / VFIO_CONF))
                subprocess.run(["/bin/sh", "-c", here], check=True, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
                self.assertEqual((root.path / VFIO_CONF).read_bytes(), theirs)

    def test_enable_asks_and_takes_it_back_exactly(self) -> None:
        root, _ = self.edited()
        theirs = (root.path / VFIO_CONF).read_bytes().replace(b"\xff\0", b"")  # it is going to be shown
        (root.path / VFIO_CONF).write_bytes(theirs)
        self.assert_status(root.run("disable"), 0)
        self.assert_status(root.run("disable"), 0)
        done = root.run("enable")
        self.assert_status(done, 3)
        self.assertIn("user-edited", done.out)
        self.assert_status(root.run("enable", "--keep-mine"), 0)
        self.assertEqual((root.path / VFIO_CONF).read_bytes(), theirs)

    def test_links_and_fifos_at_our_paths(self) -> None:
        for make in ("link", "fifo"):
            for verb in ("disable", "rollback", "pre-remove"):
                with self.subTest(make=make, verb=verb):
                    root = self.enabled()
                    path = root.path / VFIO_CONF
                    content = path.read_text()
                    path.unlink()
                    if make == "link":
                        root.write("etc/mine", content)
                        path.symlink_to("../mine")
                    else:
                        os.mkfifo(path)
                    self.assert_status(self.call(root, "hook", verb), 0)
                    self.assert_given_back(root)
                    self.assertTrue(os.path.lexists(f"{path}.vfio-switch-saved"))

    def test_nothing_of_others_is_touched_where_nothing_is_wanted(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        root.write(VFIO_CONF, "options vfio-pci ids=10de:1d01\n")
        before = root.snapshot(times=True)
        for verb in ("disable", "rollback", "pre-remove"):
            self.assert_status(self.call(root, "hook", verb), 0)
        self.assert_same_tree(before, root.snapshot(times=True))


class Builders(WayOutCase):
    def arch(self, name: str, text: str) -> Sysroot:
        """Enabled, and then with a configuration that its mkinitcpio cannot build an image from."""
        self.number += 1
        root = self.machine("z370-gt1030-no-param", "--os", "arch", "--kernel", KERNELS[1], to=str(self.number))
        root.write("usr/lib/initcpio/install/vfio-switch", "build() {\n    :\n}\n")
        self.assert_status(root.run("enable"), 0)
        shutil.copy(STAND_IN, root.path / "usr/bin/mkinitcpio")  # which knows none of its options, and fails
        root.write(name, text)
        return root

    def test_a_mistake_in_the_builders_settings_keeps_nobody_from_going_back(self) -> None:
        preset = "ALL_kver=/boot/vmlinuz-linux\nPRESETS=(default)\ndefault_image=/boot/initramfs-linux.img\n"
        for name, text, words in (
            ("etc/mkinitcpio.conf", "MODULES=(vfio_virqfd)\nHOOKS=(base modconf)\n", "lists vfio_virqfd in MODULES"),
            ("etc/mkinitcpio.d/linux.preset", f"{preset}default_options=$(echo)\n", "uses shell syntax"),
        ):
            for verb in ("disable", "rollback"):
                with self.subTest(name=name, verb=verb):
                    root = self.arch(name, text)
                    done = root.run(verb, "--rebuild", prefix=as_root())
                    self.assert_status(done, 1)
                    self.assertIn(f"/{name}:", done.err)
                    self.assertIn(words, done.err)
                    self.assertIn("the initramfs images were not rebuilt", done.err)
                    self.assertNotRegex(root.read(VFIO_CONF) if root.exists(VFIO_CONF) else "", r"(?m)^[^#\n]")


class Rollback(WayOutCase):
    OWN = "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n"

    def test_an_own_set_up_comes_back_and_is_nobodys_fault(self) -> None:
        for program in ("cli", "hook"):
            with self.subTest(program=program):
                root = self.enabled(before=self.OWN)
                self.assert_status(self.call(root, program, "rollback"), 0)
                self.assertEqual(root.read(VFIO_CONF), self.OWN)
                self.assertFalse(root.exists(f"{STATE}/state.json"))
                self.assert_status(root.run("verify"), 0)
                done = root.run("disable")
                self.assert_status(done, 0)
                self.assertEqual(root.read(VFIO_CONF), self.OWN)

    def test_an_own_set_up_comes_back_with_its_images(self) -> None:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write(VFIO_CONF, self.OWN)
        root.write("etc/initramfs-tools/modules", "vfio_pci\n")
        self.assert_status(root.run("enable", "--rebuild", prefix=as_root()), 0)
        self.assert_status(root.run("rollback", "--rebuild", prefix=as_root()), 0)
        self.assertEqual(root.read(VFIO_CONF), self.OWN)

    def test_an_administrators_no_is_remembered(self) -> None:
        for program, verb in WAYS[:4]:
            with self.subTest(program=program, verb=verb):
                root = self.enabled()
                self.assertFalse(root.exists(f"{STATE}/declined"))
                self.assert_status(self.call(root, program, verb), 0)
                self.assertTrue(root.exists(f"{STATE}/declined"))
                self.assert_status(self.call(root, "hook", "pre-remove"), 0)
                # What the packages' scripts leave.
                for name in os.listdir(root.path / STATE):
                    path = root.path / STATE / name
                    if name != "declined":
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
                before = root.snapshot()
                done = self.call(root, "hook", "post-install")
                self.assert_status(done, 0)
                self.assertIn("disabled before the package was removed", done.out)
                self.assert_same_tree(before, root.snapshot())
                self.assert_status(root.run("enable"), 0)
                self.assertFalse(root.exists(f"{STATE}/declined"))

    def test_a_deleted_file_is_not_written_back_by_a_package(self) -> None:
        root = self.enabled()
        (root.path / VFIO_CONF).unlink()
        before = root.snapshot()
        for words in (("drivers-changed",), ("kernel-added", KERNELS[0]), ("post-upgrade",)):
            done = self.call(root, "hook", *words)
            self.assert_status(done, 0)
            self.assertIn(f"somebody deleted /{VFIO_CONF}", done.out)
        self.assert_same_tree(before, root.snapshot())
        self.assert_status(root.run("enable"), 0)
        self.assertTrue(root.exists(VFIO_CONF) and root.exists(MODULES_LOAD))
        self.assertEqual(json.loads(root.read(f"{STATE}/state.json"))["intent"], "enabled")


if __name__ == "__main__":
    unittest.main()
