// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/limine_menu.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/boot/limine_tree.h"

namespace vfio_switch {

namespace {

/// `[$]resource(argument):/path[#hash]`; before version 8 `resource://argument/path`.
std::optional<BootFile> file_of(std::string_view text) {
  if (text.starts_with('$')) text.remove_prefix(1);
  const auto mark = std::min(text.rfind('#'), text.size());
  const auto checksum = text.substr(mark);
  text = text.substr(0, mark);
  const auto open = text.find('(');
  const auto close = text.find("):");
  std::string_view resource;
  std::string_view argument;
  std::string_view path;
  if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
    resource = text.substr(0, open);
    argument = text.substr(open + 1, close - open - 1);
    path = text.substr(close + 2);
  } else if (const auto colon = text.find("://"); colon != std::string_view::npos) {
    resource = text.substr(0, colon);
    argument = text.substr(colon + 3);
    const auto slash = std::min(argument.find('/'), argument.size());
    path = argument.substr(slash);
    argument = argument.substr(0, slash);
  } else {
    return std::nullopt;
  }
  BootFile file;
  file.checksum = checksum;
  for (const char c : "/" + std::string(path)) {
    if (c != '/' || !file.path.ends_with('/')) file.path += c;
  }
  const auto kind = lower_case(resource);
  if (kind == "boot" && argument.empty()) return file;
  file.on = {FileSystemBy::device, std::string(resource) + "(" + std::string(argument) + ")"};
  if (kind == "guid" || kind == "uuid") file.on = {FileSystemBy::uuid, std::string(argument)};
  if (kind == "fslabel") file.on = {FileSystemBy::label, std::string(argument)};
  return file;
}

std::string escaped(std::string_view title) {
  std::string text;
  for (const char c : title) {
    if (c == '/' || c == '\\' || c == '#') text += '\\';
    text += c;
  }
  return text;
}

/// "machine-id=0123" in a comment, as limine-entry-tool writes it.
std::optional<std::string> machine_id_of(const std::vector<LimineOption>& options) {
  constexpr std::string_view key = "machine-id=";
  for (const auto& option : options) {
    if (option.name != "comment") continue;
    for (const auto word : split_words(option.value)) {
      if (word.starts_with(key)) return std::string(word.substr(key.size()));
    }
  }
  return std::nullopt;
}

/// One line of the menu.
struct MenuLine {
  std::string id;
  std::optional<std::size_t> entry;  ///< nothing: a directory
  bool is_visible = true;
};

class Reader {
 public:
  Reader(const LimineRequest& request, BootMenu& menu) : request_(request), menu_(menu) {}

  void run() {
    const auto tree =
        parse_limine(request_.text, {{"ARCH", request_.architecture},
                                     {"FW_TYPE", request_.platform == "bios" ? "BIOS" : "UEFI"}});
    read(tree.nodes, {}, {}, true);
    set_timeout(tree.options);
    const bool off = limine_option(tree.options, "editor_enabled") == "no" ||
                     request_.variables.secure_boot == true;
    menu_.editor = off ? MenuEditor::locked : MenuEditor::open;
    select(tree.options);
  }

 private:
  struct Place {
    std::vector<std::string> titles;
    std::string id;
  };

  [[nodiscard]] bool is_hidden(const LimineNode& node) const {
    const auto firmware = limine_option(node.options, "if_fw_type");
    if (firmware && lower_case(*firmware) != request_.platform) return true;
    const auto protocol = lower_case(limine_option(node.options, "protocol").value_or(""));
    const bool efi = protocol == "efi" || protocol == "uefi" || protocol == "efi_chainload" ||
                     protocol == "efi_boot_entry";
    if (efi && request_.platform == "bios") return true;
    if (protocol.starts_with("bios") && request_.platform != "bios") return true;
    const auto architectures = limine_option(node.options, "if_arch");
    if (!architectures) return false;
    const auto words = split_words(*architectures);
    return std::ranges::none_of(
        words, [&](std::string_view word) { return lower_case(word) == request_.architecture; });
  }

