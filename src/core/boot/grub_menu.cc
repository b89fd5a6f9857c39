// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_menu.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/boot/grub_default.h"
#include "core/boot/grub_machine.h"

namespace vfio_switch {

namespace {

constexpr int deepest_submenu = 8;
constexpr std::size_t most_entries = 4096;

/// Where entries of a submenu stand.
struct Place {
  std::vector<std::string> titles;
  std::string id;  ///< with a '>' at its end
};

std::string escaped(const std::string& id) {
  std::string text;
  for (const char c : id) text += c == '>' ? std::string(">>") : std::string(1, c);
  return text;
}

/// An EFI program that can be a unified image: what else it is only its content shows.
bool can_be_unified(std::string_view path) {
  auto name = std::string(path.substr(path.rfind('/') + 1));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  constexpr std::array<std::string_view, 6> others = {"bootmgfw", "shim",  "grub",
                                                      "memtest",  "shell", "boot"};
  return name.ends_with(".efi") && std::ranges::none_of(others, [&](std::string_view other) {
           return name.starts_with(other);
         });
}

class Reader {
 public:
  Reader(GrubMachine& machine, GrubVariant variant) : machine_(machine), variant_(variant) {}

  void run(BootMenu& menu) {
    menu_ = &menu;
    const auto items = machine_.items();
    read(items, {}, machine_.state().value_of("default"), true);
  }

 private:
  void read(const std::vector<GrubItem>& items, const Place& place, const GrubValues& value,
            bool is_chosen) {
    GrubChoice choice;
    if (is_chosen) {
      choice = choose_grub_item(items, value, variant_, machine_.is_incomplete());
      // What is missing is the better reason.
      const bool misses = choice.why && choice.why->code == BootUnknownCode::limit;
      menu_->why_no_default =
          misses && !machine_.notes().empty() ? machine_.notes().front() : choice.why;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool starts = choice.index == i;
      if (menu_->entries.size() >= most_entries) {
        menu_->notes.push_back({BootUnknownCode::limit, "the menu"});
        if (is_chosen && choice.index && *choice.index >= i) {
          menu_->why_no_default = menu_->notes.back();
        }
        return;
      }
      if (items[i].is_submenu) {
        read_submenu(items[i], place, starts ? choice.inside : std::nullopt, starts);
      } else {
        menu_->entries.push_back(entry_of(items[i], place));
        if (starts) menu_->default_entry = menu_->entries.size() - 1;
      }
    }
  }

  void read_submenu(const GrubItem& item, const Place& place, std::optional<std::string> choice,
                    bool is_chosen) {
    if (depth_ >= deepest_submenu) {
      menu_->notes.push_back({BootUnknownCode::limit, item.title});
      if (is_chosen) menu_->why_no_default = menu_->notes.back();
      return;
    }
    ++depth_;
    auto outer = machine_.state();
    const auto items = machine_.open_submenu(item, std::move(choice));
    auto inner = place;
    inner.titles.push_back(item.title);
    inner.id += escaped(item.id) + ">";
    read(items, inner, machine_.state().value_of("default"), is_chosen);
    machine_.state() = std::move(outer);
    --depth_;
  }

  BootEntry entry_of(const GrubItem& item, const Place& place) {
    auto start = machine_.start(item);
    BootEntry entry;
    entry.id = place.id + escaped(item.id);
    entry.title = item.title;
    entry.submenus = place.titles;
    entry.source = item.source;
    entry.machine_id = item.machine_id;
    entry.kernel = std::move(start.kernel);
    entry.initrds = std::move(start.initrds);
    entry.command_line = std::move(start.command_line);
    entry.possible_words = std::move(start.possible_words);
    entry.unknown = std::move(start.unknown);
    if (entry.kernel && entry.kernel->on.by == FileSystemBy::device &&
        entry.kernel->on.name.empty()) {
      entry.unknown.push_back(
          {BootUnknownCode::variable, "root", item.source.file, item.source.line});
    }
    if (item.is_uncertain) {
      entry.unknown.push_back(
          {BootUnknownCode::condition, item.title, item.source.file, item.source.line});
    }
    if (!entry.kernel && start.chained && can_be_unified(start.chained->path)) {
      entry.unified_image = std::move(start.chained);
    }
    entry.kind = start.config && !entry.kernel ? EntryKind::foreign : kind_of(entry);
    // A menu of snapshots that is a file of its own is not followed: nothing in it is the default.
    const bool snapshots = start.config && (start.config->find("snapshot") != std::string::npos ||
                                            start.config->find("grub-btrfs") != std::string::npos);
    if (snapshots && !entry.kernel) entry.kind = EntryKind::snapshot;
    return entry;
  }

