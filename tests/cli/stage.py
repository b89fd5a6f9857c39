# SPDX-License-Identifier: GPL-3.0-or-later
"""A root that set-ups of boot loaders take turns in, and a person who does there what remedies say."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator, Optional

import module_trees
from boot_setups import KERNEL, SetUp
from boot_tools import Tool, at_hand
from helper import STAND_IN, STAND_IN_TOOL, Run, Sysroot, as_root, memory, run, tool

Step = dict[str, Any]
Way = list[Step]

# Of coreutils, util-linux and systemd: no sysroot has them, and every system does.
EVERYWHERE = {"cp", "journalctl", "mount", "rm"}
LAPTOP = ("asus-x705-gtx1050", "--variant", "kernel-off")  # its IOMMU needs a parameter
PATH = ("usr/sbin", "usr/bin", "sbin", "bin")


def remedies(answer: Any) -> Iterator[Way]:
    """Those in an answer of --json, wherever they stand."""
    if isinstance(answer, dict):
        if "steps" in answer and "text" in answer:
            yield answer["steps"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for one in answer:
            yield from remedies(one)


def ways(steps: Way) -> list[Way]:
    """Those between which a person may choose."""
    found: list[Way] = [[]]
    for step in steps:
        if step["kind"] == "or":
            found.append([])
        else:
            found[-1].append(step)
    return found


def is_doable(way: Way) -> bool:
    """Whether it needs nothing but programs, edits and a reboot."""
    return all(step["kind"] != "by-hand" or step["code"] == "reboot" for step in way)


class Stage:
    """Root file system of one machine. What a set-up and the program change in it is put back before the next one."""

    BUILDERS = {"usr/bin/mkinitcpio": STAND_IN_TOOL, "usr/bin/dracut": STAND_IN, "usr/sbin/update-initramfs": STAND_IN}
    KEPT = ("boot", "etc", "proc", "run", "usr/bin", "usr/sbin", "usr/lib/initcpio", "usr/lib/os-release", "var")

    def __init__(self, system: str, machine: str, *options: str) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="vfio-switch-", dir=memory())
        self.root = Sysroot(Path(self.directory.name) / "root", machine, "--os", system, "--kernel", KERNEL, "--no-menu", *options)
        self.root.write("usr/lib/vfio-switch/bind", "#!/bin/sh\n", 0o755)  # as the package installs them
        if system == "arch":
            self.root.write("usr/lib/initcpio/install/vfio-switch", "build() {\n    :\n}\n")
        self.kept = Path(self.directory.name) / "kept"
        self.names = set(os.listdir(self.root.path))
        self.is_grouped = False
        for name in self.KEPT:
            self.copy(self.root.path / name, self.kept / name)

    def close(self) -> None:
        module_trees.give_back(self.root.path)
        self.directory.cleanup()

    @staticmethod
    def copy(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, target, symlinks=True)
        elif os.path.lexists(source):
            shutil.copy2(source, target, follow_symlinks=False)

    @staticmethod
    def remove(path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()

    def set_up(self, kind: type[SetUp], words: str = "") -> SetUp:
        """The root as it was, with this set-up."""
        for name in set(os.listdir(self.root.path)) - self.names:
            self.remove(self.root.path / name)
        for name in self.KEPT:
            self.remove(self.root.path / name)
            self.copy(self.kept / name, self.root.path / name)
        self.remove(self.root.path / "sys/firmware/efi")
        if self.is_grouped:
            self.end_groups()
        for name, program in self.BUILDERS.items():
            if self.root.exists(name) and program:
                shutil.copy(program, self.root.path / name)
        self.setup = kind(self.root, words)
        self.reboot()
        return self.setup

    # What the hardware does

    def reboot(self) -> None:
        """The default entry's command line becomes the running one, and the kernel turns the IOMMU on if it says so."""
        self.setup.shut_down()
        line = self.setup.lines()[0]
        self.root.write("proc/cmdline", f"{line}\n")
        devices = self.root.path / "sys/bus/pci/devices"
        if "intel_iommu=on" not in line.split() or any((self.root.path / "sys/class/iommu").iterdir()):
            return
        self.is_grouped = True
        (self.root.path / "sys/devices/virtual/iommu/dmar0").mkdir(parents=True)
        (self.root.path / "sys/class/iommu/dmar0").symlink_to("../../devices/virtual/iommu/dmar0")
        slots = sorted({path.name.rpartition(".")[0] for path in devices.iterdir()})
        for path in devices.iterdir():
            group = self.root.path / f"sys/kernel/iommu_groups/{slots.index(path.name.rpartition('.')[0])}"
            (group / "devices").mkdir(parents=True, exist_ok=True)
            (group / "type").write_text("DMA-FQ\n")
            (group / "devices" / path.name).symlink_to(os.path.relpath(path.resolve(), group / "devices"))
            (path.resolve() / "iommu_group").symlink_to(os.path.relpath(group, path.resolve()))

    def end_groups(self) -> None:
        self.is_grouped = False
        shutil.rmtree(self.root.path / "sys/devices/virtual/iommu")
        (self.root.path / "sys/class/iommu/dmar0").unlink()
        for group in (self.root.path / "sys/kernel/iommu_groups").iterdir():
            shutil.rmtree(group)
        for path in (self.root.path / "sys/bus/pci/devices").iterdir():
            (path / "iommu_group").unlink()

    # What a person does

    def vfio_switch(self, *arguments: str) -> Run:
        """A command that may run tools, as it does on the machine itself."""
        with at_hand(self.root, self.tools()):
            return self.root.run(*arguments, "--rebuild", prefix=as_root())

    def tools(self) -> dict[str, Tool]:
        return {"mkinitcpio": self.mkinitcpio, **self.setup.tools()}

    def mkinitcpio(self, arguments: list[str]) -> None:
        """One image by its name, or the one of the only preset."""
        image = arguments[arguments.index("-g") + 1][1:] if "-g" in arguments else "boot/initramfs-linux.img"
        self.setup.build_image(image)

    def json(self, *arguments: str) -> Any:
        return self.root.run(*arguments, "--json").json

    def findings(self, code: str) -> list[Way]:
        """The remedies of those with a code."""
        found = [finding for finding in self.json("doctor")["findings"] if finding["code"] == code]
        return [finding["remedy"]["steps"] for finding in found]

    def do(self, way: Way) -> None:
        """Carries steps out. The program, or a tool, has to succeed."""
        for step in way:
            if step["kind"] == "edit":
                self.edit(step)
            elif step["kind"] == "run":
                self.run(step["command"])
            elif step["code"] == "reboot":
                self.reboot()

    def run(self, command: list[str]) -> None:
        if command[0] == "rm":
            for path in command[1:]:
                (self.root.path / path[1:]).unlink()
            return
        if command[0] == "vfio-switch":
            done = self.vfio_switch(*command[1:])
        else:
            with at_hand(self.root, self.tools()):
                done = run([*as_root(), tool("chroot"), str(self.root.path), *command])
        if done.status != 0:
            raise AssertionError(f"{command}\n{done}")

    def edit(self, step: Step) -> None:
        path = self.root.path / step["path"][1:]
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        if step["from"] is None:
            lines.append(f"{step['to']}\n")
        else:
            number = step["line"] - 1
            changed = lines[number].replace(step["from"], step["to"] or "", 1)
            lines[number] = changed if changed.strip() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))

    # What must hold of every remedy

    def wrong_steps(self, steps: Way) -> list[str]:
        """Programs that are not there, and edits that cannot be made or that a tool would undo."""
        return [why for step in steps if (why := self.wrong_step(step))]

    def wrong_step(self, step: Step) -> Optional[str]:
        if step["kind"] == "run":
            program = step["command"][0]
            there = any(self.root.exists(f"{directory}/{program}") for directory in PATH)
            return None if there or program == "vfio-switch" or program in EVERYWHERE else f"no program {program}"
        if step["kind"] != "edit":
            return None
        name = step["path"][1:]
        if name in self.setup.matching(self.setup.generated):
            return f"a tool writes {name}"
        lines = self.root.read(name).splitlines() if self.root.exists(name) else []
        if step["from"] is not None and not 0 < step["line"] <= len(lines):
            return f"{name} has no line {step['line']}"
        if step["from"] is not None and step["from"] not in lines[step["line"] - 1]:
            return f"{name}:{step['line']} is not {step['from']!r}"
        return f"nothing changes in {name}" if step["from"] is not None and step["from"] == step["to"] else None
