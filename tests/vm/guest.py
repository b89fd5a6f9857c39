# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest: a small Debian machine with two GPUs, prepared natively and booted in QEMU.

A guest begins as a directory (`write_file`, `chroot`); the first `boot`, or `make_disk`, turns it
into a disk image. From then on the disk is the guest: the same calls work on it between boots.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import grub_menu
import root
from mounted import MOUNT_DISKS

HERE = Path(__file__).resolve().parent
JOB_SECTOR = 4096
OUT_SIZE = 64 << 20
DISK_HEADROOM = 400 << 20


class GuestError(Exception):
    """The guest did not do what it was told; the message quotes its console."""


# --- the machine ------------------------------------------------------------------------------


BEGIN_WITHIN = 80   # seconds; a boot takes 10 to 25 to its job
JOB_WITHIN = 70     # and this many more to its end
PATIENCE = {"minimal": 1, "systemd": 2}     # the real process 1 takes twice as long to get there
HUNG_BOOTS = 2      # tries before the last one
# For the kernel, whoever starts it. no_timer_check: a starved emulated processor fails the kernel's test of its timer.
KERNEL_WORDS = "console=ttyS0 panic=-1 mitigations=off no_timer_check"
INITS = {"minimal": "init=/opt/vm/init", "systemd": "systemd.wants=vm-job.service"}


class GuestHung(GuestError):
    """The emulated machine stalled before the job began."""


def _port(number: int) -> list[str]:
    return ["-device", f"pcie-root-port,id=rp{number},bus=pcie.0,addr={3 + number},"
                       f"chassis={number},slot={number}"]


def _card(number: int, bus: str, slot: str = "0") -> list[str]:
    """A Radeon with its audio function in one slot."""
    return ["-device", f"ati-vga,model=rv100,bus={bus},addr={slot}.0,multifunction=on",
            "-device", f"intel-hda,bus={bus},addr={slot}.1,id=hda{number}",
            "-device", f"hda-output,bus=hda{number}.0,audiodev=a0"]


@dataclass(frozen=True)
class Machine:
    """The hardware of a guest beside its boot display, 0000:00:02.0 (bochs-drm)."""

    cards: Sequence[str]
    iommu: bool = True
    memory: int = 1024
    smp: int = 2


MACHINES = {
    # 0000:01:00.0 radeon and 0000:01:00.1 snd_hda_intel in a group of their own.
    "clean": Machine([*_port(1), *_card(1, "rp1")]),
    "no-iommu": Machine([*_port(1), *_card(1, "rp1")], iommu=False),
    # Two cards with the same ids, 0000:01:00 and 0000:02:00, each in a group of its own. The first
    # has a third function, whose driver (serial, of 8250_pci) is built into Debian's kernels.
    "twins": Machine([*_port(1), *_card(1, "rp1"), *_port(2), *_card(2, "rp2"),
                      "-chardev", "null,id=c0", "-device", "pci-serial,bus=rp1,addr=0.2,chardev=c0"]),
    # The first twin was taken out, and another card is in its slot.
    "other-card": Machine([*_port(1), "-device", "secondary-vga,bus=rp1", *_port(2), *_card(2, "rp2")]),
    # The card shares its group with a USB controller, behind a conventional bridge.
    "dirty-group": Machine([*_port(1), "-device", "pcie-pci-bridge,id=br1,bus=rp1",
                            *_card(1, "br1", "1"), "-device", "nec-usb-xhci,bus=br1,addr=2"]),
    # The second GPU has the ids of the boot GPU.
    "same-ids": Machine([*_port(1), "-device", "secondary-vga,bus=rp1"]),
    "one-gpu": Machine([]),
}


def qemu_command(accelerator: str, machine: Machine) -> list[str]:
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi" if accelerator == "tcg" else accelerator,
               "-cpu", "qemu64", "-smp", str(machine.smp), "-m", str(machine.memory),
               "-machine", "q35,kernel-irqchip=split" if accelerator == "kvm" else "q35"]
    if machine.iommu:
        command += ["-device", "intel-iommu,intremap=on"]
    return command + ["-nodefaults", "-no-reboot", "-display", "none", "-nic", "none",
                      "-audiodev", "none,id=a0", "-device", "VGA,bus=pcie.0,addr=2", *machine.cards]


