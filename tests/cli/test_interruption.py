#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals, and an initramfs tool in every kind of trouble: the old state, and the images byte for byte."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from helper import KERNELS, STAND_IN, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, as_root, environment, run, tool

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Interruption(SysrootCase):
    def prepared(self, behaviour: str, to: str = "root") -> Sysroot:
        root = self.machine("z370-gt1030-no-param", "--kernel", KERNELS[0], to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", behaviour)
        return root

    def rebuild(self, root: Sysroot, verb: str = "enable") -> Run:
        return root.run(verb, "--rebuild", prefix=as_root())

    def interrupted(self, root: Sysroot, number: int, twice: bool = False, ignored: bool = False) -> Run:
        """An enable that gets a signal while the tool is at work."""
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        if ignored:
            command.insert(0, tool("nohup"))
        # These tests may themselves have been started by nohup.
        writer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )  # fmt: skip
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        self.assertTrue(root.wait_for("run/stand-in-waits"))
        self.assertTrue(root.exists(VFIO_CONF))
        writer.send_signal(number)
        if ignored:
            time.sleep(0.3)
            (root.path / "run/stand-in-waits").unlink()
        out, err = writer.communicate(timeout=60)
        return Run(command, writer.returncode, out, err)

    def assert_put_back(self, root: Sysroot, before: dict, done: Run) -> None:
        self.assert_status(done, 1)
        self.assertIn("All changes were undone", done.err)
        (root.path / "run/stand-in-waits").unlink(missing_ok=True)
        self.assert_same_tree(before, root.snapshot(times=True))
        self.assertIsNone(root.run("status", "--json").json["intent"])
        self.assertEqual(root.run("status", "--json").json["refusals"], [])

    def test_a_signal_while_the_tool_is_at_work(self) -> None:
        for number in SIGNALS:
            with self.subTest(signal=number.name):
                root = self.prepared("wait\n", to=number.name)
                before = root.snapshot(times=True)
                start = time.monotonic()
                done = self.interrupted(root, number)
                self.assertLess(time.monotonic() - start, 20, "the tool would have waited for a minute")
                self.assertIn("vfio-switch: interrupted", done.err)
                self.assert_put_back(root, before, done)

    def test_a_tool_that_does_not_end_when_asked_is_killed(self) -> None:
        root = self.prepared("stubborn\nwait\n")
        before = root.snapshot(times=True)
        self.assert_put_back(root, before, self.interrupted(root, signal.SIGINT))

    def test_nothing_that_the_tool_started_goes_on(self) -> None:
        root = self.prepared("child\n")
        before = root.snapshot(times=True)
        self.assert_put_back(root, before, self.interrupted(root, signal.SIGINT))
        time.sleep(0.3)  # in which the child would see that its wait is over
        self.assert_same_tree(before, root.snapshot(times=True))

    def test_the_tool_ends_with_a_killed_vfio_switch(self) -> None:
        root = self.prepared("wait\n")
        before = root.snapshot(times=True)
        done = self.interrupted(root, signal.SIGKILL)
        self.assertEqual(done.status, -signal.SIGKILL)
        (root.path / "run/stand-in-waits").unlink()
        time.sleep(0.3)  # in which the tool would go on
        recovered = root.run("disable")
        self.assertIn("an interrupted 'enable' was undone", recovered.err)
        self.assert_same_tree(before, root.snapshot(times=True))

    def test_a_signal_that_was_ignored_stays_ignored(self) -> None:
        root = self.prepared("wait\n")
        done = self.interrupted(root, signal.SIGHUP, ignored=True)
        self.assert_status(done, 0)
        self.assertEqual(root.run("status", "--json").json["intent"], "enabled")

    def test_a_tool_in_trouble(self) -> None:
        rows = {"half": "exit status 1", "delete": "exit status 1", "die": "killed by signal 9"}
        for behaviour, words in rows.items():
            with self.subTest(behaviour=behaviour):
                root = self.prepared(f"{behaviour}\n", to=behaviour)
                before = root.snapshot(times=True)
                done = self.rebuild(root)
                self.assertIn(words, done.err)
                self.assert_put_back(root, before, done)

    def test_a_closed_pipe_stops_nothing(self) -> None:
        root = self.prepared("say something\n")
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env=environment())
        os.close(writer)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(root.run("status", "--json").json["intent"], "enabled")

    def test_a_closed_standard_error_never_becomes_the_journal(self) -> None:
        root = self.prepared("say something\n")
        closing = ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"]
        self.assert_status(run([*closing, *as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]), 0)
        self.assert_status(root.run("rollback"), 0)

    def test_a_read_only_command_reports_it_and_leaves_it(self) -> None:
        root = self.prepared("wait\n")
        self.interrupted(root, signal.SIGKILL)
        before = root.snapshot(without=(), times=True)
        for command, status in ((["plan"], 3), (["enable", "--dry-run"], 3), (["status"], 0), (["verify"], 5)):
            with self.subTest(command=command):
                done = root.run(*command)
                self.assert_status(done, status)
                self.assertIn("interrupted: 'enable' is still running, or was interrupted", done.out)
                answer = root.run(*command, "--json").json
                self.assertEqual(answer["refusals"][0]["code"], "interrupted")
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_an_event_recovers_whatever_it_is_about(self) -> None:
        hook = os.environ.get("VFIO_SWITCH_HOOK", "")
        for event in (["drivers-changed"], ["post-upgrade"], ["kernel-added", KERNELS[0]], ["pre-remove"]):
            with self.subTest(event=event):
                root = self.prepared("wait\n", to=event[0])
                before = root.snapshot(times=True)
                self.interrupted(root, signal.SIGKILL)
                (root.path / "run/stand-in-waits").unlink()
                done = run([hook, "--sysroot", str(root.path), *event])
                self.assert_status(done, 0)
                self.assertEqual(done.err, "vfio-switch: an interrupted 'enable' was undone\n")
                self.assert_same_tree(before, root.snapshot(times=True))

    def test_an_edit_after_the_interruption_is_left(self) -> None:
        root = self.prepared("wait\n")
        self.interrupted(root, signal.SIGKILL)
        root.write(VFIO_CONF, "# mine\n")
        done = root.run("rollback")
        self.assertIn(f"was undone; not restored, because it was changed by another program: /{VFIO_CONF}", done.err)
        self.assertEqual(root.read(VFIO_CONF), "# mine\n")

    def test_set_uid_is_refused(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("takes root to make a program set-uid")
        program = self.scratch / "vfio-switch"
        shutil.copy(VFIO_SWITCH, program)
        program.chmod(0o4755)
        done = run([tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", str(program), "devices"])
        if os.statvfs(self.scratch).f_flag & os.ST_NOSUID:
            self.skipTest(f"{self.scratch} is mounted nosuid")
        self.assert_status(done, 4)
        self.assertIn("set-uid", done.err)


if __name__ == "__main__":
    unittest.main()
