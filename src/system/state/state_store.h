// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/cards/intent.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

inline const std::string state_directory = "/var/lib/vfio-switch";
inline const std::string state_path = state_directory + "/state.json";
/// What pre-remove leaves for a package whose scriptlets build the images when the program is gone:
/// a release and a path a line.
inline const std::string images_path = state_directory + "/images";

/// What an earlier run remembered; Intent::unset where there is no state.json. An Error where
/// the file is damaged, or of a newer version.
[[nodiscard]] Result<State> load_state(const FileReader& files);

/// The content of state.json for `state`.
[[nodiscard]] std::string render_state(const State& state);

}  // namespace vfio_switch
