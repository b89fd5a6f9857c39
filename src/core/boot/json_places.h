// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A value of a JSON text and where it stands, so that one can be edited with no other byte
/// changed.
struct JsonPlace {
  char kind = '\0';  ///< its first character: '{', '[', '"', or that of a number or a name
  std::size_t begin = 0;
  std::size_t end = 0;
  std::vector<std::string> keys = {};  ///< of an object
  std::vector<JsonPlace> parts = {};   ///< of an object or an array, in order

  [[nodiscard]] std::string_view of(std::string_view text) const {
    return text.substr(begin, end - begin);
  }
  /// An object's part; of several with one key the last. Null where there is none.
  [[nodiscard]] const JsonPlace* find(std::string_view key) const;
};

/// Nothing where `text` is no JSON.
[[nodiscard]] std::optional<JsonPlace> find_json_places(std::string_view text);

/// The characters of a string, which is written with its quotes; nothing where it is none.
[[nodiscard]] std::optional<std::string> json_string(std::string_view written);

}  // namespace vfio_switch
