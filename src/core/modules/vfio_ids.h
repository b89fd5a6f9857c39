// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// One entry of vfio-pci's `ids` parameter: vendor:device[:subvendor[:subdevice[:class[:mask]]]],
/// hexadecimal, read as the kernel reads it (drivers/vfio/pci/vfio_pci.c, vfio_pci_fill_ids).
struct VfioId {
  PciId id;
  std::optional<std::uint16_t> subvendor = {};  ///< nothing: any
  std::optional<std::uint16_t> subdevice = {};  ///< nothing: any
  std::uint32_t device_class = 0;
  std::uint32_t class_mask = 0;  ///< the bits of the class that count; 0: any class

  /// Nothing where vendor and device are not both numbers: the kernel warns, and goes on.
  [[nodiscard]] static std::optional<VfioId> parse(std::string_view text);
  /// As short as it can be said: "10de:2d04".
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool matches(const PciDevice& device) const;
  /// True if every device that `other` matches is matched by this one too.
  [[nodiscard]] bool covers(const VfioId& other) const;

  auto operator<=>(const VfioId&) const = default;
};

/// The devices that a list of ids gives to vfio-pci: a set, in which order and repetition mean
/// nothing. Every place that has such a list is read by it: `options` lines, kernel command lines,
/// arguments in the initramfs tools' lists of modules.
class VfioIds {
 public:
  VfioIds() = default;
  explicit VfioIds(std::set<VfioId> ids) : ids_(std::move(ids)) {}
  /// Every device of `ids`, whatever its subsystem and class.
  explicit VfioIds(const std::set<PciId>& ids);

  /// What stands behind `ids=`, with or without quotes round it.
  [[nodiscard]] static VfioIds parse(std::string_view list);

  [[nodiscard]] bool empty() const { return ids_.empty(); }
  [[nodiscard]] const std::set<VfioId>& ids() const { return ids_; }
  [[nodiscard]] bool match(const PciDevice& device) const;
  /// True if every entry of `other` is covered by one of these.
  [[nodiscard]] bool cover(const VfioIds& other) const;
  void add(const VfioIds& others);
  /// Without the entries that have one of these vendors and devices.
  [[nodiscard]] VfioIds without(const std::set<PciId>& ids) const;
  /// "10de:2d04,10de:22eb", sorted.
  [[nodiscard]] std::string str() const;
  /// The words that the kernel would warn of, as they stand there.
  [[nodiscard]] const std::vector<std::string>& not_understood() const { return not_understood_; }

  /// The words that the kernel ignores make no difference.
  bool operator==(const VfioIds& other) const { return ids_ == other.ids_; }

 private:
  std::set<VfioId> ids_;
  std::vector<std::string> not_understood_;
};

/// The ids that a word of a kernel command line gives to vfio-pci, `vfio-pci.ids=` or
/// `vfio_pci.ids=`; nothing where it is another word. An empty set is the request to take nothing.
[[nodiscard]] std::optional<VfioIds> ids_parameter(std::string_view word);

/// The ids that a module's options, the words behind `options vfio-pci`, give it: the last `ids=`
/// counts (module_param_string). Nothing where there is none.
[[nodiscard]] std::optional<VfioIds> ids_option(std::string_view options);

/// The ids of a kernel command line: of several words the last counts. Nothing where it has none.
[[nodiscard]] std::optional<VfioIds> ids_of_command_line(std::string_view command_line);

/// The ids that modprobe.d gives: of all `options vfio-pci` lines the last `ids=` wins, since each
/// overwrites the module's string parameter. Nothing where there is none.
[[nodiscard]] std::optional<VfioIds> ids_of_modprobe(
    const std::vector<ModprobeDirective>& directives);

}  // namespace vfio_switch
