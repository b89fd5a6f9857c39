#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of ours that was edited since: shown as a difference, and never overwritten in silence."""

import os
import unittest

from helper import KERNELS, MODULES_LOAD, VFIO_CONF, Run, Sysroot, SysrootCase, run

MINE = "options vfio-pci disable_idle_d3=1\n"
HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")


class Edited(SysrootCase):
    def edited(self, to: str = "root") -> Sysroot:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], to=to)
        self.assert_status(root.run("enable"), 0)
        self.ours = root.read(VFIO_CONF)
        self.theirs = self.ours.replace("options vfio-pci ids=", MINE + "options vfio-pci ids=")
        root.write(VFIO_CONF, self.theirs)
        return root

    def hook(self, root: Sysroot, *words: str) -> Run:
        return run([HOOK, "--sysroot", str(root.path), *words])

    def test_the_difference_is_shown(self) -> None:
        root = self.edited()
        before = root.snapshot(without=(), times=True)
        for verb in ("enable", "rollback"):
            with self.subTest(verb=verb):
                done = root.run(verb)
                self.assert_status(done, 3)
                to = "/dev/null" if verb == "rollback" else f"/{VFIO_CONF} by vfio-switch"
                for words in ("user-edited", "--force-ours", "--keep-mine", f"--- /{VFIO_CONF} as it is\n", f"+++ {to}\n"):
                    self.assertIn(words, done.out)
                self.assertIn(f"\n    -{MINE}", done.out, "a unified diff")
                refusal = root.run(verb, "--json").json["refusals"][0]
                self.assertEqual(refusal["code"], "user-edited")
                self.assertIn(f"\n-{MINE}", refusal["difference"])
        self.assertIn("\n     softdep nouveau pre: vfio-pci\n", root.run("enable").out, "with what stands round it")
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_the_difference_is_a_patch(self) -> None:
        root = self.edited()
        lines = root.run("enable", "--json").json["refusals"][0]["difference"].splitlines()
        self.assertRegex(lines[2], r"^@@ -\d+,\d+ \+\d+,\d+ @@$")
        olds = [line[1:] for line in lines[3:] if line[0] in " -"]
        news = [line[1:] for line in lines[3:] if line[0] in " +"]
        self.assertIn("\n".join(olds), self.theirs)
        self.assertIn("\n".join(news), self.ours)

    def test_force_ours_replaces_it_and_rollback_gives_it_back(self) -> None:
        root = self.edited()
        self.assert_status(root.run("enable", "--force-ours"), 0)
        self.assertEqual(root.read(VFIO_CONF), self.ours)
        self.assert_status(root.run("rollback"), 0)
        self.assertEqual(root.read(VFIO_CONF), self.theirs, "what the user wrote")
        self.assertFalse(root.exists(MODULES_LOAD))

    def test_keep_mine_leaves_it_and_does_the_rest(self) -> None:
        root = self.edited()
        done = root.run("disable", "--keep-mine")
        self.assert_status(done, 0)
        self.assertIn("stays as it is", done.out)
        self.assertEqual(root.read(VFIO_CONF), self.theirs)
        self.assertTrue(all(line.startswith("#") for line in root.read(MODULES_LOAD).splitlines()))

    def test_a_rollback_may_be_forced_or_keep_it(self) -> None:
        for option, stays in (("--force-ours", False), ("--keep-mine", True)):
            with self.subTest(option=option):
                root = self.edited(to=option)
                self.assert_status(root.run("rollback", option), 0)
                self.assertEqual(root.exists(VFIO_CONF), stays)
                self.assertFalse(root.exists(MODULES_LOAD))

    def test_removal_puts_an_edited_file_out_of_effect_where_it_is(self) -> None:
        """What was there before is kept beside it each time: it cannot be in the same place."""
        root = self.edited()
        self.assert_status(root.run("rollback", "--force-ours"), 0)
        guide = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n"
        beside = f"{VFIO_CONF}.before-vfio-switch"
        for name in (beside, f"{beside}-2"):
            root.write(VFIO_CONF, guide)
            self.assert_status(root.run("enable"), 0)
            edited = root.read(VFIO_CONF) + MINE
            root.write(VFIO_CONF, edited)
            done = self.hook(root, "pre-remove")
            self.assert_status(done, 0)
            self.assertIn(f"/{VFIO_CONF} was edited, so it was not restored", done.err)
            self.assertIn(f"the earlier content of /{VFIO_CONF} was saved as /{name}", done.err)
            self.assertEqual(root.read(name), guide)
            out = root.read(VFIO_CONF).splitlines(True)
            self.assertTrue(all(line.startswith("#") for line in out))
            self.assertEqual("".join(line.removeprefix("#vfio-switch# ") for line in out[1:]), edited)

    def test_an_edit_that_says_nothing_stays(self) -> None:
        root = self.edited()
        root.write(VFIO_CONF, "# only a remark\n")
        for verb in ("disable", "pre-remove"):
            self.assert_status(self.hook(root, verb), 0)
            self.assertEqual(root.read(VFIO_CONF), "# only a remark\n")

    def test_another_persons_file_comes_back_with_its_attributes(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("attributes of this kind are root's")
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        guide = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n"
        theirs = root.write(VFIO_CONF, guide, mode=0o640)
        os.setxattr(theirs, "trusted.note", b"a \0 byte")
        os.setxattr(theirs, "security.label", b"system_u:object_r:modules_conf_t:s0\0")
        os.chown(theirs, 3, 4)
        before = root.snapshot(times=True)
        for verb in ("enable", "disable", "enable"):
            self.assert_status(root.run(verb), 0)
            self.assertEqual(os.getxattr(theirs, "security.label"), b"system_u:object_r:modules_conf_t:s0\0", verb)
            status = theirs.stat()
            self.assertEqual((status.st_mode & 0o7777, status.st_uid, status.st_gid), (0o644, 0, 0))
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot(times=True))
        self.assertEqual(os.getxattr(theirs, "trusted.note"), b"a \0 byte")
        self.assertEqual(sorted(os.listxattr(theirs)), ["security.label", "trusted.note"])

    def test_what_was_removed_comes_back_with_its_attributes(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("attributes of this kind are root's")
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        legacy = root.write("etc/modprobe.d/nvidia-passthrough-blacklist.conf", "blacklist nouveau\n", mode=0o600)
        os.setxattr(legacy, "trusted.note", b"kept")
        self.assert_status(root.run("enable"), 0)
        self.assertFalse(legacy.exists())
        self.assert_status(root.run("rollback"), 0)
        self.assertEqual(os.getxattr(legacy, "trusted.note"), b"kept")
        self.assertEqual(legacy.stat().st_mode & 0o7777, 0o600)

    def test_a_rollback_that_was_forgotten_half_way_gives_back_nothing_older(self) -> None:
        """What stood there before a first enable is not what stood there before a second one."""
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0])
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("rollback"), 0)
        guide = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n"
        root.write(VFIO_CONF, guide)
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("rollback"), 0)
        self.assertEqual(root.read(VFIO_CONF), guide)


if __name__ == "__main__":
    unittest.main()