  void read(const std::vector<LimineNode>& nodes, const Place& place,
            const std::optional<std::string>& machine_id, bool is_visible) {
    std::map<std::string, unsigned> seen;
    for (const auto& node : nodes) {
      if (is_hidden(node)) continue;
      auto id = place.id + escaped(node.title);
      const auto twin = seen[node.title]++;
      if (twin > 0) id += "#" + std::to_string(twin);
      auto own = machine_id_of(node.options);
      if (!own) own = machine_id;
      if (!node.children.empty()) {
        lines_.push_back({id, std::nullopt, is_visible});
        auto inner = place;
        inner.titles.push_back(node.title);
        inner.id = id + "/";
        read(node.children, inner, own, is_visible && node.is_expanded);
        continue;
      }
      lines_.push_back({id, menu_.entries.size(), is_visible});
      auto entry = entry_of(node);
      entry.id = std::move(id);
      entry.submenus = place.titles;
      entry.machine_id = std::move(own);
      entry.kind = kind_of(entry);
      menu_.entries.push_back(std::move(entry));
    }
  }

  BootEntry entry_of(const LimineNode& node) const {
    BootEntry entry;
    entry.title = node.title;
    entry.source = {request_.path, node.line};
    const auto protocol = lower_case(limine_option(node.options, "protocol").value_or(""));
    const auto line = limine_option(node.options, "cmdline", "kernel_cmdline");
    const auto take = [&](const std::optional<std::string>& value) {
      const auto file = value ? file_of(*value) : std::nullopt;
      if (!file) {
        entry.unknown.push_back(
            {BootUnknownCode::malformed, value.value_or("path"), request_.path, node.line});
      }
      return file;
    };
    if (protocol == "linux") {
      entry.kernel = take(limine_option(node.options, "path", "kernel_path"));
      for (const auto& option : node.options) {
        if (option.name != "module_path") continue;
        if (auto file = take(option.value)) entry.initrds.push_back(std::move(*file));
      }
      entry.command_line = line.value_or("");
    } else if (protocol == "efi" || protocol == "uefi" || protocol == "efi_chainload") {
      auto file = take(limine_option(node.options, "path", "image_path"));
      const auto name = file ? lower_case(file->path) : std::string();
      // \EFI\BOOT is the firmware's own place: a boot loader, or Limine itself.
      const bool loader = name.find("/bootx64.efi") != std::string::npos ||
                          name.find("bootmgfw") != std::string::npos;
      if (file && !loader && name.ends_with(".efi")) {
        entry.unified_image = std::move(file);
        entry.command_line = line;
      }
    }
    return entry;
  }

  void set_timeout(const std::vector<LimineOption>& options) {
    const auto value = limine_option(options, "timeout").value_or("5");
    const bool quiet = limine_option(options, "quiet") == "yes";
    menu_.style = quiet ? MenuStyle::hidden : MenuStyle::shown;
    if (value == "no") return;
    int seconds = 0;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    menu_.timeout = seconds;
    if (seconds == 0) menu_.style = MenuStyle::hidden;
  }

  [[nodiscard]] const MenuLine* find(std::string_view id) const {
    const auto found = std::ranges::find(lines_, id, &MenuLine::id);
    return found == lines_.end() ? nullptr : &*found;
  }

  /// The line that a number or a path means; nothing where it fits none.
  [[nodiscard]] const MenuLine* line_of(const std::string& value) const {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return find(value);
    for (const auto& line : lines_) {
      if (line.is_visible && --number == 0) return &line;
    }
    return nullptr;
  }

  void select(const std::vector<LimineOption>& options) {
    const auto& variables = request_.variables;
    if (variables.entry_once) {
      const auto* const line = find(*variables.entry_once);
      if (line != nullptr && line->entry) mark_once(menu_, *line->entry);
    }
    std::vector<std::string> choices;
    if (limine_option(options, "remember_last_entry") == "yes" && variables.limine_last) {
      choices.push_back(*variables.limine_last);
    }
    if (variables.entry_default) choices.push_back(*variables.entry_default);
    choices.push_back(limine_option(options, "default_entry").value_or("1"));
    choices.emplace_back("1");
    for (const auto& choice : choices) {
      const auto* const line = line_of(choice);
      if (line == nullptr) continue;
      if (line->entry) {
        mark_default(menu_, *line->entry);
      } else {
        // A directory starts nothing: the menu waits for somebody.
        menu_.why_no_default = BootUnknown{BootUnknownCode::directory, line->id, request_.path};
      }
      return;
    }
    menu_.why_no_default = BootUnknown{BootUnknownCode::missing, {}, request_.path};
  }

  const LimineRequest& request_;
  BootMenu& menu_;
  std::vector<MenuLine> lines_;
};

}  // namespace

BootMenu read_limine_menu(const LimineRequest& request) {
  BootMenu menu;
  menu.loader = LoaderKind::limine;
  Reader(request, menu).run();
  return menu;
}

}  // namespace vfio_switch
