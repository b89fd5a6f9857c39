// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace vfio_switch {

/// How libkmod reads modprobe.d, as far as its releases differ (NEWS, libkmod/libkmod-config.c and
/// shared/util.c of kmod).
struct ModprobeRules {
  /// One of each kind, the oldest first.
  static constexpr std::array releases = {31, 32, 33, 34};

  /// Of kmod. Where it is not known, and nobody asks for possible_readings(), the oldest counts,
  /// which reads the most.
  std::optional<int> release;

  /// Names that end in ".alias" count as those that end in ".conf".
  [[nodiscard]] bool reads_alias_files() const { return number() < 33; }
  /// /usr/lib/modprobe.d is looked into before /lib/modprobe.d.
  [[nodiscard]] bool reads_usr_lib() const { return number() >= 32; }
  /// A link that leads nowhere counts as no file. Before, it may be one that hides others.
  [[nodiscard]] bool passes_over_dangling() const { return number() >= 34; }
  /// A backslash that ends a file makes EOF a character of the last line.
  [[nodiscard]] bool takes_end_for_character() const { return number() < 34; }

  bool operator==(const ModprobeRules&) const = default;

 private:
  [[nodiscard]] int number() const { return release.value_or(releases.front()); }
};

/// The release of kmod that a library comes from, by the full name of its file: "libkmod.so.2.4.0"
/// is of 30. Nothing where that is not known, as of those to come.
[[nodiscard]] std::optional<int> release_of_libkmod(std::string_view file);

}  // namespace vfio_switch
