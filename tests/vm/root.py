#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds, and keeps in a cache, what the guests boot from.

`base_root()` gives an archive of a small Debian with the archive's own kernel, and
`older_kernel_package()` gives that kernel's next older ABI as an installable package with its
genuine maintainer scripts. Both have only the kernel modules that the test machine can use.
The packages come from the apt sources of the machine that runs this.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SUITE = "bookworm"
KERNEL = "linux-image-amd64"
PACKAGES = [
    KERNEL, "initramfs-tools", "systemd-sysv", "udev", "kmod", "pciutils", "zstd",
    # What the project's own package depends on, so that the guest can install it offline.
    "libkmod2", "libarchive13", "libboost-program-options1.74.0",
]
# Nobody reads these in the guest.
EXCLUDED_PATHS = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"]
# Modules that stay, with all that they depend on; names as shell patterns, "_" for "-".
# amdgpu is left out on purpose: it matches every AMD display function and costs 8 s a boot.
MODULES = [
    "vfio*", "irqbypass", "bochs", "radeon", "radeonfb", "snd_hda_intel", "snd_hda_codec_generic",
    "virtio*", "ext4", "crc32c_generic", "crc32c_intel", "ahci", "sd_mod", "i2c_i801", "lpc_ich",
    "xhci_pci", "xhci_hcd", "usbcore", "usb_common", "loop", "overlay", "autofs4",
]


class BuildError(Exception):
    """Something the harness stands on could not be made."""


def cache_directory() -> Path:
    """Where built roots are kept, from VFIO_SWITCH_CACHE or XDG_CACHE_HOME."""
    if named := os.environ.get("VFIO_SWITCH_CACHE"):
        path = Path(named)
    elif base := os.environ.get("XDG_CACHE_HOME"):
        path = Path(base) / "vfio-switch"
    else:
        path = Path("/var/tmp/vfio-switch-cache")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def run(*command: str | Path, **options) -> str:
    """Runs a program; its output is the answer, or part of the error."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        raise BuildError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{tail}")
    return done.stdout


# --- what the archive has ---------------------------------------------------------------------

def candidate(package: str) -> str:
    """The version of a package that apt would install."""
    found = re.search(r"^\s*Candidate: (\S+)$", run("apt-cache", "policy", package), re.MULTILINE)
    if not found or found[1] == "(none)":
        raise BuildError(f"apt knows no {package}: run `apt-get update` on a Debian {SUITE} machine")
    return found[1]


def current_kernel() -> str:
    """The release of the kernel that the guests have, as in `uname -r`."""
    depends = run("apt-cache", "depends", f"{KERNEL}={candidate(KERNEL)}")
    found = re.search(r"Depends: linux-image-(\S+)$", depends, re.MULTILINE)
    if not found:
        raise BuildError(f"{KERNEL} depends on no kernel:\n{depends}")
    return found[1]


def older_kernel() -> str:
    """The next older ABI of the same kernel series. ABIs come and go, so it is looked up."""
    current = current_kernel()
    series, abi, flavour = re.fullmatch(r"(.+)-(\d+)-(\w+)", current).groups()
    pattern = re.compile(rf"linux-image-{re.escape(series)}-(\d+)-{flavour}")
    names = run("apt-cache", "pkgnames", f"linux-image-{series}-").split()
    older = sorted(int(m[1]) for name in names if (m := pattern.fullmatch(name)) and int(m[1]) < int(abi))
    for number in reversed(older):
        release = f"{series}-{number}-{flavour}"
        with contextlib.suppress(BuildError):
            candidate(f"linux-image-{release}")
            return release
    raise BuildError(f"the archive has no kernel of the {series} series older than {current}")


def write_sources(directory: Path, suite: str = SUITE) -> list[Path]:
    """This machine's apt sources, made ones of `suite`, as files that mmdebstrap takes."""
    lines, stanzas = [], []
    etc = Path("/etc/apt")
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        if path.exists():
            entry = re.compile(rf"^deb\s+(\[[^]]*\]\s+)?\S+\s+{SUITE}\S*\s.*\bmain\b")
            lines += [line for line in path.read_text().splitlines() if entry.match(line)]
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
            if (fields.get("Enabled", "yes") != "no" and "deb" in fields.get("Types", "").split()
                    and "main" in fields.get("Components", "").split()
                    and fields.get("Suites", "").startswith(SUITE)):
                stanzas.append(stanza.strip() + "\n")
    if suite != SUITE:  # a suite that is not released has no security updates of its own
        lines, stanzas = ([part for part in parts if f"{SUITE}-security" not in part] for parts in (lines, stanzas))
    files = []
    for name, parts in (("sources.list", lines), ("machine.sources", stanzas)):
        if parts:
            file = directory / name
            text = "\n".join(parts) + "\n"
            file.write_text(re.sub(rf"\b{SUITE}\b", suite, text))
            files.append(file)
    if not files:
        raise BuildError(f"this machine has no apt source of {SUITE}")
    return files


