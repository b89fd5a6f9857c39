// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/firmware_menu.h"

#include <algorithm>
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

}  // namespace

BootMenu read_firmware_menu(const EfiVariables& variables, const BootSources& sources) {
  BootMenu menu;
  menu.loader = LoaderKind::efi_stub;
  std::vector<const LoadOption*> options;
  const auto add = [&](unsigned number) {
    const auto found = std::ranges::find(variables.load_options, number, &LoadOption::number);
    if (found == variables.load_options.end()) return;
    if (std::ranges::find(options, &*found) != options.end()) return;
    options.push_back(&*found);
    menu.entries.push_back(entry_of(*found));
  };
  for (const auto number : variables.boot_order) add(number);
  const auto count = options.size();
  if (variables.boot_next) add(*variables.boot_next);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& option = *options[i];
    if (!option.is_active || option.file.empty()) continue;
    const auto& partition = option.partition_uuid;
    const auto kind = partition
                          ? sources.kind({{FileSystemBy::partition_uuid, *partition}, option.file})
                          : SourceKind::unknown;
    if (kind == SourceKind::absent) continue;
    if (kind == SourceKind::unknown && option.number != variables.boot_current) {
      menu.why_no_default = BootUnknown{BootUnknownCode::file_system, partition.value_or("")};
      break;
    }
    mark_default(menu, i);
    break;
  }
  if (!menu.default_entry && !menu.why_no_default) {
    menu.why_no_default = BootUnknown{BootUnknownCode::variable, "BootOrder"};
  }
  if (variables.boot_next) {
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i]->number == *variables.boot_next) mark_once(menu, i);
    }
    if (!menu.once_entry) {
      menu.why_no_once = BootUnknown{BootUnknownCode::variable, "BootNext"};
    }
  }
  if (!variables.unknown.empty()) {
    menu.notes = variables.unknown;
  }
  return menu;
}

}  // namespace vfio_switch
