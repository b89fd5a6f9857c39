# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds, and keeps in the cache of tests/vm, what the Fedora tests stand on: a root with rpm, dracut and
kernel-install that goes by Fedora's rules, two kernels as rpms, and the project's own rpm.
"""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[2]
SPEC = TREE / "pkg/fedora/vfio-switch.spec"
sys.path[:0] = [str(HERE.parents[1] / "vm"), str(HERE.parents[1] / "machines")]
import root as vm_root  # noqa: E402
from root import BuildError, run  # noqa: E402
from sysroot import MACHINE_ID, UUID, fedora_menu, grub_environment  # noqa: E402

PACKAGES = [
    "dracut-core", "rpm", "systemd-sysv", "udev", "kmod", "zstd", "cpio", "libkmod2", "gawk",
]  # fmt: skip
# What the project's program opens, by suite.
LIBRARIES = {"bookworm": ["libarchive13"], "trixie": ["libarchive13t64"]}
PLUGINS = "/usr/lib/kernel/install.d"
STAND_INS = ["20-grub.install", "50-dracut.install", "51-dracut-rescue.install", "91-grub-image.install"]


def build_root(suite: str, archive: Path, scratch: Path) -> None:
    root = scratch / "root"
    sources = vm_root.write_sources(scratch, suite)
    vm_root.run("mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory", "--quiet",
                f"--include={','.join(PACKAGES + LIBRARIES[suite])}",
                *(f"--dpkgopt=path-exclude={path}" for path in vm_root.EXCLUDED_PATHS), suite, root, *sources)
    vm_root.run("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")


def dress(root: Path) -> None:
    """Makes a Debian go by Fedora's rules."""
    os_release = HERE.parents[1] / "machines/os/fedora/usr/lib/os-release"
    shutil.copy(os_release, root / "usr/lib/os-release")
    (root / "etc/machine-id").write_text(f"{MACHINE_ID}\n")
    (root / "etc/hostname").write_text("fedora\n")
    (root / "etc/kernel").mkdir(exist_ok=True)
    (root / "etc/kernel/cmdline").write_text("root=/dev/vda ro intel_iommu=on\n")  # as guest.json has it
    (root / "etc/fstab").write_text(f"UUID={UUID} / ext4 defaults 0 1\n")
    (root / "boot/grub2").mkdir()
    (root / "boot/grub2/grub.cfg").write_text(fedora_menu())
    (root / "boot/grub2/grubenv").write_bytes(grub_environment(boot_success="1"))
    # rpm 4.20 would give scriptlets mounts of their own, which takes a root that is a mount.
    (root / "etc/rpm").mkdir(exist_ok=True)
    (root / "etc/rpm/macros.tests").write_text("%__transaction_unshare %{nil}\n")
    for directory in ("usr/lib/kernel/install.d", "usr/lib/dracut/dracut.conf.d"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "root/01-dist.conf", root / "usr/lib/dracut/dracut.conf.d")
    for name in STAND_INS:
        if not (root / f"{PLUGINS}/{name}".lstrip("/")).exists():
            shutil.copy(HERE / "root" / name, root / PLUGINS.lstrip("/"))


def fedora_root(suite: str = vm_root.SUITE) -> Path:
    """The archive (tar) of the Debian that becomes the root."""
    recipe = inspect.getsource(build_root)
    versions = [f"{package} {vm_root.candidate(package)}" for package in PACKAGES] + LIBRARIES[suite]
    return vm_root.cached(f"fedora-root-{suite}", "", ".tar", recipe + " ".join(versions),
                          functools.partial(build_root, suite))  # fmt: skip


def linked_with(root: Path) -> list[Path]:
    """What the project's program is linked with where it was built, and no package of the root's suite has."""
    found = Path("/usr/lib/x86_64-linux-gnu").glob("libboost_program_options.so.*")
    return [library for library in found if not (root / str(library)[1:]).exists()]


def rpmbuild(spec: Path, scratch: Path, *options: str) -> Path:
    """The one binary package that a spec gives."""
    top = scratch / "rpmbuild"
    run("rpmbuild", "-bb", "--quiet", "--nodeps", f"--define=_topdir {top}", *options, spec)
    (package,) = top.glob("RPMS/*/*.rpm")
    return package


def build_kernel(release: str, package: Path, scratch: Path) -> None:
    """Debian's kernel with few modules, packaged as Fedora's."""
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"linux-image-{release}", cwd=scratch)
    (deb,) = scratch.glob("*.deb")
    tree = scratch / "tree"
    run("dpkg-deb", "-x", deb, tree)
    vm_root.trim_modules(tree, release)
    modules = tree / "lib/modules" / release
    shutil.copy(tree / f"boot/vmlinuz-{release}", modules / "vmlinuz")
    for index in modules.glob("modules.*"):
        if index.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            index.unlink()
    for link in ("build", "source"):
        (modules / link).unlink(missing_ok=True)
    rpmbuild(HERE / "kernel.spec", scratch, f"--define=kernel_release {release}", f"--define=tree {modules}").rename(package)


def kernels() -> list[tuple[str, Path]]:
    """Two kernels, the older one first: release and rpm."""
    recipe = (HERE / "kernel.spec").read_text() + inspect.getsource(build_kernel)
    found = []
    for name, release in (("old", vm_root.older_kernel()), ("new", vm_root.current_kernel())):
        key = f"{release} {vm_root.candidate(f'linux-image-{release}')}{recipe}"
        found.append((release, vm_root.cached(f"kernel-rpm-{name}-", release, ".rpm", key,
                                              functools.partial(build_kernel, release))))  # fmt: skip
    return found


def unpack(package: Path, directory: Path) -> Path:
    """The files of an rpm."""
    directory.mkdir()
    run("sh", "-euc", 'rpm2cpio "$1" | cpio -idm --quiet', "unpack", package, cwd=directory)
    return directory


def build_package(output: Path, payload: Path | None = None, dist: str = ".fc43") -> Path:
    """The project's rpm, from the tree as it is; with `payload`, a tree of built files, nothing is compiled."""
    output.mkdir()
    built = [] if payload is None else ["--define=meson true", "--define=meson_build true",
                                        f"--define=meson_install cp -a {payload}/. %{{buildroot}}"]
    run(TREE / "pkg/fedora/build", output, "--nodeps", "--without=tests", f"--load={HERE / 'fedora.macros'}",
        f"--define=dist {dist}", *built)
    (package,) = output.glob("vfio-switch-0*.x86_64.rpm")
    return package
