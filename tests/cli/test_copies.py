#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that boot as a copy: what makes it is awaited or run, and an undo takes the copies back as well."""

from __future__ import annotations

import os
import shutil
import unittest
from pathlib import Path

from boot_roots import LINE, MenuCase, arch_image, debian_image, efi_variable, no_menu, put, systemd_boot, winners
from helper import CARD, DESKTOP, KERNELS, STAND_IN, STAND_IN_COPIER, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, as_root, run, snapshot
from sysroot import kernel_image
from tap import slow

OLDER, NEWER = KERNELS
VFIO = ["vfio_pci"]
OURS = [VFIO_CONF]


class CopiesByAHook(MenuCase):
    """A hook of the user's own copies kernel and image to the ESP, where systemd-boot reads them."""

    ESP = "boot/efi/EFI/debian"

    def root(self) -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        put(root, f"{self.ESP}/vmlinuz", (root.path / f"boot/vmlinuz-{OLDER}").read_bytes())
        text = f"title Debian\nlinux /EFI/debian/vmlinuz\ninitrd /EFI/debian/initrd.img\noptions {LINE}\n"
        systemd_boot(root, "boot/efi", debian=text)
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        for image in (f"boot/initrd.img-{OLDER}", f"{self.ESP}/initrd.img"):
            put(root, image, debian_image(root, OLDER, ["nouveau", "snd_hda_intel"]))
        return root

    # Right: the ESP's copy is what boots; it is old, so the next boot gives the card to nouveau.
    def test_the_copy_is_what_boots(self) -> None:
        root = self.root()
        self.assertEqual(self.rebuilds(root), [(OLDER, f"/boot/initrd.img-{OLDER}")])
        self.assert_status(root.run("enable"), 0)
        built = debian_image(root, OLDER, ["nouveau", "snd_hda_intel", *VFIO], OURS)
        put(root, f"boot/initrd.img-{OLDER}", built)
        status = self.status(root)
        (entry,) = status["entries"]
        self.assertEqual(entry["images"], [f"/{self.ESP}/initrd.img"])
        self.assertEqual(winners(entry), {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"})
        self.assertEqual(status["next_boot"], "host")
        self.assertEqual((status["kernels"][0]["image"], status["kernels"][0]["staged"]), (f"/{self.ESP}/initrd.img", False))
        (note,) = [note for note in status["note_details"] if note["cause"] == "copy-stale"]
        self.assertEqual(note["data"]["file"]["path"], f"/{self.ESP}/initrd.img")
        self.assert_status(root.run("verify"), 5)
        plan = self.plan(root)
        self.assertEqual((plan["outcome"], self.codes(plan).count("copy-stale")), ("nothing", 1))
        put(root, f"{self.ESP}/initrd.img", built)
        status = self.status(root)
        self.assertEqual((status["next_boot"], winners(status["entries"][0])[CARD[0]]), ("vfio", "vfio-pci"))
        self.assertNotIn("copy-stale", self.codes(status))

    # Right: what boots is as it was before the failure, the copies included.
    def test_a_build_that_fails_half_way_leaves_the_copies_as_they_were(self) -> None:
        root = self.root()
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        copies = [f"{self.ESP}/initrd.img", f"{self.ESP}/vmlinuz"]
        root.write("etc/stand-in-initramfs", "half\n" + "".join(f"spoil /{copy}\n" for copy in copies))
        before = snapshot(root.path, without=("var",))
        done = root.run("enable", "--rebuild", prefix=as_root())
        self.assert_status(done, 1)
        self.assertIn("All changes were undone: 4 files, 1 image restored", done.err)
        self.assert_same_tree(before, snapshot(root.path, without=("var",)))
        kept = root.path / "var/lib/vfio-switch/journal/images"
        self.assertEqual(sorted(os.listdir(kept)) if kept.exists() else [], [])

    def test_without_room_for_the_copies_nothing_is_begun(self) -> None:
        root = self.root()
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        # A sparse file: the size alone counts.
        os.truncate(root.path / self.ESP / "initrd.img", 1 << 50)
        done = root.run("enable", "--rebuild", prefix=as_root())
        self.assert_status(done, 3)
        self.assertIn("no-space: /var/lib/vfio-switch has ", done.err)


class CopyCase(MenuCase):
    """Images are built by a stand-in, and copied by another."""

    def copies(self, root: Sysroot, *lines: str) -> None:
        root.write("etc/stand-in-copier", "".join(f"{line}\n" for line in lines))
        root.write("run/stand-in-copier.log", "")

    def times(self, root: Sysroot) -> int:
        return root.read("run/stand-in-copier.log").count("copied")

    def rebuild(self, root: Sysroot, status: int, verb: str = "enable") -> Run:
        done = root.run(verb, "--rebuild", prefix=as_root())
        self.assert_status(done, status)
        return done


class CopiesByATool(CopyCase):
    """Pop!_OS: kernelstub copies to the ESP, where systemd-boot reads it."""

    ESP = "boot/efi/EFI/Pop_OS-8888"
    HOOK = "hook /usr/bin/kernelstub\n"
    IMAGE = f"boot/initrd.img-{OLDER}"
    COPIES = [f"{ESP}/vmlinuz.efi", f"{ESP}/initrd.img"]

    def root(self, name: str = "root") -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", OLDER, to=name)
        put(root, self.COPIES[0], (root.path / f"boot/vmlinuz-{OLDER}").read_bytes())
        text = f"title Pop!_OS\nlinux /{self.COPIES[0][9:]}\ninitrd /{self.COPIES[1][9:]}\noptions {LINE}\n"
        systemd_boot(root, "boot/efi", **{"Pop_OS-current": text})
        root.write("etc/kernelstub/configuration", "{}\n")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        for image in (self.IMAGE, self.COPIES[1]):
            put(root, image, debian_image(root, OLDER, ["nouveau", "snd_hda_intel"]))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        shutil.copy(STAND_IN_COPIER, root.path / "usr/bin/kernelstub")
        self.copies(root, f"/boot/vmlinuz-{OLDER} /{self.COPIES[0]}", f"/{self.IMAGE} /{self.COPIES[1]}")
        return root

    def test_what_no_hook_copies_the_tool_is_run_for(self) -> None:
        root = self.root()
        self.rebuild(root, 0)
        self.assertEqual(self.times(root), 1)
        self.assertEqual((root.path / self.IMAGE).read_bytes(), (root.path / self.COPIES[1]).read_bytes())
        status = self.status(root)
        self.assertEqual((status["next_boot"], winners(status["entries"][0])[CARD[0]]), ("vfio", "vfio-pci"))

    def test_what_a_hook_has_copied_is_not_copied_again(self) -> None:
        root = self.root()
        root.write("etc/stand-in-initramfs", self.HOOK)
        self.rebuild(root, 0)
        self.assertEqual((self.times(root), self.status(root)["next_boot"]), (1, "vfio"))

    # Right: stale, and the command is the one that copies.
    def test_an_outdated_copy_is_named_with_the_command_that_copies(self) -> None:
        root = self.root()
        self.rebuild(root, 0)
        put(root, self.COPIES[1], debian_image(root, OLDER, ["nouveau", "snd_hda_intel"]))
        self.assertEqual(self.status(root)["next_boot"], "host")
        text = root.run("status").out
        self.assertIn(f"the boot loader starts /{self.COPIES[1]}, which is an outdated copy of /{self.IMAGE}", text)
        self.assertIn("Next  run the command above, then reboot", text)
        self.assertNotIn("enable", text)
        done = root.run("doctor", "--json")
        self.assert_status(done, 5)
        (finding,) = [one for one in done.json["findings"] if one["code"] == "image-stale"]
        self.assertEqual(finding["cause"], "image-copy-stale")
        self.assertEqual([step["command"] for step in finding["remedy"]["steps"]], [["kernelstub"]])

    def assert_undone(self, root: Sysroot, words: str) -> None:
        before = snapshot(root.path, without=("var", "run"))
        done = self.rebuild(root, 1)
        self.assertIn(words, done.err)
        self.assertIn("All changes were undone: 4 files, 1 image restored", done.err)
        self.assert_same_tree(before, snapshot(root.path, without=("var", "run")))

    @slow
    def test_a_tool_that_cannot_copy_fails_the_build(self) -> None:
        root = self.root()
        self.copies(root, "fail")
        self.assert_undone(root, "kernelstub failed")

    def test_a_tool_that_copies_nothing_fails_the_build(self) -> None:
        root = self.root()
        self.copies(root)
        self.assert_undone(root, f"copying /{self.IMAGE} to where the boot loader reads it failed")

    @slow
    def test_a_hook_that_copies_in_part_and_says_nothing_fails_the_build(self) -> None:
        for copy in self.COPIES:
            with self.subTest(copy):
                root = self.root(os.path.basename(copy))
                os.remove(root.path / "etc/kernelstub/configuration")
                root.write("etc/stand-in-initramfs", self.HOOK)
                self.copies(root, f"half /{copy}")
                self.assert_undone(root, f"/{copy} is incomplete or outdated")

    @slow
    def test_a_full_file_system_leaves_every_file_of_an_entry_as_it_was(self) -> None:
        for name, hook in (("run by us", ""), ("run by a hook", self.HOOK)):
            with self.subTest(name):
                root = self.root(name)
                root.write("etc/stand-in-initramfs", hook)
                with open(root.write("boot/other", ""), "r+b") as other:
                    other.truncate(64 << 20)
                self.copies(root, f"/boot/other /{self.ESP}/other", f"/{self.IMAGE} /{self.COPIES[1]}")
                done = run([*as_root(), "unshare", "--mount", "sh", "-ec", self.SCRIPT, "sh", str(root.path), VFIO_SWITCH])
                self.assert_status(done, 1)
                self.assertIn("No space left on device", done.err)
                self.assertIn("All changes were undone: 4 files, 1 image restored", done.err)
                self.assertEqual(Path(root.path / "before").read_text(), Path(root.path / "after").read_text())
                self.assertEqual(len(Path(root.path / "before").read_text().splitlines()), 3)

    SCRIPT = """
        esp=$1/boot/efi
        cp -a "$esp" "$1/saved"
        size=$(du -s -B1 "$esp" | cut -f1)
        mount -t tmpfs -o size=$((size + 262144)) tmpfs "$esp"
        cp -a "$1/saved/." "$esp"
        named() { (cd "$esp" && sha256sum EFI/Pop*/vmlinuz.efi EFI/Pop*/initrd.img loader/entries/*); }
        named >"$1/before"
        status=0
        "$2" --sysroot "$1" enable --rebuild || status=$?
        named >"$1/after"
        exit $status
    """


class CopiesNobodySees(CopyCase):
    """Proxmox: what boots is on ESPs that are not mounted."""

    def root(self) -> Sysroot:
        root = self.machine(DESKTOP, "--kernel", OLDER)
        root.write("etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\n")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        put(root, f"boot/initrd.img-{OLDER}", debian_image(root, OLDER, ["nouveau", "snd_hda_intel"]))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        shutil.copy(STAND_IN_COPIER, root.path / "usr/sbin/proxmox-boot-tool")
        self.copies(root)
        return root

    def test_the_tool_is_run_after_a_build(self) -> None:
        root = self.root()
        done = self.rebuild(root, 0)
        self.assertIn("not proved", done.out + done.err)
        self.assertEqual((self.times(root), self.status(root)["next_boot"]), (1, "unknown"))

    def test_after_a_failure_the_old_images_are_copied_again(self) -> None:
        root = self.root()
        root.write("etc/stand-in-initramfs", f"fail {OLDER}\n")
        done = self.rebuild(root, 1)
        self.assertEqual(self.times(root), 1)
        self.assertIn("All changes were undone", done.err)

    @slow
    def test_where_they_cannot_be_copied_the_command_is_named(self) -> None:
        root = self.root()
        root.write("etc/stand-in-copier", "fail\n")
        done = self.rebuild(root, 1)
        self.assertIn("proxmox-boot-tool refresh failed, so the boot loader may still have the new image", done.err)
        root.write("etc/stand-in-copier", "")
        done = self.rebuild(root, 0, "disable")
        self.assertIn("an interrupted 'enable' was undone", done.err)


class EntriesWrittenAnew(CopyCase):
    """Tools that call the generator, copy what it built, and write the entries that name it."""

    ID = "0123456789abcdef0123456789abcdef"
    CHECKSUM = "#" + "5" * 128

    def tool(self, root: Sysroot, name: str, *lines: str) -> None:
        shutil.copy(STAND_IN_COPIER, root.path / f"usr/bin/{name}")
        self.copies(root, *lines)

    def limine(self) -> Sysroot:
        """CachyOS with a configuration whose checksum is in Limine's program."""
        root = self.arch()
        no_menu(root)
        efi_variable(root, "LoaderInfo", "Limine 12.5.0")
        for name in ("vmlinuz", "initramfs"):
            (root.path / "boot" / self.ID / "linux").mkdir(parents=True, exist_ok=True)
            source = "vmlinuz-linux" if name == "vmlinuz" else "initramfs-linux.img"
            (root.path / "boot" / source).rename(root.path / f"boot/{self.ID}/linux/{name}")
        root.write("etc/machine-id", f"{self.ID}\n")
        root.write("boot/limine.conf", self.config("5" * 128))
        root.write("boot/EFI/limine/limine_x64.efi", "a program with a checksum\n")
        root.write("etc/default/limine", "ENABLE_ENROLL_LIMINE_CONFIG=yes\n")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        put(root, f"boot/{self.ID}/linux/initramfs", arch_image(root, NEWER, ["nouveau", "snd_hda_intel"]))
        return root

    def config(self, checksum: str) -> str:
        path = f"boot():/{self.ID}/linux"
        return (f"default_entry: 2\n/+Arch\ncomment: machine-id={self.ID}\n  //linux\n  protocol: linux\n"
                f"  path: {path}/vmlinuz\n  module_path: {path}/initramfs#{checksum}\n  cmdline: {LINE}\n")  # fmt: skip

    @slow
    def test_limines_checksums_and_program_come_back_with_the_image(self) -> None:
        root = self.limine()
        root.write("new/limine.conf", self.config("6" * 128))
        root.write("new/program", "another checksum\n")
        self.tool(root, "limine-mkinitcpio", f"half /boot/{self.ID}/linux/initramfs", "/new/limine.conf /boot/limine.conf",
                  "/new/program /boot/EFI/limine/limine_x64.efi", "fail")  # fmt: skip
        before = snapshot(root.path, without=("var", "run"))
        done = self.rebuild(root, 1)
        self.assertIn("limine-mkinitcpio failed", done.err)
        self.assertIn("All changes were undone: 6 files, 1 image restored", done.err)
        self.assert_same_tree(before, snapshot(root.path, without=("var", "run")))

    # Right: an image whose checksum nobody writes is not built: Limine would refuse it.
    def test_a_checksum_that_nobody_writes_anew_is_named(self) -> None:
        root = self.limine()
        os.remove(root.path / "etc/default/limine")
        plan = self.plan(root, 3)
        (refusal,) = [one for one in plan["refusals"] if "checksum" in one["message"]]
        self.assertIn(f"refuses /boot/{self.ID}/linux/initramfs", refusal["message"])
        (edit,) = refusal["remedy"]["steps"]
        self.assertEqual((edit["path"], edit["from"], edit["to"]), ("/boot/limine.conf", self.CHECKSUM, None))

    # Right: openSUSE's image has a name of its bytes; a new one has another name, and its entry with it.
    @slow
    def test_an_entry_that_names_a_new_image(self) -> None:
        root = self.machine(DESKTOP, "--kernel", NEWER)
        root.write("usr/lib/os-release", 'ID=opensuse-tumbleweed\nID_LIKE="opensuse suse"\n')
        base = f"boot/efi/opensuse-tumbleweed/{NEWER}"
        old, new, kernel = (f"{base}/{name}" for name in ("initrd-" + "a" * 40, "initrd-" + "b" * 40, "linux-" + "c" * 40))
        put(root, kernel, kernel_image(NEWER))
        put(root, old, debian_image(root, NEWER, ["nouveau", "snd_hda_intel"]))
        text = f"title openSUSE\nversion {NEWER}\nlinux /{kernel[9:]}\ninitrd /{old[9:]}\noptions {LINE}\n"
        systemd_boot(root, "boot/efi", **{"opensuse-tumbleweed": text})
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("usr/bin/dracut", "#!/bin/sh\nexit 1\n", 0o755)
        self.tool(root, "sdbootutil")
        self.assertEqual(self.rebuilds(root), [(NEWER, f"/{old}")])
        self.assert_status(root.run("enable"), 0)
        put(root, "new/image", debian_image(root, NEWER, ["nouveau", "snd_hda_intel", *VFIO], OURS))
        root.write("new/entry", text.replace(old[9:], new[9:]))
        entry = "boot/efi/loader/entries/opensuse-tumbleweed.conf"
        self.tool(root, "sdbootutil", f"/new/image /{new}", f"/new/entry /{entry}")
        self.rebuild(root, 0)
        status = self.status(root)
        self.assertEqual((status["entries"][0]["images"], status["next_boot"]), ([f"/{new}"], "vfio"))
        # It fails after it has written the entry: what is named boots as before.
        root.write("new/entry", "title half\n")
        self.tool(root, "sdbootutil", f"/new/entry /{entry}", f"half /{new}", "fail")
        before = snapshot(root.path, without=("var", "run"))
        self.rebuild(root, 1)
        self.assert_same_tree(before, snapshot(root.path, without=("var", "run")))


if __name__ == "__main__":
    unittest.main()
