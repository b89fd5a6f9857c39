// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/firmware_menu.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/boot/loader_search.h"
#include "core/boot/this_boot.h"

namespace vfio_switch {

namespace {

BootEntry entry_of(const LoadOption& option) {
  BootEntry entry;
  const auto number = to_hex(option.number, 4);
  entry.id = "Boot";
  for (const char c : number) entry.id += c >= 'a' ? static_cast<char>(c - 32) : c;
  entry.title = option.description;
  entry.kind = EntryKind::foreign;
  if (!option.partition_uuid || option.file.empty()) return entry;
  const FileSystemName on{FileSystemBy::partition_uuid, *option.partition_uuid};
  const auto kind = loader_of_file(option.file);
  if (kind == LoaderKind::efi_stub) {
    const auto line = read_this_boot(option.options);
    entry.kernel = BootFile{on, option.file};
    for (const auto& path : line.initrds) {
      entry.initrds.push_back({on, path.starts_with('/') ? path : "/" + path});
    }
    entry.command_line = line.rest;
  } else if (kind == LoaderKind::unified_image) {
    entry.unified_image = BootFile{on, option.file};
    // Without options the image has its own command line.
    if (!option.options.empty()) entry.command_line = option.options;
  } else {
    return entry;
  }
  entry.kind = kind_of(entry);
  return entry;
}

using Options = std::vector<const LoadOption*>;

/// Takes in the option of this number, once, where there is one.
void add_option(Options& options, unsigned number, const EfiVariables& variables) {
  const auto found = std::ranges::find(variables.load_options, number, &LoadOption::number);
  if (found == variables.load_options.end()) return;
  if (std::ranges::find(options, &*found) == options.end()) options.push_back(&*found);
}

SourceKind kind_of_file(const LoadOption& option, const BootSources& sources) {
  if (!option.partition_uuid) return SourceKind::unknown;
  return sources.kind({{FileSystemBy::partition_uuid, *option.partition_uuid}, option.file});
}

/// The first of `options` whose file is there, as that of this boot's is, seen or not.
void select_default(BootMenu& menu, std::span<const LoadOption* const> options,
                    const EfiVariables& variables, const BootSources& sources) {
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto& option = *options[i];
    if (!option.is_active || option.file.empty()) continue;
    const auto kind = kind_of_file(option, sources);
    if (kind == SourceKind::absent) continue;
    if (kind == SourceKind::unknown && option.number != variables.boot_current) {
      menu.why_no_default =
          BootUnknown{BootUnknownCode::file_system, option.partition_uuid.value_or("")};
    } else {
      mark_default(menu, i);
    }
    return;
  }
  menu.why_no_default = BootUnknown{BootUnknownCode::variable, "BootOrder"};
}

void select_once(BootMenu& menu, const Options& options, unsigned number) {
  const auto found = std::ranges::find(options, number, &LoadOption::number);
  if (found == options.end()) {
    menu.why_no_once = BootUnknown{BootUnknownCode::variable, "BootNext"};
  } else {
    mark_once(menu, static_cast<std::size_t>(found - options.begin()));
  }
}

}  // namespace

BootMenu read_firmware_menu(const EfiVariables& variables, const BootSources& sources) {
  BootMenu menu;
  menu.loader = LoaderKind::efi_stub;
  menu.notes = variables.unknown;
  Options options;
  for (const auto number : variables.boot_order) add_option(options, number, variables);
  const auto ordered = options.size();
  if (variables.boot_next) add_option(options, *variables.boot_next, variables);
  for (const auto* option : options) menu.entries.push_back(entry_of(*option));
  select_default(menu, std::span(options).first(ordered), variables, sources);
  if (variables.boot_next) select_once(menu, options, *variables.boot_next);
  return menu;
}

}  // namespace vfio_switch
