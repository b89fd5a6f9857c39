// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_edit.h"

#include <algorithm>
#include <iterator>

#include "core/boot/drop_in.h"
#include "core/boot/grub_settings.h"
#include "core/boot/grub_stray_words.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

Obstacle by_hand(ReasonCause cause, const std::string& file, const Parameters& add) {
  return {{cause, {{"file", Place{file}}}},
          {Manual{ByHand::add_to_boot_loader, {{"parameters", parameters_of(add)}}}}};
}

bool is_own_drop_in(const ParameterFile& file) {
  const auto* content = content_of(file);
  return file.path == grub_drop_in_path && content != nullptr && is_unmodified(*content);
}

}  // namespace

std::expected<ParameterEdit, Obstacle> edit_grub(const Grub& grub, const Parameters& add,
                                                 const Parameters& drop) {
  if (grub.command.empty()) {
    return std::unexpected(by_hand(ReasonCause::grub_not_installed, grub.output, add));
  }
  if (auto stray = stray_words_of(grub)) return std::unexpected(std::move(*stray));
  ParameterEdit changes;
  std::vector<ParameterFile> in_place;
  for (const auto& file : grub.settings) {
    // A drop-in that was edited since is edited like a file of somebody else's.
    const bool ours = file.path == grub_drop_in_path && !is_own_drop_in(file);
    if (file.path == grub_settings_path || ours) in_place.push_back(file);
  }
  const bool own_file = grub.reads_drop_ins && in_place.size() < 2;
  if (!own_file && in_place.empty()) {
    return std::unexpected(
        by_hand(ReasonCause::settings_missing, std::string(grub_settings_path), add));
  }
  if (own_file) {
    const auto found = std::ranges::find(grub.settings, grub_drop_in_path, &ParameterFile::path);
    const auto before = found == grub.settings.end() ? FileState() : found->state;
    auto change = edit_drop_in(grub_drop_in(), before, add, drop);
    if (change) changes.files.push_back(std::move(*change));
  }
  // What an earlier version of the distribution had added in place goes as well.
  auto edited = edit_files(in_place, own_file ? Parameters() : add, drop);
  if (!edited) return std::unexpected(std::move(edited).error());
  std::ranges::move(*edited, std::back_inserter(changes.files));
  const bool passed_on = !grub.generated || std::ranges::any_of(drop, [&](const std::string& one) {
    return grub_cfg_has(*grub.generated, one);
  });
  if (add.empty() && (changes.files.empty() || !passed_on)) return changes;
  changes.run = BootParameters{
      grub.command,
      {},
      {grub.output, grub.output + ".new"},
      add,
      add.empty() ? Reason(ReasonCause::grub_passes_rest)
                  : Reason(ReasonCause::grub_passes, {{"parameters", parameters_of(add)}})};
  // What cannot be kept is written anew, from the settings as they were.
  if (grub.output.empty()) {
    changes.run->outputs.clear();
    changes.run->undo = grub.command;
  }
  return changes;
}

bool grub_passes(const Grub& grub, std::string_view parameter) {
  std::string text;
  for (const auto& file : grub.settings) {
    if (const auto* content = content_of(file)) text += *content + "\n";
  }
  return grub_settings_have(text, parameter);
}

}  // namespace vfio_switch
