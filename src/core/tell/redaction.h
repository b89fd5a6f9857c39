// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

// What of somebody's configuration a report may tell: only what is known to be harmless, and only
// where it is spelled as expected. Each gives one line for each line of `text`, empty where it may
// not be told, so that the others keep their numbers.

/// modprobe.d(5): softdeps, blacklists, aliases, vfio's options, and `install` commands that are
/// nothing but calls of modprobe; any other command is replaced by "not-told", which modprobe does
/// not understand either.
[[nodiscard]] std::vector<std::string> told_modprobe(std::string_view text);
/// A file that the program generated, with its digest: its own lines, and of those that are kept in
/// it what may be told of modprobe.d.
[[nodiscard]] std::string told_generated(const std::string& content);
/// A list of modules: their names, without options.
[[nodiscard]] std::vector<std::string> told_module_list(std::string_view text);
/// xorg.conf(5): BusID alone.
[[nodiscard]] std::vector<std::string> told_xorg(std::string_view text);
/// udev rules: that a PCI display is attached to a seat, and which.
[[nodiscard]] std::vector<std::string> told_seat_rules(std::string_view text);
/// os-release(5): ID, ID_LIKE and VERSION_ID.
[[nodiscard]] std::vector<std::string> told_os_release(std::string_view text);
/// /etc/vfio-switch.conf: `device`.
[[nodiscard]] std::vector<std::string> told_settings(std::string_view text);
/// The name of a PRIME profile; empty where it is another word.
[[nodiscard]] std::string told_prime_profile(std::string_view text);

/// Of a kernel command line what concerns the IOMMU, vfio, drivers, and how the system was started.
[[nodiscard]] std::string told_command_line(std::string_view text);

/// True where a word of a command line may be told at least as far as its key: "amd_iommu=".
[[nodiscard]] bool is_told_key(std::string_view key);

/// True where a path tells nothing but a path.
[[nodiscard]] bool may_be_told(std::string_view path);

/// Takes names and addresses out of text, wherever they stand: a net below what is hidden by type.
class Scrubber {
 public:
  /// `names` of hosts, users and virtual machines; short ones and words of our own are left alone.
  explicit Scrubber(const std::vector<std::string>& names);

  /// `text` with each name, home directory, network address, UUID and machine id replaced.
  [[nodiscard]] std::string operator()(std::string text) const;

 private:
  std::vector<std::string> names_;
};

}  // namespace vfio_switch
