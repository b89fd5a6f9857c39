// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/unasked.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

bool takes_devices(std::string_view module) {
  const auto name = module_name(module);
  return name == "vfio_pci" || name == "pci_stub";
}

/// People list VFIO's other modules for no other reason.
bool is_loaded_for_it(std::string_view module) {
  return takes_devices(module) || module_name(module).starts_with("vfio");
}

bool names_one(std::string_view text) {
  return std::ranges::any_of(split_words(text, " \t,;=/\"'"), takes_devices);
}

bool is_about_it(const ModprobeDirective& line) {
  if (takes_devices(line.subject)) return true;
  const bool leads_there =
      line.command == "softdep" || line.command == "alias" || line.command == "install";
  return leads_there && names_one(line.arguments);
}

bool is_about_it(std::string_view parameter) {
  const auto equals = parameter.find('=');
  if (equals == std::string_view::npos) return false;
  const auto key = parameter.substr(0, equals);
  const auto value = parameter.substr(equals + 1);
  if (takes_devices(key.substr(0, key.find('.')))) return !value.empty();
  constexpr std::array<std::string_view, 5> loading = {
      "rd.driver.pre", "rd.driver.post", "modules_load", "modules-load", "rd.modules_load"};
  return std::ranges::find(loading, key) != loading.end() && names_one(value);
}

class Search {
 public:
  explicit Search(const SystemFacts& facts) : facts_(facts) {}

  std::vector<Item> run() {
    for (const auto& line : parse_modprobe(effective_modprobe(facts_.modprobe))) {
      if (is_about_it(line) && !is_ours(line.file)) add(line.place());
    }
    for (const auto& [path, file] : facts_.files) {
      const bool is_there = !std::holds_alternative<Absent>(file.state);
      if (is_there && !is_ours(path) && !has_line_of(path)) add(Place{path});
    }
    for (const auto* list : {&facts_.early_modules, &facts_.root_lists}) {
      for (const auto& one : *list) {
        if (is_loaded_for_it(one.module) && !is_ours(one.where.path)) add(one.where);
      }
    }
    for (const auto& one : facts_.driverctl) {
      if (takes_devices(one.driver)) add(one.where);
    }
    for (const auto& one : facts_.override_setters) add(one.where);
    const auto next = next_entry(facts_.boot_menu);
    if (next) add_words(facts_.boot_menu.entries[*next].command_line.value_or(""));
    add_words(facts_.command_line);
    return std::move(found_);
  }

 private:
  void add(Item item) {
    if (std::ranges::find(found_, item) == found_.end()) found_.push_back(std::move(item));
  }

  void add_words(std::string_view line) {
    for (const auto word : split_words(line, " \t\n")) {
      if (is_about_it(word)) add(Parameter{std::string(word)});
    }
  }

  [[nodiscard]] bool has_line_of(std::string_view path) const {
    return std::ranges::any_of(found_, [&](const Item& item) {
      const auto* place = std::get_if<Place>(&item);
      return place != nullptr && place->path == path;
    });
  }

  /// As vfio-switch wrote it: of a snapshot of /etc, or an earlier installation.
  [[nodiscard]] bool is_ours(const std::string& path) const {
    const auto found = facts_.files.find(path);
    if (found == facts_.files.end() || !is_generated(path)) return false;
    const auto* file = std::get_if<RegularFile>(&found->second.state);
    return file != nullptr && is_unmodified(file->content);
  }

  const SystemFacts& facts_;
  std::vector<Item> found_;
};

/// Why nobody would get to the boot menu in time; nothing where somebody would.
std::optional<Refusal> unreachable_menu(const BootMenu& menu) {
  const Data data = {{"loader", Word{std::string(to_string(menu.loader))}}};
  if (menu.style == MenuStyle::hidden || menu.style == MenuStyle::disabled) {
    return Refusal{RefusalCause::menu_hidden, data};
  }
  const bool waits = !menu.timeout || *menu.timeout > 0;
  if (menu.style == MenuStyle::unknown || waits) return std::nullopt;
  return Refusal{RefusalCause::menu_without_time, data};
}

}  // namespace

std::vector<Item> vfio_set_ups(const SystemFacts& facts) {
  return Search(facts).run();
}

std::vector<Refusal> refuse_unasked(const SystemFacts& facts, const Unasked& unasked) {
  std::vector<Refusal> refusals;
  if (unasked.is_off) refusals.push_back({RefusalCause::set_up_off});
  if (auto found = vfio_set_ups(facts); !found.empty()) {
    refusals.push_back({RefusalCause::set_up_by_hand, {{"what", std::move(found)}}});
  }
  if (facts.command_line_locked) refusals.push_back({RefusalCause::escape_locked});
  if (unasked.doubt) {
    refusals.push_back({RefusalCause::menu_unknown, {unasked.doubt->data.back()}});
  } else if (auto refusal = unreachable_menu(facts.boot_menu)) {
    refusals.push_back(std::move(*refusal));
  }
  return refusals;
}

}  // namespace vfio_switch
