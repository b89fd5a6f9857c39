// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/unified_image_search.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/shell_words.h"
#include "core/images/mkinitcpio_conf.h"

namespace vfio_switch {

namespace {

constexpr auto command_line = ParameterSyntax::command_line;

UnifiedImage usual_sources(SettingsSearch& look) {
  UnifiedImage image;
  look.observe(command_line, "/etc/kernel/cmdline", image.files);
  look.observe_directory(command_line, "/etc/cmdline.d", ".conf", image.files);
  return image;
}

/// The files that presets name for unified images; an empty one stands for the usual sources.
std::set<std::string> preset_sources(const SettingsSearch& look) {
  const std::string directory = "/etc/mkinitcpio.d/";
  std::set<std::string> sources;
  const auto names = look.files().list(directory);
  if (!names || !look.has_program("mkinitcpio")) return sources;
  for (const auto& name : *names) {
    if (!name.ends_with(".preset")) continue;
    const auto path = directory + name;
    for (const auto& preset : parse_preset(path, look.text(path))) {
      if (!preset.unified.empty()) sources.insert(preset.command_line);
    }
  }
  return sources;
}

UnifiedImage by_presets(SettingsSearch& look, const std::set<std::string>& sources) {
  if (sources == std::set<std::string>{""}) return usual_sources(look);
  UnifiedImage image;
  image.are_joined = false;
  for (const auto& source : sources) {
    const auto path = source.empty() ? std::string("/etc/kernel/cmdline") : source;
    const auto status = look.files().status(path);
    if (status && *status && (*status)->kind == FileKind::directory) {
      // Only one that is the only source can be told from whole command lines.
      if (sources.size() > 1) return {};
      look.observe_directory(command_line, path, ".conf", image.files);
      image.are_joined = true;
    } else {
      look.observe(command_line, path, image.files);
    }
  }
  return image;
}

/// True if the last assignment says `value`.
bool says(const std::vector<ParameterFile>& scripts, std::string_view variable,
          std::string_view value) {
  bool is_so = false;
  for (const auto& file : scripts) {
    const auto* script = std::get_if<RegularFile>(&file.state);
    const auto assignments = script == nullptr ? std::nullopt : find_assignments(script->content);
    if (!assignments) continue;
    for (const auto& one : *assignments) {
      if (one.name == variable) is_so = unquoted(script->content, one) == value;
    }
  }
  return is_so;
}

/// Of files of one name that of /etc is read alone: the others are the first `vendors`.
void take_out_masked(std::vector<ParameterFile>& files, std::size_t vendors) {
  const auto name = [](const ParameterFile& file) {
    return file.path.substr(file.path.rfind('/') + 1);
  };
  std::set<std::string> names;
  for (auto i = vendors; i < files.size(); ++i) names.insert(name(files[i]));
  const auto end = files.begin() + static_cast<std::ptrdiff_t>(vendors);
  files.erase(std::remove_if(files.begin(), end,
                             [&](const ParameterFile& file) { return names.contains(name(file)); }),
              end);
}

std::optional<EntryGenerator> dracut(SettingsSearch& look) {
  if (!look.has_program("dracut")) return std::nullopt;
  EntryGenerator generator{.kind = EntryGenerator::Kind::dracut,
                           .settings = {},
                           .command = {"dracut", "--regenerate-all", "--force"},
                           .builds_images = true};
  constexpr auto syntax = ParameterSyntax::dracut_settings;
  look.observe_directory(syntax, "/usr/lib/dracut/dracut.conf.d", ".conf", generator.settings);
  look.observe(syntax, "/etc/dracut.conf", generator.settings);
  const auto vendors = generator.settings.size();
  look.observe_directory(syntax, "/etc/dracut.conf.d", ".conf", generator.settings);
  take_out_masked(generator.settings, vendors);
  std::vector<ParameterFile> install;
  look.observe(command_line, "/etc/kernel/install.conf", install);
  const bool by_install = says(install, "uki_generator", "dracut");
  if (!by_install && !says(generator.settings, "uefi", "yes")) return std::nullopt;
  if (by_install) generator.command = {"kernel-install", "add-all"};
  return generator;
}

}  // namespace

bool has_unified_images(const SettingsSearch& look) {
  return std::ranges::any_of(look.partitions(), [&](const std::string& partition) {
    const auto names = look.files().list(partition + "/EFI/Linux");
    return names && std::ranges::any_of(
                        *names, [](const std::string& name) { return name.ends_with(".efi"); });
  });
}

BootLoader find_unified_image(SettingsSearch& look) {
  if (const auto sources = preset_sources(look); !sources.empty()) {
    return by_presets(look, sources);
  }
  if (auto generator = dracut(look)) return std::move(*generator);
  return usual_sources(look);
}

}  // namespace vfio_switch
