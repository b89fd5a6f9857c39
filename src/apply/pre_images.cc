// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/pre_images.h"

#include <utility>

#include "apply/journalled_state.h"
#include "core/base/sha256.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

const std::string pre_image_directory = state_directory + "/journal/pre-images";

std::string pre_image_path(const std::string& digest) {
  return pre_image_directory + "/" + digest;
}

}  // namespace

/// Keeps the bytes of `state` before something else takes their place.
Result<void> keep_pre_image(FileStore& files, const FileState& state) {
  const auto* bytes = bytes_of(state);
  if (bytes == nullptr) return {};
  return files.replace(pre_image_path(sha256(*bytes)), RegularFile{*bytes, 0600, 0, 0, 0});
}

/// Puts the bytes of a pre-image in place of its digest.
Result<void> fill_in(const FileReader& files, FileState& state) {
  auto* bytes = bytes_of(state);
  if (bytes == nullptr) return {};
  const auto digest = digest_of(*bytes);
  auto content = files.read(pre_image_path(digest));
  if (!content) return failure_of(content);
  if (!*content || sha256(**content) != digest) {
    return fail(pre_image_path(digest) + " is missing or damaged",
                "Nothing was changed. Restore the file from a backup: without it, 'vfio-switch "
                "rollback' is not possible.");
  }
  *bytes = std::move(**content);
  return {};
}

Result<std::vector<std::string>> other_pre_images(const FileReader& files,
                                                  const std::set<std::string>& needed) {
  auto names = files.list(pre_image_directory);
  if (!names) return names;
  std::vector<std::string> others;
  for (const auto& name : *names) {
    if (!needed.contains(name)) others.push_back(pre_image_path(name));
  }
  return others;
}

bool is_pre_image(std::string_view path) {
  return path.starts_with(pre_image_directory + "/");
}

}  // namespace vfio_switch
