# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot came to: predicted by the root file system alone, checked at the login, and the ways back."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from guest import BootResult, Guest, OBSERVE
from harness import AUDIO, GPU, NATIVE, TAKEN
from package import PACKAGE, STATUS, rebuilds, status_of
from story import Stage, story

SETTINGS = "/etc/vfio-switch.conf"
COUNT = "/var/lib/vfio-switch/boots"
HOOK = "/usr/lib/vfio-switch/vfio-switch-hook"
EARLY = "/etc/systemd/system/early-radeon.service"
# The card's driver is loaded before anything asks for it, with no configuration: what nobody expects.
EARLY_UNIT = """\
[Unit]
DefaultDependencies=no
Before=systemd-udev-trigger.service systemd-modules-load.service
[Service]
Type=oneshot
ExecStart=/sbin/modprobe -C /opt/vm radeon
[Install]
WantedBy=sysinit.target
"""
# The check runs beside the job: both come after the login target.
CHECKED = f"""
systemctl start vfio-switch-boot-check
{OBSERVE}{STATUS}
echo MOTD-BEGIN; cat /run/motd.d/vfio-switch 2>/dev/null; echo MOTD-END
echo JOURNAL-BEGIN; journalctl -b -o json SYSLOG_IDENTIFIER=vfio-switch; echo JOURNAL-END
systemctl --failed --no-legend --plain 'vfio-switch*' | sed 's/^/failed-unit /'
journalctl -b -o cat | grep -F 'ordering cycle' | sed 's/^/cycle /'
"""
ENABLE = """
read -r begun _ </proc/uptime
vfio-switch enable 2>&1 || exit 1
read -r ended _ </proc/uptime
echo "TOOK $begun $ended"
"""
# A boot that ends before the login target. The unit that counts runs beside the rest.
CUT_OFF = f"""
until systemctl show -p SubState vfio-switch-boot-begin | grep -q exited; do sleep 0.2; done
cat {COUNT}
"""


def between(text: str, name: str) -> str:
    return text.split(f"{name}-BEGIN\n")[1].split(f"{name}-END")[0]


def checked(stage: Stage, boot: BootResult, codes: list[str], when: str) -> dict:
    """What the check of this boot found, where status, the journal and the motd have it."""
    record = status_of(boot.output)["boot_check"] or {"findings": [], "good": None, "this_boot": None, "action": None}
    stage.equal(sorted({finding["code"] for finding in record["findings"]}), sorted(codes), f"{when}: what the check finds")
    stage.equal((record["good"], record["this_boot"]), (not codes, True), f"{when}: status knows what came of this boot")
    entries = [json.loads(line) for line in between(boot.output, "JOURNAL").splitlines() if line.startswith("{")]
    results = [entry["VFIO_SWITCH_RESULT"] for entry in entries if "VFIO_SWITCH_RESULT" in entry]
    stage.equal(results, ["fell-short" if codes else "good"], f"{when}: the journal has the result in a field")
    stage.equal(sorted({entry["VFIO_SWITCH_FINDING"] for entry in entries if "VFIO_SWITCH_FINDING" in entry}),
                sorted(codes), f"{when}: the journal has each finding in a field")
    stage.equal(bool(between(boot.output, "MOTD")), bool(codes), f"{when}: who logs in is warned, or not")
    if codes:
        stage.check("vfio-pci.ids=" in between(boot.output, "MOTD"), f"{when}: the warning names the way out")
    stage.equal([line for line in boot.output.splitlines() if line.startswith("failed-unit")], [],
                f"{when}: no unit of ours failed")
    stage.equal([line for line in boot.output.splitlines() if line.startswith("cycle")], [],
                f"{when}: no unit waits for one that waits for it")
    return record


def switching_times(stage: Stage, machine: Guest, record: Path) -> None:
    """What a switch costs without builds, and with them."""
    taken = []
    for words in (("disable",), ("enable",), ("disable", "--rebuild"), ("enable", "--rebuild")):
        started = time.monotonic()
        said = machine.chroot("vfio-switch", *words, record=record).stdout
        taken.append(time.monotonic() - started)
        builds = len(rebuilds(said))
        stage.equal(builds, 1 if "--rebuild" in words else 0, f"{' '.join(words)}: {builds} images are built")
    stage.note(f"a switch without a build {max(taken[:2]):.2f} s, with one {min(taken[2:]):.2f} s: "
               f"{min(taken[2:]) - max(taken[:2]):.2f} s saved, on this machine's own processor")


