// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace vfio_switch {

/// One `key = value` of a profile or of the settings, with its line for messages.
/// Boost's parse_config_file is not used: it gives no line numbers and cuts values at '#'.
struct KeyValue {
  std::string key;
  std::string value;
  int line = 0;  ///< from 1
};

/// Parses `key = value` lines; blank lines and lines that start with '#' are skipped.
/// Anything else is an Error (usage) that names `file` and the line.
[[nodiscard]] Result<std::vector<KeyValue>> parse_key_values(std::string_view file,
                                                             std::string_view text);

/// The Error for a key that `file` may not hold, or may not hold twice.
[[nodiscard]] std::unexpected<Error> bad_key(std::string_view file, const KeyValue& entry,
                                             std::string_view why);

}  // namespace vfio_switch
