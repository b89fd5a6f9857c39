# SPDX-License-Identifier: GPL-3.0-or-later
"""What boots is a copy: who gets each function, as status says of the copy, and as the copy shows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from copied_disk import IMAGE, CopyGuest
from harness import NATIVE, TAKEN
from loader_disk import EFI_PACKAGES, HOST_WORD, packages
from loaders import SETTINGS, Entry, set_up, words
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