# --- kernel modules ---------------------------------------------------------------------------

def trim_modules(root: Path, release: str) -> int:
    """Deletes the modules that no test needs; says how many are left."""
    run("depmod", "-b", root, release)
    modules = root / "usr/lib/modules" / release
    if not modules.is_dir():
        modules = root / "lib/modules" / release
    wanted = re.compile("|".join(name.replace("*", ".*") for name in MODULES))
    keep = set()
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        name = Path(path).name.split(".ko")[0].replace("-", "_")
        if wanted.fullmatch(name):
            keep |= {path, *needed.split()}
    for file in list((modules / "kernel").rglob("*.ko*")):
        if str(file.relative_to(modules)) not in keep:
            file.unlink()
    for folder, _, _ in os.walk(modules / "kernel", topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    run("depmod", "-b", root, release)
    return len(keep)


# --- the root ---------------------------------------------------------------------------------

def build_root(archive: Path, scratch: Path) -> None:
    """mmdebstrap, trimmed, with an initramfs image of its own tools, and no apt source."""
    root = scratch / "root"
    sources = write_sources(scratch)
    # INITRD=No: no image before the modules are trimmed; with all of them it takes half a minute.
    run("mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory", "--quiet",
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={path}" for path in EXCLUDED_PATHS),
        SUITE, root, *sources, env=os.environ | {"INITRD": "No"})

    for path in (root / "etc/apt/sources.list.d").iterdir():
        path.unlink()
    (root / "etc/apt/sources.list").write_text("")
    # Packages that the tests install are unpacked whole.
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink(missing_ok=True)
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/machine-id").write_text("5f0c6f1e5bd44b6c9d3a2f7e8b1c4d60\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")

    # The emulated machine hangs now and then if radeon is loaded before bochs: udev must not choose.
    with open(root / "etc/initramfs-tools/modules", "a", encoding="utf-8") as early:
        early.write("bochs\n")

    for modules in sorted((root / "usr/lib/modules").iterdir()):
        trim_modules(root, modules.name)
        run("unshare", "--mount", "--propagation", "private", "sh", "-euc",
            'mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"; '
            'exec chroot "$1" update-initramfs -c -k "$2"', "sh", root, modules.name)
    run("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")


def build_older_kernel(package: Path, scratch: Path) -> None:
    """The older kernel's package, with few modules and all its maintainer scripts."""
    release = older_kernel()
    # apt downloads as a user of its own, who may not write in a private directory.
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"linux-image-{release}", cwd=scratch)
    (original,) = scratch.glob("*.deb")
    tree = scratch / "tree"
    run("dpkg-deb", "-R", original, tree)
    trim_modules(tree, release)
    shipped = {"modules.order", "modules.builtin", "modules.builtin.modinfo"}
    for index in (tree / "lib/modules" / release).glob("modules.*"):
        if index.name not in shipped:
            index.unlink()
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    run("dpkg-deb", "-Zzstd", "-z1", "--root-owner-group", "-b", tree, package)


# --- the cache --------------------------------------------------------------------------------

@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(prefix: str, name: str, suffix: str, key: str, build) -> Path:
    """The file that `build` makes of `key`; made when the cache has none."""
    recipe = Path(__file__).read_bytes() + key.encode()
    file = cache_directory() / f"{prefix}{name}-{hashlib.sha256(recipe).hexdigest()[:12]}{suffix}"
    with locked(file.parent):
        if not file.exists():
            started = time.monotonic()
            print(f"# building {file.name}", file=sys.stderr, flush=True)
            scratch = Path(tempfile.mkdtemp(prefix="build-", dir=file.parent))
            try:
                scratch.chmod(0o755)
                build(scratch / file.name, scratch)
                for stale in file.parent.glob(f"{prefix}*{suffix}"):
                    stale.unlink()
                (scratch / file.name).rename(file)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            print(f"# built {file.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return file


def base_root() -> Path:
    """The archive (tar) of the guests' root."""
    release = current_kernel()
    key = f"{release} {candidate(f'linux-image-{release}')}"
    return cached("root-", release, ".tar", key, build_root)


def older_kernel_package() -> tuple[str, Path]:
    """The release of an older kernel and its package, for `dpkg -i` in the guest."""
    release = older_kernel()
    key = f"{release} {candidate(f'linux-image-{release}')}"
    return release, cached("linux-image-", release, ".deb", key, build_older_kernel)


def main() -> int:
    try:
        print(base_root())
        print(older_kernel_package()[1])
    except BuildError as error:
        print(f"root.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
