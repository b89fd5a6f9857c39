#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are not about the card stay as they are; all others are built anew with every switch."""

import shutil
import subprocess
import unittest

from helper import CARD, KERNELS, STAND_IN, VFIO_CONF, Run, Sysroot, SysrootCase, as_root
from tap import slow

IMAGES = {kernel: f"boot/initrd.img-{kernel}" for kernel in KERNELS}
NO_MODULES = "forget lib/modules/\n"  # else it puts those of vfio into each image
SETTINGS = "etc/vfio-switch.conf"


class RootDecides(SysrootCase):
    def prepared(self, behaviour: str = "", to: str = "root") -> Sysroot:
        """Both kernels have images that the stand-in built before anything was enabled."""
        options = (word for kernel in KERNELS for word in ("--kernel", kernel))
        root = self.machine("z370-gt1030-no-param", *options, to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/stand-in-initramfs", f"{behaviour}{NO_MODULES}")
        for kernel in KERNELS:
            self.build(root, kernel)
        root.write("etc/stand-in-initramfs", behaviour)
        return root

    def build(self, root: Sysroot, kernel: str) -> None:
        """Somebody else's tool builds an image, as a package of firmware has it done."""
        command = [*as_root(), "unshare", "--root", str(root.path), "/usr/sbin/update-initramfs", "-u", "-k", kernel]
        subprocess.run(command, check=True, capture_output=True)

    def builds(self, root: Sysroot, *words: str) -> list[str]:
        """The images that a plan would build."""
        plan = root.run("plan", *words, "--json").json
        self.assertEqual(plan["outcome"], "change", plan["refusals"])
        built = [change["path"] for change in plan["changes"] if change["kind"] == "rebuild-initramfs"]
        self.assertEqual(bool(built), plan["no_build"] is None)
        return built

    def staged(self, root: Sysroot) -> dict[str, bool]:
        return {kernel["release"]: kernel["staged"] for kernel in root.run("status", "--json").json["kernels"]}

    def enable(self, root: Sysroot) -> Run:
        done = root.run("enable", "--rebuild", prefix=as_root())
        self.assert_status(done, 0)
        return done

    def test_switching_is_two_files_and_says_why(self) -> None:
        root = self.prepared()
        images = {name: (root.path / name).read_bytes() for name in IMAGES.values()}
        for verb in ("enable", "disable", "enable", "rollback"):
            with self.subTest(verb=verb):
                done = root.run(verb)
                self.assert_status(done, 0)
                self.assertIn("initramfs rebuild not needed", done.out)
                for kernel in KERNELS:
                    self.assertIn(kernel, done.out, "each kernel's image was looked into")
                self.assertNotIn("stale", done.out)
                self.assertEqual(self.staged(root), dict.fromkeys(KERNELS, True))
                self.assertEqual(images, {name: (root.path / name).read_bytes() for name in IMAGES.values()})
                winner = "vfio" if verb == "enable" else "host"
                self.assertEqual(root.run("status", "--json").json["next_boot"], winner)

    def test_the_proof_is_of_the_root_file_system(self) -> None:
        root = self.prepared()
        plan = root.run("plan", "enable", "--json").json
        self.assertEqual({(o["winner"], o["stage"], o["proved"]) for o in plan["load_order"]}, {("vfio-pci", "root", True)})
        self.assertEqual(len(plan["load_order"]), len(KERNELS) * len(CARD))
        text = root.run("plan", "enable").out
        self.assertIn("initramfs rebuild not needed", text)
        self.assertIn("vfio-pci  (vfio_pci, then nouveau)", text)

    def test_rebuild_and_the_setting_force_a_build(self) -> None:
        root = self.prepared()
        every = [f"/{IMAGES[kernel]}" for kernel in sorted(KERNELS)]  # the image of the default entry last
        self.assertEqual(self.builds(root, "enable"), [])
        self.assertEqual(self.builds(root, "enable", "--rebuild"), every)
        root.write(SETTINGS, "initramfs = always\n")
        self.assertEqual(self.builds(root, "enable"), every)

    def test_the_setting_is_missed_by_status(self) -> None:
        root = self.prepared()
        self.assert_status(root.run("enable"), 0)
        root.write(SETTINGS, "initramfs = always\n")
        self.assertEqual(self.staged(root), dict.fromkeys(KERNELS, False))
        self.assertIn("run 'vfio-switch enable --rebuild'", root.run("status").out)

    def test_one_image_that_is_about_the_card_is_enough(self) -> None:
        every = [f"/{IMAGES[kernel]}" for kernel in sorted(KERNELS)]  # the image of the default entry last
        for what, behaviour in (
            ("a driver of the card", "early nouveau\n"),
            ("a list that names it, and no driver", f"early nouveau\n{NO_MODULES}"),
            ("vfio-pci", ""),
        ):
            with self.subTest(what):
                root = self.prepared(to=what.replace(" ", "-"))
                root.write("etc/stand-in-initramfs", behaviour)
                self.build(root, KERNELS[0])
                self.assertEqual(self.builds(root, "enable"), every)

    def test_what_cannot_be_left_to_the_root_file_system(self) -> None:
        every = [f"/{IMAGES[kernel]}" for kernel in sorted(KERNELS)]  # the image of the default entry last
        for what, name, content in (
            ("a list of the tool", "etc/initramfs-tools/modules", "nouveau\n"),
            ("vfio-pci in it", "etc/initramfs-tools/modules", "# x\nvfio-pci\n"),
            ("a command for a driver", "etc/modprobe.d/x.conf", "install nouveau modprobe -i nouveau\n"),
        ):
            with self.subTest(what):
                root = self.prepared(to=what.replace(" ", "-"))
                root.write(name, content)
                done = root.run("plan", "enable", "--json").json
                if done["outcome"] == "refused":  # which is no way round it either
                    continue
                self.assertEqual(self.builds(root, "enable"), every)

    def test_a_damaged_image_proves_nothing(self) -> None:
        root = self.prepared()
        image = root.path / IMAGES[KERNELS[0]]
        image.write_bytes(image.read_bytes()[:1000])
        self.assertEqual(len(self.builds(root, "enable")), 2)

    @slow
    def test_an_image_rebuilt_behind_our_back_is_noticed(self) -> None:
        root = self.prepared()
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(self.staged(root), dict.fromkeys(KERNELS, True))
        self.build(root, KERNELS[1])  # our hook adds our part: as good
        self.assertEqual(self.staged(root), dict.fromkeys(KERNELS, True))
        root.write("etc/stand-in-initramfs", "early nouveau\nforget etc/modprobe.d\n")
        self.build(root, KERNELS[0])
        self.assertEqual(self.staged(root), {KERNELS[0]: False, KERNELS[1]: True})
        text = root.run("status").out
        self.assertIn("nouveau is loaded in the initramfs before vfio-pci", text)
        self.assert_status(root.run("verify"), 5)

    def test_an_image_with_our_part_is_built_anew_by_disable(self) -> None:
        root = self.prepared()
        self.assert_status(root.run("enable"), 0)
        self.build(root, KERNELS[1])
        self.assertEqual(len(self.builds(root, "disable")), 2)
        root.write("etc/stand-in-initramfs", NO_MODULES)
        self.assert_status(root.run("disable", "--rebuild", prefix=as_root()), 0)
        held = b"#options vfio-pci" in (root.path / IMAGES[KERNELS[0]]).read_bytes()
        self.assertTrue(held, "the image holds our file, commented out")
        self.assertEqual(self.staged(root), dict.fromkeys(KERNELS, True))
        self.assertEqual(self.builds(root, "enable"), [], "what is commented out in an image is nothing")

    def test_the_older_file_of_a_guide_in_an_image_counts_as_ours(self) -> None:
        root = self.prepared()
        guide = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n"
        root.write(VFIO_CONF, guide)
        root.write("etc/stand-in-initramfs", NO_MODULES)
        self.build(root, KERNELS[0])
        self.assertEqual(len(self.builds(root, "enable")), 2)


if __name__ == "__main__":
    unittest.main()
