// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/entry_generators.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/text.h"
#include "core/boot/boot_entry.h"
#include "core/boot/drop_in.h"
#include "core/boot/limine_settings.h"
#include "core/boot/parameter_file.h"
#include "core/boot/u_boot_settings.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;
using Kind = EntryGenerator::Kind;

constexpr std::string_view kernel_command_line = "/etc/kernel/cmdline";

const ParameterFile* file_at(const EntryGenerator& generator, std::string_view path) {
  const auto found = std::ranges::find(generator.settings, path, &ParameterFile::path);
  return found == generator.settings.end() ? nullptr : &*found;
}

Obstacle by_hand(const EntryGenerator& generator, const std::string& file, const Parameters& add,
                 const Parameters& drop) {
  if (generator.kind == Kind::dracut) {
    return {ReasonCause::dracut_without_source,
            {Manual{ByHand::write_command_line,
                    {{"parameters", parameters_of(add)},
                     {"where", Word{"kernel_cmdline in a file of /etc/dracut.conf.d"}}}}}};
  }
  Obstacle found{
      {ReasonCause::loader_by_hand,
       {{"loader", Word{std::string(name_of(BootLoader(generator)))}}, {"file", Place{file}}}}};
  if (!drop.empty()) {
    found.remedy.emplace_back(
        Manual{ByHand::remove_from_boot_loader, {{"parameters", parameters_of(drop)}}});
  }
  if (!add.empty()) {
    found.remedy.emplace_back(
        Manual{ByHand::add_to_boot_loader, {{"parameters", parameters_of(add)}}});
  }
  return found;
}

/// The drop-in that would count; null where none is read, or what is read later replaces it.
const DropIn* drop_in_of(const EntryGenerator& generator, bool adds) {
  if (generator.kind == Kind::sdboot_manage) {
    return generator.reads_drop_ins ? &sdboot_drop_in() : nullptr;
  }
  // The first setting would replace what these tools take otherwise, root= with it.
  const bool is_first = std::ranges::none_of(generator.settings, [](const ParameterFile& file) {
    return !is_boot_drop_in(file.path) && counts(file);
  });
  if (generator.kind == Kind::dracut) return adds && is_first ? nullptr : &dracut_drop_in();
  // Any setting makes these tools ignore this file.
  if (file_at(generator, kernel_command_line) != nullptr) return nullptr;
  if (generator.kind == Kind::u_boot_update) {
    return generator.reads_drop_ins ? &u_boot_drop_in() : nullptr;
  }
  if (generator.kind != Kind::limine_entry_tool) return nullptr;
  const auto* last = file_at(generator, limine_defaults_path);
  const auto* content = last == nullptr ? nullptr : content_of(*last);
  if (content != nullptr && limine_settings_replace(*content)) return nullptr;
  return adds && is_first ? nullptr : &limine_drop_in();
}

/// False for a drop-in that somebody has edited: it is edited like any other file then.
bool is_ours(const ParameterFile& file) {
  const auto* content = content_of(file);
  return is_boot_drop_in(file.path) && content != nullptr && is_unmodified(*content);
}

/// Of settings that are sourced, the last that say anything: otherwise the first.
const ParameterFile* u_boot_file(const EntryGenerator& generator) {
  const auto* found = file_at(generator, kernel_command_line);
  if (found == nullptr) found = file_at(generator, u_boot_defaults_path);
  for (const auto& file : generator.settings) {
    const auto* content = content_of(file);
    const bool is_script = file.syntax == ParameterSyntax::u_boot_settings;
    if (is_script && content != nullptr && !is_ours(file) && u_boot_settings_say(*content)) {
      found = &file;
    }
  }
  return found;
}

/// The file that is edited where no drop-in counts: the last one that says anything.
const ParameterFile* file_that_counts(const EntryGenerator& generator) {
  if (generator.kind == Kind::u_boot_update) return u_boot_file(generator);
  if (generator.kind == Kind::limine_entry_tool) {
    const auto* last = file_at(generator, limine_defaults_path);
    if (last != nullptr && counts(*last)) return last;
  }
  const ParameterFile* found = nullptr;
  for (const auto& file : generator.settings) {
    if (!is_ours(file) && counts(file)) found = &file;
  }
  return found;
}

/// True for a line that the tool would not take, or not in place of what it takes otherwise:
/// proxmox-boot-tool fails without root=, which u-boot-update in turn cuts out.
bool is_incomplete(const EntryGenerator& generator, const ParameterFile& file) {
  const auto* content = content_of(file);
  if (file.syntax != ParameterSyntax::first_line || content == nullptr) return false;
  const auto words = split_words(first_line(*content));
  const auto is_root = [](std::string_view word) { return word.starts_with("root="); };
  return generator.kind == Kind::u_boot_update ? std::ranges::all_of(words, is_root)
                                               : std::ranges::none_of(words, is_root);
}

