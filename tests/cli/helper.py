# SPDX-License-Identifier: GPL-3.0-or-later
"""A sysroot of a real machine, the built vfio-switch run on it, and trees compared.

Environment: VFIO_SWITCH, the program under test; STAND_IN_INITRAMFS, the stand-in for
update-initramfs. tests/run sets both.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Optional, Sequence

HERE = Path(__file__).resolve().parent
MACHINES = HERE.parent / "machines"
sys.path.insert(0, str(MACHINES))
import module_trees  # noqa: E402
import sysroot  # noqa: E402

VFIO_SWITCH = os.environ.get("VFIO_SWITCH", "")
STAND_IN = os.environ.get("STAND_IN_INITRAMFS", "")
STAND_IN_GRUB = os.environ.get("STAND_IN_GRUB", "")
STAND_IN_COPIER = os.environ.get("STAND_IN_COPIER", "")
STAND_IN_TOOL = os.environ.get("STAND_IN_TOOL", "")
if not VFIO_SWITCH:
    raise SystemExit("VFIO_SWITCH must name the program under test; tests/run sets it")

DESKTOP = "z370-gt1030-no-param"
CARD = ["0000:01:00.0", "0000:01:00.1"]  # of DESKTOP
KERNELS = ["6.1.0-56-amd64", "6.12.117+deb12-amd64"]
STATE = "var/lib/vfio-switch"
VFIO_CONF = "etc/modprobe.d/vfio.conf"
SOFTDEP_CONF = "etc/modprobe.d/00-vfio-softdep.conf"
MODULES_LOAD = "etc/modules-load.d/vfio.conf"
OVERRIDE = "etc/vfio-switch/override"
BIND = "/usr/lib/vfio-switch/bind"

SANITIZER_EXIT = 99  # none of the program's own
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def environment(**more: str) -> dict[str, str]:
    """What programs under test are given. A sanitizer's finding is never one of their exit statuses."""
    return {
        "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}",
        "LC_ALL": "C.UTF-8",
        "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
        "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_EXIT}",
        **more,
    }


