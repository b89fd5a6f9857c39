// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/generator_search.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/limine_settings.h"

namespace vfio_switch {

namespace {

bool sets_yes(std::string_view script, std::string_view variable) {
  const auto assignments = find_assignments(script);
  if (!assignments) return false;
  bool yes = false;
  for (const auto& assignment : *assignments) {
    if (assignment.name == variable) yes = unquoted(script, assignment) == "yes";
  }
  return yes;
}

bool names_hashed_image(std::string_view entry) {
  constexpr std::size_t digits = 40;
  return std::ranges::any_of(split_lines(entry), [](std::string_view line) {
    const auto words = split_words(line);
    if (words.size() != 2 || words[0] != "initrd") return false;
    const auto dash = words[1].rfind("/initrd-");
    return dash != std::string_view::npos && words[1].size() - dash - 8 == digits;
  });
}

/// It copies kernels to ESPs that are not mounted, and writes systemd-boot's entries there with
/// the words of /etc/kernel/cmdline, which only such systems have (proxmox-boot-tool refresh).
std::optional<EntryGenerator> proxmox_boot_tool(SettingsSearch& look, std::string_view info) {
  const bool used = look.files().exists("/etc/kernel/proxmox-boot-uuids") &&
                    look.has_program("proxmox-boot-tool") && !info.starts_with("GRUB");
  if (!used) return std::nullopt;
  EntryGenerator generator{
      .kind = EntryGenerator::Kind::proxmox_boot_tool, .settings = {}, .command = {}};
  look.observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", generator.settings);
  if (generator.settings.empty()) return std::nullopt;
  generator.command = {"proxmox-boot-tool", "refresh"};
  return generator;
}

/// limine-entry-tool.conf(5): the drop-ins, then /etc/default/limine.
std::optional<EntryGenerator> limine_entry_tool(SettingsSearch& look, std::string_view info,
                                                const std::string& config) {
  const bool used = !config.empty() && look.has_program("limine-entry-tool") &&
                    (info.empty() || info.starts_with("Limine"));
  if (!used) return std::nullopt;
  EntryGenerator generator;
  constexpr auto syntax = ParameterSyntax::limine_settings;
  look.observe_directory(syntax, "/usr/share/limine-entry-tool.d", ".conf", generator.settings);
  look.observe(syntax, "/etc/limine-entry-tool.conf", generator.settings);
  look.observe_directory(syntax, "/etc/limine-entry-tool.d", ".conf", generator.settings);
  look.observe(syntax, std::string(limine_defaults_path), generator.settings);
  const bool says_any = std::ranges::any_of(generator.settings, [](const ParameterFile& file) {
    const auto* text = std::get_if<RegularFile>(&file.state);
    return text != nullptr && limine_settings_say(text->content);
  });
  // Any setting makes the tool ignore this file, which it uses otherwise.
  if (!says_any)
    look.observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", generator.settings);
  for (const auto* program : {"limine-mkinitcpio", "limine-dracut", "limine-update"}) {
    if (!generator.command.empty() || !look.has_program(program)) continue;
    generator.command = {program};
    generator.builds_images = std::string_view(program) != "limine-update";
  }
  look.observe(syntax, config, generator.outputs);
  return generator;
}

/// CachyOS and Manjaro with systemd-boot. Where it writes nothing by itself, entries are
/// people's.
std::optional<EntryGenerator> sdboot_manage(SettingsSearch& look, std::string_view info) {
  const std::string settings = "/etc/sdboot-manage.conf";
  const bool used = look.has_program("sdboot-manage") && look.files().exists(settings) &&
                    (info.empty() || info.starts_with("systemd-boot"));
  if (!used) return std::nullopt;
  constexpr auto syntax = ParameterSyntax::sdboot_settings;
  EntryGenerator generator{.kind = EntryGenerator::Kind::sdboot_manage,
                           .settings = {},
                           .command = {"sdboot-manage", "gen"}};
  generator.outputs = look.entries();
  look.observe(syntax, settings, generator.settings);
  generator.reads_drop_ins =
      look.text("/usr/bin/sdboot-manage").find("/sdboot-manage.conf.d") != std::string::npos;
  if (generator.reads_drop_ins) {
    look.observe_directory(syntax, "/usr/lib/sdboot-manage.conf.d", ".conf", generator.settings);
    look.observe_directory(syntax, "/etc/sdboot-manage.conf.d", ".conf", generator.settings);
  }
  const bool is_off = std::ranges::any_of(generator.settings, [](const ParameterFile& file) {
    const auto* text = std::get_if<RegularFile>(&file.state);
    return text != nullptr && sets_yes(text->content, "NO_AUTOGEN");
  });
  if (is_off || generator.outputs.empty()) return std::nullopt;
  return generator;
}

/// openSUSE: entries whose image is named after its bytes are sdbootutil's.
std::optional<EntryGenerator> sdbootutil(SettingsSearch& look) {
  if (!look.has_program("sdbootutil")) return std::nullopt;
  EntryGenerator generator{.kind = EntryGenerator::Kind::sdbootutil,
                           .settings = {},
                           .command = {"sdbootutil", "update-all-entries"}};
  generator.outputs = look.entries();
  const bool ours = std::ranges::any_of(generator.outputs, [](const ParameterFile& file) {
    const auto* text = std::get_if<RegularFile>(&file.state);
    return text != nullptr && names_hashed_image(text->content);
  });
  if (!ours) return std::nullopt;
  look.observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", generator.settings);
  return generator;
}

}  // namespace

std::optional<EntryGenerator> find_entry_generator(SettingsSearch& look, std::string_view info,
                                                   const std::string& limine_config) {
  if (auto found = proxmox_boot_tool(look, info)) return found;
  if (auto found = limine_entry_tool(look, info, limine_config)) return found;
  if (auto found = sdboot_manage(look, info)) return found;
  return sdbootutil(look);
}

}  // namespace vfio_switch
