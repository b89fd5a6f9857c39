// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"

namespace vfio_switch {

/// What a reader of menus gets when it asks for a file that another file names.
struct SourceText {
  enum class State { absent, present, unknown };

  State state = State::absent;
  std::string text;      ///< where present
  std::string path;      ///< as seen inside the root; empty where that is not known
  BootUnknown why = {};  ///< where unknown

  [[nodiscard]] static SourceText of(std::string text, std::string path) {
    return {State::present, std::move(text), std::move(path), {}};
  }
  [[nodiscard]] static SourceText unknown(BootUnknown why) {
    return {State::unknown, {}, {}, std::move(why)};
  }
};

/// The same for the names in a directory.
struct SourceNames {
  SourceText::State state = SourceText::State::absent;
  std::vector<std::string> names;
  BootUnknown why = {};
};

enum class SourceKind { absent, file, directory, unknown };

/// How readers that are pure get at the files that a text names: the caller looks them up.
struct BootSources {
  std::function<SourceText(const BootFile&)> read;
  std::function<SourceNames(const BootFile&)> list;
  std::function<SourceKind(const BootFile&)> kind;
};

/// Sources in which nothing exists.
[[nodiscard]] inline BootSources no_sources() {
  return {[](const BootFile&) { return SourceText(); },
          [](const BootFile&) { return SourceNames(); },
          [](const BootFile&) { return SourceKind::absent; }};
}

}  // namespace vfio_switch