def find_tool(name: str) -> Optional[str]:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def tool(name: str) -> str:
    """The path of a program that a test needs; without it the test is skipped, and says so."""
    path = find_tool(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


@functools.cache
def as_root() -> list[str]:
    """What runs a command as root, with mounts of its own: nothing for root, a user namespace for others."""
    unshare = [tool("unshare"), "--mount"]
    wrap = [] if os.geteuid() == 0 else [*unshare, "--map-root-user"]
    done = subprocess.run([*(wrap or unshare), "true"], capture_output=True, text=True)
    if done.returncode != 0:
        # In a chroot, for one: its root directory is no mount point that could be made private.
        raise unittest.SkipTest(f"no mounts of its own can be made here ({done.stderr.strip()})")
    return wrap


class Entry(NamedTuple):
    """What a path is: everything that rollback has to give back."""

    mode: int
    uid: int
    gid: int
    content: bytes  # or the target of a link
    modified: int


def snapshot(root: Path, without: Sequence[str] = (STATE,), times: bool = False) -> dict[str, Entry]:
    """All that is below `root` but `without` (globs), by path. Directories have no time of their own."""
    trees = [release for release in module_trees.TREES if module_trees.untouched(str(root), release)]
    tree = scanned(root, "", tuple(without), times, tuple(f"{module_trees.KERNEL.format(one)}/" for one in trees))
    for release in trees:
        tree |= untouched_modules(root, release, tuple(without), times)
    return tree


@functools.cache
def _untouched_modules(release: str, without: Sequence[str], times: bool) -> dict[str, Entry]:
    return {}


def untouched_modules(root: Path, release: str, without: Sequence[str], times: bool) -> dict[str, Entry]:
    """Of a kernel's modules that are as they were made: looked at once, since they are always the same."""
    known = _untouched_modules(release, without, times)
    if not known:
        known |= scanned(root, f"{module_trees.KERNEL.format(release)}/", without, times)
    return known


def scanned(
    root: Path, start: str, without: Sequence[str], times: bool, known: Sequence[str] = ()
) -> dict[str, Entry]:
    """What is below a directory, but for that of `known` ones; their names end with a slash."""
    left_out = re.compile("|".join(fnmatch.translate(glob) for glob in without) or r"\b\B").match
    tree: dict[str, Entry] = {}
    linked: dict[int, Entry] = {}  # thousands of names may be one file
    directories = [start]
    while directories:
        directory = directories.pop()
        if directory in known:
            continue
        try:
            entries = list(os.scandir(f"{root}/{directory}"))
        except PermissionError:
            continue
        for entry in entries:
            key = directory + entry.name
            if left_out(key):
                continue
            if (same := linked.get(entry.inode())) is not None:
                tree[key] = same
                continue
            status = entry.stat(follow_symlinks=False)
            content = b""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(entry.path).encode()
            elif stat.S_ISREG(status.st_mode):
                content = content_of(entry.path, status.st_size)
            elif stat.S_ISDIR(status.st_mode):
                directories.append(f"{key}/")
            modified = 0 if stat.S_ISDIR(status.st_mode) or not times else status.st_mtime_ns
            tree[key] = Entry(status.st_mode, status.st_uid, status.st_gid, content, modified)
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                linked[status.st_ino] = tree[key]
    return tree


def content_of(path: str, size: int) -> bytes:
    """Ten thousand files a snapshot: nothing more than the system calls."""
    if size == 0:
        return b""
    try:
        fd = os.open(path, os.O_RDONLY)
    except PermissionError:
        return b"(not readable)"
    try:
        return os.read(fd, size + 1)
    finally:
        os.close(fd)


def plain(text: str) -> str:
    """What the program said, as tests assert it: each text of its own comes through here, JSON comes as it is.

    It undoes the pseudo-catalogue of a test build (tests/pseudo/pseudo_catalogue.h): the letters of each word of
    a message, but not of what stands in it, are turned round again.
    """
    if "⟦" not in text:
        return text
    result, opened = [], []
    for part in re.split(r"([⟦⟧⟨⟩ \n])", text):
        if part in ("⟦", "⟨"):
            opened.append(part)
        elif part in ("⟧", "⟩"):
            opened.pop()
        else:
            result.append(part[::-1] if opened and opened[-1] == "⟦" else part)
    return "".join(result)


# The keys of the JSON output whose values are sentences: codes, data and files are compared as they come.
SENTENCES = {"message", "reason", "notes", "no_build", "text", "effect", "found", "why", "details", "errors"}


def plain_sentences(value: Any, is_sentence: bool = False) -> Any:
    """The JSON output with its sentences as tests assert them."""
    if isinstance(value, str):
        return plain(value) if is_sentence else value
    if isinstance(value, list):
        return [plain_sentences(one, is_sentence) for one in value]
    if isinstance(value, dict):
        return {key: plain_sentences(one, key in SENTENCES and not isinstance(one, dict)) for key, one in value.items()}
    return value


@dataclass(frozen=True)
class Run:
    """How a program ended."""

    command: list[str]
    status: int
    out: str
    err: str
    raw: str = field(init=False, repr=False)  # standard output, byte for byte

    def __post_init__(self) -> None:
        for name, text in (("raw", self.out), ("out", plain(self.out)), ("err", plain(self.err))):
            object.__setattr__(self, name, text)

    @property
    def json(self) -> Any:
        return plain_sentences(json.loads(self.raw))

    def __str__(self) -> str:
        return f"$ {' '.join(self.command)}\n{self.out}{self.err}exit status {self.status}"


RECORDED: set[str] = set()


def record(text: str) -> None:
    """Keeps what the program said where VFIO_SWITCH_SAID asks for it: tests/messages reads that."""
    if directory := os.environ.get("VFIO_SWITCH_SAID"):
        lines = [line for line in text.splitlines() if line not in RECORDED]
        RECORDED.update(lines)
        with open(f"{directory}/{os.getpid()}.txt", "a", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)


def run(command: Sequence[str], cwd: Optional[Path] = None, **more: str) -> Run:
    done = subprocess.run(
        list(command), capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(**more), cwd=cwd,
        timeout=120,
    )  # fmt: skip
    result = Run(list(command), done.returncode, done.stdout, done.stderr)
    record(f"{result.err}\n{result.out}")
    if done.returncode == SANITIZER_EXIT or "runtime error:" in done.stderr or done.returncode < 0:
        raise AssertionError(f"the program has a bug:\n{result}")
    return result


def vfio_switch(*arguments: str) -> Run:
    return run([VFIO_SWITCH, *arguments])


def clean_name(module: str) -> str:
    """A module's name, from its file or as modprobe takes it: underscores, no suffix."""
    return os.path.basename(module).partition(".ko")[0].replace("-", "_")


class Sysroot:
    """One of the machines as a root file system. GRUB starts its kernels, but for the option --no-menu."""

    def __init__(self, path: Path, machine: str, *options: str) -> None:
        self.path = path
        menu = [] if "--no-menu" in options else ["--menu"]
        words = [word for word in options if word != "--no-menu"]
        sysroot.build(sysroot.parse([machine, str(path), *menu, *words]))

    def run(self, *arguments: str, prefix: Sequence[str] = ()) -> Run:
        return run([*prefix, VFIO_SWITCH, "--sysroot", str(self.path), *arguments])

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def write(self, name: str, content: str, mode: int = 0o644) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    def boot_with(self, words: str) -> None:
        """On the kernel command line of every entry of GRUB's menu, and of the running kernel."""
        menu = re.sub(r"(?m)^(\tlinux\t.* quiet).*$", rf"\1 {words}", self.read("boot/grub/grub.cfg"))
        self.write("boot/grub/grub.cfg", menu)
        self.write("proc/cmdline", f"root=/dev/sda1 ro quiet {words}\n")

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.path / name)

    def snapshot(self, without: Sequence[str] = (STATE,), times: bool = False) -> dict[str, Entry]:
        return snapshot(self.path, without, times)

    def wait_for(self, name: str, seconds: float = 30) -> bool:
        """True as soon as the file is there."""
        end = time.monotonic() + seconds
        while not self.exists(name) and time.monotonic() < end:
            time.sleep(0.02)
        return self.exists(name)

    def modalias(self, address: str) -> str:
        return self.read(f"sys/bus/pci/devices/{address}/modalias").strip()

    def modprobe(self, kernel: str, modalias: str) -> list[tuple[str, str]]:
        """What the real modprobe would insert, in order: (module, parameters), each module once."""
        arguments = ["-n", "-v", "-b", "-a", "-d", str(self.path), "-S", kernel]
        done = run([tool("modprobe"), *arguments, "-C", str(self.path / "etc/modprobe.d"), modalias])
        if done.status != 0 and "not found in directory" not in done.err:  # no module claims it
            raise AssertionError(str(done))
        inserted: dict[str, str] = {}
        for line in done.out.splitlines():
            words = line.split()
            if words[0] == "insmod":
                inserted.setdefault(clean_name(words[1]), " ".join(words[2:]))
            elif words[:2] == ["install", BIND]:  # what it needs comes before it: it inserts vfio-pci alone
                inserted.setdefault("vfio_pci", BIND)
            else:
                inserted.setdefault(line, "")
        return list(inserted.items())