def accelerator(kernel: Path, initrd: Path) -> str:
    """kvm where it boots this kernel, else tcg; decided once in a run."""
    wanted = os.environ.get("VFIO_SWITCH_ACCEL", "auto")
    if wanted not in ("auto", "tcg", "kvm"):
        raise GuestError(f"VFIO_SWITCH_ACCEL is {wanted!r}; it can be auto, tcg or kvm")
    if wanted != "auto":
        return wanted
    with open(RUN / "accelerator", "a+", encoding="ascii") as decided:
        fcntl.flock(decided, fcntl.LOCK_EX)     # stories are told at the same time
        decided.seek(0)
        if not (found := decided.read()):
            found = "kvm" if _kvm_boots(kernel, initrd) else "tcg"
            decided.write(found)
    return found


# What guests of one run share, also those of processes that are forked from here.
_run = tempfile.TemporaryDirectory(prefix="vm-run-")
RUN = Path(_run.name)


def _kvm_boots(kernel: Path, initrd: Path) -> bool:
    """Tries it: that /dev/kvm exists, or that QEMU starts with it, proves nothing."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.TemporaryDirectory(prefix="vm-probe-") as scratch:
        console = Path(scratch, "console")
        console.touch()
        # With panic=, the stop that break= asks for is a reboot, which ends QEMU.
        command = [*qemu_command("kvm", Machine([])), "-serial", f"file:{console}",
                   "-kernel", str(kernel), "-initrd", str(initrd),
                   "-append", "console=ttyS0 panic=-1 break=top"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as qemu:
            started = time.monotonic()
            while qemu.poll() is None:
                waited = time.monotonic() - started
                if waited > 20 or (waited > 5 and b"Linux version" not in console.read_bytes()):
                    qemu.kill()
                    return False
                time.sleep(0.1)
            return qemu.returncode == 0 and b"Linux version" in console.read_bytes()


# --- what a boot gives ------------------------------------------------------------------------

@dataclass(frozen=True)
class Function:
    """A display, audio or serial function as observe.sh saw it; None where there is none."""

    address: str
    id: str
    class_code: str
    boot_vga: str | None
    group: str | None
    driver: str | None
    module: str | None


@dataclass(frozen=True)
class BootResult:
    """What a boot said and did."""

    output: str                 # of the job
    status: int                 # of the job
    console: str
    wall: float                 # seconds, from QEMU's start to its end
    booted: float               # seconds of the guest's clock until the job began
    job: float                  # seconds of the guest's clock that the job took
    sysfs: Path | None = None   # archive, where it was asked for
    functions: dict[str, Function] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def driver(self, address: str) -> str | None:
        """The driver of a function; None where it has none."""
        if address not in self.functions:
            raise GuestError(f"the guest has no display, audio or serial function {address}:\n{self.output}")
        return self.functions[address].driver

    @property
    def claimed_in(self) -> str | None:
        """initramfs, realroot or none."""
        return self.facts.get("claimed-in")


def _observed(output: str) -> tuple[dict[str, Function], dict[str, str]]:
    functions, facts = {}, {}
    for line in output.splitlines():
        if line.startswith("function "):
            values = dict(word.split("=", 1) for word in line.split()[1:])
            given = {key: None if value == "-" else value for key, value in values.items()}
            functions[values["address"]] = Function(
                values["address"], values["id"], values["class"],
                *(given[key] for key in ("boot_vga", "group", "driver", "module")))
        elif match := re.fullmatch(r"(claimed-in|vfio-loaded|vfio-groups)=(\S*)", line):
            facts[match[1]] = match[2]
    return functions, facts


OBSERVE = "sh /opt/vm/observe.sh\n"


# --- trees compared byte for byte ---------------------------------------------------------------

# Lists the current directory, or the paths given: everything that a comparison looks at.
_LIST = r"""
find "$@" -mindepth 1 -printf '%p\t%M %U:%G %l\0'
printf '\0'
find "$@" -type f -exec sha256sum -z {} +
"""


def _listed(listing: str) -> dict[str, str]:
    entries, _, digests = listing.partition("\0\0")
    result = dict(line.split("\t", 1) for line in entries.split("\0") if line)
    for line in digests.split("\0"):
        if line:
            digest, path = line.split("  ", 1)
            result[path] += digest
    return {path.removeprefix("./"): what for path, what in result.items()}


def manifest(tree: Path) -> dict[str, str]:
    """Every path under `tree` with type, mode, owner, and digest or target."""
    return _listed(root.run("sh", "-euc", _LIST, "list", ".", cwd=tree))


def differences(before: dict[str, str], after: dict[str, str], ignore: Iterable[str] = ()) -> list[str]:
    """What differs between two manifests, a line each; `ignore` are patterns of whole paths."""
    ignored = [re.compile(pattern) for pattern in ignore]
    lines = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path) and not any(p.fullmatch(path) for p in ignored):
            lines.append(f"{path}: {before.get(path, 'absent')} -> {after.get(path, 'absent')}")
    return lines


# --- a recorded sysfs ---------------------------------------------------------------------------

def _clean_record(raw: Path, archive: Path, unreadable: set[str]) -> None:
    """Takes away the padding that tar put behind every attribute, and what could not be read."""
    with tarfile.open(raw) as source, tarfile.open(archive, "w:gz", compresslevel=1) as target:
        for entry in source:
            if not (entry.isdir() or entry.issym() or entry.isreg()):
                continue
            if not entry.isreg():
                target.addfile(entry)
                continue
            if entry.name in unreadable or not entry.mode & 0o444:
                continue
            with source.extractfile(entry) as file:
                content = file.read()
            if PurePosixPath(entry.name).name == "config":
                content = content[:256]
            elif entry.name.startswith("sys/firmware/acpi/tables/"):
                content = b""       # their names say enough
            else:
                content = content.rstrip(b"\0")
            copy = tarfile.TarInfo(entry.name)
            copy.mode, copy.mtime, copy.size = entry.mode, entry.mtime, len(content)
            with tempfile.TemporaryFile() as buffer:
                buffer.write(content)
                buffer.seek(0)
                target.addfile(copy, buffer)


def unpack_record(archive: Path, directory: Path) -> Path:
    """Unpacks what `record_sysfs` made: `directory`/sys and `directory`/proc."""
    directory.mkdir(parents=True, exist_ok=True)
    root.run("tar", "-C", directory, "-xpf", archive)
    return directory


# --- the guest ----------------------------------------------------------------------------------

# Run in a mount namespace of its own, which takes all mounts with it when it ends, after a guest's `ATTACH`.
# ROOT DISK SYS RECORD COMMAND...
_ENTER = r"""
mount -t proc proc "$root/proc"
case $sys in
    none) mount -t tmpfs -o ro sys "$root/sys" ;;
    machine) mount --rbind /sys "$root/sys"; mount -o remount,bind,ro "$root/sys" ;;
    *) mount --bind "$sys" "$root/sys"; mount -o remount,bind,ro "$root/sys" ;;
