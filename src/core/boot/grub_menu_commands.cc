// SPDX-License-Identifier: GPL-3.0-or-later
// The commands that find file systems, define menu entries, and start kernels.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/boot/grub_commands.h"
#include "core/boot/grub_entries.h"
#include "core/boot/grub_kernel.h"

namespace vfio_switch {

namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// What `search` looks for, and the variable that gets it.
struct Search {
  FileSystemBy by = FileSystemBy::device;
  std::string name = {};
  std::string variable = "root";
};

/// search.fs_uuid NAME VARIABLE HINTS..., and likewise search.file, search.fs_label
Search dotted_search(const std::vector<std::string>& arguments) {
  Search search;
  const auto& command = arguments.front();
  if (command == "search.fs_uuid") search.by = FileSystemBy::uuid;
  if (command == "search.fs_label") search.by = FileSystemBy::label;
  if (command == "search.file") search.by = FileSystemBy::marker_file;
  if (arguments.size() > 1) search.name = arguments[1];
  if (arguments.size() > 2) search.variable = arguments[2];
  return search;
}

Search plain_search(std::vector<std::string> arguments) {
  Search search;
  if (auto variable = take_grub_option(arguments, "set", "-s", search.variable)) {
    search.variable = std::move(*variable);
  }
  while (take_grub_option(arguments, "hint", "-h")) {
  }
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (is_one_of(word, {"--fs-uuid", "-u"})) {
      search.by = FileSystemBy::uuid;
    } else if (is_one_of(word, {"--label", "-l"})) {
      search.by = FileSystemBy::label;
    } else if (is_one_of(word, {"--file", "-f"})) {
      search.by = FileSystemBy::marker_file;
    } else if (!word.starts_with('-') && search.name.empty()) {
      // What follows the name are hints.
      search.name = word;
    }
  }
  return search;
}

}  // namespace

GrubTruth GrubCommands::search(bool dotted) {
  const auto [by, name, variable] = dotted ? dotted_search(first()) : plain_search(first());
  if (by == FileSystemBy::device || name.empty() || words_.only() == nullptr) {
    set_open(variable);
    return GrubTruth::unknown;
  }
  machine_.state_.set(variable, GrubValues::of(grub_device({by, name})));
  return GrubTruth::yes;
}

GrubTruth GrubCommands::source() {
  if (first().size() < 2) return GrubTruth::no;
  if (words_.only() == nullptr) {
    note_open();
    machine_.is_incomplete_ = true;
    return GrubTruth::unknown;
  }
  const auto text = machine_.sources_.read(file(first()[1]));
  if (text.state == SourceText::State::absent) return GrubTruth::no;
  if (text.state == SourceText::State::unknown || machine_.depth_ >= 8) {
    note(text.why.code, text.why.subject);
    machine_.is_incomplete_ = true;
    return GrubTruth::unknown;
  }
  ++machine_.depth_;
  machine_.run_text(text.text, text.path);
  --machine_.depth_;
  return GrubTruth::yes;
}

GrubTruth GrubCommands::configfile() {
  if (first().size() < 2) return GrubTruth::no;
  const auto& path = first()[1];
  if (machine_.start_ != nullptr) {
    machine_.start_->config = path;
    return GrubTruth::yes;
  }
  if (machine_.in_submenu_) {
    GrubItem item;
    item.title = path;
    item.id = path;
    item.source = {machine_.file_, statement_.line};
    item.config = path;
    item.is_uncertain = machine_.is_uncertain();
    machine_.items_.push_back(std::move(item));
    return GrubTruth::yes;
  }
  const auto text = machine_.sources_.read(file(path));
  if (text.state == SourceText::State::absent) return GrubTruth::no;
  if (words_.only() == nullptr || text.state == SourceText::State::unknown ||
      machine_.depth_ >= 8 || machine_.is_uncertain()) {
    note_open();
    note(text.state == SourceText::State::unknown ? text.why.code : BootUnknownCode::command,
         text.state == SourceText::State::unknown ? text.why.subject : "configfile " + path);
    machine_.is_incomplete_ = true;
    if (text.state != SourceText::State::present) return GrubTruth::unknown;
  }
  machine_.items_.clear();
  machine_.state_ = machine_.state_.nested();
  ++machine_.depth_;
  machine_.run_text(text.text, text.path);
  --machine_.depth_;
  machine_.is_over_ = true;
  return GrubTruth::yes;
}

