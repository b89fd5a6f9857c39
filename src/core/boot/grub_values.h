// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/grub_script.h"

namespace vfio_switch {

/// The values that a variable of GRUB may have: one of `any`, or any text at all where it is open.
/// There is more than one where a condition could not be decided.
struct GrubValues {
  std::vector<std::string> any = {std::string()};
  bool is_open = false;

  bool operator==(const GrubValues&) const = default;

  [[nodiscard]] static GrubValues of(std::string value) { return {{std::move(value)}, false}; }
  [[nodiscard]] static GrubValues open() { return {{std::string()}, true}; }
  /// The value where there is exactly one.
  [[nodiscard]] std::optional<std::string> only() const;
  /// Takes in what `other` can hold.
  void merge(const GrubValues& other);
};

/// The memory of GRUB's scripting language.
struct GrubState {
  std::map<std::string, GrubValues, std::less<>> variables;
  std::set<std::string, std::less<>> exported;
  std::map<std::string, const GrubScript*, std::less<>> functions;
  std::vector<GrubValues> arguments;  ///< $1 is the first
  /// A grubenv could not be read: what no statement sets can have any value.
  bool is_unread = false;

  /// Of a variable that was never set: empty.
  [[nodiscard]] GrubValues value_of(std::string_view name) const;
  void set(std::string_view name, GrubValues values);
  /// Adds the values that variables have after the other branch of a condition.
  void merge(const GrubState& other);
  /// What a submenu begins with: only what is exported.
  [[nodiscard]] GrubState nested() const;
};

/// The arguments that words can become.
struct GrubExpansion {
  std::vector<std::vector<std::string>> ways;  ///< at least one
  std::vector<std::string> open;               ///< the variables of unknown value, taken as empty

  /// The arguments where it is known what they are.
  [[nodiscard]] const std::vector<std::string>* only() const {
    return ways.size() == 1 && open.empty() ? &ways.front() : nullptr;
  }
};

[[nodiscard]] GrubExpansion expand(const std::vector<GrubWord>& words, const GrubState& state);

}  // namespace vfio_switch
