// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/parameter_remedy.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <variant>

#include "core/base/text.h"
#include "core/boot/entry_generators.h"
#include "core/boot/grub_settings.h"
#include "core/boot/grub_stray_words.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;
using Files = std::vector<ParameterFile>;

Remedy by_hand(const Parameters& add, const Parameters& drop) {
  const auto parameters = [](const Parameters& words) {
    return Data{{"parameters", parameters_of(words)}};
  };
  Remedy remedy;
  if (!drop.empty()) remedy.emplace_back(Manual{ByHand::remove_from_boot_loader, parameters(drop)});
  if (!add.empty()) remedy.emplace_back(Manual{ByHand::add_to_boot_loader, parameters(add)});
  return remedy;
}

/// The lines that differ between two versions of a file.
void add_edits(Remedy& remedy, const std::string& path, std::string_view before,
               std::string_view after) {
  auto from = split_lines(before);
  auto to = split_lines(after);
  std::size_t same = 0;
  while (same < from.size() && same < to.size() && from[same] == to[same]) ++same;
  while (from.size() > same && to.size() > same && from.back() == to.back()) {
    from.pop_back();
    to.pop_back();
  }
  for (auto i = same; i < std::max(from.size(), to.size()); ++i) {
    const auto old = i < from.size() ? from[i] : std::string_view();
    const auto changed = i < to.size() ? to[i] : std::string_view();
    if (old == changed) continue;
    const int line = old.empty() ? 0 : static_cast<int>(i) + 1;
    remedy.emplace_back(Edit{{path, line}, std::string(old), std::string(changed)});
  }
}

void add_edits(Remedy& remedy, const std::vector<FileChange>& changes) {
  for (const auto& change : changes) {
    const auto* before = std::get_if<RegularFile>(&change.before);
    const auto* after = std::get_if<RegularFile>(&change.after);
    if (before == nullptr || after == nullptr) continue;
    add_edits(remedy, change.path, before->content, after->content);
  }
}

void add_command(Remedy& remedy, const std::vector<std::string>& command) {
  if (!command.empty()) remedy.emplace_back(Run{{command}, true});
}

/// Of GRUB's settings the last file that assigns the variable: what stands in it counts.
Files file_that_counts(const Grub& grub) {
  Files files;
  for (const auto& file : grub.settings) {
    const auto* content = content_of(file);
    if (content == nullptr || file.path == grub_drop_in_path) continue;
    const bool assigns = content->find("GRUB_CMDLINE_LINUX") != std::string::npos;
    if (files.empty() || assigns) files = {file};
  }
  return files;
}

Files without_own(Files files) {
  std::erase_if(files, [](const ParameterFile& file) { return file.path == grub_drop_in_path; });
  return files;
}

Remedy remedy_of(const Grub& grub, const Parameters& add, const Parameters& drop) {
  // What a line seems to give, it does not give before it is repaired.
  if (auto stray = stray_words_of(grub)) return std::move(stray->remedy);
  Remedy remedy;
  const auto dropped = edit_files(without_own(grub.settings), {}, drop);
  const auto chosen = file_that_counts(grub);
  const auto added = edit_files(chosen, add, drop);
  if (!dropped || !added || grub.command.empty()) return by_hand(add, drop);
  for (const auto& change : *dropped) {
    const bool twice = !add.empty() && change.path == chosen.front().path;
    if (!twice) add_edits(remedy, {change});
  }
  if (!add.empty()) add_edits(remedy, *added);
  if (remedy.empty()) return by_hand(add, drop);
  add_command(remedy, grub.command);
  return remedy;
}

bool holds_word(const ParameterFile& file, std::string_view word) {
  const auto* content = content_of(file);
  if (content == nullptr) return false;
  const auto words = split_words(*content, " \t\r\n\"'");
  return std::ranges::find(words, word) != words.end();
}

