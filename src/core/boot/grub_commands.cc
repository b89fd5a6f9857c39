// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_commands.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vfio_switch {

std::optional<std::string> take_grub_option(std::vector<std::string>& arguments,
                                            std::string_view name, std::string_view letter,
                                            std::string_view fallback) {
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

GrubCommands::GrubCommands(GrubMachine& machine, const GrubStatement& statement)
    : GrubCommands(machine, statement, statement.words) {}

GrubCommands::GrubCommands(GrubMachine& machine, const GrubStatement& statement,
                           const std::vector<GrubWord>& words)
    : machine_(machine), statement_(statement), words_(expand(words, machine.state_)) {}

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
    // The statement stays the same: a menu entry keeps its body.
    const std::vector<GrubWord> rest(statement_.words.begin() + 1, statement_.words.end());
    return negated(GrubCommands(machine_, statement_, rest).run());
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
  struct Named {
    std::string_view name;
    GrubTruth (GrubCommands::*run)();
  };
  constexpr auto named = std::to_array<Named>({
      {"[", &GrubCommands::test},
      {"test", &GrubCommands::test},
      {"unset", &GrubCommands::unset},
      {"export", &GrubCommands::export_variables},
      {"load_env", &GrubCommands::load_environment},
      {"source", &GrubCommands::source},
      {".", &GrubCommands::source},
      {"configfile", &GrubCommands::configfile},
      {"normal", &GrubCommands::configfile},
      {"blscfg", &GrubCommands::read_entries},
      {"bls_import", &GrubCommands::read_entries},
      {"linux", &GrubCommands::load_kernel},
      {"linuxefi", &GrubCommands::load_kernel},
      {"linux16", &GrubCommands::load_kernel},
      {"initrd", &GrubCommands::load_initrds},
      {"initrdefi", &GrubCommands::load_initrds},
      {"initrd16", &GrubCommands::load_initrds},
      {"chainloader", &GrubCommands::chain},
  });
  const auto* const found = std::ranges::find(named, name, &Named::name);
  if (found != named.end()) return (this->*found->run)();
  if (name == "true") return GrubTruth::yes;
  if (name == "false") return GrubTruth::no;
  if (name == "set") return first().size() > 1 ? set(first()[1]) : GrubTruth::yes;
  if (name == "increment") return count(1);
  if (name == "decrement") return count(-1);
  if (name == "search" || name.starts_with("search.")) return search(name != "search");
  if (name == "menuentry" || name == "submenu") return define_item(name == "submenu");
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

GrubTruth GrubCommands::unset() {
  for (std::size_t i = 1; i < first().size(); ++i) machine_.state_.set(first()[i], GrubValues());
  return GrubTruth::yes;
}

GrubTruth GrubCommands::export_variables() {
  machine_.state_.exported.insert(first().begin() + 1, first().end());
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
  auto path = take_grub_option(arguments, "file", "-f");
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

GrubTruth GrubMachine::run_command(const GrubStatement& statement) {
  return GrubCommands(*this, statement).run();
}

}  // namespace vfio_switch
