# SPDX-License-Identifier: GPL-3.0-or-later
"""The rpm goes, or a kernel's rpm comes, where something was wrong before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
os.environ.setdefault("VFIO_SWITCH", "/usr/bin/vfio-switch")  # of the root; the helper asks for one
sys.path[:0] = [str(HERE), str(HERE.parents[1]), str(HERE.parents[1] / "vm"), str(HERE.parents[1] / "cli")]
import fedora_root as fedora  # noqa: E402
import test_upgrade  # noqa: E402
import test_way_out  # noqa: E402
from story import Stage  # noqa: E402

if TYPE_CHECKING:
    from run import Fedora

KEPT = "the package was removed, but not everything could be restored"
OURS = ["etc/modprobe.d/vfio.conf", "etc/modprobe.d/00-vfio-softdep.conf", "etc/modules-load.d/vfio.conf",
        "etc/vfio-switch/override"]  # fmt: skip
STATE = "var/lib/vfio-switch"
ROWS = ["a typo in the settings", "an unknown distribution", "state.json cut short", "state.json of a newer version",
        "a damaged line in the journal", "the journal a directory", "no journal", "no state at all"]  # fmt: skip
HOOK, GUARD = "/usr/libexec/vfio-switch/vfio-switch-hook", "/usr/lib/vfio-switch/guard"
BROKEN = {"crashes": "ulimit -c 0; kill -SEGV $$", "hangs": "trap '' TERM; while :; do sleep 1; done"}
# The real one takes most of the time, and is tested by the other suites.
DRACUT = """#!/bin/sh
for word; do
    case $word in *.new | *.img | *.vfio-new | */initrd) echo built >"$word" ;; esac
done
"""


class Tree:
    """What the damages of tests/cli are done to, and a copy that brings everything back."""

    def __init__(self, machine: Fedora, saved: Path) -> None:
        self.machine, self.path, self.saved = machine, machine.root, saved
        files = machine.do("rpm", "-ql", "vfio-switch").split()
        self.places = ["etc", "boot", "var", machine.do("rpm", "--eval", "%_dbpath").strip()[1:]]
        names = [*self.places, *(name[1:] for name in files if (self.path / name[1:]).is_file())]
        subprocess.run(["tar", "-C", self.path, "-cf", saved, *names], check=True)

    def bring_back(self) -> None:
        for name in self.places:
            shutil.rmtree(self.path / name, ignore_errors=True)  # the last may be in another one
        subprocess.run(["tar", "-C", self.path, "-xf", self.saved], check=True)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def write(self, name: str, content: str, mode: int = 0o644) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def live(self) -> list[str]:
        """Of our files those with a line that has an effect."""
        return [name for name in OURS if (self.path / name).is_file() and re.search(r"(?m)^[^#\n]", self.read(name))]

    def break_hook(self, text: str) -> None:
        """Another program in the hook's place, and little patience with it."""
        self.write(HOOK[1:], f"#!/bin/sh\n{text}\n", 0o755)
        self.write(GUARD[1:], re.sub(r"(?m)^(limit|grace)=\d+", r"\1=1", self.read(GUARD[1:])), 0o755)

    def rpm(self, action: str, package: Path | str) -> tuple[bool, str]:
        """Whether it ended well, and what it said, on one line."""
        machine = self.machine
        if isinstance(package, Path):
            machine.copy_in(package, f"/root/{package.name}")
            package = f"/root/{package.name}"
        done = machine.chroot(*machine.rpm_words, action, "--nodeps", package, record=machine.record, check=False)
        return done.returncode == 0, " ".join(done.stdout.split())


def damaged(stage: Stage, machine: Fedora, ours: Path, newer: Path, scratch: Path) -> None:
    (_, kernel), (release, newer_kernel) = fedora.kernels()
    machine.rpm("-i", kernel)
    machine.rpm("-i", ours)
    machine.write_file("/usr/bin/dracut", DRACUT, 0o755)
    tree = Tree(machine, scratch / "saved.tar")
    stage.check(bool(tree.live()), "the package has set the card up")

    damages = test_way_out.Damage("test_every_way_out_of_every_damage").damages()
    for name in ROWS:
        tree.bring_back()
        damages[name](tree)  # type: ignore[arg-type]  (it has what they use of a Sysroot)
        well, said = tree.rpm("-e", "vfio-switch")
        told = KEPT in said and machine.exists(f"/{STATE}/state.json")
        stage.check(well and (told or not tree.live()), f"{name}: the removal gives the card back, or says so", said)

    for kind, text in BROKEN.items():
        tree.bring_back()
        tree.break_hook(text)
        well, said = tree.rpm("-e", "vfio-switch")
        stage.check(well and KEPT in said and tree.live()[0] in said and machine.exists(f"/{STATE}/journal/log"),
                    f"a hook that {kind}: the removal keeps the state, and names the files", said)  # fmt: skip
        tree.bring_back()
        tree.break_hook(text)
        well, said = tree.rpm("-i", newer_kernel)
        stage.check(well and "was not done" in said and machine.exists(f"/boot/initramfs-{release}.img"),
                    f"a hook that {kind}: a kernel is installed, and has its image", said)  # fmt: skip

    tree.bring_back()
    machine.write_file("/usr/bin/dracut", '#!/bin/sh\nexec dracut.real "$@"\n', 0o755)  # its image is proved
    machine.do("vfio-switch", "disable")
    machine.write_file("/usr/bin/dracut", DRACUT, 0o755)
    tree.rpm("-e", "vfio-switch")
    stage.equal(os.listdir(tree.path / STATE), ["declined"], "an administrator's no outlasts the package")
    _, said = tree.rpm("-i", ours)
    stage.check("disabled before the package was removed" in said and not tree.live(), "an administrator's no: installing sets nothing up", said)

    tree.bring_back()
    test_upgrade.as_0_1_0_left_it(tree)  # type: ignore[arg-type]
    held = {name: tree.read(name) for name in tree.live()}
    images = {path: path.stat().st_mtime_ns for path in (tree.path / "boot").glob("initramfs-*")}
    well, said = tree.rpm("-U", newer)
    stage.equal((well, {name: tree.read(name) for name in held}, {path: path.stat().st_mtime_ns for path in images}),
                (True, held, images), "what 0.1.0 left is upgraded, and nothing is done without need")  # fmt: skip
    well, said = tree.rpm("-e", "vfio-switch")
    stage.equal((well, tree.live(), machine.exists(f"/{STATE}")), (True, [], False), "what 0.1.0 left is taken back")

    tree.bring_back()
    # Those that no other program in the root needs.
    for pattern in ("libkmod.so*", "libudev.so*", "libboost*"):
        for library in (tree.path / "usr/lib").rglob(pattern):
            library.unlink()
    well, said = tree.rpm("-i", newer_kernel)
    stage.check(well and "was not done" in said and machine.exists(f"/boot/initramfs-{release}.img"),
                "without our libraries a kernel is installed, and has its image", said)  # fmt: skip
    well, said = tree.rpm("-e", "vfio-switch")
    stage.check(well and not tree.live(), "without our libraries the removal gives the card back", said)