def memory() -> Optional[str]:
    """A file system in memory, where ten thousand files take a tenth of the time; None: the usual place."""
    where, needed = "/dev/shm", 256 << 20
    if "TMPDIR" in os.environ or not os.access(where, os.W_OK):
        return None
    status = os.statvfs(where)
    runs_programs = not status.f_flag & os.ST_NOEXEC
    return where if runs_programs and status.f_bavail * status.f_frsize > needed else None


class SysrootCase(unittest.TestCase):
    """A test with a scratch directory."""

    maxDiff = 4000

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-", dir=memory())
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.scratch.chmod(0o755)  # for those tests that look at it as another user

    def machine(self, name: str, *options: str, to: str = "root") -> Sysroot:
        self.addCleanup(module_trees.give_back, self.scratch / to)
        return Sysroot(self.scratch / to, name, *options)

    def desktop(self) -> Sysroot:
        """The real desktop that most tests are about, with both kernels."""
        return self.machine(DESKTOP, *(word for kernel in KERNELS for word in ("--kernel", kernel)))

    def assert_status(self, done: Run, status: int) -> None:
        self.assertEqual(done.status, status, f"\n{done}")

    def assert_same_tree(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        """A list of what differs is easier to read than two trees of ten thousand files."""
        if before == after:
            return
        def shown(entry: Optional[Entry]) -> Optional[Entry]:
            return entry and entry._replace(content=entry.content[:200])

        differing = {
            name: (shown(before.get(name)), shown(after.get(name)))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        self.assertEqual(differing, {})


class OrdinaryUserCase(SysrootCase):
    """A test that asks as somebody who is not root."""

    def setUp(self) -> None:
        super().setUp()
        self.program = VFIO_SWITCH
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            # The build directory may be out of that user's reach.
            self.program = str(self.scratch / "vfio-switch")
            shutil.copy(VFIO_SWITCH, self.program)
            self.prefix = [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]

    def ordinary(self, root: Sysroot, *arguments: str) -> Run:
        return run([*self.prefix, self.program, "--sysroot", str(root.path), *arguments])