GrubTruth GrubCommands::define_item(bool is_submenu) {
  constexpr std::size_t most_items = 4096;
  if (machine_.items_.size() >= most_items) {
    if (!machine_.is_incomplete_) note(BootUnknownCode::limit, machine_.file_);
    machine_.is_incomplete_ = true;
    return GrubTruth::unknown;
  }
  auto arguments = first();
  GrubItem item;
  for (const auto* option : {"class", "hotkey", "source"}) {
    while (take_grub_option(arguments, option, {})) {
    }
  }
  (void)take_grub_option(arguments, "users", {}, "-");
  const auto id = take_grub_option(arguments, "id", {});
  std::erase(arguments, "--unrestricted");
  if (arguments.size() < 2) return GrubTruth::no;
  item.title = arguments[1];
  item.id = id.value_or(item.title);
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    item.arguments.push_back(GrubValues::of(arguments[i]));
  }
  item.source = {machine_.file_, statement_.line};
  item.body = &statement_.body;
  item.is_submenu = is_submenu;
  item.is_uncertain = machine_.is_uncertain();
  for (const auto& name : words_.open) {
    item.unknown.push_back({BootUnknownCode::variable, name, machine_.file_, statement_.line});
  }
  machine_.items_.push_back(std::move(item));
  return GrubTruth::yes;
}

GrubTruth GrubCommands::read_entries() {
  machine_.reads_entries_ = true;
  if (machine_.start_ != nullptr) return GrubTruth::unknown;
  return read_grub_entries(
      {machine_.sources_, machine_.state_, first().size() > 1 ? first()[1] : std::string()},
      [&](GrubItem item, GrubScript body) {
        item.body = &machine_.keep(std::move(body));
        item.is_uncertain = item.is_uncertain || machine_.is_uncertain();
        machine_.items_.push_back(std::move(item));
      },
      [&](BootUnknown why) {
        machine_.is_incomplete_ = true;
        note(why.code, std::move(why.subject));
      });
}

GrubTruth GrubCommands::load_kernel() {
  if (machine_.start_ == nullptr) return GrubTruth::unknown;
  start_kernel(*machine_.start_, words_, machine_.state_, {machine_.file_, statement_.line});
  if (machine_.is_uncertain()) note(BootUnknownCode::condition, "linux");
  return GrubTruth::yes;
}

GrubTruth GrubCommands::load_initrds() {
  if (machine_.start_ == nullptr) return GrubTruth::unknown;
  if (words_.only() == nullptr) note_open();
  if (machine_.is_uncertain()) note(BootUnknownCode::condition, "initrd");
  auto& initrds = machine_.start_->initrds;
  initrds.clear();
  for (std::size_t i = 1; i < first().size(); ++i) {
    // newc:NAME:FILE puts a file into an archive of its own.
    if (first()[i].starts_with("newc:")) {
      note(BootUnknownCode::command, "initrd newc:");
      continue;
    }
    if (first()[i].starts_with('-')) continue;
    initrds.push_back(file(first()[i]));
  }
  return GrubTruth::yes;
}

GrubTruth GrubCommands::chain() {
  if (machine_.start_ == nullptr) return GrubTruth::unknown;
  if (words_.only() == nullptr) note_open();
  if (machine_.is_uncertain()) note(BootUnknownCode::condition, "chainloader");
  for (std::size_t i = 1; i < first().size(); ++i) {
    if (first()[i].starts_with('-')) continue;
    machine_.start_->chained = file(first()[i]);
    break;
  }
  return GrubTruth::yes;
}

GrubTruth GrubCommands::other(const std::string& name) {
  if (machine_.start_ != nullptr) {
    if (is_one_of(name, {"fwsetup", "reboot", "halt", "exit"})) machine_.start_->command = name;
    if (is_one_of(name, {"multiboot", "multiboot2", "xen_hypervisor", "uki", "legacy_kernel",
                         "kfreebsd", "xnu_kernel64", "ntldr"})) {
      note(BootUnknownCode::command, name);
    }
  } else if (is_one_of(name, {"uki", "legacy_configfile", "legacy_source",
                              "extract_entries_configfile", "extract_entries_source"})) {
    note(BootUnknownCode::command, name);
    machine_.is_incomplete_ = true;
  }
  if (name == "eval") {
    auto text = std::string();
    for (std::size_t i = 1; i < first().size(); ++i) text += first()[i] + " ";
    auto parse = parse_grub_script(text);
    return machine_.call(machine_.keep(std::move(parse.script)), machine_.state_.arguments);
  }
  if (name == "read" && first().size() > 1) set_open(first()[1]);
  // probe, regexp, smbios, hwmatch and others leave what they found in a variable.
  auto arguments = first();
  while (const auto variable = take_grub_option(arguments, "set", "-s")) {
    // regexp --set NUMBER:VARIABLE
    if (!variable->empty()) set_open(variable->substr(variable->find(':') + 1));
  }
  if (name == "hwmatch") set_open("match");
  if (name == "getenv" && first().size() > 2) set_open(first()[2]);
  return GrubTruth::unknown;
}

}  // namespace vfio_switch
