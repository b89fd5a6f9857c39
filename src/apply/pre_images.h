// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/files/file_state.h"
#include "system/files/file_store.h"

namespace vfio_switch {

/// Keeps the bytes of `state` before something else takes their place; see Journal for where.
[[nodiscard]] Result<void> keep_pre_image(FileStore& files, const FileState& state);

/// Puts the bytes of a pre-image in place of its digest, which `state` was read with. An Error
/// where it is missing or damaged.
[[nodiscard]] Result<void> fill_in(const FileReader& files, FileState& state);

/// The paths of those whose digests are not among `needed`.
[[nodiscard]] Result<std::vector<std::string>> other_pre_images(
    const FileReader& files, const std::set<std::string>& needed);

/// True for a leftover that was kept for a transaction which never began.
[[nodiscard]] bool is_pre_image(std::string_view path);

}  // namespace vfio_switch
