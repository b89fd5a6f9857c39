# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine as data: the listing (NAME.json), what a person added (overlays/NAME.json), the bus topology."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

Bus = tuple[int, int]  # PCI domain, bus number

# What binds on a stock kernel, for listings that have no driver column. Class prefix and vendor -> driver.
USUAL_DRIVERS = {
    "0300:8086": "i915", "0300:1002": "amdgpu", "0300:10de": "nouveau", "0302:10de": "nouveau",
    "0300:1a03": "ast", "0403:": "snd_hda_intel", "0604:": "pcieport", "0c0330:": "xhci_hcd",
    "0106:": "ahci", "0108:": "nvme",
}  # fmt: skip
KMS_DRIVERS = {"i915", "xe", "amdgpu", "radeon", "nouveau", "ast"}


class MachineError(Exception):
    """The data contradict themselves, or leave open what an overlay has to say."""


@dataclass(frozen=True)
class Function:
    """One PCI function."""

    address: str
    vendor: int
    device: int
    subvendor: int
    subdevice: int
    class_code: int
    revision: int
    driver: Optional[str]
    group: Optional[int]
    module: Optional[str] = None  # of the driver, as recorded; None: not recorded, or built in

    @property
    def bus(self) -> Bus:
        domain, bus, _ = self.address.split(":")
        return int(domain, 16), int(bus, 16)

    @property
    def slot(self) -> tuple[int, int]:
        device, function = self.address.split(":")[2].split(".")
        return int(device, 16), int(function, 16)

    @property
    def is_bridge(self) -> bool:
        return self.class_code >> 8 == 0x0604

    @property
    def is_vga(self) -> bool:
        return self.class_code >> 8 == 0x0300

    @property
    def is_display(self) -> bool:
        return self.class_code >> 16 == 0x03

    @property
    def modalias(self) -> str:
        """As the kernel prints it (drivers/pci/pci-sysfs.c, modalias_show)."""
        return (
            f"pci:v{self.vendor:08X}d{self.device:08X}sv{self.subvendor:08X}sd{self.subdevice:08X}"
            f"bc{self.class_code >> 16:02X}sc{self.class_code >> 8 & 0xFF:02X}i{self.class_code & 0xFF:02X}"
        )

    def usual_driver(self) -> Optional[str]:
        for key, driver in USUAL_DRIVERS.items():
            prefix, vendor = key.split(":")
            if f"{self.class_code:06x}".startswith(prefix) and vendor in ("", f"{self.vendor:04x}"):
                return driver
        return None


@dataclass(frozen=True)
class Topology:
    """Which bridge each bus hangs below, from a listing that does not say so.

    Firmware numbers buses depth first. On a bus the bridges (class 0604) are met in the order of their
    device and function numbers; each takes the next free number for its secondary bus, everything below it
    is numbered, then its sibling gets the next free number after that:

        00:01.0 -> 01, and 01:00.0 -> 02, and 02:00.0 -> 03;  00:06.0 -> 04;  00:1c.0 -> 05

    Numbers that firmware keeps free (Thunderbolt ports, hot-plug slots) break the sequence. There an overlay's
    `parents` {bus: bridge} says which bridge owns the bus, and counting goes on from it.

    A bus that no bridge owns is a root bus if it is bus 00 or holds a host bridge (class 0600). Anything else
    is an error in a complete listing. In an incomplete one the bridge was not listed: no bridge is invented,
    and the functions hang directly below the domain's root complex.
    """

    owners: dict[Bus, Optional[Function]]
    subordinate: dict[str, int]
    roots: set[Bus]

    @staticmethod
    def derive(functions: list[Function], complete: bool, fixed: dict[str, str]) -> Topology:
        buses: dict[Bus, list[Function]] = {}
        for function in sorted(functions, key=lambda f: (f.bus, f.slot)):
            buses.setdefault(function.bus, []).append(function)
        secondary = {bridge: int(bus.split(":")[1], 16) for bus, bridge in fixed.items()}
        topology = Topology({}, {}, set())

        def number_below(bus: Bus) -> int:
            """Number the buses below `bus`; the next free number."""
            domain, free = bus[0], bus[1] + 1
            for bridge in (f for f in buses.get(bus, []) if f.is_bridge):
                below = (domain, secondary.get(bridge.address, free))
                if topology.owners.setdefault(below, bridge) is not bridge:
                    raise MachineError(f"two bridges own bus {below[0]:04x}:{below[1]:02x}")
                free = number_below(below)
                topology.subordinate[bridge.address] = free - 1
            return free

        for bus, members in sorted(buses.items()):
            if bus in topology.owners:
                continue
            if bus[1] == 0 or any(f.class_code >> 8 == 0x0600 for f in members):
                topology.roots.add(bus)
            elif complete:
                raise MachineError(f"no bridge owns bus {bus[0]:04x}:{bus[1]:02x}: the overlay must say which")
            topology.owners[bus] = None
            number_below(bus)
        return topology

    @staticmethod
    def recorded(functions: list[Function], parents: dict[str, Optional[str]]) -> Topology:
        """As a machine told it, by each function's own parent."""
        known = {function.address: function for function in functions}
        topology = Topology({}, {}, set())
        for function in functions:
            parent = known.get(parents[function.address] or "")
            topology.owners.setdefault(function.bus, parent)
            if parent is None:
                topology.roots.add(function.bus)
        for bus, owner in topology.owners.items():
            while owner is not None:
                topology.subordinate[owner.address] = max(bus[1], topology.subordinate.get(owner.address, 0))
                owner = topology.owners[owner.bus]
        return topology

    def parent(self, function: Function) -> Optional[Function]:
        return self.owners[function.bus]

    def secondary(self, bridge: Function) -> int:
        return next((bus[1] for bus, owner in self.owners.items() if owner is bridge), 0)

    def path(self, function: Function) -> str:
        """Where the kernel puts it, below /sys/devices."""
        above = self.parent(function)
        if above:
            return f"{self.path(above)}/{function.address}"
        domain, bus = function.bus
        root = bus if function.bus in self.roots else 0
        return f"pci{domain:04x}:{root:02x}/{function.address}"


