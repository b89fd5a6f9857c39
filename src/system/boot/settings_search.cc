// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/settings_search.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "system/files/best_effort.h"

namespace vfio_switch {

SettingsSearch::SettingsSearch(const FileReader& files) : files_(files) {
  constexpr std::array<const char*, 4> points = {"/boot", "/efi", "/boot/efi", "/esp"};
  std::ranges::copy_if(points, std::back_inserter(partitions_),
                       [&](const char* path) { return files.exists(path); });
}

bool SettingsSearch::has_program(const std::string& name) const {
  constexpr std::array<const char*, 4> directories = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
  return std::ranges::any_of(
      directories, [&](const std::string& directory) { return files_.exists(directory + name); });
}

std::string SettingsSearch::text(const std::string& path) const {
  return text_of(files_, path);
}

void SettingsSearch::observe(ParameterSyntax syntax, const std::string& path,
                             std::vector<ParameterFile>& to) {
  auto status = files_.status(path);
  if (status && !*status) return;
  auto state = files_.state(path);
  if (!state) {
    problem_ = state.error().message;
    return;
  }
  to.push_back({syntax, path, std::move(*state)});
}

void SettingsSearch::observe_directory(ParameterSyntax syntax, const std::string& directory,
                                       std::string_view suffix, std::vector<ParameterFile>& to) {
  auto names = files_.list(directory);
  if (!names) {
    problem_ = names.error().message;
    return;
  }
  for (const auto& name : *names) {
    if (name.ends_with(suffix)) observe(syntax, directory + "/" + name, to);
  }
}

std::vector<ParameterFile> SettingsSearch::entries() {
  std::vector<ParameterFile> found;
  for (const auto& partition : partitions_) {
    observe_directory(ParameterSyntax::boot_entry, partition + "/loader/entries", ".conf", found);
  }
  return found;
}

}  // namespace vfio_switch
