#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that only looks never writes: every system call is looked at, and an ordinary user may run it."""

import os
import re
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from helper import HERE, STAND_IN, VFIO_SWITCH, OrdinaryUserCase, Run, Sysroot, SysrootCase, as_root, environment, find_tool, run, tool
from tap import slow

COMMANDS = [
    [*command, *more]
    for command in (
        ["devices"], ["status"], ["verify"], ["plan"], ["plan", "enable"], ["plan", "disable"],
        ["enable", "--dry-run"], ["disable", "--dry-run"], ["rollback", "--dry-run"],
        ["enable", "--dry-run", "--rebuild"], ["doctor"], ["doctor", "--fix", "--dry-run"], ["report"],
    )
    for more in ([], ["--json"])
]  # fmt: skip

# A question mark: no error where an architecture has no such call.
WRITES = [
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat",
    "symlink", "symlinkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown",
    "lchown", "fchownat", "truncate", "ftruncate", "utime", "utimes", "utimensat", "futimesat", "setxattr",
    "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "mount", "umount2", "chroot",
    "execve", "fork", "vfork", "bind", "connect", "init_module", "finit_module", "delete_module",
]  # fmt: skip
OPENS = ["open", "openat", "openat2", "creat"]
FOR_WRITING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE|APPEND)")
MEMORY = re.compile(r"^f(truncate|chmod)\(\d+</memfd:")
# An image is unpacked into a file system in memory that is mounted nowhere (fsmount): of its files strace shows
# paths that begin at its own root. A real file of that path would be there afterwards.
BELOW = re.compile(r'^(?:openat|mkdirat)\(\d+<(/[^>]*)>, "([^/"][^"]*)"')


def is_detached(line: str) -> bool:
    found = BELOW.match(line)
    return found is not None and not os.path.lexists(os.path.join(*found.groups()))




def offences(trace: str) -> list[str]:
    """The lines of a trace that could have changed something."""
    found = []
    for raw in trace.splitlines():
        line = re.sub(r"^(\[pid +\d+\] |\d+ +)", "", raw)
        call = line.partition("(")[0]
        if call in OPENS:
            quoted = re.search(r'"([^"]*)"', line)
            name = quoted.group(1) if quoted else ""
            written = call == "creat" or FOR_WRITING.search(line)
            if written and not name.startswith("/dev/") and not is_detached(line):
                found.append(line)
        elif call in WRITES and call != "execve" and not MEMORY.match(line) and not is_detached(line):
            found.append(line)
    started = [line for line in trace.splitlines() if "execve(" in line]
    return found + started[1:]  # the first one is the program itself


