#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""enable, disable and rollback on a real desktop's listing; the real modprobe is the judge."""

import os
import unittest

from helper import (
    CARD,
    KERNELS,
    MODULES_LOAD,
    SOFTDEP_CONF,
    STATE,
    VFIO_CONF,
    Sysroot,
    SysrootCase,
)

CLAIMANT = {CARD[0]: "nouveau", CARD[1]: "snd_hda_intel"}

LEGACY_UNIT = "etc/systemd/system/nvidia-passthrough.service"
LEGACY_WANTS = "etc/systemd/system/multi-user.target.wants/nvidia-passthrough.service"
LEGACY_FILES = {
    "etc/modprobe.d/nvidia-passthrough-blacklist.conf": "blacklist nouveau\nblacklist nvidia\n",
    "etc/modprobe.d/vfio-passthrough.conf": "options vfio-pci ids=10de:1d01,10de:0fb8\n",
    "etc/modules-load.d/vfio-passthrough.conf": "vfio\nvfio_pci",  # no newline at the end
    LEGACY_UNIT: "[Service]\nExecStart=/usr/local/bin/nvidia-passthrough\n[Install]\nWantedBy=multi-user.target\n",
}
OLDER_VFIO_CONF = (
    "# written by hand after a guide\n\n"
    "softdep nouveau pre: vfio-pci\n"
    "softdep snd_hda_intel pre: vfio-pci\n"
    "options vfio-pci ids=10de:1d01,10de:0fb8 disable_vga=1\n"
)


