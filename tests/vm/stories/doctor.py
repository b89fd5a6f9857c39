# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults put in on purpose: doctor names each, and what it says mends it."""

import json
from pathlib import Path
from typing import Any

from guest import Guest, OBSERVE
from harness import TAKEN
from package import PACKAGE
from story import Stage, story

SETTINGS = "/etc/vfio-switch.conf"
INSIDE_FAULTS = (
    "softdep-shadowed", "not-staged", "file-edited", "ids-parameter-kept", "boot-not-mounted", "other-tool",
)

# Does what doctor says for a finding, just as it is printed.
INSIDE = r"""
remedy() { # CODE: the commands and edits of the first way that doctor tells, as shell
    vfio-switch doctor | awk -v code="$1" '
        /^[a-z]*: / { on = $2 == code; told = 0; next }
        /^$/ || /^  Or:$/ { on = 0 }
        /^  -> / { told = 1; sub(/^  -> /, "     ") }
        !on || !told { next }
        /^       / {
            line = substr($0, 8)
            if (mode == "run" || mode == "one") print line
            if (mode == "one") mode = "done"
            if (mode == "to") printf "sed -i \"%ds|.*|%s|\" %s\n", number, line, path
            next
        }
        /^     Run:$/ { mode = "run"; next }
        /^     Run one of these commands:$/ { mode = "one"; next }
        /^     In .*, replace$/ { mode = "from"; split($2, place, /[:,]/); path = place[1]; number = place[2]; next }
        /^     by$/ { mode = "to"; next }
        { mode = "" }'
}
finding() { # CODE: that it is found
    vfio-switch doctor | awk -v code="$1" '/^[a-z]*: / && $2 == code'
}
fault() { # CODE: its remedy is done as it is printed, and doctor asked again
    echo "FAULT $1: $(finding "$1")"
    [ -n "$(finding "$1")" ] || return 0
    command=$(remedy "$1")
    sh -euc "$command"
    [ -z "$(finding "$1")" ] && echo "MENDED $1: $command"
}
echo "HEALTHY $(vfio-switch doctor >/dev/null; echo $?)"
started=$(cut -d ' ' -f 1 /proc/uptime)
vfio-switch doctor >/dev/null
echo "TOOK $started $(cut -d ' ' -f 1 /proc/uptime)"

echo "softdep radeon post: snd" >/etc/modprobe.d/a-vendor.conf
fault softdep-shadowed

rm /etc/modules-load.d/vfio.conf
fault not-staged

echo "options vfio-pci disable_vga=1" >>/etc/modprobe.d/vfio.conf
fault file-edited

mkdir -p /etc/kernel
echo "root=/dev/vda rw vfio-pci.ids= quiet" >/etc/kernel/cmdline
fault ids-parameter-kept
cat /etc/kernel/cmdline

cp -a /boot /srv/boot
echo "/srv/boot /boot none bind 0 0" >>/etc/fstab
fault boot-not-mounted

mkdir -p /etc/driverctl.d
echo none >/etc/driverctl.d/pci-0000:01:00.0
said=$(finding other-tool)
echo "FAULT other-tool: $said"
rm -r /etc/driverctl.d # what "driverctl unset-override" comes to
[ -n "$said" ] && [ -z "$(finding other-tool)" ] && echo "MENDED other-tool"
echo "HEALTHY $(vfio-switch doctor >/dev/null; echo $?)"
"""


def codes(machine: Guest, record: Path, *options: str) -> dict[str, list[Any]]:
    """What doctor finds natively, and the steps of the remedies."""
    said = machine.chroot("vfio-switch", "--json", "doctor", *options, record=record, check=False).stdout
    findings = json.loads(said[said.index("{"):])["findings"]
    return {finding["code"]: finding["remedy"]["steps"] for finding in findings}


def mend(stage: Stage, machine: Guest, record: Path, code: str) -> None:
    """Checks that doctor names a fault, does its remedy, and checks that the fault is gone."""
    found = codes(machine, record)
    if not stage.check(code in found, f"{code}: doctor names it", repr(found)):
        return
    (step,) = found[code]
    machine.chroot(*step["command"], record=record)
    found = codes(machine, record)
    stage.check(code not in found, f"{code}: mended by '{' '.join(step['command'])}'", repr(found))


@story("doctor", needs_deb=True, minutes=3, why="whose faults cli/test_doctor.py has on roots")
def doctor(stage: Stage) -> None:
    """Seven faults, one at a time, all but a stale image in the guest: doctor names each and its remedy mends it."""
    with Guest("doctor") as machine:
        record = stage.untouched().record
        (current,) = machine.kernels()
        image = f"/boot/initrd.img-{current}"
        before = machine.read_file(image)
        machine.write_file(SETTINGS, "initramfs = always\n")
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        stage.equal(set(codes(machine, record)), {"reboot-needed"}, "installed: only the reboot is missing")

        # A restored backup, or a tool that copies images.
        machine.write_file(image, before)
        mend(stage, machine, record, "image-stale")

        machine.remove("/etc/modules-load.d/vfio.conf")
        stage.check("not-staged" in codes(machine, record), "not-staged: doctor names it")
        found = codes(machine, record, "--fix")
        stage.equal(set(found), {"reboot-needed"}, "not-staged: mended by 'doctor --fix'")

        # With nothing of ours in the image no remedy has to build one, which takes long in the guest.
        machine.chroot("vfio-switch", "disable", record=record)
        machine.remove(SETTINGS)
        machine.chroot("vfio-switch", "enable", record=record)

        boot = stage.boot(machine, OBSERVE + INSIDE)
        stage.drivers(boot, TAKEN, "what was mended natively holds")
        lines = boot.output.splitlines()
        stage.equal([line for line in lines if line.startswith("HEALTHY")], ["HEALTHY 0", "HEALTHY 0"],
                    "in the guest: doctor finds nothing before and after")
        mended = {line.split()[1].rstrip(":") for line in lines if line.startswith("MENDED")}
        for code in INSIDE_FAULTS:
            stage.check(code in mended, f"{code}: named and mended in the guest", boot.output)
        stage.check("root=/dev/vda rw quiet" in lines, "ids-parameter-kept: the rest of the line stays", boot.output)
        (took,) = (line.split()[1:] for line in lines if line.startswith("TOOK"))
        stage.note(f"doctor took {float(took[1]) - float(took[0]):.2f} s in the emulated guest")

        boot = stage.boot(machine, predict=record, when="all faults mended")
        stage.drivers(boot, TAKEN, "what was mended in the guest holds")
