#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions are data: profiles that are compiled in, and files that override them."""

import unittest

from helper import KERNELS, Sysroot, SysrootCase

KERNEL = KERNELS[0]
OVERRIDE = "etc/vfio-switch/profiles/debian.conf"
SHARED = "usr/share/vfio-switch/profiles/debian.conf"


def profile(image: str, identifier: str = "debian") -> str:
    return f"# a profile\nid = {identifier}\ninitramfs = update-initramfs\ninitramfs-image = {image}\n"


class Profiles(SysrootCase):
    def setUp(self) -> None:
        super().setUp()
        self.root: Sysroot = self.machine("z370-gt1030-no-param")
        self.root.write("etc/vfio-switch.conf", "initramfs = always\n")

    def images(self) -> list[str]:
        changes = self.root.run("plan", "--json").json["changes"]
        return [change["path"] for change in changes if change["kind"] == "rebuild-initramfs"]

    def test_the_compiled_in_one(self) -> None:
        self.assertEqual(self.images(), [f"/boot/initrd.img-{KERNEL}"])

    def test_an_override_wins(self) -> None:
        for where in (SHARED, OVERRIDE):
            name = where.split("/")[0]
            self.root.write(f"boot/{name}-{KERNEL}.img", "an image\n")
            self.root.write(where, profile(f"/boot/{name}-%k.img"))
            self.assertEqual(self.images(), [f"/boot/{name}-{KERNEL}.img"], "etc wins over usr")

    def test_mistakes_are_named_with_their_line(self) -> None:
        image = "/boot/initrd.img-%k"
        for text, *words in (
            (profile(image) + "colour = blue\n", ":5", "'colour'"),
            (profile(image) + "id = debian\n", ":5", "twice"),
            (profile(image) + "initramfs = genkernel\n", ":5", "'genkernel'"),
            (profile("initrd.img-%k"), ":4", "absolute"),
            (profile("/boot/initrd.img"), ":4", "%k"),
            ("id = debian\n", "'initramfs'"),
            (profile(image) + "nonsense\n", ":5", "'nonsense'"),
        ):
            with self.subTest(text=text):
                self.root.write(OVERRIDE, text)
                before = self.root.snapshot(without=(), times=True)
                for verb in ("plan", "enable", "status"):
                    done = self.root.run(verb)
                    self.assert_status(done, 2)
                    self.assertEqual(done.out, "")
                    for word in (f"/{OVERRIDE}", *words):
                        self.assertIn(word, done.err)
                self.assert_same_tree(before, self.root.snapshot(without=(), times=True))

    def test_a_relative_of_debian(self) -> None:
        self.root.write("usr/lib/os-release", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n')
        self.assertEqual(self.images(), [f"/boot/initrd.img-{KERNEL}"])

    def test_a_profile_of_its_own_for_a_derivative(self) -> None:
        self.root.write("usr/lib/os-release", 'ID=foo\nID_LIKE="debian"\n')
        self.root.write(f"boot/foo-{KERNEL}", "an image\n")
        self.root.write("etc/vfio-switch/profiles/foo.conf", profile("/boot/foo-%k", "foo"))
        self.assertEqual(self.images(), [f"/boot/foo-{KERNEL}"])

    def test_an_unknown_distribution(self) -> None:
        self.root.write("usr/lib/os-release", "ID=foo\n")
        before = self.root.snapshot(without=(), times=True)
        for verb in ("plan", "enable", "status"):
            with self.subTest(verb=verb):
                done = self.root.run(verb)
                self.assert_status(done, 1)
                for word in ("ID=foo", "debian", "/etc/vfio-switch/profiles"):
                    self.assertIn(word, done.err)
        self.assert_status(self.root.run("devices"), 0)  # needs no profile
        self.assert_same_tree(before, self.root.snapshot(without=(), times=True))

    def test_no_os_release_at_all(self) -> None:
        (self.root.path / "usr/lib/os-release").unlink()
        done = self.root.run("plan")
        self.assert_status(done, 1)
        self.assertIn("no profile for this distribution", done.err)


if __name__ == "__main__":
    unittest.main()
