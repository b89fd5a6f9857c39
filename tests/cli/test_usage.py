#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong usage and damaged files: one clear message, the right exit status, and nothing changes."""

import unittest

from helper import STATE, Run, Sysroot, SysrootCase, run, VFIO_SWITCH, vfio_switch


class Usage(SysrootCase):
    def assert_usage(self, done: Run, *words: str, status: int = 2) -> None:
        self.assert_status(done, status)
        self.assertEqual(done.out, "")
        lines = done.err.splitlines()
        self.assertTrue(lines[0].startswith("vfio-switch: "), done.err)
        self.assertLessEqual(len(lines), 2, "a message, and what to do")
        for word in words:
            self.assertIn(word, done.err)

    def test_command_lines(self) -> None:
        root = f"--sysroot={self.scratch}"
        for words, expected in (
            ([], "no command"),
            (["frobnicate"], "'frobnicate'"),
            ([root, "frobnicate"], "'frobnicate'"),
            ([root, "doctor-strange"], "'doctor-strange'"),
            ([root, "devices", "--frobnicate"], "--frobnicate"),
            ([root, "devices", "-x"], "-x"),
            (["--sysr", "/", "devices"], "--sysr"),
            ([root, "enable", "--dev", "01:00.0"], "--dev"),
            ([root, "enable", "--dry"], "--dry"),
            (["devices", "--sysroot"], "--sysroot"),
            ([root, "enable", "--device"], "--device"),
            ([root, "enable", "--json=yes"], "--json"),
            ([root, root, "devices"], "--sysroot"),
            ([root, "devices", "--rebuild"], "--rebuild"),
            ([root, "status", "--device", "01:00.0"], "--device"),
            ([root, "disable", "--device", "01:00.0"], "--device"),
            ([root, "rollback", "--allow-boot-gpu"], "--allow-boot-gpu"),
            ([root, "plan", "disable", "--device", "01:00.0"], "--device"),
            ([root, "devices", "again"], "'again'"),
            ([root, "enable", "01:00.0"], "'01:00.0'"),
            ([root, "plan", "rollback"], "cannot plan 'rollback'"),
            ([root, "plan", "enable", "disable"], "'disable'"),
            ([root, "enable", "--force-ours", "--keep-mine"], "--keep-mine"),
            ([root, "enable", "--device", "nonsense"], "'nonsense'"),
            ([root, "enable", "--device", ""], "''"),
            ([root, "enable", "--device", "01:00"], "'01:00'"),
            ([root, "enable", "--device", "01:00.8"], "'01:00.8'"),
            ([root, "enable", "--device", "10de:2d04:1"], "'10de:2d04:1'"),
            ([root, "enable", "--device", "01:00.0\n02:00.0"], "is not a PCI address or ID"),
        ):
            with self.subTest(words=words):
                self.assert_usage(vfio_switch(*words), expected)

    def test_what_is_printed_back_holds_no_control_characters(self) -> None:
        for words in (["\x1b[31mred"], ["--\x1b[31mred"], ["devices", "\x07"], ["enable", "--device", "\x1b]0;x"]):
            with self.subTest(words=words):
                done = vfio_switch(*words)
                self.assert_status(done, 2)
                self.assertNotRegex(done.err.replace("\n", ""), "[\x00-\x1f\x7f]")

    def test_a_root_that_is_not_there(self) -> None:
        for path in (f"{self.scratch}/nowhere", __file__, ""):
            for verb in ("devices", "enable", "rollback"):
                with self.subTest(path=path, verb=verb):
                    self.assert_usage(vfio_switch("--sysroot", path, verb), path, status=1)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_an_empty_root_is_a_machine_without_anything(self) -> None:
        root = self.scratch / "empty"
        root.mkdir()
        for verb, status in (("devices", 0), ("enable", 1)):
            with self.subTest(verb=verb):
                done = vfio_switch("--sysroot", str(root), verb)
                self.assert_status(done, status)
        self.assertEqual(list(root.iterdir()), [])

    def test_global_options_after_the_verb(self) -> None:
        root = self.desktop()
        before = root.run("plan", "--json")
        after = run([VFIO_SWITCH, "plan", "--json", "--sysroot", str(root.path)])
        joined = run([VFIO_SWITCH, "plan", f"--sysroot={root.path}", "--json"])
        self.assertEqual((before.out, before.status), (after.out, after.status))
        self.assertEqual(before.out, joined.out)
        tree = root.snapshot(without=(), times=True)
        self.assert_status(run([VFIO_SWITCH, "enable", "--dry-run", "--sysroot", str(root.path)]), 0)
        self.assert_same_tree(tree, root.snapshot(without=(), times=True))

    def test_a_relative_root(self) -> None:
        root = self.desktop()
        done = run([VFIO_SWITCH, "--sysroot", "root", "enable"], cwd=self.scratch)
        self.assert_status(done, 0)
        self.assertTrue(root.exists("etc/modprobe.d/vfio.conf"))

    def test_help_and_version(self) -> None:
        for words in (["--help"], ["-h"], ["enable", "--help"], ["--help", "enable"]):
            done = vfio_switch(*words)
            self.assert_status(done, 0)
            self.assertEqual(done.err, "")
            for verb in ("devices", "status", "plan", "enable", "disable", "verify", "rollback", "vfio-pci.ids="):
                self.assertIn(verb, done.out)
            self.assertLessEqual(max(map(len, done.out.splitlines())), 80)
        self.assertRegex(vfio_switch("--version").out, r"\Avfio-switch \d+\.\d+\.\d+\n\Z")

    def test_every_way_to_write_a_device(self) -> None:
        root = self.desktop()
        expected = root.run("plan", "enable", "--json").json
        for spec in ("01:00.0", "0000:01:00.0", "01:00.1", "10de:1d01", "10DE:1D01", "10de:0fb8"):
            with self.subTest(spec=spec):
                self.assertEqual(root.run("plan", "enable", "--device", spec, "--json").json, expected)


