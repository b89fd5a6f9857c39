# SPDX-License-Identifier: GPL-3.0-or-later
"""What boots is a copy: who gets each function, as status says of the copy, and as the copy shows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from copied_disk import IMAGE, CopyGuest, ProxmoxGuest
from guest import OBSERVE
from harness import NATIVE, TAKEN
from loader_disk import EFI_PACKAGES, HOST_WORD, packages
from loaders import ENABLE, SETTINGS, Entry, installed, set_up, words
from package import status_of
from story import Stage, story


def for_host(entry: Entry) -> bool:
    return HOST_WORD in words(entry.line)


@story("copied", needs_deb=True, minutes=6, why="which cli/test_copies.py has on sysroots")
def copied(stage: Stage) -> None:
    """A hook copies kernel and image to the ESP: enabled, a new kernel, disabled, and a copy that is out of date."""
    with CopyGuest(stage.name) as machine, tempfile.TemporaryDirectory(prefix="vm-loader-") as scratch:
        told = set_up(stage, machine, packages("efi", EFI_PACKAGES), Path(scratch))
        (old,) = {entry.release for entry in told.menu}
        told.boot(told.default(), "before enable", NATIVE, record_sysfs=True)

        machine.chroot("rm", SETTINGS)
        before = machine.chroot("sha256sum", IMAGE).stdout
        said = machine.chroot("vfio-switch", "enable", record=told.record).stdout
        stage.check("At the next boot" in said, "enable says what the next boot does", said)
        stage.check(machine.chroot("sha256sum", IMAGE).stdout != before, "the hook has copied the image")
        told.ask("enabled")
        told.boot(told.default(), "enabled", TAKEN, choose=told.other(for_host))
        told.boot(told.other(for_host), "enabled, for the host", NATIVE)

        told.new_kernel()
        told.ask("a new kernel")
        stage.check(told.default().release != old, "a new kernel: it is the default")
        older = told.other(lambda entry: entry.release == old)
        told.boot(told.default(), "a new kernel", TAKEN, choose=older)
        told.boot(older, "a new kernel, the old one's entry", TAKEN)

        machine.chroot("sh", "-euc", f"cp {IMAGE} /opt/vm/taken; vfio-switch disable", record=told.record)
        told.ask("disabled")
        told.boot(told.default(), "disabled", NATIVE)

        # Out of date: the copy still takes the card, which the image that it was made from does not.
        machine.chroot("cp", "/opt/vm/taken", IMAGE)
        told.ask("an outdated copy")
        said = machine.chroot("vfio-switch", "status", record=told.record).stdout
        stage.check(f"the boot loader starts {IMAGE}, which is an outdated copy of" in said,
                    "an outdated copy: status names it", said)
        stage.check("kernelstub" in said, "an outdated copy: status names what copies", said)
        told.boot(told.default(), "an outdated copy", TAKEN)


LOOK = """
echo STATUS-BEGIN; vfio-switch COMMAND --json; echo STATUS-END
! grep -q vfat /proc/mounts || exit 1
"""


@story("unmounted", needs_deb=True, minutes=4, why="for which cli/test_copies.py has a tool that copies to where nobody sees it")
def unmounted(stage: Stage) -> None:
    """Proxmox's ESP, which is not mounted: verify looks at it, enable has it written, status goes by what was proved."""
    verify, status = (LOOK.replace("COMMAND", command) for command in ("verify", "status"))
    with ProxmoxGuest(stage.name) as machine, tempfile.TemporaryDirectory(prefix="vm-loader-") as scratch:
        installed(stage, machine, packages("efi", EFI_PACKAGES), Path(scratch))
        release = machine.kernels()[-1]

        def next_boot(output: str) -> tuple[str, str | None]:
            said = status_of(output)
            entry = next((entry for entry in said["entries"] if entry["default"]), None)
            return said["next_boot"], entry and entry["id"]

        boot = stage.boot(machine, f"{OBSERVE}{status}")
        stage.drivers(boot, NATIVE, "before enable")
        stage.equal(next_boot(boot.output), ("unknown", None), "before enable: status does not look there")
        boot = stage.boot(machine, f"{OBSERVE}{ENABLE}{verify}", timeout=300)
        stage.equal(next_boot(boot.output), ("vfio", f"proxmox-{release}.conf"), "enabled: verify proves the entry on the ESP")
        stage.check("not proved" not in boot.output, "enabled: nothing is left unproved", boot.output)
        boot = stage.boot(machine, f"{OBSERVE}{status}")
        stage.drivers(boot, TAKEN, "after enable")
        entry = status_of(boot.output)["entries"][0]
        stage.equal((entry["id"], bool(entry["as_of"])), (f"proxmox-{release}.conf", True),
                    "enabled: status goes by what was proved, with its time")
