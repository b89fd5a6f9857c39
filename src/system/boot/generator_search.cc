// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/generator_search.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/kernelstub_settings.h"
#include "core/boot/limine_settings.h"
#include "core/boot/u_boot_settings.h"

namespace vfio_switch {

namespace {

/// The files as the tool sources them, one after the other.
std::string joined(const std::vector<ParameterFile>& settings) {
  std::string script;
  for (const auto& file : settings) {
    if (const auto* text = std::get_if<RegularFile>(&file.state)) script += text->content + "\n";
  }
  return script;
}

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

bool is_off(std::string_view script, std::string_view variable) {
  const auto assignments = find_assignments(script);
  if (!assignments) return false;
  std::string value;
  for (const auto& assignment : *assignments) {
    if (assignment.name == variable) value = unquoted(script, assignment);
  }
  return !value.empty() && value != "true";
}

/// Pop!_OS: entries for systemd-boot, and others for the firmware where it does not manage alone.
std::optional<EntryGenerator> kernelstub(SettingsSearch& look, std::string_view info) {
  if (!look.has_program("kernelstub")) return std::nullopt;
  auto entries = look.entries();
  std::erase_if(entries, [](const ParameterFile& file) {
    return !file.path.ends_with("-current.conf") && !file.path.ends_with("-oldkern.conf");
  });
  const std::string configuration(kernelstub_settings_path);
  const auto path =
      look.files().exists(configuration) ? configuration : std::string(kernelstub_defaults_path);
  // Without a configuration it has not run yet, unless what it wrote is there.
  if (path != configuration && (entries.empty() || !look.files().exists(path))) return std::nullopt;
  const auto text = look.text(path);
  const bool to_firmware = kernelstub_flag(text, "manage_mode") == false;
  const bool to_entries = kernelstub_flag(text, "setup_loader") != false &&
                          (info.empty() || info.starts_with("systemd-boot"));
  if (!to_firmware && !to_entries) return std::nullopt;
  EntryGenerator generator{
      .kind = EntryGenerator::Kind::kernelstub, .settings = {}, .command = {"kernelstub"}};
  look.observe(ParameterSyntax::kernelstub_settings, path, generator.settings);
  // The firmware's entries are no files that could be kept.
  if (to_firmware) return generator;
  generator.outputs = std::move(entries);
  // It writes this one anew as well.
  generator.outputs.push_back({ParameterSyntax::kernelstub_settings, configuration, Absent{}});
  return generator;
}

/// True where proxmox-boot-tool leaves the menu to GRUB. systemd-boot always tells the firmware its
/// name, GRUB in later versions; a machine without EFI has GRUB.
bool has_grub_of_proxmox(const FileReader& files, std::string_view info) {
  if (!info.empty()) return !info.starts_with("systemd-boot");
  const auto variables = files.list("/sys/firmware/efi/efivars");
  if (variables && !variables->empty()) return true;
  return files.is_running_system() && !files.exists("/sys/firmware/efi");
}

/// It copies kernels to ESPs that are not mounted, and writes systemd-boot's entries there with
/// the words of /etc/kernel/cmdline (proxmox-boot-tool refresh), or with those of the running
/// kernel where that does not exist.
std::optional<EntryGenerator> proxmox_boot_tool(SettingsSearch& look, std::string_view info) {
  if (!uses_proxmox_boot_tool(look) || has_grub_of_proxmox(look.files(), info)) return std::nullopt;
  EntryGenerator generator{.kind = EntryGenerator::Kind::proxmox_boot_tool,
                           .settings = {},
                           .command = {"proxmox-boot-tool", "refresh"}};
  look.observe(ParameterSyntax::first_line, "/etc/kernel/cmdline", generator.settings);
  if (generator.settings.empty() && info.empty()) return std::nullopt;
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
  const bool writes_nothing = sets_yes(joined(generator.settings), "NO_AUTOGEN");
  if (writes_nothing || generator.outputs.empty()) return std::nullopt;
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
  look.observe_directory(ParameterSyntax::command_line, "/etc/kernel/cmdline.d", "",
                         generator.settings);
  return generator;
}

}  // namespace

bool uses_proxmox_boot_tool(const SettingsSearch& look) {
  return look.files().exists("/etc/kernel/proxmox-boot-uuids") &&
         look.has_program("proxmox-boot-tool");
}

std::optional<EntryGenerator> find_u_boot_update(SettingsSearch& look) {
  const std::string output = "/boot/extlinux/extlinux.conf";
  const std::string program = "u-boot-update";
  // What it writes says so.
  const bool used = look.has_program(program) && look.text(output).contains(program);
  if (!used) return std::nullopt;
  EntryGenerator generator{
      .kind = EntryGenerator::Kind::u_boot_update, .settings = {}, .command = {program}};
  constexpr auto syntax = ParameterSyntax::u_boot_settings;
  look.observe(syntax, std::string(u_boot_defaults_path), generator.settings);
  for (const auto* directory : {"/usr/sbin/", "/usr/bin/"}) {
    if (look.text(directory + program).contains("/u-boot-menu/conf.d")) {
      generator.reads_drop_ins = true;
    }
  }
  if (generator.reads_drop_ins) {
    look.observe_directory(syntax, "/usr/share/u-boot-menu/conf.d", ".conf", generator.settings);
    look.observe_directory(syntax, "/etc/u-boot-menu/conf.d", ".conf", generator.settings);
  }
  const auto script = joined(generator.settings);
  if (is_off(script, "U_BOOT_UPDATE")) return std::nullopt;
  if (!u_boot_settings_say(script)) {
    look.observe(ParameterSyntax::first_line, "/etc/kernel/cmdline", generator.settings);
  }
  look.observe(syntax, output, generator.outputs);
  return generator;
}

std::optional<EntryGenerator> find_entry_generator(SettingsSearch& look, std::string_view info,
                                                   const std::string& limine_config) {
  if (auto found = kernelstub(look, info)) return found;
  if (auto found = proxmox_boot_tool(look, info)) return found;
  if (auto found = limine_entry_tool(look, info, limine_config)) return found;
  if (auto found = sdboot_manage(look, info)) return found;
  return sdbootutil(look);
}

}  // namespace vfio_switch