class ReadOnly(SysrootCase):
    def traced(self, root: Sysroot, *arguments: str) -> tuple[Run, str]:
        log = self.scratch / "trace"
        calls = ",".join(f"?{name}" for name in [*OPENS, *WRITES])
        command = [tool("strace"), "-f", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={calls}"]
        # LeakSanitizer cannot work under strace.
        sanitizer = environment()["ASAN_OPTIONS"] + ":detect_leaks=0"
        done = run([*command, VFIO_SWITCH, "--sysroot", str(root.path), *arguments], ASAN_OPTIONS=sanitizer)
        trace = log.read_text()
        if "execve(" not in trace:
            self.skipTest(f"strace cannot trace here: {done.err.strip()}")
        return done, trace

    def check(self, root: Sysroot) -> None:
        (root.path / "boot/grub/grub.cfg").chmod(0o644)
        before = root.snapshot(without=(), times=True)
        for command in COMMANDS:
            with self.subTest(command=" ".join(command)):
                done, trace = self.traced(root, *command)
                self.assertIn(done.status, (0, 3, 5), f"\n{done}")
                self.assertRegex(trace, r"openat2?\(", "the trace must show something")
                self.assertEqual(offences(trace), [])
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    @slow
    def test_before_anything_was_done(self) -> None:
        self.check(self.desktop())

    @slow
    def test_while_it_is_enabled(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.check(root)

    @slow
    def test_while_images_are_opened_and_proved(self) -> None:
        root = self.desktop()
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", "")
        self.assert_status(root.run("enable", "--rebuild", prefix=as_root()), 0)
        _, trace = self.traced(root, "status")
        self.assertIn("vfio-pci.ko", trace, "libkmod is asked on the image's modules")
        self.check(root)

    @slow
    def test_while_it_is_disabled(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.assert_status(root.run("disable"), 0)
        self.check(root)

    @slow
    def test_where_it_is_refused(self) -> None:
        self.check(self.machine("lenovo-14acn6-apu"))

    def test_the_trace_does_see_writing(self) -> None:
        """A check that finds nothing anywhere would prove nothing."""
        root = self.desktop()
        done, trace = self.traced(root, "enable")
        self.assert_status(done, 0)
        found = "\n".join(offences(trace))
        for call in ("openat", "mkdir", "rename"):
            self.assertIn(call, found)


class Interrupted(SysrootCase):
    def test_a_dry_run_after_an_interruption_repairs_nothing(self) -> None:
        root = self.desktop()
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", "wait\n")
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        writer = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True
        )
        try:
            self.assertTrue(root.wait_for("run/stand-in-waits"))
        finally:
            os.killpg(writer.pid, signal.SIGKILL)
            writer.wait()
        before = root.snapshot(without=(), times=True)
        for verb in ("enable", "disable", "rollback"):
            with self.subTest(verb=verb):
                root.run(verb, "--dry-run")
                root.run(verb, "--dry-run", "--json")
                self.assert_same_tree(before, root.snapshot(without=(), times=True))


class OrdinaryUser(OrdinaryUserCase):
    def check(self, root: Sysroot) -> None:
        (root.path / "boot/grub/grub.cfg").chmod(0o644)
        before = root.snapshot(without=(), times=True)
        for command in COMMANDS:
            with self.subTest(command=" ".join(command)):
                done = self.ordinary(root, *command)
                expected = root.run(*command)
                if command[0] == "rollback" and done.status == 4:
                    continue  # the journal is for root alone
                self.assertEqual((done.status, done.out, done.err), (expected.status, expected.out, expected.err))
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    @slow
    def test_sees_the_same_before(self) -> None:
        self.check(self.desktop())

    @slow
    def test_sees_the_same_while_it_is_enabled(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        self.check(root)

    def test_cannot_change_a_root_of_somebody_else(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("needs a sysroot of root's")
        root = self.desktop()
        before = root.snapshot(without=(), times=True)
        done = self.ordinary(root, "enable")
        self.assert_status(done, 4)
        self.assertIn("ermission denied", done.err)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_what_it_may_not_look_at_is_named(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("needs a sysroot of root's")
        root = self.desktop()
        closed = root.path / "etc/modules-load.d"
        closed.mkdir(exist_ok=True)
        closed.chmod(0)
        self.addCleanup(closed.chmod, 0o755)
        done = self.ordinary(root, "plan")
        self.assert_status(done, 4)
        self.assertIn("cannot access /etc/modules-load.d/vfio.conf: Permission denied", done.err)

    def test_may_change_a_root_of_its_own(self) -> None:
        root = self.desktop()
        if os.geteuid() == 0:
            run(["chown", "-hR", "65534:65534", str(root.path)])
        before = root.snapshot()
        for verb in ("enable", "disable", "rollback"):
            self.assert_status(self.ordinary(root, verb), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_a_rebuild_takes_root(self) -> None:
        root = self.desktop()
        if os.geteuid() == 0:
            run(["chown", "-hR", "65534:65534", str(root.path)])
        before = root.snapshot(without=(), times=True)
        self.assert_status(self.ordinary(root, "enable", "--rebuild"), 4)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))

    def test_the_running_system_takes_root(self) -> None:
        """Whatever the machine is: an ordinary user is refused, or there is nothing to do."""
        done = run([*self.prefix, self.program, "enable"])
        self.assertIn(done.status, (0, 1, 3, 4), f"\n{done}")


if __name__ == "__main__":
    unittest.main()
