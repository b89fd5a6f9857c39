// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_commands.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/boot/grub_entries.h"
#include "core/boot/grub_kernel.h"

namespace vfio_switch {

namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// The value of `--name=VALUE`, `--name VALUE` or `-n VALUE` among `arguments`, taken out of them.
std::optional<std::string> take_option(std::vector<std::string>& arguments, std::string_view name,
                                       std::string_view letter, std::string_view fallback = {}) {
  const auto whole = "--" + std::string(name);
  for (auto at = arguments.begin() + (arguments.empty() ? 0 : 1); at != arguments.end(); ++at) {
    if (at->starts_with(whole + "=")) {
      auto value = at->substr(whole.size() + 1);
      arguments.erase(at);
      return value;
    }
    if (*at != whole && (letter.empty() || *at != letter)) continue;
    at = arguments.erase(at);
    if (at == arguments.end() || (!fallback.empty() && at->starts_with('-'))) {
      return std::string(fallback);
    }
    auto value = std::move(*at);
    arguments.erase(at);
    return value;
  }
  return std::nullopt;
}

}  // namespace

GrubCommands::GrubCommands(GrubMachine& machine, const GrubStatement& statement)
    : machine_(machine), statement_(statement), words_(expand(statement.words, machine.state_)) {}

void GrubCommands::note(BootUnknownCode code, std::string subject) {
  machine_.note(code, std::move(subject), statement_.line);
}

void GrubCommands::note_open() {
  for (const auto& name : words_.open) note(BootUnknownCode::variable, name);
  if (words_.open.empty() && words_.ways.size() > 1) {
    note(BootUnknownCode::variable, first().empty() ? std::string() : first().front());
  }
}

void GrubCommands::set_open(std::string_view name) {
  machine_.state_.set(name, GrubValues::open());
}

BootFile GrubCommands::file(const std::string& path) const {
  return grub_file(path, machine_.state_);
}

GrubTruth GrubCommands::run() {
  if (first().empty()) return GrubTruth::yes;
  const auto name = first().front();
  const bool is_clear = std::ranges::all_of(
      words_.ways, [&](const Arguments& way) { return !way.empty() && way.front() == name; });
  if (!is_clear) return GrubTruth::unknown;
  if (name == "!") {
    auto inner = statement_;
    inner.words.erase(inner.words.begin());
    return negated(GrubCommands(machine_, inner).run());
  }
  if (const auto function = machine_.state_.functions.find(name);
      function != machine_.state_.functions.end()) {
    std::vector<GrubValues> arguments;
    for (std::size_t i = 1; i < first().size(); ++i) {
      auto values = GrubValues::of(first()[i]);
      values.is_open = !words_.open.empty();
      for (const auto& way : words_.ways) {
        values.merge(GrubValues::of(i < way.size() ? way[i] : std::string()));
      }
      arguments.push_back(std::move(values));
    }
    return machine_.call(*function->second, std::move(arguments));
  }
  return run_named(name);
}

GrubTruth GrubCommands::run_named(const std::string& name) {
  if (name == "[" || name == "test") return test();
  if (name == "true") return GrubTruth::yes;
  if (name == "false") return GrubTruth::no;
  if (name == "set") return first().size() > 1 ? set(first()[1]) : GrubTruth::yes;
  if (name == "unset" || name == "export") {
    for (std::size_t i = 1; i < first().size(); ++i) {
      if (name == "unset") {
        machine_.state_.set(first()[i], GrubValues());
      } else {
        machine_.state_.exported.insert(first()[i]);
      }
    }
    return GrubTruth::yes;
  }
  if (name == "increment") return count(1);
  if (name == "decrement") return count(-1);
  if (name == "load_env") return load_environment();
  if (name == "search" || name.starts_with("search.")) return search(name != "search");
  if (name == "source" || name == ".") return source();
  if (name == "configfile" || name == "normal") return configfile();
  if (name == "menuentry" || name == "submenu") return define_item(name == "submenu");
  if (name == "blscfg" || name == "bls_import") return read_entries();
  if (is_one_of(name, {"linux", "linuxefi", "linux16"})) return load_kernel();
  if (is_one_of(name, {"initrd", "initrdefi", "initrd16"})) return load_initrds();
  if (name == "chainloader") return chain();
  if (name.find('=') != std::string::npos && name.front() != '=') return set(name);
  return other(name);
}

GrubTruth GrubCommands::test() {
  std::optional<GrubTruth> result;
  const GrubFileTest look = [&](char what, const std::string& path) {
    return file_test(what, path);
  };
  if (!words_.open.empty()) return GrubTruth::unknown;
  for (const auto& way : words_.ways) {
    const auto holds = grub_test({way.begin() + 1, way.end()}, look);
    result = !result || *result == holds ? holds : GrubTruth::unknown;
  }
  return *result;
}