@dataclass(frozen=True)
class Recorded:
    """What only a report tells."""

    kernels: list[str]
    files: dict[str, list[str]]
    disks: list[str]  # addresses of the functions that one hangs below
    keyboards: list[str]
    keyboard_elsewhere: bool
    reset_methods: dict[str, str]


@dataclass(frozen=True)
class Machine:
    """A listing with one variant of its overlay applied."""

    name: str
    cpu_vendor: str
    cmdline: Optional[str]
    iommu_on: bool
    functions: list[Function]
    topology: Topology
    boot_vga: Optional[str]
    acpi_tables: list[str]
    connectors: dict[str, dict[str, str]] = field(default_factory=dict)
    virtual_functions: dict[str, str] = field(default_factory=dict)
    recorded: Optional[Recorded] = None


def read_overlay(listing: Path) -> dict[str, Any]:
    path = listing.parent / "overlays" / listing.name
    overlay: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return overlay


def variants(listing: Path) -> list[str]:
    """The names of the machine's variants; the first is the default."""
    return list(read_overlay(listing).get("variants", {}))


def load_overlay(listing: Path, variant: Optional[str]) -> dict[str, Any]:
    """The overlay with the chosen variant merged into it; the first one where none is named."""
    overlay = read_overlay(listing)
    choices = overlay.pop("variants", {})
    if variant is None and choices:
        variant = next(iter(choices))
    if variant is not None and variant not in choices:
        raise MachineError(f"{listing.stem} has no variant {variant}; it has: {', '.join(choices) or 'none'}")
    return {**overlay, **(choices[variant] if variant else {})}


def load_recorded(data: dict[str, Any]) -> Machine:
    """What `vfio-switch report` wrote: nothing is filled in."""
    devices = data["devices"]
    functions = [
        Function(d["address"], *(int(d[name] or "0", 16) for name in (
            "vendor", "device", "subvendor", "subdevice", "class", "revision")),
            driver=d["driver"], group=d["iommu_group"], module=d["module"])
        for d in devices
    ]  # fmt: skip
    having = {name: [d["address"] for d in devices if d[name]] for name in ("disk", "keyboard", "boot_vga")}
    return Machine(
        name=data["name"],
        cpu_vendor=data["cpu_vendor"],
        cmdline=data["cmdline"],
        iommu_on=data["iommu"] == "on",
        functions=functions,
        topology=Topology.recorded(functions, {d["address"]: d["parent"] for d in devices}),
        boot_vga=next(iter(having["boot_vga"]), None),
        acpi_tables=data["acpi_tables"],
        connectors={d["address"]: d["connectors"] for d in devices if "connectors" in d},
        virtual_functions={d["address"]: d["physfn"] for d in devices if d["physfn"]},
        recorded=Recorded(data["kernels"], data["files"], having["disk"], having["keyboard"],
                          data["keyboard_elsewhere"],
                          {d["address"]: d["reset_method"] for d in devices if d.get("reset_method")}),
    )  # fmt: skip


def load(listing: Path, variant: Optional[str] = None) -> Machine:
    """Read a listing and its overlay. What neither says is filled in as the README tells."""
    data = json.loads(listing.read_text())
    if "recorded" in data:
        if variant is not None:
            raise MachineError(f"{listing.stem} was recorded: it has no variants")
        return load_recorded(data)
    overlay = load_overlay(listing, variant)
    groups, drivers = overlay.get("iommu_groups", {}), overlay.get("drivers", {})
    fill = overlay.get("usual_drivers", not any(d["driver"] for d in data["devices"]))

    functions = []
    for d in data["devices"]:
        numbers = {
            key: int(d[name] or "0", 16)
            for key, name in (("vendor", "vendor"), ("device", "device"), ("subvendor", "subvendor"),
                              ("subdevice", "subdevice"), ("class_code", "class"), ("revision", "revision"))
        }  # fmt: skip
        address = d["address"]
        function = Function(address, driver=d["driver"], group=groups.get(address, d["iommu_group"]), **numbers)
        if function.driver is None and fill:
            function = replace(function, driver=function.usual_driver())
        if address in drivers:
            function = replace(function, driver=drivers[address])
        functions.append(function)

    table = {"intel": "DMAR", "amd": "IVRS"}.get(data["cpu_vendor"])
    return Machine(
        name=data["name"],
        cpu_vendor=data["cpu_vendor"],
        cmdline=data["cmdline"],
        iommu_on=data["iommu"] == "on",
        functions=functions,
        topology=Topology.derive(functions, data["complete"], overlay.get("parents", {})),
        boot_vga=overlay.get("boot_vga"),
        acpi_tables=overlay.get("acpi_tables", [table] if table and data["iommu"] == "on" else []),
        connectors=overlay.get("connectors", {}),
        virtual_functions=overlay.get("virtual_functions", {}),
    )
