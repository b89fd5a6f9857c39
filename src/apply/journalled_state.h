// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/files/file_state.h"

namespace vfio_switch {

using Json = nlohmann::ordered_json;

/// A state as the journal's log holds it: the digest of its bytes in place of them. See Journal.
[[nodiscard]] Json json_of(const FileState& state);

/// The state that json_of() wrote, its bytes known by their digest alone. Throws where it is none.
[[nodiscard]] FileState state_from(const Json& json);

/// The content of a file or the target of a link; null for every other kind.
[[nodiscard]] std::string* bytes_of(FileState& state);
[[nodiscard]] const std::string* bytes_of(const FileState& state);

/// The SHA-256 of a state's bytes: computed from them, or the digest that the journal kept in their
/// place.
[[nodiscard]] std::string digest_of(const std::string& bytes);

/// True if the state was read from the journal, and its bytes are known by their digest alone.
[[nodiscard]] bool is_lost(const FileState& state);

/// True if both mean the same thing at a path: kind, and content or target. A journalled `after`
/// is compared by digest.
[[nodiscard]] bool same_content(const FileState& left, const FileState& right);

}  // namespace vfio_switch