Remedy remedy_of(const EntryGenerator& generator, const Parameters& add, const Parameters& drop) {
  // It has an option to take words out as well, which leaves the others in another order.
  if (generator.kind == EntryGenerator::Kind::kernelstub && drop.empty()) {
    return {Run{{{"kernelstub", "--add-options", join(add, " ")}}, true}};
  }
  const auto edit = edit_generator(generator, add, drop, Editor::person);
  if (!edit) return edit.error().remedy;
  Remedy remedy;
  add_edits(remedy, edit->files);
  // What somebody wrote into its files by hand goes with its next run.
  const bool is_stray = std::ranges::any_of(generator.outputs, [&](const ParameterFile& output) {
    return std::ranges::any_of(
        drop, [&](const std::string& parameter) { return holds_word(output, parameter); });
  });
  if (remedy.empty() && (!add.empty() || !is_stray)) return by_hand(add, drop);
  add_command(remedy, generator.command);
  return remedy;
}

template <class Loader>
Remedy remedy_of(const Loader& loader, const Parameters& add, const Parameters& drop) {
  const auto edit = edit_parameters(loader, add, drop);
  if (!edit) return edit.error().remedy;
  Remedy remedy;
  add_edits(remedy, edit->files);
  if (edit->run) add_command(remedy, edit->run->command);
  if (remedy.empty()) return by_hand(add, drop);
  if constexpr (std::is_same_v<Loader, UnifiedImage>) {
    remedy.emplace_back(Manual{ByHand::build_and_sign_image});
  }
  return remedy;
}

bool is_among(const std::vector<ParameterFile>& files, std::string_view path) {
  return std::ranges::find(files, path, &ParameterFile::path) != files.end();
}

/// True where a tool writes the file at `path`, or reads it to write others.
bool is_for_tool(const BootLoader& loader, std::string_view path) {
  if (const auto* generator = std::get_if<EntryGenerator>(&loader)) {
    return is_among(generator->settings, path) || is_among(generator->outputs, path);
  }
  if (const auto* grubby = std::get_if<Grubby>(&loader)) {
    return std::ranges::find(grubby->outputs, path) != grubby->outputs.end();
  }
  const auto* ostree = std::get_if<RpmOstree>(&loader);
  return ostree != nullptr && is_among(ostree->deployments.entries, path);
}

/// What has to be run once a person has changed the file at `path`.
Remedy after_edit(const BootLoader& loader, std::string_view path) {
  Remedy remedy;
  if (const auto* grub = std::get_if<Grub>(&loader)) {
    if (path.starts_with(grub_settings_path)) add_command(remedy, grub->command);
  } else if (const auto* image = std::get_if<UnifiedImage>(&loader)) {
    if (is_among(image->files, path)) remedy.emplace_back(Manual{ByHand::build_and_sign_image});
  }
  return remedy;
}

}  // namespace

Remedy parameter_remedy(const BootLoader& loader, const std::vector<std::string>& add,
                        const std::vector<std::string>& drop) {
  return std::visit([&](const auto& one) { return remedy_of(one, add, drop); }, loader);
}

std::optional<Obstacle> broken_settings(const BootLoader& loader) {
  const auto* grub = std::get_if<Grub>(&loader);
  return grub == nullptr ? std::nullopt : stray_words_of(*grub);
}

std::vector<std::string_view> parameters_in(const ConfigLine& line) {
  return words_of_line(line.path, line.text);
}

Remedy removal_remedy(const BootLoader& loader, const ConfigLine& line,
                      std::string_view parameter) {
  if (is_for_tool(loader, line.path)) {
    return parameter_remedy(loader, {}, {std::string(parameter)});
  }
  Remedy remedy;
  const auto rest = without_parameters(syntax_of(line.path), line.text, {std::string(parameter)});
  if (rest == line.text) return by_hand({}, {std::string(parameter)});
  add_edits(remedy, line.path, line.text, trim(rest));
  for (auto& step : remedy) std::get<Edit>(step).place.line = line.line;
  std::ranges::move(after_edit(loader, line.path), std::back_inserter(remedy));
  return remedy;
}

}  // namespace vfio_switch
