// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// Where a PCI function sits: domain:bus:device.function. Addresses move when cards are added,
/// so one is never kept without the identity of what it held.
struct PciAddress {
  std::uint32_t domain = 0;  ///< 0 to 0xffffffff; VMD controllers use 0x10000 and up
  std::uint8_t bus = 0;
  std::uint8_t device = 0;    ///< 0 to 31
  std::uint8_t function = 0;  ///< 0 to 7

  /// "01:00.0" or "0000:01:00.0"; anything else is nothing.
  [[nodiscard]] static std::optional<PciAddress> parse(std::string_view text);
  /// Always with its domain: "0000:01:00.0".
  [[nodiscard]] std::string str() const;
  /// True for functions of one physical slot.
  [[nodiscard]] bool same_slot(const PciAddress& other) const;

  auto operator<=>(const PciAddress&) const = default;
};

/// Vendor and device, as in `options vfio-pci ids=`.
struct PciId {
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;

  /// "10de:2d04" in either case; anything else is nothing.
  [[nodiscard]] static std::optional<PciId> parse(std::string_view text);
  [[nodiscard]] std::string str() const;

  auto operator<=>(const PciId&) const = default;
};

/// The 24-bit class code of sysfs `class`: base class, subclass, programming interface.
struct PciClass {
  std::uint32_t code = 0;

  [[nodiscard]] std::uint16_t subclass() const { return static_cast<std::uint16_t>(code >> 8U); }
  [[nodiscard]] std::uint8_t base() const { return static_cast<std::uint8_t>(code >> 16U); }
  /// Any display controller, 03xx.
  [[nodiscard]] bool is_display() const { return base() == 0x03; }
  /// PCI-to-PCI bridge, 0604.
  [[nodiscard]] bool is_pci_bridge() const { return subclass() == 0x0604; }
  /// Host bridge, 0600, or PCI-to-PCI bridge: shares an IOMMU group without being a user of it.
  [[nodiscard]] bool is_bridge() const { return subclass() == 0x0600 || is_pci_bridge(); }
  [[nodiscard]] std::string str() const;  ///< "0x030000"

  auto operator<=>(const PciClass&) const = default;
};

/// A display connector of a GPU, from /sys/class/drm.
struct Connector {
  std::string name;  ///< "card0-HDMI-A-1"
  bool connected = false;

  bool operator==(const Connector&) const = default;
};

/// How the host uses what hangs below a function, so that it would lose it with the function.
struct HostUse {
  enum class Kind {
    mounted,    ///< a disk or partition; `where`: the mount point
    listed,     ///< a disk or partition that /etc/fstab mounts; `where`: the mount point
    swap,       ///< a disk or partition
    assembled,  ///< a disk or partition; `where`: "md127", "vg0-home", "ZFS"
    unknown,    ///< a disk or partition: what is mounted cannot be read
    route,      ///< a network interface: the default route leads through it
  };

  Kind kind = Kind::unknown;
  std::string what;  ///< "sda1", "enp3s0"
  std::string where = {};

  bool operator==(const HostUse&) const = default;
};

/// One PCI function as sysfs shows it.
struct PciDevice {
  PciAddress address;
  PciId id;
  PciId subsystem;  ///< 0000:0000 where the function has none
  PciClass device_class;
  std::string modalias;               ///< as in sysfs `modalias`
  std::string name;                   ///< from the hardware database; for people only
  std::optional<std::string> driver;  ///< bound driver; nothing where none is
  std::optional<std::string>
      driver_module;            ///< module of that driver (driver xhci_hcd, module xhci_pci)
  std::string driver_override;  ///< empty where unset
  std::optional<unsigned> iommu_group;
  /// Drove the display at boot: `boot_vga` or `boot_display` is 1. VGA functions (0300) have the
  /// first, 0 or 1. The second is there, always 1, only for the display with the firmware's
  /// framebuffer, of any class (Linux, arch/x86/video/video-common.c, video_is_primary_device).
  std::optional<bool> boot_vga;
  bool thunderbolt = false;         ///< part of a Thunderbolt or USB4 controller
  bool virtual_function = false;    ///< an SR-IOV virtual function (sysfs `physfn`)
  std::vector<PciAddress> bridges;  ///< above it, from the root port down to its parent
  std::vector<Connector> connectors;
  std::vector<std::string> dependants;  ///< what is below it: "disk sda", "the only keyboard"
  std::vector<std::string> disks;       ///< whole ones below it: "nvme0n1"
  std::vector<HostUse> uses;            ///< of its disks and network interfaces
  bool keyboard = false;                ///< a keyboard is below it

  bool operator==(const PciDevice&) const = default;
};

/// True for the bridges of Intel's Thunderbolt controllers, as the PCI ID database lists them. Only
/// Intel makes both such bridges and graphics cards with a switch of their own.
[[nodiscard]] bool is_thunderbolt(PciId id);

/// The identity of a function: the single attribute `modalias` contains what six others would say.
struct PciIdentity {
  PciId id;
  PciId subsystem;
  PciClass device_class;

  bool operator==(const PciIdentity&) const = default;
};

/// A modalias as the kernel prints it for a PCI function (drivers/pci/pci-sysfs.c, modalias_show).
[[nodiscard]] std::optional<PciIdentity> parse_modalias(std::string_view text);

}  // namespace vfio_switch
