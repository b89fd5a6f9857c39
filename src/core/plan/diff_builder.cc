// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/diff_builder.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "core/base/line_diff.h"
#include "core/binding/adoption.h"
#include "core/binding/command_line_ids.h"
#include "core/cards/card.h"
#include "core/cards/own_command.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"

namespace vfio_switch {

void DiffBuilder::want(std::string_view path, const std::optional<std::string>& content,
                       Reason reason) {
  const auto found = facts_.files.find(std::string(path));
  const FileState before = found == facts_.files.end() ? FileState() : found->second.state;
  const auto* file = std::get_if<RegularFile>(&before);
  if (!content && std::holds_alternative<Absent>(before)) return;
  if (content && file != nullptr && file->content == *content) return;
  if (file != nullptr && was_put_out(std::string(path), *file, content)) return;
  if (!may_replace(std::string(path), before, content.value_or(std::string()))) return;
  FileState after;
  if (content) after = RegularFile{*content, 0644, 0, 0};
  part_.diff.emplace_back(FileChange{std::string(path), before, after, std::move(reason)});
}

void DiffBuilder::want_put_out(std::string_view path, const RegularFile& file) {
  auto after = file;
  after.modified = 0;
  after.content = put_out(path, file.content);
  part_.diff.emplace_back(
      FileChange{std::string(path), file, std::move(after), ReasonCause::put_out_of_effect});
  part_.notes.push_back({NoteCause::file_put_out,
                         {{"file", Place{std::string(path)}}},
                         {Run{{put_back_arguments(path)}}}});
}

bool DiffBuilder::was_put_out(const std::string& path, const RegularFile& file,
                              const std::optional<std::string>& wanted) {
  const auto theirs = put_back(file.content);
  if (!theirs || options_.edited == EditedFiles::overwrite) return false;
  if (options_.edited == EditedFiles::keep) {
    auto after = file;
    after.modified = 0;
    after.content = *theirs;
    part_.diff.emplace_back(FileChange{path, file, std::move(after), ReasonCause::put_back});
  } else if (wanted) {
    part_.refusals.push_back(
        {RefusalCause::file_put_out,
         {{"file", Place{path}}},
         replace_or_keep(),
         {},
         unified_diff(*theirs, *wanted, path + " as it was edited", path + " by vfio-switch")});
  }
  return true;
}

Remedy DiffBuilder::replace_or_keep(const std::vector<PciAddress>& losing) const {
  Remedy remedy = {command_for(state_, {"--force-ours"})};
  std::ranges::move(mind_losses(losing), std::back_inserter(remedy));
  add_way(remedy, {command_for(state_, {"--keep-mine"})});
  return remedy;
}

std::vector<PciAddress> DiffBuilder::losing(const std::string& path, std::string_view content,
                                            std::string_view wanted) const {
  const auto ids_in = [&](std::string_view text) {
    return ids_of_modprobe(parse_modprobe(ModprobeFile{path, std::string(text)}))
        .value_or(VfioIds());
  };
  const auto after = ids_in(wanted);
  auto others = others_given(facts_, {}, ids_in(content));
  std::erase_if(others, [&](const PciAddress& address) {
    const auto& device = *find_device(facts_, address);
    return ids_.contains(device.id) || after.match(device);
  });
  return others;
}

bool DiffBuilder::may_replace(const std::string& path, const FileState& before,
                              const std::string& wanted) {
  if (std::holds_alternative<Absent>(before) || !is_generated(path)) return true;
  const auto* file = std::get_if<RegularFile>(&before);
  if (file != nullptr && is_unmodified(file->content)) return true;
  const Data data = {{"file", Place{path}}};
  const bool adopts = state_.intent == Intent::enabled && options_.edited != EditedFiles::keep;
  if (adopts && file != nullptr && is_adoptable(path, file->content)) {
    if (options_.may_adopt) part_.notes.push_back({NoteCause::file_adopted, data});
    return options_.may_adopt;
  }
  const bool is_directory = std::holds_alternative<Directory>(before);
  if (options_.edited == EditedFiles::overwrite && !is_directory) return true;
  if (is_directory && options_.edited != EditedFiles::keep) {
    Remedy remedy = {Manual{ByHand::move_away, data}};
    add_way(remedy, {command_for(state_, {"--keep-mine"})});
    part_.refusals.push_back({RefusalCause::file_is_directory, data, std::move(remedy)});
  } else if (options_.edited == EditedFiles::refuse) {
    if (file == nullptr) {
      part_.refusals.push_back({RefusalCause::file_not_regular, data, replace_or_keep()});
    } else {
      part_.refusals.push_back(
          {RefusalCause::file_edited,
           data,
           replace_or_keep(losing(path, file->content, wanted)),
           {},
           unified_diff(file->content, wanted, path + " as it is", path + " by vfio-switch")});
    }
  } else {
    part_.notes.push_back({NoteCause::file_left, data});
  }
  return false;
}

}  // namespace vfio_switch
