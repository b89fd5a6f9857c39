#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of a boot: counted when it begins, judged at the login, and what is done about it."""

import os
import re
import unittest

from helper import CARD, KERNELS, STATE, VFIO_CONF, Run, Sysroot, SysrootCase, run

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
MOTD = "run/motd.d/vfio-switch"
RECORD = f"{STATE}/boot-check.json"
COUNT = f"{STATE}/boots"
SET_UP = f"{STATE}/set-up"
SETTINGS = "etc/vfio-switch.conf"


class Boot(SysrootCase):
    def machine_of(self, to: str = "root", enable: bool = True) -> Sysroot:
        root = self.machine("z370-gt1030-no-param", to=to)
        root.write("proc/sys/kernel/osrelease", KERNELS[0] + "\n")
        if enable:
            self.assert_status(root.run("enable"), 0)
        self.boots = 0
        self.boot(root)
        return root

    def boot(self, root: Sysroot, command_line: str = "ro quiet") -> None:
        """Another boot: another id, an empty /run."""
        self.boots += 1
        root.write("proc/sys/kernel/random/boot_id", f"boot-{self.boots}\n")
        root.write("proc/cmdline", command_line + "\n")
        if root.exists(MOTD):
            (root.path / MOTD).unlink()

    def bind(self, root: Sysroot, driver: str = "vfio-pci", card: tuple[str, ...] = tuple(CARD)) -> None:
        drivers = root.path / "sys/bus/pci/drivers"
        (drivers / driver).mkdir(exist_ok=True)
        for address in card:
            link = root.path / f"sys/bus/pci/devices/{address}/driver"
            link.unlink(missing_ok=True)
            link.symlink_to(f"{'../' * 4}bus/pci/drivers/{driver}")

    def event(self, root: Sysroot, name: str) -> Run:
        done = run([HOOK, "--sysroot", str(root.path), name])
        self.assert_status(done, 0)
        return done

    def check(self, root: Sysroot) -> dict:
        self.said = self.event(root, "boot-check")
        return root.run("status", "--json").json["boot_check"]

    def codes(self, record: dict) -> list[str]:
        return [finding["code"] for finding in record["findings"]]

    def assert_intent(self, root: Sysroot, intent: str) -> None:
        self.assertEqual(root.run("status", "--json").json["intent"], intent)

    def test_a_boot_as_it_should_be(self) -> None:
        root = self.machine_of()
        self.bind(root)
        self.event(root, "boot-begin")
        self.assertTrue(root.exists(COUNT))
        record = self.check(root)
        self.assertEqual((record["good"], record["findings"], record["this_boot"]), (True, [], True))
        self.assertEqual((self.said.out, self.said.err), ("", ""), "silent where there is nothing to say")
        self.assertFalse(root.exists(COUNT), "the login was reached")
        self.assertFalse(root.exists(MOTD))
        self.boot(root)
        self.assertFalse(root.run("status", "--json").json["boot_check"]["this_boot"])

    def test_a_boot_that_was_expected_otherwise_is_told_to_who_logs_in(self) -> None:
        root = self.machine_of()
        record = self.check(root)
        self.assertEqual(self.codes(record), ["not-as-expected"] * 2)
        self.assertEqual(
            [(d["address"], d["expected"], d["observed"]) for d in record["devices"]],
            [(CARD[0], "vfio-pci", "nouveau"), (CARD[1], "vfio-pci", "snd_hda_intel")],
        )
        for text in (self.said.out, root.read(MOTD)):
            self.assertIn("0000:01:00.0 is bound to nouveau; expected vfio-pci", text)
            self.assertIn("vfio-pci.ids=", text, "the way out is named")
        self.assertIn("is bound to nouveau", root.run("status").out)
        self.assert_intent(root, "enabled")
        self.bind(root)
        self.boot(root)
        self.assertTrue(self.check(root)["good"])
        self.assertFalse(root.exists(MOTD))

    def test_a_warning_goes_when_something_new_is_staged(self) -> None:
        root = self.machine_of()
        self.check(root)
        self.assertTrue(root.exists(MOTD))
        self.assert_status(root.run("disable"), 0)
        self.assertFalse(root.exists(MOTD))
        self.assertIsNone(root.run("status", "--json").json["boot_check"])

    def test_one_boot_without_passthrough_is_no_failure(self) -> None:
        root = self.machine_of()
        self.boot(root, "ro vfio-pci.ids=")
        self.event(root, "boot-begin")
        self.assertFalse(root.exists(COUNT), "its end says nothing about passthrough")
        record = self.check(root)
        self.assertEqual((record["good"], self.codes(record)), (True, ["escape"]))
        self.assertFalse(root.exists(MOTD))

    def fail_boots(self, root: Sysroot, number: int) -> None:
        for _ in range(number):
            self.event(root, "boot-begin")
            self.event(root, "boot-begin")  # once a boot, whoever calls it again
            self.boot(root)

    def test_two_failed_boots_are_told_and_a_disable_is_offered(self) -> None:
        root = self.machine_of()
        self.bind(root)
        self.fail_boots(root, 1)
        self.event(root, "boot-begin")
        self.assertTrue(self.check(root)["good"], "one is no row")
        self.boot(root)
        self.fail_boots(root, 2)
        self.event(root, "boot-begin")
        record = self.check(root)
        self.assertEqual((self.codes(record), record["action"]), (["failed-boots"], None))
        self.assertRegex(root.read(MOTD), r"2 boots in a row did not reach the login\.\n.*Run:\n.* vfio-switch disable\n")
        self.assert_intent(root, "enabled")
        self.assertFalse(root.exists(COUNT))

    def test_two_failed_boots_are_taken_back_where_the_settings_say_so(self) -> None:
        root = self.machine_of()
        root.write(SETTINGS, "auto-disable = yes\n")
        self.bind(root)
        self.fail_boots(root, 2)
        self.assert_intent(root, "enabled")
        said = self.event(root, "boot-begin").out
        self.assertIn("passthrough was disabled", said)
        self.assert_intent(root, "disabled")
        self.assertIn("disabled", root.read(VFIO_CONF).splitlines()[0])
        # The check that follows in this boot must not take what is staged now for what it runs with.
        record = self.check(root)
        self.assertEqual((self.codes(record), record["action"]), (["failed-boots"], "disabled"))
        self.assertIn("passthrough was disabled", root.read(MOTD))
        self.bind(root, "nouveau", (CARD[0],))
        self.bind(root, "snd_hda_intel", (CARD[1],))
        self.boot(root)
        self.event(root, "boot-begin")
        self.assertFalse(root.exists(COUNT), "nothing is counted while disabled")
        self.assertTrue(self.check(root)["good"])

    def test_a_package_hook_tells_it_too(self) -> None:
        for setting, intent, words in (("", "enabled", "vfio-switch disable\n"), ("yes", "disabled", "was disabled")):
            with self.subTest(setting=setting):
                root = self.machine_of(to=f"hook{setting}")
                if setting:
                    root.write(SETTINGS, f"auto-disable = {setting}\n")
                self.fail_boots(root, 2)
                said = self.event(root, "drivers-changed").out
                self.assertIn("2 boots in a row did not reach the login", said)
                self.assertIn(words, said)
                self.assert_intent(root, intent)

    def test_what_is_staged_anew_begins_with_a_clean_record(self) -> None:
        root = self.machine_of()
        self.fail_boots(root, 2)
        self.assert_status(root.run("disable"), 0)
        self.assert_status(root.run("enable"), 0)
        self.assertFalse(root.exists(COUNT))

    def without_display(self, root: Sysroot) -> None:
        for name in list((root.path / "sys/class/drm").iterdir()):
            name.unlink()

    def test_a_host_without_a_display_gets_its_card_back(self) -> None:
        for setting, intent, good in (
            ("", "disabled", False),
            ("auto-disable = yes\n", "disabled", False),
            ("auto-disable = no\n", "enabled", False),
            ("headless = yes\n", "enabled", True),
        ):
            with self.subTest(setting=setting):
                root = self.machine_of(to=re.sub(r"\W", "", setting) or "plain")
                root.write(SETTINGS, setting)
                self.bind(root)
                self.without_display(root)
                record = self.check(root)
                self.assertEqual(record["good"], good)
                self.assertEqual("no-display" in self.codes(record), not good)
                self.assertEqual(record["action"], "disabled" if intent == "disabled" else None)
                self.assert_intent(root, intent)
                if intent == "disabled":
                    self.assertIn("passthrough was disabled", root.read(MOTD))

    def test_the_firmware_framebuffer_is_a_display(self) -> None:
        root = self.machine_of()
        self.bind(root)
        self.without_display(root)
        root.write("sys/class/graphics/fb0/name", "EFI VGA\n")
        self.assertTrue(self.check(root)["good"])

    def test_one_more_line_of_comment_keeps_nobody_in_the_dark(self) -> None:
        root = self.machine_of()
        self.bind(root)
        self.without_display(root)
        edited = root.read(VFIO_CONF) + "# mine\n"
        root.write(VFIO_CONF, edited)
        record = self.check(root)
        self.assertEqual(record["action"], "disabled")
        self.assert_intent(root, "disabled")
        self.assertTrue(all(line.startswith("#") for line in root.read(VFIO_CONF).splitlines()))
        self.assertIn("# mine", root.read(VFIO_CONF))

    def test_whoever_gave_the_only_display_away_meant_it(self) -> None:
        root = self.machine_of()
        self.assert_status(root.run("enable", "--allow-boot-gpu"), 0)
        self.bind(root)
        self.without_display(root)
        record = self.check(root)
        self.assertIn("no-display", self.codes(record))
        self.assertIsNone(record["action"])
        self.assert_intent(root, "enabled")

    def test_isolation_is_judged_after_the_boot(self) -> None:
        root = self.machine_of()
        self.bind(root)
        # Another device is in the group that the IOMMU made.
        stranger = next(
            path.name for path in sorted((root.path / "sys/bus/pci/devices").iterdir())
            if (path / "class").read_text().startswith(("0x02", "0x01", "0x0c"))
        )  # fmt: skip
        link = root.path / f"sys/bus/pci/devices/{stranger}/iommu_group"
        group = os.readlink(root.path / f"sys/bus/pci/devices/{CARD[0]}/iommu_group").rpartition("/")[2]
        link.unlink()
        link.symlink_to(f"../../../kernel/iommu_groups/{group}")
        record = self.check(root)
        self.assertIn("group-shared", self.codes(record))
        self.assertIn("group-shared", root.run("status").out)
        self.assert_intent(root, "enabled")

    def test_a_set_up_that_was_put_off_is_told_once(self) -> None:
        root = self.machine_of(enable=False)
        root.write(SET_UP, "pending: a chroot\n")
        record = self.check(root)
        self.assertEqual(self.codes(record), ["set-up-pending"])
        self.assertIn("installed in a chroot", root.read(MOTD))
        self.assertIn("vfio-switch enable\n", root.read(MOTD))
        self.boot(root)
        self.check(root)
        self.assertFalse(root.exists(MOTD), "told once")
        self.assertEqual(root.run("status", "--json").json["set_up_pending"], "a chroot")
        self.assertIn("setup is pending", root.run("status").out)
        self.assertFalse(root.exists(VFIO_CONF), "the check never enables")

    def test_nothing_is_written_where_nothing_was_ever_wanted(self) -> None:
        root = self.machine_of(enable=False)
        before = root.snapshot(without=())
        for name in ("boot-begin", "boot-check"):
            done = self.event(root, name)
            self.assertEqual(done.out + done.err, "")
        self.assert_same_tree(before, root.snapshot(without=()))

    def test_a_check_that_fails_fails_no_boot(self) -> None:
        root = self.machine_of()
        root.write(SETTINGS, "nonsense\n")
        for name in ("boot-begin", "boot-check"):
            done = self.event(root, name)  # exit status 0
            self.assertIn("warning: ", done.err)


if __name__ == "__main__":
    unittest.main()
