#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Arch package in real transactions: what pacman says, what is built, and what is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import arch_root as root  # noqa: E402  (its directory is known only now)

os.environ.setdefault("VFIO_SWITCH", "/usr/bin/vfio-switch")  # of the root; the helper asks for one
sys.path.insert(0, str(HERE.parents[1] / "cli"))
import test_upgrade  # noqa: E402
import test_way_out  # noqa: E402
from helper import Entry, snapshot  # noqa: E402

CARD = ["0000:01:00.0", "0000:01:00.1"]
VFIO_CONF = "etc/modprobe.d/vfio.conf"
SOFTDEP_CONF = "etc/modprobe.d/00-vfio-softdep.conf"
DROP_IN = "etc/mkinitcpio.conf.d/zz-vfio-switch.conf"
LINUX, NEWER_LINUX, LTS = "6.12.9-arch1-1", "6.12.10-arch1-1", "6.6.70-1-lts"
IMAGES = {"linux": "boot/initramfs-linux.img", "linux-lts": "boot/initramfs-linux-lts.img"}
VFIO_MODULES = ["vfio", "vfio-pci", "vfio-pci-core", "vfio_iommu_type1", "irqbypass"]
# What pacman says of each hook.
GIVE_BACK = "Removing the GPU passthrough configuration..."
REFRESH = "Updating the GPU passthrough configuration..."
CHECK = "Checking GPU passthrough in initramfs images..."
REMOVE_IMAGES = "Removing linux initcpios..."  # also of a kernel that is replaced
BUILD = "Updating linux initcpios..."
DEPMOD = "Updating module dependencies..."
# What pacman writes about itself, and programs about what they did.
NOT_OURS = ["var/log", "var/lib/pacman", "var/cache", "dev", "proc", "tmp", "run", "etc/ld.so.cache"]

# What the program writes about its runs.
BOOKS = ["var/lib/vfio-switch/journal", "var/lib/vfio-switch/journal/lock"]

scratch: tempfile.TemporaryDirectory[str]
packages: root.Packages
base: root.Root