  GrubMachine& machine_;
  GrubVariant variant_;
  BootMenu* menu_ = nullptr;
  int depth_ = 0;
};

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

MenuEditor editor_of(const GrubState& state) {
  const auto superusers = state.value_of("superusers").only();
  if (!superusers) return MenuEditor::unknown;
  return superusers->empty() ? MenuEditor::open : MenuEditor::locked;
}

BootMenu run(const GrubRequest& request, GrubMachine& machine) {
  BootMenu menu;
  menu.loader = LoaderKind::grub;
  const auto directory =
      "(" + grub_device({FileSystemBy::inside_root, {}}) + ")" + directory_of(request.path);
  machine.state().set("prefix", GrubValues::of(directory));
  machine.state().set("config_directory", GrubValues::of(directory));
  machine.state().set(
      "config_file",
      GrubValues::of("(" + grub_device({FileSystemBy::inside_root, {}}) + ")" + request.path));
  machine.run_text(request.text, request.path);
  const auto state = machine.state();
  Reader(machine, request.variant).run(menu);
  menu.notes.insert(menu.notes.begin(), machine.notes().begin(), machine.notes().end());
  if (menu.default_entry) menu.why_no_default.reset();

  const auto style = state.value_of("timeout_style");
  const auto timeout = state.value_of("timeout").only();
  std::string_view rest;
  const auto seconds = timeout ? grub_number(*timeout, rest) : std::nullopt;
  if (seconds) menu.timeout = static_cast<int>(std::min(*seconds, 86400UL));
  if (const auto value = style.only()) {
    menu.style = MenuStyle::shown;
    // Without a timeout GRUB shows the menu whatever the style is.
    if (seconds && *value == "countdown") menu.style = MenuStyle::countdown;
    if (seconds && *value == "hidden") menu.style = MenuStyle::hidden;
  }
  menu.editor = editor_of(state);
  return menu;
}

bool is_set(const GrubEnvironment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found != environment.end() && !found->second.empty();
}

/// The environment of the boot after the next one: what was chosen for once is gone.
GrubEnvironment without_once(GrubEnvironment environment) {
  environment.erase("next_entry");
  if (const auto saved = environment.extract("prev_saved_entry")) {
    environment.insert_or_assign("saved_entry", saved.mapped());
  }
  return environment;
}

}  // namespace

BootMenu read_grub_menu(const GrubRequest& request, const BootSources& sources) {
  GrubMachine machine(sources, request.platform);
  auto menu = run(request, machine);
  const auto& environment = machine.environment();
  if (!is_set(environment, "next_entry") && !is_set(environment, "prev_saved_entry")) {
    if (menu.default_entry) mark_default(menu, *menu.default_entry);
    return menu;
  }
  GrubMachine later(sources, request.platform);
  later.replace_environment(without_once(environment));
  auto after = run(request, later);
  const auto once = menu.default_entry;
  const auto why = menu.why_no_default;
  const auto same = [](const BootMenu& left, const BootMenu& right) {
    return std::ranges::equal(left.entries, right.entries, {}, &BootEntry::id, &BootEntry::id);
  };
  if (!same(menu, after)) after.default_entry.reset();
  menu.default_entry = after.default_entry;
  menu.why_no_default = after.why_no_default;
  if (!menu.default_entry && !menu.why_no_default) {
    menu.why_no_default = BootUnknown{BootUnknownCode::variable, "next_entry"};
  }
  if (menu.default_entry) mark_default(menu, *menu.default_entry);
  if (!once) {
    menu.why_no_once = why;
  } else if (once != menu.default_entry) {
    mark_once(menu, *once);
  }
  return menu;
}

}  // namespace vfio_switch