/// The one that is named where no file is there.
std::string_view usual_file(const EntryGenerator& generator) {
  if (generator.kind == Kind::limine_entry_tool) return limine_defaults_path;
  return generator.kind == Kind::u_boot_update ? u_boot_defaults_path : kernel_command_line;
}

}  // namespace

Reason why_generated(const BootLoader& loader, const Parameters& add, const Parameters& drop) {
  return {add.empty() ? ReasonCause::generator_passes_rest : ReasonCause::generator_passes,
          {{"tool", Word{std::string(name_of(loader))}},
           {"parameters", parameters_of(add.empty() ? drop : add)}}};
}

namespace {

/// The drop-in that is written; null where one of the other files is edited.
const DropIn* own_drop_in(const EntryGenerator& generator, bool adds) {
  const auto* drop_in = drop_in_of(generator, adds);
  const auto* own = drop_in == nullptr ? nullptr : file_at(generator, drop_in->path);
  // One that was edited since is edited like somebody else's.
  const bool is_edited = own != nullptr && !is_ours(*own) && content_of(*own) != nullptr;
  return is_edited ? nullptr : drop_in;
}

/// Only the file that counts gets `add`; all lose `drop`.
std::expected<std::vector<FileChange>, Obstacle> edit_settings(const EntryGenerator& generator,
                                                               const ParameterFile* counting,
                                                               const Parameters& add,
                                                               const Parameters& drop) {
  std::vector<FileChange> changes;
  for (const auto& file : generator.settings) {
    if (is_ours(file)) continue;
    auto edited = edit_files({file}, &file == counting ? add : Parameters(), drop);
    if (!edited) return edited;
    std::ranges::move(*edited, std::back_inserter(changes));
  }
  return changes;
}

BootParameters run_of(const EntryGenerator& generator, const Parameters& add,
                      const Parameters& drop) {
  BootParameters run{generator.command, {}, {}, add, why_generated(generator, add, drop)};
  for (const auto& output : generator.outputs) {
    run.outputs.push_back(output.path);
    if (generator.kind == Kind::u_boot_update) run.outputs.push_back(output.path + ".tmp");
  }
  // What it writes is not to be seen, or no file: it is written anew, from the settings as they
  // were.
  if (generator.outputs.empty()) run.undo = generator.command;
  return run;
}

}  // namespace

std::expected<ParameterEdit, Obstacle> edit_generator(const EntryGenerator& generator,
                                                      const Parameters& add, const Parameters& drop,
                                                      Editor editor) {
  const auto first = generator.settings.empty() ? std::string(usual_file(generator))
                                                : generator.settings.back().path;
  if (generator.command.empty()) return std::unexpected(by_hand(generator, first, add, drop));
  const bool by_program = editor == Editor::program;
  const auto* drop_in = by_program ? own_drop_in(generator, !add.empty()) : nullptr;
  const auto* counting = drop_in == nullptr ? file_that_counts(generator) : nullptr;
  ParameterEdit changes;
  if (drop_in != nullptr) {
    const auto* own = file_at(generator, drop_in->path);
    auto change = edit_drop_in(*drop_in, own == nullptr ? FileState() : own->state, add, drop);
    if (change) changes.files.push_back(std::move(*change));
  } else if (!add.empty() && (counting == nullptr || is_incomplete(generator, *counting))) {
    return std::unexpected(
        by_hand(generator, counting == nullptr ? first : counting->path, add, drop));
  }
  auto edited = edit_settings(generator, counting, add, drop);
  if (!edited) return std::unexpected(std::move(edited).error());
  std::ranges::move(*edited, std::back_inserter(changes.files));
  if (add.empty() && changes.files.empty()) return changes;
  if (!generator.builds_images || !by_program) changes.run = run_of(generator, add, drop);
  return changes;
}

bool generator_passes(const EntryGenerator& generator, std::string_view parameter) {
  bool passes = false;
  std::string script;
  for (const auto& file : generator.settings) {
    const auto* content = content_of(file);
    // What is sourced later may replace what is said here.
    if (file.syntax == ParameterSyntax::u_boot_settings && content != nullptr) {
      script += *content + "\n";
      continue;
    }
    const bool replaces = file.path == limine_defaults_path && content != nullptr &&
                          limine_settings_replace(*content);
    if (replaces) passes = false;
    if (const auto* drop_in = drop_in_at(file.path); drop_in != nullptr && is_ours(file)) {
      const auto ours = drop_in_parameters(*drop_in, *content);
      passes = passes || std::ranges::find(ours, parameter) != ours.end();
    } else {
      passes = passes || has_parameter(file, parameter);
    }
  }
  return passes || u_boot_settings_have(script, parameter);
}

}  // namespace vfio_switch