def setUpModule() -> None:
    global scratch, packages, base
    if os.geteuid() != 0:
        raise unittest.SkipTest("a root for pacman takes root")
    for tool in ("pacman", "makepkg", "bsdtar", "unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"{tool} is not installed; tests/packages/arch/install-deps does it")
    scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-arch-")
    unittest.addModuleCleanup(scratch.cleanup)
    directory = Path(scratch.name)
    packages = root.Packages(directory)
    packages.make("PKGBUILD.stand-ins", "stand-ins-1", KERNELS="1")
    packages.make("PKGBUILD.stand-ins", "stand-ins-2", KERNELS="2")
    (directory / "base").mkdir()
    base = root.Root.create(directory / "base", packages.programs())
    names = ("programs", "kmod", "mkinitcpio", "linux", "linux-lts")
    done = base.pacman("-U", *(packages.file(name) for name in names))
    if done.status != 0 or not (base.path / IMAGES["linux"]).exists():
        raise RuntimeError(str(done))


def tearDownModule() -> None:
    if "packages" in globals():
        print(f"# mkinitcpio: {packages.mkinitcpio}", flush=True)


class ArchCase(unittest.TestCase):
    maxDiff = 4000

    def setUp(self) -> None:
        self.directory = Path(scratch.name) / "case"
        self.root = base.copy(self.directory)
        self.addCleanup(shutil.rmtree, self.directory)
        self.log_seen = self.log_length()

    def log_length(self) -> int:
        return len(self.log())

    def log(self) -> list[str]:
        return (self.root.path / "var/log/mkinitcpio.log").read_text().splitlines()

    def read(self, name: str) -> str:
        return (self.root.path / name).read_text()

    def write(self, name: str, text: str) -> None:
        path = self.root.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.root.path / name)

    def pacman(self, *arguments: object, status: int = 0) -> root.Run:
        done = self.root.pacman(*arguments)
        self.assertEqual(done.status, status, f"\n{done}")
        return done

    def install(self) -> root.Run:
        return self.pacman("-U", packages.ours)

    def program(self, *arguments: str, status: int = 0) -> root.Run:
        done = self.root.run("vfio-switch", *arguments)
        self.assertEqual(done.status, status, f"\n{done}")
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.program("--json", *arguments, status=status).out)

    def runs(self) -> list[str]:
        """The builds since this was asked last."""
        new = self.log()[self.log_seen :]
        self.log_seen = self.log_length()
        return [line.removeprefix("run ") for line in new if line.startswith("run ")]

    def images(self) -> list[str]:
        """The images that were written since this, or runs(), was asked last."""
        new = self.log()[self.log_seen :]
        self.log_seen = self.log_length()
        return sorted(re.sub(r"/\.(.*)\.vfio-new$", r"/\1", line[6:]) for line in new if line.startswith("image "))

    def configure(self, old: str, new: str) -> None:
        """Changes /etc/mkinitcpio.conf."""
        text = self.read("etc/mkinitcpio.conf")
        self.write("etc/mkinitcpio.conf", text.replace(old, new))

    def snapshot(self, *without: str) -> dict[str, Entry]:
        return snapshot(self.root.path, [*NOT_OURS, *without])

    def assert_same_tree(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        def told(entry: Optional[Entry]) -> object:
            return entry and entry._replace(content=entry.content[:60])

        differing = {
            name: (told(before.get(name)), told(after.get(name)))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        self.assertEqual(dict(list(differing.items())[:8]), {})

    def assert_staged(self, *releases: str) -> None:
        """Each kernel's image gives the card to vfio-pci: status, and the proof of an empty plan."""
        status = self.json("status")
        kernels = {kernel["release"]: kernel for kernel in status["kernels"]}
        self.assertEqual(set(kernels), set(releases))
        for release in releases:
            self.assertTrue(kernels[release]["staged"], kernels[release])
        self.assertEqual(status["next_boot"], "vfio")
        plan = self.json("plan")
        self.assertEqual((plan["outcome"], plan["functions"]), ("nothing", CARD), plan)
        self.assertEqual(len(plan["load_order"]), len(CARD) * len(releases))
        for order in plan["load_order"]:
            self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", True), order)

    def hooks_in(self, done: root.Run) -> list[str]:
        """The descriptions of the hooks, in the order in which pacman ran them."""
        return re.findall(r"^\(\d+/\d+\) (.*\.\.\.)", done.out, re.MULTILINE)

    def image_names(self, image: str) -> set[str]:
        """The files of an image, by bsdtar behind its early part."""
        return set(self.bsdtar(image, "-tf", "-").decode().splitlines())

    def image_file(self, image: str, name: str) -> str:
        return self.bsdtar(image, "-xOf", "-", name).decode()

    def bsdtar(self, image: str, *arguments: str) -> bytes:
        content = (self.root.path / image).read_bytes()
        part = content[content.index(b"\x28\xb5\x2f\xfd") :]
        archive = subprocess.run(["zstd", "-dcq"], input=part, stdout=subprocess.PIPE, check=True).stdout
        return subprocess.run(["bsdtar", *arguments], input=archive, stdout=subprocess.PIPE, check=True).stdout


class TestMainJob(ArchCase):
    def test_install_sets_up_with_one_build(self) -> None:
        done = self.install()
        self.assertEqual(self.runs(), ["-P"])
        self.assertIn("passthrough is set up. Reboot, then run 'vfio-switch status'.", done.out)
        self.assertEqual(self.hooks_in(done), [REFRESH, BUILD, CHECK])
        self.assert_staged(LINUX, LTS)

    def test_what_images_hold(self) -> None:
        untouched = self.image_names(IMAGES["linux"])
        self.assertFalse([name for name in untouched if "vfio" in name])
        self.install()
        names = self.image_names(IMAGES["linux"])
        for wanted in (VFIO_CONF, "hooks/vfio-switch", *(f"/{module}.ko" for module in VFIO_MODULES)):
            self.assertTrue([name for name in names if name.endswith(wanted)], wanted)
        self.assertFalse([name for name in names if name.endswith("/bind")], "it is bound by ids")
        self.assertEqual(self.image_file(IMAGES["linux"], VFIO_CONF), self.read(VFIO_CONF))
        self.assertIn('EARLYHOOKS="udev vfio-switch"', self.image_file(IMAGES["linux"], "config"))
        fallback = self.image_names("boot/initramfs-linux-fallback.img")
        self.assertFalse([name for name in fallback if "vfio" in name], "a way out")
        self.program("disable")
        self.assertFalse([name for name in self.image_names(IMAGES["linux"]) if name.endswith("vfio-pci.ko")])
        self.assertEqual(self.json("status")["next_boot"], "host")

    def test_removal_gives_everything_back(self) -> None:
        before = self.snapshot()
        self.install()
        self.runs()
        done = self.pacman("-R", "vfio-switch")
        self.assertEqual(self.runs(), ["-P"])
        self.assertEqual(self.hooks_in(done), [GIVE_BACK, BUILD])
        self.assert_same_tree(before, self.snapshot())
        self.install()
        self.assertEqual(self.runs(), ["-P"])
        self.assert_staged(LINUX, LTS)

    def test_commands_build_each_image_once_and_elsewhere_first(self) -> None:
        self.install()
        self.runs()
        self.program("disable")
        self.program("enable")
        runs = self.runs()
        self.assertEqual(len(runs), 4, runs)
        for run in runs:
            self.assertRegex(run, r"^-k \S+ -g /boot/\.initramfs-linux(-lts)?\.img\.vfio-new$")
        self.assertEqual(sorted(p.name for p in (self.root.path / "boot").iterdir() if p.name[0] == "."), [])
        self.assert_staged(LINUX, LTS)

    def test_a_build_that_fails_changes_nothing(self) -> None:
        self.install()
        before = self.snapshot(*BOOKS)
        self.write("etc/mkinitcpio-stand-in-fails", "")
        failed = self.program("disable", status=1)
        self.assertIn("mkinitcpio failed", failed.out)
        (self.root.path / "etc/mkinitcpio-stand-in-fails").unlink()
        self.assert_same_tree(before, self.snapshot(*BOOKS))

    def test_settings_forbid_it(self) -> None:
        self.write("etc/vfio-switch.conf", "device = none\n")
        before = self.snapshot()
        self.install()
        self.assertEqual(self.json("status")["intent"], None)
        self.assertFalse(self.exists(VFIO_CONF) or self.exists(DROP_IN))
        self.pacman("-R", "vfio-switch")
        self.assert_same_tree(before, self.snapshot())

    def test_in_a_chroot_set_up_is_pending(self) -> None:
        done = self.root.pacman("-U", packages.ours, own_process_1=False)
        self.assertEqual(done.status, 0, f"\n{done}")
        self.assertIn("setup is pending: this is a chroot", done.out)
        self.assertFalse(self.exists(VFIO_CONF) or self.exists(DROP_IN))


class TestUpgrades(ArchCase):
    def test_a_newer_kernel_later(self) -> None:
        self.install()
        self.runs()
        done = self.pacman("-U", packages.file("linux", 2))
        self.assertEqual(self.runs(), ["-p linux"])
        self.assertEqual(self.hooks_in(done), [REMOVE_IMAGES, DEPMOD, REFRESH, BUILD, CHECK])
        self.assert_staged(NEWER_LINUX, LTS)

    def test_a_newer_kernel_in_the_same_transaction(self) -> None:
        done = self.pacman("-U", packages.ours, packages.file("linux", 2))
        self.assertEqual(self.runs(), ["-P"])
        self.assertEqual(self.hooks_in(done), [REMOVE_IMAGES, DEPMOD, REFRESH, BUILD, CHECK])
        self.assert_staged(NEWER_LINUX, LTS)

    def test_a_kernel_that_goes(self) -> None:
        self.install()
        self.runs()
        self.pacman("-R", "linux-lts")
        self.assertEqual(self.runs(), [])
        self.assert_staged(LINUX)

    def test_a_driver_arrives_and_is_upgraded(self) -> None:
        self.install()
        self.runs()
        self.pacman("-U", packages.file("nvidia"), packages.file("nvidia-utils"))
        self.assertEqual(self.runs(), ["-P"])
        self.assert_staged(LINUX, LTS)
        self.assertIn("softdep nvidia pre: vfio-pci", self.read(VFIO_CONF) + self.read(SOFTDEP_CONF))

        # This one has nothing that mkinitcpio's hook looks at, and a line that shadows ours.
        done = self.pacman("-U", packages.file("nvidia-utils", 2))
        self.assertNotIn(BUILD, self.hooks_in(done))
        self.assertIn("nvidia_uvm nvidia_drm", self.read(SOFTDEP_CONF).replace("-", "_"))
        self.assertEqual(self.images(), sorted(f"/{image}" for image in IMAGES.values()))
        self.assert_staged(LINUX, LTS)

        self.pacman("-Rdd", "nvidia", "nvidia-utils")
        self.assertNotIn("softdep nvidia ", self.read(VFIO_CONF))
        self.assertFalse(self.exists(SOFTDEP_CONF))
        self.assert_staged(LINUX, LTS)

    def test_our_own_upgrade(self) -> None:
        self.install()
        before = self.snapshot(*BOOKS)
        self.runs()
        done = self.pacman("-U", packages.repack("vfio-switch", 2))
        self.assertEqual(self.runs(), ["-P"])
        self.assertEqual(self.hooks_in(done), [REFRESH, BUILD, CHECK])
        self.assert_staged(LINUX, LTS)
        after = self.snapshot(*BOOKS)
        for tree in (before, after):  # what tells the releases apart, and when the images were proved
            tree.pop("usr/share/vfio-switch/release", None)
            tree.pop("var/lib/vfio-switch/boot-menu.json", None)
        self.assert_same_tree(before, after)

    def test_a_package_that_replaces_ours(self) -> None:
        self.install()
        self.runs()
        done = self.root.pacman("-U", "--ask", "4", packages.repack("vfio-switch-git", 1))
        self.assertEqual(done.status, 0, f"\n{done}")
        self.assertEqual(self.runs(), ["-P"])
        self.assert_staged(LINUX, LTS)


class TestTrouble(ArchCase):
    def test_removal_with_an_edited_file(self) -> None:
        before = self.snapshot()
        self.install()
        edited = self.read(VFIO_CONF) + "# mine\n"
        self.write(VFIO_CONF, edited)
        done = self.pacman("-R", "vfio-switch")
        self.assertIn(f"/{VFIO_CONF} was edited, so", done.out)
        after = self.snapshot()
        out = after.pop(VFIO_CONF).content.decode().splitlines(True)
        self.assertTrue(all(line.startswith("#") for line in out))
        self.assertEqual("".join(line.removeprefix("#vfio-switch# ") for line in out[1:]), edited)
        for name in IMAGES.values():  # modconf copies what is in /etc/modprobe.d, and all of that is a comment
            self.assertEqual(self.image_file(name, VFIO_CONF), "".join(out))
            self.assertFalse([one for one in self.image_names(name) if one.endswith(("vfio-pci.ko", "hooks/vfio-switch"))])
        for tree in (before, after):
            for name in [name for name in tree if name.startswith("boot/initramfs-")]:
                del tree[name]
        self.assert_same_tree(before, after)

    def test_a_removal_that_is_aborted_behind_us(self) -> None:
        self.install()
        self.write(
            "etc/pacman.d/hooks/55-abort.hook",
            "[Trigger]\nType = Package\nOperation = Remove\nTarget = vfio-switch\n"
            "[Action]\nWhen = PreTransaction\nExec = /usr/bin/false\nAbortOnFail\n",
        )
        (self.root.path / "etc/pacman.d/hooks").chmod(0o755)
        failed = self.root.run("pacman", "--noconfirm", "--hookdir", "/etc/pacman.d/hooks", "-R", "vfio-switch")
        self.assertEqual(failed.status, 1, f"\n{failed}")
        self.assertTrue(self.exists("usr/bin/vfio-switch"))
        self.assertFalse(self.exists(VFIO_CONF))
        self.assertFalse(self.json("status")["kernels"][0]["staged"])
        # What is wanted is wanted still: the next transaction brings it back.
        self.runs()
        self.pacman("-U", packages.file("linux", 2))
        self.assertTrue(self.read(VFIO_CONF).startswith("# GPU passthrough: enabled."))
        self.program("enable")
        self.assert_staged(NEWER_LINUX, LTS)

    def test_a_conflict_changes_nothing(self) -> None:
        self.write("usr/bin/vfio-switch", "somebody else's\n")
        before = self.snapshot()
        failed = self.root.pacman("-U", packages.ours)
        self.assertNotEqual(failed.status, 0)
        self.assertIn("conflicting files", failed.out)
        self.assertEqual(self.runs(), [])
        self.assert_same_tree(before, self.snapshot())

    def test_a_build_by_the_hook_that_fails_is_told(self) -> None:
        self.install()
        self.write("etc/mkinitcpio-stand-in-fails", "")
        done = self.pacman("-U", packages.file("linux", 2))
        self.assertRegex(done.out, rf"warning: the image of kernel {re.escape(NEWER_LINUX)} \(linux\) is not as configured: .*'vfio-switch enable'")
        self.assertNotIn(f"warning: the image of kernel {LTS}", done.out)
        (self.root.path / "etc/mkinitcpio-stand-in-fails").unlink()
        self.program("enable")
        self.assert_staged(NEWER_LINUX, LTS)

    def test_removal_while_a_change_was_interrupted(self) -> None:
        before = self.snapshot()
        self.install()
        self.write("etc/mkinitcpio-stand-in-kills", "")
        self.root.run("bash", "-c", "vfio-switch disable; true")
        (self.root.path / "etc/mkinitcpio-stand-in-kills").unlink()
        self.assertTrue([p for p in (self.root.path / "boot").iterdir() if p.name.endswith(".vfio-tmp")])
        done = self.pacman("-R", "vfio-switch")
        self.assertIn("an interrupted 'disable' was undone", done.out)
        self.assert_same_tree(before, self.snapshot())

    def test_libalpm_and_the_files_agree(self) -> None:
        helper = self.root.path / "usr/lib/vfio-switch/vfio-switch-alpm"
        self.install()
        self.assertTrue(helper.exists())
        self.assertEqual(self.json("status")["packages"]["graphics_drivers"], [])
        self.pacman("-U", packages.file("nvidia"), packages.file("nvidia-utils"))
        wanted = {
            "kernels": [{"release": LINUX, "package": "linux"}, {"release": LTS, "package": "linux-lts"}],
            "graphics_drivers": ["nvidia"],
            "generators": ["mkinitcpio"],
            "dkms": False,
        }
        self.assertEqual(self.json("status")["packages"], wanted)
        said = self.program("status").out
        self.assertIn(f"{LINUX} (linux)", said)
        self.assertRegex(said, r"Arch Linux \(default\) +vfio-pci will bind the card")
        said = self.root.run("/usr/lib/vfio-switch/vfio-switch-alpm", "/var/lib/pacman", f"{LINUX}=linux")
        self.assertIn(f"kernel {LINUX} linux\n", said.out)
        helper.unlink()
        self.assertEqual(self.json("status")["packages"], wanted)

    def test_without_libalpm_and_boost(self) -> None:
        self.install()
        for library in [*(self.root.path / "usr/lib").rglob("libalpm.so*"), *(self.root.path / "usr/lib").rglob("libboost*")]:
            library.unlink()
        hook = "/usr/lib/vfio-switch/vfio-switch-hook"
        self.assertNotEqual(self.root.run("pacman", "-Q").status, 0, "it takes libalpm")
        for event, given in (("alpm-refresh", "vfio-switch\n"), ("alpm-check", "usr/lib/modprobe.d/x\n"), ("disable", "")):
            done = self.root.run(hook, event, given=given)
            self.assertEqual((done.status, "warning" in done.out), (0, False), f"\n{done}")
        self.assertTrue(self.read(VFIO_CONF).startswith("# GPU passthrough: disabled"))
        done = self.root.run(hook, "rollback")
        self.assertEqual(done.status, 0, f"\n{done}")
        self.assertFalse(self.exists(VFIO_CONF) or self.exists(DROP_IN))


class Tree:
    """What the damages of tests/cli are done to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def write(self, name: str, content: str, mode: int = 0o644) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)


class TestDamage(ArchCase):
    """Something is wrong before the package goes, or before a kernel comes."""

    KEPT = "the package was removed, but not everything could be restored"
    ROWS = [
        "a typo in the settings", "an unknown distribution", "state.json cut short", "state.json of a newer version",
        "a damaged line in the journal", "the journal a directory", "no journal", "no state at all",
    ]  # fmt: skip
    BROKEN = {"crashes": "ulimit -c 0; kill -SEGV $$", "hangs": "trap '' TERM; while :; do sleep 1; done"}

    def setUp(self) -> None:
        super().setUp()
        self.before = self.snapshot()
        self.install()
        self.runs()

    @contextlib.contextmanager
    def copy_of_the_root(self) -> Iterator[root.Root]:
        """In its place for a while."""
        with tempfile.TemporaryDirectory(dir=scratch.name) as directory:
            whole, self.root = self.root, self.root.copy(Path(directory) / "row")
            try:
                yield self.root
            finally:
                self.root = whole

    def live(self, path: Path) -> list[str]:
        names = [VFIO_CONF, SOFTDEP_CONF, "etc/modules-load.d/vfio.conf", "etc/vfio-switch/override", DROP_IN]
        return [n for n in names if (path / n).is_file() and re.search(r"(?m)^[^#\n]", (path / n).read_text())]

    def break_hook(self, text: str) -> None:
        """Another program in the hook's place, and little patience with it."""
        self.write("usr/lib/vfio-switch/vfio-switch-hook", f"#!/bin/sh\n{text}\n")
        guard = self.read("usr/lib/vfio-switch/guard")
        self.write("usr/lib/vfio-switch/guard", re.sub(r"(?m)^(limit|grace)=\d+", r"\1=1", guard))

    def test_removal_whatever_is_damaged(self) -> None:
        damages = test_way_out.Damage("test_every_way_out_of_every_damage").damages()
        damages = {name: damages[name] for name in self.ROWS}
        damages["mkinitcpio.conf a directory"] = lambda tree: (
            (tree.path / "etc/mkinitcpio.conf").unlink(), (tree.path / "etc/mkinitcpio.conf").mkdir()) and None  # fmt: skip
        for name, damage in damages.items():
            with self.subTest(damage=name), self.copy_of_the_root() as copy:
                damage(Tree(copy.path))  # type: ignore[arg-type]
                done = copy.pacman("-R", "vfio-switch")
                self.assertEqual(done.status, 0, f"\n{done}")
                self.assertFalse((copy.path / "usr/bin/vfio-switch").exists())
                if self.live(copy.path):
                    self.assertIn(self.KEPT, done.out)
                    self.assertTrue((copy.path / "var/lib/vfio-switch/state.json").exists(), f"\n{done}")

    def test_removal_with_a_hook_that_does_nothing(self) -> None:
        self.break_hook(self.BROKEN["hangs"])
        done = self.pacman("-R", "vfio-switch")
        self.assertIn(self.KEPT, done.out)
        self.assertIn(f"/{VFIO_CONF}", done.out)
        self.assertTrue(self.exists("var/lib/vfio-switch/state.json"))
        self.install()
        self.program("rollback")
        self.assertEqual(self.live(self.root.path), [])

    def test_a_kernel_arrives_beside_a_backend_that_is_out_of_order(self) -> None:
        for kind in ("lacks its libraries", *self.BROKEN):
            with self.subTest(kind=kind), self.copy_of_the_root() as copy:
                if kind in self.BROKEN:
                    self.break_hook(self.BROKEN[kind])
                else:  # those that no other program in the root needs
                    for name in ("libkmod.so*", "libudev.so*", "libboost*"):
                        for library in (copy.path / "usr/lib").rglob(name):
                            library.unlink()
                image = (copy.path / IMAGES["linux"]).stat().st_mtime_ns
                done = self.pacman("-U", packages.file("linux", 2))
                self.assertIn("was not done", " ".join(done.out.split()))
                self.assertNotEqual((copy.path / IMAGES["linux"]).stat().st_mtime_ns, image)
                self.assertTrue(self.exists(f"usr/lib/modules/{NEWER_LINUX}"))

    def test_an_administrators_no_outlasts_the_package(self) -> None:
        self.program("disable")
        self.pacman("-R", "vfio-switch")
        self.assertEqual(os.listdir(self.root.path / "var/lib/vfio-switch"), ["declined"])
        self.assertIn("disabled before the package was removed", self.install().out)
        self.assertEqual(self.live(self.root.path), [])

    def test_an_upgrade_from_what_0_1_0_left(self) -> None:
        test_upgrade.as_0_1_0_left_it(Tree(self.root.path))  # type: ignore[arg-type]
        files = {name: (self.root.path / name).read_bytes() for name in self.live(self.root.path)}
        self.pacman("-U", packages.repack("vfio-switch", 2))
        self.assertEqual(self.runs(), ["-P"], "mkinitcpio's own hook, for files that changed")
        self.assertEqual({name: (self.root.path / name).read_bytes() for name in files}, files)
        self.assert_staged(LINUX, LTS)
        self.pacman("-R", "vfio-switch")
        self.assert_same_tree(self.before, self.snapshot())


class TestSetUps(ArchCase):
    """What people have in their configuration."""

    def test_systemd_in_the_image(self) -> None:
        self.configure("HOOKS=(base udev", "HOOKS=(base systemd")
        self.install()
        names = self.image_names(IMAGES["linux"])
        self.assertIn("usr/lib/systemd/system/sysinit.target.wants/vfio-switch-load.service", names)
        self.assertNotIn("hooks/vfio-switch", names)
        self.assert_staged(LINUX, LTS)

    def test_early_kms_with_nvidia(self) -> None:
        self.pacman("-U", packages.file("nvidia"), packages.file("nvidia-utils", 2))
        self.pacman("-R", "linux-lts")  # there is no driver for it
        self.configure("MODULES=()", "MODULES=(nvidia nvidia_modeset nvidia_uvm nvidia_drm)")
        for hooks in ("base udev", "base systemd"):
            with self.subTest(hooks):
                self.configure("HOOKS=(base udev", f"HOOKS=({hooks}")
                self.install()
                self.assertTrue([n for n in self.image_names(IMAGES["linux"]) if n.endswith("/nvidia.ko")])
                self.assert_staged(LINUX)
                self.pacman("-R", "vfio-switch")

    def test_a_string_in_place_of_an_array(self) -> None:
        self.configure("HOOKS=(base udev autodetect modconf kms block filesystems)", 'HOOKS="base udev modconf kms"')
        self.install()
        self.assert_staged(LINUX, LTS)

    def test_hooks_without_modconf(self) -> None:
        self.configure(" modconf", "")
        self.install()
        self.assertEqual(self.image_file(IMAGES["linux"], VFIO_CONF), self.read(VFIO_CONF))
        self.assert_staged(LINUX, LTS)
        self.assertIn("/etc/mkinitcpio.conf:4 has no modconf in HOOKS", self.program("plan").out)

    def test_a_preset_that_ignores_drop_ins(self) -> None:
        preset = self.read("etc/mkinitcpio.d/linux.preset")
        self.write("etc/mkinitcpio.d/linux.preset", f'ALL_config="/etc/mkinitcpio.conf"\n{preset}')
        before = self.snapshot()
        done = self.install()
        self.assertIn("/etc/mkinitcpio.d/linux.preset:1 builds the initramfs from /etc/mkinitcpio.conf alone", done.out)
        self.assertFalse(self.exists(VFIO_CONF) or self.exists(DROP_IN))
        self.program("enable", status=3)
        self.write("etc/mkinitcpio.d/linux.preset", preset)
        self.program("enable")
        self.assert_staged(LINUX, LTS)
        self.pacman("-R", "vfio-switch")
        del before["etc/mkinitcpio.d/linux.preset"]
        after = self.snapshot()
        del after["etc/mkinitcpio.d/linux.preset"]
        self.assert_same_tree(before, after)

    def test_the_hook_is_named_by_hand(self) -> None:
        preset = self.read("etc/mkinitcpio.d/linux.preset")
        self.write("etc/mkinitcpio.d/linux.preset", f'ALL_config="/etc/mkinitcpio.conf"\n{preset}')
        self.configure("filesystems)", "filesystems vfio-switch)")
        self.install()
        self.assertFalse(self.exists(DROP_IN))
        self.assert_staged(LINUX, LTS)
        done = self.pacman("-R", "vfio-switch")
        self.assertIn("vfio-switch is still in HOOKS", done.out)

    def test_a_module_that_a_kernel_does_not_have(self) -> None:
        self.configure("MODULES=()", "MODULES=(vfio_pci vfio no_such_module)")
        done = self.install()
        self.assertIn("/etc/mkinitcpio.conf:1 lists no_such_module in MODULES, but kernel", done.out)
        self.assertIn("In /etc/mkinitcpio.conf:1, replace\n      MODULES=(vfio_pci vfio no_such_module)\n"
                      "    with\n      MODULES=(vfio_pci vfio)\n", done.out)  # fmt: skip
        self.assertFalse(self.exists(VFIO_CONF))
        self.configure(" no_such_module", "")
        self.program("enable")
        self.assert_staged(LINUX, LTS)

    def test_the_wikis_vfio_conf_is_adopted_when_asked(self) -> None:
        wiki = "softdep drm pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n"
        self.write(VFIO_CONF, wiki)
        self.root.run("mkinitcpio", "-P")
        self.runs()
        before = self.snapshot()
        done = self.install()
        self.assertIn("not-automatic: ", done.out)
        self.assertIn(f"because vfio is configured already, by /{VFIO_CONF}:1", done.out)
        self.assertIn("vfio-switch enable --device 0000:01:00.0\n", done.out)
        self.assertEqual(self.read(VFIO_CONF), wiki)
        self.program("enable", "--device", "0000:01:00.0")
        self.assertTrue(self.read(VFIO_CONF).startswith("# GPU passthrough: enabled."))
        self.assertIn("\nsoftdep drm pre: vfio-pci\n", self.read(VFIO_CONF))
        self.assert_staged(LINUX, LTS)
        self.pacman("-R", "vfio-switch")
        self.assert_same_tree(before, self.snapshot())

    def test_somebody_elses_vfio_conf_is_never_overwritten(self) -> None:
        theirs = "# for the other card\noptions vfio-pci ids=1002:67df\n"
        self.write(VFIO_CONF, theirs)
        done = self.install()
        self.assertEqual(self.read(VFIO_CONF), theirs)
        self.assertIn(f"/{VFIO_CONF}:2", done.out)
        self.assertFalse(self.exists(DROP_IN))

    def test_unified_kernel_images(self) -> None:
        for package in ("linux", "linux-lts"):
            text = self.read(f"etc/mkinitcpio.d/{package}.preset")
            text = text.replace("default_image", "#default_image")
            self.write(f"etc/mkinitcpio.d/{package}.preset", f'{text}default_uki="/efi/EFI/Linux/arch-{package}.efi"\n')
            (self.root.path / IMAGES[package]).unlink()
        self.root.use_systemd_boot("arch-linux.efi")
        self.write("etc/kernel/cmdline", "root=/dev/vda rw quiet\n")
        self.assertEqual(self.root.run("mkinitcpio", "-P").status, 0)
        self.install()
        self.assert_staged(LINUX, LTS)
        self.assertEqual(self.json("status")["kernels"][0]["image"], "/efi/EFI/Linux/arch-linux.efi")
        self.runs()
        self.program("disable")
        self.assertIn(f"-k {LINUX} -U /efi/EFI/Linux/.arch-linux.efi.vfio-new", self.runs())
        self.assertEqual(self.json("status")["next_boot"], "host")

    def test_twins_are_bound_by_address(self) -> None:
        self.root.become("truenas-twin-t400")
        self.install()
        gpus = [gpu["address"] for gpu in self.json("devices")["gpus"] if gpu["eligible"]]
        for hooks in ("base udev", "base systemd", "systemd"):
            with self.subTest(hooks):
                self.configure("HOOKS=(base udev", f"HOOKS=({hooks}")
                self.program("enable", "--device", gpus[0])
                names = self.image_names(IMAGES["linux"])
                self.assertIn("usr/lib/vfio-switch/bind", names)
                self.assertIn("etc/vfio-switch/override", names)
                self.assertTrue({"usr/bin/sh", "bin/sh"} & names)
                status = self.json("status")
                self.assertTrue(all(kernel["staged"] for kernel in status["kernels"]), status)
                self.program("disable")


if __name__ == "__main__":
    unittest.main()