class Settings(SysrootCase):
    """/etc/vfio-switch.conf"""

    def check(self, root: Sysroot, text: str, *words: str) -> None:
        root.write("etc/vfio-switch.conf", text)
        for verb in ("devices", "plan", "enable", "status"):
            with self.subTest(text=text, verb=verb):
                before = root.snapshot(without=(), times=True)
                done = root.run(verb)
                self.assert_status(done, 2)
                self.assertEqual(done.out, "")
                for word in words:
                    self.assertIn(word, done.err)
                self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_mistakes_are_named_with_their_line(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        self.check(root, "# mine\n\ncolour = blue\n", "/etc/vfio-switch.conf:3", "'colour'")
        self.check(root, "device\n", "/etc/vfio-switch.conf:1", "'device'")
        self.check(root, "device =\n", "/etc/vfio-switch.conf:1")
        self.check(root, "device = auto\ndevice = none\n", "/etc/vfio-switch.conf:2", "twice")
        self.check(root, "device = the-big-one\n", "/etc/vfio-switch.conf:1", "'the-big-one'")

    def test_the_device_of_the_settings_counts(self) -> None:
        root = self.machine("x370-pro-rx570-gtx970-rx550")
        self.assertEqual(root.run("plan", "--json").json["outcome"], "refused")
        root.write("etc/vfio-switch.conf", "device = 09:00.0\n")
        plan = root.run("plan", "--json").json
        self.assertEqual(plan["functions"], ["0000:09:00.0", "0000:09:00.1"])
        self.assertEqual(root.run("plan", "enable", "--device", "08:00.0", "--json").json["functions"][0], "0000:08:00.0")

    def test_device_none_forbids_only_the_automatic(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        root.write("etc/vfio-switch.conf", "device = none\n")
        self.assert_status(root.run("plan", "enable", "--device", "01:00.0"), 0)

    def test_the_kept_choice_is_replaced_by_a_device(self) -> None:
        root = self.machine("x370-pro-rx570-gtx970-rx550")
        self.assert_status(root.run("enable", "--device", "08:00.0"), 0)
        self.assertEqual(root.run("plan", "--json").json["functions"][0], "0000:08:00.0")
        self.assert_status(root.run("enable", "--device", "09:00.0"), 0)
        self.assertEqual(root.run("plan", "--json").json["functions"][0], "0000:09:00.0")


class Damaged(SysrootCase):
    """What another program, or a full disk, did to our own files."""

    def check(self, root: Sysroot, *words: str, verbs: tuple[str, ...] = ("status", "enable")) -> None:
        before = root.snapshot(without=(f"{STATE}/journal/lock",), times=True)
        for verb in verbs:
            with self.subTest(verb=verb):
                done = root.run(verb)
                self.assert_status(done, 1)
                self.assertEqual(done.out, "")
                for word in words:
                    self.assertIn(word, done.err)
                self.assertGreaterEqual(len(done.err.splitlines()), 2, "there is a remedy")
        self.assert_same_tree(before, root.snapshot(without=(f"{STATE}/journal/lock",), times=True))

    def test_state(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        self.assert_status(root.run("enable"), 0)
        for text in (
            "", "{", "[]", "null", "nonsense", '{"schema":1}', '{"schema":"1","intent":"enabled","cards":[]}',
            '{"schema":1,"intent":"maybe","cards":[],"accepted_risks":[]}',
            '{"schema":1,"intent":"enabled","cards":[7],"accepted_risks":[]}',
            '{"schema":1,"intent":"enabled","cards":[{"address":"somewhere"}],"accepted_risks":[]}',
            '{"schema":1,"intent":"enabled","cards":[],"accepted_risks":["all"]}',
            '{"schema":1,"intent":"enabled","cards":{},"accepted_risks":5}',
        ):  # fmt: skip
            with self.subTest(text=text):
                root.write(f"{STATE}/state.json", text)
                self.check(root, "/var/lib/vfio-switch/state.json", "Restore it")

    def test_state_of_a_newer_version(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        root.write(f"{STATE}/state.json", '{"schema":2,"intent":"enabled"}')
        self.check(root, "newer version", "Upgrade")

    def test_journal(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        self.assert_status(root.run("enable"), 0)
        log = root.path / STATE / "journal/log"
        whole = log.read_text()
        log.write_text("nonsense\n" + whole)
        self.check(root, "journal/log:1", "Nothing was changed", verbs=("enable",))

    def test_journal_whose_pre_image_is_gone(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        root.write("etc/modprobe.d/vfio.conf", "softdep nouveau pre: vfio-pci\n")
        self.assert_status(root.run("enable"), 0)
        for path in (root.path / STATE / "journal/pre-images").iterdir():
            path.unlink()
        self.check(root, "pre-images", verbs=("enable",))

    def test_a_torn_last_line_was_never_acted_upon(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        log = root.path / STATE / "journal/log"
        with log.open("a") as file:
            file.write('{"begin":{"id":2,"ve')
        self.assert_status(root.run("status"), 0)
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_a_directory_where_a_file_should_be(self) -> None:
        root = self.machine("z370-gt1030-no-param")
        (root.path / "etc/modprobe.d/vfio.conf").mkdir()
        before = root.snapshot(times=True)
        self.assertIn(root.run("enable").status, (1, 3))
        self.assert_same_tree(before, root.snapshot(times=True))


if __name__ == "__main__":
    unittest.main()