esac
[ -z "$record" ] || mount --bind "$record/cmdline" "$root/proc/cmdline"
mount --bind "$dev" "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666,gid=5 devpts "$root/dev/pts"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
"""


class Guest:
    """One guest with files of its own; a context manager that deletes them afterwards."""

    # What mke2fs is told beside the content, and how a shell gets at $disk, if there is one: it comes to $root, and
    # $dev is what is seen as /dev.
    FILE_SYSTEM: Sequence[str] = ("-O", "^has_journal", "-U", grub_menu.UUID)
    ATTACH = MOUNT_DISKS + r"""
dev=/dev
if [ -n "$disk" ]; then mount -o loop "$disk" "$root"; else mount_disks "$root"; fi
"""

    def __init__(self, name: str = "guest", machine: str | Machine = "clean", archive: Path | None = None):
        self.name = name
        self.machine = MACHINES[machine] if isinstance(machine, str) else machine
        self.work = Path(tempfile.mkdtemp(prefix=f"vm-{name}-"))
        self.root = self.work / "root"
        self.disk = self.work / "disk.img"
        self.boots = 0
        try:
            self._unpack(archive or grub_menu.guest_root())
        except BaseException:
            shutil.rmtree(self.work)
            raise

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_) -> None:
        if os.environ.get("VFIO_SWITCH_KEEP"):
            print(f"# kept {self.work}", flush=True)
        else:
            shutil.rmtree(self.work)

    def _unpack(self, archive: Path) -> None:
        """Fills the root directory, with the harness's own tools in /opt/vm."""
        self.root.mkdir()
        root.run("tar", "-C", self.root, "--numeric-owner", "-xpf", archive)
        tools = self.root / "opt/vm"
        tools.mkdir(parents=True)
        for file in ("guest/init", "guest/run-job", "guest/record-sysfs", "observe.sh"):
            shutil.copy(HERE / file, tools)
        shutil.copy(HERE / "guest/vm-job.service", self.root / "etc/systemd/system")

    # -- its files

    def chroot(self, *command: str, sys: str | Path = "none", record: Path | None = None,
               process_one: bool = True, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a command in the guest's root, natively, in a mount namespace of its own.

        `sys` is what the command sees as /sys: "none" (empty), "machine" (that of the machine
        which runs the tests) or a directory. `record`, from `unpack_record`, stands for that
        guest's /sys and /proc/cmdline. With `process_one` the command is process 1, so that the
        root is the root of a machine; without it, it is a chroot on somebody else's machine.
        """
        proc = ""
        if record is not None:
            sys, proc = record / "sys", str(record / "proc")
        namespaces = ["--mount", "--propagation", "private"]
        if process_one:
            namespaces += ["--pid", "--fork", "--kill-child"]
        done = subprocess.run(
            ["unshare", *namespaces, "sh", "-euc",
             f"root=$1 disk=$2 sys=$3 record=$4; shift 4\n{self.ATTACH}\n{_ENTER}", "enter", str(self.root),
             str(self.disk) if self.disk.exists() else "", str(sys), proc, *command],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False)
        if check and done.returncode != 0:
            raise GuestError(f"{self.name}: {' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def write_file(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Writes a file of the guest, and the directories above it."""
        data = content.encode() if isinstance(content, str) else content
        with tempfile.NamedTemporaryFile(dir=self.work) as source:
            source.write(data)
            source.flush()
            self.copy_in(Path(source.name), path, mode)

    def copy_in(self, source: Path, path: str, mode: int = 0o644) -> None:
        """Copies a file of this machine into the guest."""
        self._in_root('install -D -m "$3" "$2" "$root/$4"', str(source), f"{mode:o}", path)

    def append_file(self, path: str, content: str) -> None:
        """Adds lines at the end of a file of the guest."""
        self.write_file(path, self.read_file(path) + content.encode())

    def remove(self, path: str) -> None:
        """Removes a file or a directory of the guest; it must exist."""
        self._in_root('rm -r "$root/$2"', path)

    def _in_root(self, script: str, *arguments: str | Path, write: bool = True) -> str:
        """Runs a script on this machine with the guest's root at $root; arguments from $2."""
        if self.disk.exists():
            mount = f'mount -o loop,{"rw" if write else "ro"} "{self.disk}" "$1"\n'
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-euc"]
        else:
            mount, command = "", ["sh", "-euc"]
        return root.run(*command, f"root=$1\n{mount}{script}", "in-root", self.root, *arguments)

    def _debugfs(self, request: str, silent: bool = False) -> str:
        """Asks debugfs. Its exit status is 0 whatever happens; one that should say nothing is
        `silent`, and then whatever it says is an error."""
        answer = root.run("debugfs", "-R", request, self.disk, env=os.environ | {"DEBUGFS_PAGER": "cat"})
        answer = re.sub(r"\Adebugfs \d.*\n", "", answer)
        if silent and answer:
            raise GuestError(f"{self.name}: debugfs: {request}\n{answer}")
        return answer

    def _resolve(self, path: str) -> str:
        """Follows a symbolic link at the end of a path on the disk."""
        for _ in range(8):
            answer = self._debugfs(f'stat "{path}"')
            if "File not found" in answer:
                raise FileNotFoundError(f"{self.name}: {path}")
            link = re.search(r'^Fast link dest: "(.*)"$', answer, re.MULTILINE)
            if not link:
                return path
            path = os.path.normpath(PurePosixPath(path).parent / link[1])
        raise GuestError(f"{self.name}: {path}: too many symbolic links")

    def read_file(self, path: str) -> bytes:
        """The content of a file of the guest; FileNotFoundError where there is none."""
        path = os.path.normpath("/" + path.lstrip("/"))
        if self.disk.exists():
            copy = self.work / "read"
            copy.unlink(missing_ok=True)
            self._debugfs(f'dump "{self._resolve(path)}" "{copy}"', silent=True)
            return copy.read_bytes()
        for _ in range(8):      # absolute links are the guest's, not this machine's
            if not (self.root / path[1:]).is_symlink():
                return (self.root / path[1:]).read_bytes()
            path = os.path.normpath(PurePosixPath(path).parent / os.readlink(self.root / path[1:]))
        raise GuestError(f"{self.name}: {path}: too many symbolic links")

    def exists(self, path: str) -> bool:
        """Whether the guest has such a path."""
        if self.disk.exists():
            return "File not found" not in self._debugfs(f'stat "{path}"')
        return os.path.lexists(self.root / path.lstrip("/"))

    def extract_tree(self, paths: Iterable[str], destination: Path) -> Path:
        """Copies files and directories of the guest to `destination`/PATH, with modes and owners."""
        destination.mkdir(parents=True, exist_ok=True)
        self._in_root('destination=$2; shift 2; cd "$root"; cp -a --parents "$@" "$destination"',
                      destination.resolve(), *(path.lstrip("/") for path in paths), write=False)
        return destination

    def manifest(self, *paths: str) -> dict[str, str]:
        """`manifest` of these directories of the guest; the ones that it has."""
        there = [path.lstrip("/") for path in paths if self.exists(path)]
        return _listed(self._in_root(f'shift; cd "$root"\n{_LIST}', *there, write=False)) if there else {}

    def image_manifest(self, release: str) -> dict[str, str]:
        """What is in an initramfs image, as `manifest` says it. Two builds of one image never have
        the same bytes, since mkinitramfs keeps the time of the build; their contents can be compared."""
        script = f'unmkinitramfs "$1" /tmp/image; cd /tmp/image; set -- .\n{_LIST}'
        return _listed(self.chroot("sh", "-euc", script, "list", f"/boot/initrd.img-{release}").stdout)

    def kernels(self) -> list[str]:
        """Releases of the installed kernels."""
        if self.disk.exists():
            names = re.findall(r"/(vmlinuz-[^/]+)/", self._debugfs("ls -p /boot"))
        else:
            names = [path.name for path in (self.root / "boot").glob("vmlinuz-*")]
        return sorted(name.removeprefix("vmlinuz-") for name in names)

    def make_disk(self) -> None:
        """Turns the directory into the disk. Done once; afterwards the disk is the guest."""
        size = int(root.run("du", "-s", "--block-size=1", self.root).split()[0]) + DISK_HEADROOM
        unfinished = self.work / "disk.new"
        root.run("mke2fs", "-q", "-F", "-t", "ext4", *self.FILE_SYSTEM, "-d", self.root,
                 unfinished, f"{size >> 20}M")
        shutil.rmtree(self.root)
        self.root.mkdir()
        unfinished.rename(self.disk)

    # -- its boots

    def boot(self, job: str = OBSERVE, *, kernel: str | None = None, cmdline: str = "",
             passed: str = "root=/dev/vda rw quiet intel_iommu=on", init: str = "minimal", timeout: float = 0,
             begin_within: float = 0, record_sysfs: bool = False) -> BootResult:
        """Boots the guest, runs a shell script in it after coldplug, and powers it off.

        `kernel` is a release (the newest by default); its image and initramfs image are those in
        the guest's /boot. `passed` is what a boot loader would pass to the kernel, and `cmdline`
        what is typed behind it at the boot menu. `init` is "minimal" (udev's coldplug alone) or
        "systemd". Raises GuestError when the job does not begin or end in time, by default what it
        usually takes several times over; a job that fails is a status.
        """
        begin_within = begin_within or BEGIN_WITHIN * PATIENCE[init]
        timeout = timeout or begin_within + JOB_WITHIN
        if not self.disk.exists():
            self.make_disk()
        before = self.work / "before"
        before.mkdir()
        subprocess.run(["cp", "--sparse=always", *self._written(), before], check=True)
        options = {"kernel": kernel, "cmdline": cmdline, "passed": passed, "init": init, "timeout": timeout,
                   "begin_within": begin_within, "record_sysfs": record_sysfs}
        try:
            for _ in range(HUNG_BOOTS):
                try:
                    return self._boot(job, **options)
                except GuestHung as hung:
                    # The emulated processors starve each other now and then on a busy machine, with
                    # or without a word from the kernel. A guest that can't boot stalls each time.
                    print(f"# {self.name}: the emulated machine hung, and is booted again\n"
                          + "".join(f"#   {line}\n" for line in str(hung).splitlines()[:6]), flush=True)
                    subprocess.run(["cp", "--sparse=always", *before.iterdir(), self.work], check=True)
            return self._boot(job, **options)
        finally:
            shutil.rmtree(before)

    def _written(self) -> list[Path]:
        """What a boot may write, all directly in the guest's own directory."""
        return [self.disk]

    def _start(self, logs: Path, kernel: str | None, append: str) -> tuple[str, list[str]]:
        """What is started, for messages, and QEMU with it: by itself a kernel of the guest's /boot."""
        release = kernel or self.kernels()[-1]
        files = [logs / "vmlinuz", logs / "initrd.img"]
        for file in files:
            file.write_bytes(self.read_file(f"/boot/{file.name}-{release}"))
        chosen = accelerator(*files)
        return f"{release}, {chosen}, {append}", [
            *qemu_command(chosen, self.machine), "-kernel", str(files[0]), "-initrd", str(files[1]), "-append", append]

    def _boot(self, job: str, *, kernel: str | None, cmdline: str, passed: str, init: str, timeout: float,
              begin_within: float, record_sysfs: bool) -> BootResult:
        """One attempt at `boot`."""
        self.boots += 1
        logs = self.work / f"boot-{self.boots}"
        logs.mkdir()
        if record_sysfs:
            job = f"{job}\nsh /opt/vm/record-sysfs\n"
        script = job.encode() + b"\n"
        (logs / "job").write_bytes(script + b"\0" * (-len(script) % JOB_SECTOR))
        (logs / "console").touch()
        (logs / "output").touch()
        with open(logs / "out", "wb") as out:
            out.truncate(OUT_SIZE)
        append = f"{passed} {KERNEL_WORDS} {INITS[init]} {cmdline}".strip()
        disks = []
        for index, (file, options) in enumerate([(self.disk, ""), (logs / "job", ",serial=job"),
                                                 (logs / "out", ",serial=out")]):
            read_only = ",readonly=on" if "job" in options else ""
            disks += ["-drive", f"file={file},format=raw,if=none,id=d{index},cache=unsafe{read_only}",
                      "-device", f"virtio-blk-pci,drive=d{index},bus=pcie.0,addr={0x10 + index:x}{options}"]
        what, words = self._start(logs, kernel, append)
        command = [*words, *disks,
                   "-serial", f"file:{logs / 'console'}", "-serial", f"file:{logs / 'output'}"]

        started = time.monotonic()
        stopped = False
        with open(logs / "qemu", "wb") as said, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as qemu:
            try:
                try:
                    qemu.wait(min(timeout, begin_within))
                except subprocess.TimeoutExpired:
                    if b"@@job-start" not in (logs / "output").read_bytes():
                        raise
                    qemu.wait(timeout - min(timeout, begin_within))
                ending = f"ended with exit {qemu.returncode}"
            except subprocess.TimeoutExpired:
                stopped = True
                ending = f"was stopped after {time.monotonic() - started:.0f} s"
            finally:
                qemu.kill()
        wall = time.monotonic() - started

        console = (logs / "console").read_text(errors="replace").replace("\r", "")
        output = (logs / "output").read_text(errors="replace").replace("\r", "")
        begin = re.search(r"^@@job-start ([\d.]+)\n", output, re.MULTILINE)
        end = re.search(r"^@@job-end (\d+) ([\d.]+)$", output, re.MULTILINE)
        if not begin or not end:
            where = "its job had begun" if begin else "its job had not begun"
            hung = not begin and (stopped or re.search("soft lockup|rcu.*stall|starved|panic.*timer", console))
            raise (GuestHung if hung else GuestError)("\n".join([
                f"{self.name}: boot {self.boots} ({what}) {ending}; {where}.",
                "console, last 30 lines:", *console.splitlines()[-30:],
                "job, last 30 lines:", *output.splitlines()[-30:],
                "QEMU:", (logs / "qemu").read_text(errors="replace")]))
        output = output[begin.end():end.start()]

        archive = None
        if record_sysfs and int(end[1]) == 0:
            archive = logs / "sysfs.tar.gz"
            _clean_record(logs / "out", archive, set(re.findall(r"^unreadable (.*)$", output, re.MULTILINE)))
        for name in ("vmlinuz", "initrd.img", "out"):
            (logs / name).unlink(missing_ok=True)
        functions, facts = _observed(output)
        return BootResult(output, int(end[1]), console, wall, float(begin[1]),
                          float(end[2]) - float(begin[1]), archive, functions, facts)

    def record_sysfs(self) -> Path:
        """Boots the guest and records what programs see of its hardware; the archive's path."""
        result = self.boot(record_sysfs=True)
        if result.sysfs is None:
            raise GuestError(f"{self.name}: sysfs could not be recorded\n{result.output}")
        return result.sysfs
