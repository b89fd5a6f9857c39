# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out where something is wrong already: libraries that are gone, and a function that hangs."""

from __future__ import annotations

import re

from guest import Guest, OBSERVE
from harness import AUDIO, NATIVE, TAKEN
from package import PACKAGE
from story import Stage, story

HOOK = "/usr/lib/vfio-switch/vfio-switch-hook"
# Hidden from our programs alone: udev and systemd need theirs.
WITHOUT_LIBRARIES = f"""
cat >/run/vm/hidden <<'END'
set -eu
for library in libkmod libudev libarchive libboost_program_options; do
    for file in /usr/lib/*/$library.so*; do
        [ ! -f "$file" ] || [ -L "$file" ] || mount --bind /dev/null "$file"
    done
done
if vfio-switch status; then echo PROGRAM-STILL-STARTS; fi
{HOOK} disable
END
echo 'devices = 01:00.0' >>/etc/vfio-switch.conf
unshare --mount --propagation private sh /run/vm/hidden
update-initramfs -u -k all >/dev/null 2>&1  # which needs some of them itself
sync
"""
# An unbind waits for whoever holds the card's sound control, and with it everybody who reads an attribute
# that takes the device's lock. Before the end it is let go, or the guest could not be switched off.
HELD = f"""
took() {{
    name=$1; shift
    read -r begun _ </proc/uptime
    "$@" >/run/vm/said 2>&1
    status=$?
    read -r ended _ </proc/uptime
    echo "TOOK $when $name $status $begun $ended"
}}
all() {{
    when=$1
    took devices vfio-switch devices
    took status vfio-switch status
    took doctor vfio-switch doctor
    took report vfio-switch report --output /run/vm/report-$when
    took way-out {HOOK} pre-remove
}}
card=$(echo /sys/bus/pci/devices/{AUDIO}/sound/card*)
node=/dev/snd/controlC${{card##*card}}
ls -l "$node" || exit 1
all before
sleep 1000 <"$node" &
holder=$!
echo {AUDIO} >/sys/bus/pci/drivers/snd_hda_intel/unbind &
unbind=$!
sleep 3
if kill -0 $unbind; then echo UNBIND-HANGS; fi
all during
kill $holder
wait $unbind
echo UNBIND-ENDED
"""
SECONDS = 2


@story("way-out", needs_deb=True, minutes=6, why="which cli/test_way_out.py and packages/debian have on roots")
def way_out(stage: Stage) -> None:
    """Without libkmod, libudev, libarchive and Boost, with a typo in the settings; and beside an unbind that hangs."""
    record = stage.untouched().record
    with Guest("way-out") as machine:
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        boot = stage.boot(machine, WITHOUT_LIBRARIES + OBSERVE, timeout=600)
        stage.drivers(boot, TAKEN, "set up")
        stage.check("PROGRAM-STILL-STARTS" not in boot.output, "the program that plans cannot start", boot.output)
        text = machine.read_file("/etc/modprobe.d/vfio.conf")
        stage.check(all(line.startswith(b"#") for line in text.splitlines()), "the way out comments every line out", boot.output)

        boot = stage.boot(machine, OBSERVE + HELD, timeout=600)
        stage.drivers(boot, NATIVE, "after the way out and a reboot")
        stage.equal(boot.claimed_in, "none", "after the way out and a reboot: vfio-pci claimed nothing")
        if not stage.check("UNBIND-HANGS" in boot.output, "an unbind hangs as long as the control is held", boot.output):
            return
        took = {(when, name): float(ended) - float(begun) for when, name, begun, ended in
                re.findall(r"^TOOK (\S+) (\S+) \d+ (\S+) (\S+)$", boot.output, re.MULTILINE)}  # fmt: skip
        stage.equal(len(took), 10, "every command came to its end")
        for name in ("devices", "status", "doctor", "report", "way-out"):
            # Without KVM a start alone takes longer than on any machine.
            before, during = took.get(("before", name), 0.0), took.get(("during", name), 1e9)
            stage.check(during <= max(SECONDS, before + SECONDS),
                        f"{name} returns beside a function whose unbind hangs", f"{before:.2f} s before, {during:.2f} s then")
        stage.check("UNBIND-ENDED" in boot.output, "the unbind ends when the control is let go", boot.output)