class MainJob(SysrootCase):
    def assert_vfio_first(self, root: Sysroot, kept: str = "") -> None:
        for kernel in KERNELS:
            for address in CARD:
                with self.subTest(kernel=kernel, device=address):
                    inserted = root.modprobe(kernel, root.modalias(address))
                    names = [name for name, _ in inserted]
                    self.assertIn("vfio_pci", names)
                    self.assertIn(CLAIMANT[address], names, "the host's driver must still load if vfio-pci fails")
                    self.assertLess(names.index("vfio_pci"), names.index(CLAIMANT[address]))
                    self.assertEqual(dict(inserted)["vfio_pci"], f"ids=10de:1d01,10de:0fb8{kept}")

    def assert_native_first(self, root: Sysroot) -> None:
        for kernel in KERNELS:
            for address in CARD:
                with self.subTest(kernel=kernel, device=address):
                    names = [name for name, _ in root.modprobe(kernel, root.modalias(address))]
                    self.assertIn(CLAIMANT[address], names)
                    self.assertNotIn("vfio_pci", names)

    def roll_back(self, root: Sysroot) -> None:
        self.assert_status(root.run("rollback"), 0)
        self.assertFalse(root.exists(SOFTDEP_CONF))

    def test_the_fixture_itself_gives_the_card_to_the_host(self) -> None:
        self.assert_native_first(self.desktop())

    def test_enable_makes_vfio_pci_first(self) -> None:
        root = self.desktop()
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assert_vfio_first(root)
        for kernel in KERNELS:
            self.assertIn(f"/boot/initrd.img-{kernel} is out of date: rebuild it on that system", done.out)
        self.assertIn("vfio-pci.ids=", done.out, "how to get the screen back is said at once")
        self.assertIn("vfio-pci\n", root.read(MODULES_LOAD))
        self.assertNotIn("\nblacklist", root.read(VFIO_CONF))

    def test_the_plan_tells_the_order_that_modprobe_takes(self) -> None:
        root = self.desktop()
        orders = root.run("plan", "enable", "--json").json["load_order"]
        self.assert_status(root.run("enable"), 0)
        self.assertEqual({(o["kernel"], o["device"]) for o in orders}, {(k, a) for k in KERNELS for a in CARD})
        for order in orders:
            with self.subTest(kernel=order["kernel"], device=order["device"]):
                inserted = root.modprobe(order["kernel"], root.modalias(order["device"]))
                self.assertEqual(order["modules"], [name for name, _ in inserted])
                self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", True))

    def test_enable_again_has_nothing_to_do(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        before = root.snapshot(without=(), times=True)
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("Nothing to do", done.out)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_disable_makes_the_native_driver_first(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("disable"), 0)
        self.assert_native_first(root)
        for name in (VFIO_CONF, MODULES_LOAD):
            lines = root.read(name).splitlines()
            self.assertIn("disabled", lines[0])
            self.assertEqual([line for line in lines if line and not line.startswith("#")], [], name)

    def test_enable_after_disable_writes_the_same_files(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        first = {name: root.read(name) for name in (VFIO_CONF, MODULES_LOAD)}
        self.assert_status(root.run("disable"), 0)
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(first, {name: root.read(name) for name in (VFIO_CONF, MODULES_LOAD)})
        self.assert_vfio_first(root)

    def test_disable_when_never_enabled_has_nothing_to_do(self) -> None:
        root = self.desktop()
        before = root.snapshot(without=(), times=True)
        done = root.run("disable")
        self.assert_status(done, 0)
        self.assertIn("Nothing to do", done.out)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_rollback_when_nothing_was_done_has_nothing_to_do(self) -> None:
        root = self.desktop()
        before = root.snapshot(without=(), times=True)
        done = root.run("rollback")
        self.assert_status(done, 0)
        self.assertIn("Nothing to do", done.out)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_rollback_gives_the_tree_back(self) -> None:
        for verbs in (["enable"], ["enable", "disable"], ["enable", "disable", "enable"]):
            with self.subTest(verbs=verbs):
                root = Sysroot(self.scratch / "-".join(verbs), "z370-gt1030-no-param")
                before = root.snapshot(times=True)
                for verb in verbs:
                    self.assert_status(root.run(verb), 0)
                self.roll_back(root)
                self.assert_same_tree(before, root.snapshot(times=True))

    def test_after_a_rollback_nothing_is_wanted_and_enable_works(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.roll_back(root)
        self.assertIsNone(root.run("status", "--json").json["intent"])
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assert_vfio_first(root)
        self.roll_back(root)
        self.assert_same_tree(before, root.snapshot())

    def test_the_older_set_up_is_cleaned_up_and_comes_back(self) -> None:
        for target in ("/etc/systemd/system/nvidia-passthrough.service", "../nvidia-passthrough.service"):
            with self.subTest(target=target):
                root = Sysroot(self.scratch / f"root{len(target)}", "z370-gt1030-no-param")
                for number, (name, content) in enumerate(LEGACY_FILES.items()):
                    path = root.write(name, content, mode=[0o644, 0o640, 0o600, 0o755][number])
                    if os.geteuid() == 0:
                        os.chown(path, 1000 + number, 2000 + number)
                link = root.path / LEGACY_WANTS
                link.parent.mkdir(parents=True)
                link.symlink_to(target)
                before = root.snapshot()
                removed = {c["path"] for c in root.run("plan", "--json").json["changes"] if c["kind"] == "remove"}
                self.assertEqual(removed, {f"/{name}" for name in [*LEGACY_FILES, LEGACY_WANTS]})
                self.assert_status(root.run("enable"), 0)
                for name in [*LEGACY_FILES, LEGACY_WANTS]:
                    self.assertFalse(root.exists(name), name)
                self.roll_back(root)
                self.assert_same_tree(before, root.snapshot())

    def adopt(self, content: str, kept: str = "") -> None:
        root = self.desktop()
        path = root.write(VFIO_CONF, content, mode=0o640)
        if os.geteuid() == 0:
            os.chown(path, 0, 42)
        before = root.snapshot()
        done = root.run("enable")
        self.assert_status(done, 0)
        self.assertIn("/etc/modprobe.d/vfio.conf existed before", done.out)
        self.assert_vfio_first(root, kept)
        self.assert_status(root.run("disable"), 0)
        self.assert_native_first(root)
        self.roll_back(root)
        self.assert_same_tree(before, root.snapshot())

    def test_an_older_vfio_conf_is_adopted(self) -> None:
        self.adopt(OLDER_VFIO_CONF, " disable_vga=1")

    def test_an_older_vfio_conf_that_is_commented_out_is_adopted(self) -> None:
        self.adopt("".join(f"#{line}\n" if line else "\n" for line in OLDER_VFIO_CONF.splitlines()))
        # no newline at the end, and a space behind the sign

    def test_an_older_vfio_conf_with_other_habits_is_adopted(self) -> None:
        self.adopt("#  softdep nouveau pre: vfio-pci\n# options vfio-pci ids=10de:1d01,10de:0fb8")

    def test_a_vfio_conf_for_another_device_is_adopted(self) -> None:
        self.adopt("softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1234\n")

    def test_a_machine_without_modules_load_d(self) -> None:
        root = self.desktop()
        (root.path / "etc/modules-load.d").rmdir()
        (root.path / "etc/modprobe.d").rmdir()
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assertTrue(root.exists(MODULES_LOAD))
        self.assert_vfio_first(root)
        self.roll_back(root)
        self.assert_same_tree(before, root.snapshot())

    def test_a_directory_that_others_use_since_stays(self) -> None:
        root = self.desktop()
        (root.path / "etc/modules-load.d").rmdir()
        self.assert_status(root.run("enable"), 0)
        root.write("etc/modules-load.d/printer.conf", "lp\n")
        self.roll_back(root)
        self.assertEqual(root.read("etc/modules-load.d/printer.conf"), "lp\n")
        self.assertFalse(root.exists(MODULES_LOAD))

    def test_absolute_links_stay_inside_the_sysroot(self) -> None:
        root = self.desktop()
        (root.path / "etc/modprobe.d").rename(root.path / "etc/elsewhere")
        (root.path / "etc/modprobe.d").symlink_to("/etc/elsewhere")
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assertTrue(root.exists("etc/elsewhere/vfio.conf"))
        self.roll_back(root)
        self.assert_same_tree(before, root.snapshot())

    def test_a_shadowed_softdep_is_noticed(self) -> None:
        """nvidia.ko's own softdep comes first: the line in vfio.conf alone would be ignored."""
        kernel = "6.1.0-56-amd64-nvidia"
        root = self.machine("z370-gt1030-no-param", "--kernel", kernel)
        root.write("etc/modprobe.d/zz.conf", "blacklist nouveau\n")
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        names = [name for name, _ in root.modprobe(kernel, root.modalias(CARD[0]))]
        self.assertLess(names.index("vfio_pci"), names.index("nvidia"))
        self.assertIn("ecdh_generic", root.read(SOFTDEP_CONF), "what the shadowing line asked for is kept")
        (root.path / SOFTDEP_CONF).unlink()
        names = [name for name, _ in root.modprobe(kernel, root.modalias(CARD[0]))]
        self.assertLess(names.index("nvidia"), names.index("vfio_pci"), "the file is needed indeed")
        self.roll_back(root)
        self.assert_same_tree(before, root.snapshot())

    def test_state_and_journal_have_their_modes(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.assertEqual((root.path / STATE / "state.json").stat().st_mode & 0o7777, 0o644)
        self.assertEqual((root.path / STATE / "journal").stat().st_mode & 0o7777, 0o700)
        for name in (VFIO_CONF, MODULES_LOAD):
            self.assertEqual((root.path / name).stat().st_mode & 0o7777, 0o644, name)


class EditedFiles(SysrootCase):
    """What the user wrote is the user's."""

    EDIT = "# mine\noptions vfio-pci disable_idle_d3=1\n"

    def edited(self) -> Sysroot:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        path = root.path / VFIO_CONF
        path.write_text(path.read_text() + self.EDIT)
        return root

    def test_nobody_overwrites_it_in_silence(self) -> None:
        for verb in ("enable", "rollback"):
            with self.subTest(verb=verb):
                root = Sysroot(self.scratch / verb, "z370-gt1030-no-param")
                self.assert_status(root.run("enable"), 0)
                path = root.path / VFIO_CONF
                path.write_text(path.read_text() + self.EDIT)
                before = root.snapshot(times=True)
                done = root.run(verb)
                self.assert_status(done, 3)
                for words in ("user-edited", "/etc/modprobe.d/vfio.conf", "--force-ours", "--keep-mine"):
                    self.assertIn(words, done.out)
                self.assertEqual([r["code"] for r in root.run(verb, "--json").json["refusals"]], ["user-edited"])
                self.assert_same_tree(before, root.snapshot(times=True))

    def test_force_ours_replaces_it_and_rollback_brings_it_back(self) -> None:
        root = self.desktop()
        root.write(VFIO_CONF, "# all my own\ninstall vfio-pci /bin/true\n", mode=0o600)
        before = root.snapshot()
        self.assert_status(root.run("enable"), 3)
        self.assert_status(root.run("enable", "--force-ours"), 0)
        self.assertNotIn("my own", root.read(VFIO_CONF))
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_disable_force_ours_makes_it_inert(self) -> None:
        root = self.edited()
        self.assert_status(root.run("disable", "--force-ours"), 0)
        self.assertEqual([line for line in root.read(VFIO_CONF).splitlines() if not line.startswith("#")], [])

    def test_keep_mine_leaves_it(self) -> None:
        root = self.edited()
        text = root.read(VFIO_CONF)
        done = root.run("disable", "--keep-mine")
        self.assert_status(done, 0)
        self.assertIn("/etc/modprobe.d/vfio.conf stays as it is", done.out)
        self.assertEqual(root.read(VFIO_CONF), text)
        self.assertIn("disabled", root.read(MODULES_LOAD).splitlines()[0])

    def test_rollback_keep_mine_leaves_it(self) -> None:
        root = self.edited()
        text = root.read(VFIO_CONF)
        self.assert_status(root.run("rollback", "--keep-mine"), 0)
        self.assertEqual(root.read(VFIO_CONF), text)
        self.assertFalse(root.exists(MODULES_LOAD))

    def test_a_file_that_was_deleted_is_written_again(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        (root.path / VFIO_CONF).unlink()
        self.assert_status(root.run("enable"), 0)
        self.assertTrue(root.exists(VFIO_CONF))

    def test_a_snapshot_that_restores_etc_without_var_is_not_an_edit(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        text = root.read(VFIO_CONF)
        self.assert_status(root.run("disable"), 0)
        root.write(VFIO_CONF, text)
        self.assert_status(root.run("disable"), 0)
        self.assertIn("disabled", root.read(VFIO_CONF).splitlines()[0])


if __name__ == "__main__":
    unittest.main()
