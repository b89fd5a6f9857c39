# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian with update-initramfs, dracut and every compressor, to build genuine images in.

It is the guests' root (tests/vm/root.py), and cached beside it.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vm"))
import root as vm_root  # noqa: E402

# dracut's own package conflicts with initramfs-tools; the part of it that builds images does not.
PACKAGES = ["dracut-core", "kpartx", "cpio", "dmsetup", "libdevmapper1.02.1", "bzip2", "xz-utils", "lz4"]

# Run in a mount namespace of its own, which takes all mounts with it when it ends.
ENTER = r"""
root=$1; shift
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs run "$root/run"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$root" "$@"
"""


def check_sources() -> None:
    """Skips a test on a machine whose apt knows another Debian alone."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            vm_root.write_sources(Path(scratch))
        except vm_root.BuildError as error:
            raise unittest.SkipTest(str(error)) from error


def inside(root: Path, *command: str) -> str:
    """Runs a command in a root, natively; what it said."""
    return vm_root.run(
        "unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER, "enter", root, *command
    )  # fmt: skip


def unpack(archive: Path, root: Path) -> Path:
    root.mkdir()
    vm_root.run("tar", "-C", root, "--numeric-owner", "-xpf", archive)
    return root


def download(archive: Path, scratch: Path) -> None:
    packages = scratch / "packages"
    packages.mkdir()
    # apt downloads as a user of its own, who may not write in a private directory.
    vm_root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", *PACKAGES, cwd=packages)
    vm_root.run("tar", "-C", packages, "-cf", archive, ".")


def dracut_packages() -> Path:
    """An archive of PACKAGES, to be unpacked by dpkg with all forces."""
    versions = " ".join(vm_root.candidate(package) for package in PACKAGES)
    return vm_root.cached("dracut-", vm_root.SUITE, ".tar", f"{PACKAGES} {versions}", download)


def build(base: Path, packages: Path, archive: Path, scratch: Path) -> None:
    root = unpack(base, scratch / "root")
    unpack(packages, root / "opt/packages")
    # An image is built by those that ask for one.
    inside(root, "sh", "-euc", "dpkg -i --no-triggers --force-depends /opt/packages/*.deb; rm -r /opt/packages")  # fmt: skip
    vm_root.run("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")


def image_root(directory: Path) -> Path:
    """The root, unpacked below `directory`, to be changed at will."""
    base, packages = vm_root.base_root(), dracut_packages()  # the cache has one lock
    key = f"{Path(__file__).read_text()} {packages.name}"
    builder = functools.partial(build, base, packages)
    archive = vm_root.cached("image-root-", vm_root.current_kernel(), ".tar", key, builder)
    return unpack(archive, directory / "root")


def release(root: Path) -> str:
    (only,) = (root / "usr/lib/modules").iterdir()
    return only.name


def update_initramfs(root: Path, compression: str = "zstd") -> Path:
    """The image that update-initramfs builds of what is in the root now."""
    (root / "etc/initramfs-tools/conf.d/compression").write_text(f"COMPRESS={compression}\n")
    inside(root, "update-initramfs", "-u", "-k", release(root))
    return root / f"boot/initrd.img-{release(root)}"


def dracut(root: Path, *options: str) -> Path:
    """The image that dracut builds."""
    inside(root, "dracut", "--force", *options, "--kver", release(root), "/boot/dracut.img")
    return root / "boot/dracut.img"


def reference(image: Path, directory: Path) -> Path:
    """The image unpacked by unmkinitramfs of this machine; all its parts in one tree."""
    subprocess.run(["unmkinitramfs", str(image), str(directory)], check=True, capture_output=True)
    parts = sorted(directory.glob("early*")) + [directory / "main"]
    if not parts[-1].exists():
        return directory
    merged = directory / "all"
    merged.mkdir()
    for part in parts:
        subprocess.run(["cp", "-a", "--no-target-directory", str(part), str(merged)], check=True)
    return merged