GrubTruth GrubCommands::file_test(char what, const std::string& path) const {
  const auto named = file(path);
  const auto kind = machine_.sources_.kind(named);
  if (kind == SourceKind::unknown) return GrubTruth::unknown;
  const auto truth = [](bool holds) { return holds ? GrubTruth::yes : GrubTruth::no; };
  switch (what) {
    case 'd':
      return truth(kind == SourceKind::directory);
    case 'f':
      return truth(kind == SourceKind::file);
    case 's': {
      if (kind != SourceKind::file) return GrubTruth::no;
      const auto text = machine_.sources_.read(named);
      if (text.state == SourceText::State::unknown) return GrubTruth::unknown;
      return truth(!text.text.empty());
    }
    default:
      return truth(kind != SourceKind::absent);
  }
}

GrubTruth GrubCommands::set(const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) return GrubTruth::no;
  const auto name = assignment.substr(0, equals);
  const std::size_t place = first().front() == "set" ? 1 : 0;
  auto values = GrubValues::of(assignment.substr(equals + 1));
  values.is_open = !words_.open.empty();
  for (const auto& way : words_.ways) {
    if (place >= way.size() || !way[place].starts_with(name + "=")) {
      values.is_open = true;
    } else {
      values.merge(GrubValues::of(way[place].substr(equals + 1)));
    }
  }
  machine_.state_.set(name, std::move(values));
  return GrubTruth::yes;
}

GrubTruth GrubCommands::count(long change) {
  if (first().size() < 2) return GrubTruth::no;
  const auto value = machine_.state_.value_of(first()[1]).only();
  std::string_view rest;
  if (!value) {
    set_open(first()[1]);
  } else if (const auto number = grub_number(*value, rest); number && rest.empty()) {
    machine_.state_.set(first()[1],
                        GrubValues::of(std::to_string(static_cast<long>(*number) + change)));
  }
  return GrubTruth::yes;
}

GrubTruth GrubCommands::load_environment() {
  auto arguments = first();
  std::erase(arguments, "--skip-sig");
  std::erase(arguments, "-s");
  auto path = take_option(arguments, "file", "-f");
  const auto prefix = machine_.state_.value_of("prefix").only();
  if (!path && prefix) path = *prefix + "/grubenv";
  if (!path || words_.only() == nullptr) {
    machine_.state_.is_unread = true;
    note(BootUnknownCode::variable, "prefix");
    return GrubTruth::unknown;
  }
  GrubEnvironment loaded;
  if (machine_.replaced_) {
    loaded = *machine_.replaced_;
  } else {
    const auto text = machine_.sources_.read(file(*path));
    if (text.state == SourceText::State::absent) return GrubTruth::no;
    if (text.state == SourceText::State::unknown) {
      machine_.state_.is_unread = true;
      note(text.why.code, text.why.subject);
      return GrubTruth::unknown;
    }
    auto parsed = parse_grub_environment(text.text);
    if (!parsed) return GrubTruth::no;
    loaded = std::move(*parsed);
  }
  const bool all = arguments.size() < 2;
  for (auto& [name, value] : loaded) {
    if (!all && std::ranges::find(arguments, name) == arguments.end()) continue;
    machine_.environment_.insert_or_assign(name, value);
    machine_.state_.set(name, GrubValues::of(value));
  }
  return GrubTruth::yes;
}

GrubTruth GrubCommands::search(bool dotted) {
  auto arguments = first();
  auto by = FileSystemBy::device;
  std::string variable = "root";
  std::string name;
  if (dotted) {
    // search.fs_uuid NAME VARIABLE HINTS..., and likewise search.file, search.fs_label
    const auto& command = arguments.front();
    if (command == "search.fs_uuid") by = FileSystemBy::uuid;
    if (command == "search.fs_label") by = FileSystemBy::label;
    if (command == "search.file") by = FileSystemBy::marker_file;
    if (arguments.size() > 1) name = arguments[1];
    if (arguments.size() > 2) variable = arguments[2];
  } else {
    variable = take_option(arguments, "set", "-s", "root").value_or(variable);
    while (take_option(arguments, "hint", "-h")) {
    }
    std::vector<std::string> names;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const std::string_view word = arguments[i];
      if (word == "--fs-uuid" || word == "-u") {
        by = FileSystemBy::uuid;
      } else if (word == "--label" || word == "-l") {
        by = FileSystemBy::label;
      } else if (word == "--file" || word == "-f") {
        by = FileSystemBy::marker_file;
      } else if (!word.starts_with('-')) {
        names.emplace_back(word);
      }
    }
    // What follows the name are hints.
    if (!names.empty()) name = names.front();
  }
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
    while (take_option(arguments, option, {})) {
    }
  }
  take_option(arguments, "users", {}, "-");
  const auto id = take_option(arguments, "id", {});
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
  while (const auto variable = take_option(arguments, "set", "-s")) {
    // regexp --set NUMBER:VARIABLE
    if (!variable->empty()) set_open(variable->substr(variable->find(':') + 1));
  }
  if (name == "hwmatch") set_open("match");
  if (name == "getenv" && first().size() > 2) set_open(first()[2]);
  return GrubTruth::unknown;
}

GrubTruth GrubMachine::run_command(const GrubStatement& statement) {
  return GrubCommands(*this, statement).run();
}

}  // namespace vfio_switch