@story("boots", needs_deb=True, minutes=5, why="whose rows cli/test_boot.py has on roots")
def boots(stage: Stage) -> None:
    """Boot check and lock-out protection: pending, normal, not as expected, failed twice, no display."""
    record = stage.untouched().record
    with Guest("boots") as machine:
        machine.copy_in(stage.deb, PACKAGE)
        said = machine.chroot("sh", "-euc", f"apt-get install -y {PACKAGE} 2>&1", record=record, process_one=False).stdout
        stage.check("setup is pending" in said, "installed in a chroot: the set-up is pending", said)

        boot = stage.boot(machine, CHECKED + ENABLE, init="systemd")
        checked(stage, boot, ["set-up-pending"], "the first real boot")
        stage.drivers(boot, NATIVE, "the first real boot")
        stage.check("initramfs rebuild not needed" in boot.output, "enable: it is proved that no image has to be built")
        stage.equal(rebuilds(boot.output), [], "enable: no image is built")
        begun, ended = map(float, boot.output.split("TOOK ")[1].split()[:2])
        stage.note(f"enable without a build took {ended - begun:.2f} s in the emulated guest")

        boot = stage.boot(machine, CHECKED, init="systemd", predict=record, when="the root file system decides")
        checked(stage, boot, [], "a normal boot")
        stage.drivers(boot, TAKEN, "a normal boot")
        stage.equal(boot.claimed_in, "realroot", "a normal boot: claimed in the real root")

        machine.write_file(EARLY, EARLY_UNIT)
        machine.chroot("systemctl", "enable", "early-radeon.service")
        boot = stage.boot(machine, CHECKED, init="systemd")
        found = checked(stage, boot, ["not-as-expected"], "not as expected")
        stage.drivers(boot, TAKEN | {GPU: "radeon"}, "not as expected")
        stage.equal([(d["address"], d["expected"], d["observed"]) for d in found["devices"]],
                    [(GPU, "vfio-pci", "radeon"), (AUDIO, "vfio-pci", "vfio-pci")], "not as expected: both are told")
        machine.chroot("systemctl", "disable", "early-radeon.service")

        for number in (1, 2):
            boot = stage.boot(machine, CUT_OFF, init="systemd", cmdline="systemd.unit=basic.target")
            stage.check(boot.output.startswith(f"{number} "), f"failed boot {number}: it is counted", boot.output)
        said = machine.chroot(HOOK, "drivers-changed", record=record).stdout
        stage.check(re.search(r"2 boots in a row did not reach the login\.\n.*Run:\n.* vfio-switch disable\n", said),
                    "two failed boots: the package's hook says so, and offers a disable", said)

        # The third does reach it, and the host has no display: bochs alone would give it one.
        boot = stage.boot(machine, CHECKED, init="systemd", cmdline="module_blacklist=bochs")
        found = checked(stage, boot, ["failed-boots", "no-display"], "no display")
        stage.drivers(boot, TAKEN | {"0000:00:02.0": None}, "no display")
        stage.equal(found["action"], "disabled", "no display: passthrough is disabled")
        stage.check("passthrough was disabled" in boot.console, "no display: the console is told", boot.console[-2000:])
        stage.equal(status_of(boot.output)["next_boot"], "host", "no display: the next boot is the host's")
        stage.check(not machine.exists(COUNT), "no display: a boot that reached the login is counted no more")

        machine.write_file(SETTINGS, "auto-disable = yes\n")
        machine.chroot("vfio-switch", "enable", record=record)
        machine.write_file(COUNT, "2 earlier\n")
        boot = stage.boot(machine, CUT_OFF.replace("cat", "ls") + STATUS, init="systemd",
                          cmdline="systemd.unit=basic.target")
        status = status_of(boot.output)
        stage.equal((status["intent"], status["next_boot"]), ("disabled", "host"),
                    "auto-disable = yes: passthrough is taken back before the login")
        stage.check("passthrough was disabled" in boot.console, "auto-disable = yes: the console is told",
                    boot.console[-2000:])
        machine.chroot("vfio-switch", "enable", record=record)
        switching_times(stage, machine, record)
