// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/loader_signs.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/base/text.h"
#include "core/boot/this_boot.h"

namespace vfio_switch {

namespace {

bool is_there(const BootFiles& files, const std::string& path) {
  return files.kind(path) != SourceKind::absent;
}

bool is_directory(const BootFiles& files, const std::string& path) {
  const auto kind = files.kind(path);
  return kind == SourceKind::directory || kind == SourceKind::unknown;
}

template <class Paths>
std::string first_there(const BootFiles& files, const Paths& paths) {
  for (const std::string& path : paths) {
    if (is_there(files, path)) return path;
  }
  return {};
}

/// The mount points that hold what only an ESP holds come first.
bool looks_like_esp(const BootFiles& files, const std::string& point) {
  return is_directory(files, point + "/EFI") || is_there(files, point + "/loader/loader.conf");
}

bool has_entries(const BootFiles& files, const std::string& point) {
  return is_directory(files, point + "/loader/entries") ||
         is_directory(files, point + "/EFI/Linux");
}

bool has_unified_images(const BootFiles& files, const std::string& point) {
  const auto names = files.names(point + "/EFI/Linux").names;
  return std::ranges::any_of(
      names, [](const std::string& name) { return lower_case(name).ends_with(".efi"); });
}

void add_tool(LoaderSigns& signs, const BootFiles& files) {
  struct Tool {
    EntryTool tool;
    const char* path;
  };
  // The first that is there. Each of these takes over what the loader reads.
  constexpr std::array<Tool, 9> tools = {{
      {EntryTool::proxmox, "/etc/kernel/proxmox-boot-uuids"},
      {EntryTool::bootc, "/sysroot/composefs"},
      {EntryTool::ostree, "/run/ostree-booted"},
      {EntryTool::ostree, "/ostree/repo"},
      {EntryTool::kernelstub, "/etc/kernelstub/configuration"},
      {EntryTool::limine_entry, "/usr/bin/limine-entry-tool"},
      {EntryTool::limine_entry, "/usr/bin/limine-mkinitcpio"},
      {EntryTool::limine_entry, "/usr/bin/limine-dracut"},
      {EntryTool::sdbootutil, "/usr/bin/sdbootutil"},
  }};
  for (const auto& [tool, path] : tools) {
    if (!is_there(files, path)) continue;
    signs.tool = tool;
    signs.tool_file = path;
    return;
  }
}

}  // namespace

BootPlaces find_boot_places(const BootFiles& files, const FileSystems& systems) {
  BootPlaces places;
  // Where bootctl(1) looks, then whatever else is a FAT file system.
  std::vector<std::string> points = {"/efi", "/boot/efi", "/boot"};
  for (auto& point : systems.fat_points()) {
    if (std::ranges::find(points, point) == points.end()) points.push_back(std::move(point));
  }
  for (const auto& point : points) {
    if (systems.is_mount_point(point) == false || !looks_like_esp(files, point)) continue;
    places.esp = point;
    break;
  }
  const std::string boot = "/boot";
  if (places.esp != boot && systems.is_mount_point(boot) != false && has_entries(files, boot)) {
    places.xbootldr = boot;
  }
  return places;
}

EfiVariables read_efi_variables(const BootFiles& files) {
  const std::string directory = "/sys/firmware/efi/efivars";
  EfiVariables variables;
  variables.is_efi = files.kind("/sys/firmware/efi") != SourceKind::absent;
  if (!variables.is_efi) return variables;
  const auto listed = files.names(directory);
  if (listed.state == SourceText::State::unknown) variables.unknown.push_back(listed.why);
  for (const auto& name : listed.names) {
    if (!is_boot_variable(name)) continue;
    const auto content = files.text(directory + "/" + name);
    if (content.state == SourceText::State::unknown) {
      variables.unknown.push_back(content.why);
    } else {
      add_efi_variable(variables, name, content.text);
    }
  }
  return variables;
}

std::vector<std::string> find_grub_configs(const BootFiles& files, const BootPlaces& places) {
  std::vector<std::string> found;
  std::vector<std::string> paths = {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"};
  // Proxmox has its menu on the ESP.
  if (!places.esp.empty()) paths.push_back(places.esp + "/grub/grub.cfg");
  for (const auto& path : paths) {
    if (is_there(files, path) && std::ranges::find(found, path) == found.end()) {
      found.push_back(path);
    }
  }
  return found;
}

std::string find_limine_config(const BootFiles& files, const BootPlaces& places) {
  std::vector<std::string> paths;
  // Beside the EFI program first (Limine 10.3 and later), then in the order that it documents.
  for (const auto* name : {"/EFI/limine/limine.conf", "/EFI/BOOT/limine.conf",
                           "/boot/limine/limine.conf", "/boot/limine.conf", "/limine/limine.conf",
                           "/limine.conf", "/limine/limine.cfg", "/limine.cfg"}) {
    if (!places.esp.empty()) paths.push_back(places.esp + name);
  }
  for (const auto* path : {"/boot/limine/limine.conf", "/boot/limine.conf",
                           "/boot/limine/limine.cfg", "/boot/limine.cfg", "/limine.conf"}) {
    paths.emplace_back(path);
  }
  return first_there(files, paths);
}

std::string find_extlinux_config(const BootFiles& files, const BootPlaces& places) {
  std::vector<std::string> paths = {"/boot/extlinux/extlinux.conf", "/extlinux/extlinux.conf",
                                    "/boot/syslinux/syslinux.cfg"};
  if (!places.esp.empty()) paths.push_back(places.esp + "/extlinux/extlinux.conf");
  return first_there(files, paths);
}

std::vector<std::string> find_refind_configs(const BootFiles& files, const BootPlaces& places) {
  std::vector<std::string> found;
  if (places.esp.empty()) return found;
  for (const auto* name : {"/EFI/refind/refind.conf", "/EFI/BOOT/refind.conf"}) {
    if (is_there(files, places.esp + name)) found.push_back(places.esp + name);
  }
  return found;
}

LoaderSigns read_loader_signs(const BootFiles& files, const BootPlaces& places) {
  LoaderSigns signs;
  signs.variables = read_efi_variables(files);
  if (signs.variables.is_efi) signs.is_efi = true;
  if (!signs.variables.is_efi && files.reader().is_running_system()) signs.is_efi = false;
  signs.boot_image = read_this_boot(files.text("/proc/cmdline").text).image;
  add_tool(signs, files);
  const auto add = [&](LoaderKind kind, std::string path) {
    if (!path.empty()) signs.files.push_back({kind, LoaderEvidence::files, std::move(path)});
  };
  const auto& esp = places.esp;
  const auto on_esp = [&](std::initializer_list<const char*> names) {
    std::vector<std::string> paths;
    for (const auto* name : names) paths.push_back(esp + name);
    return esp.empty() ? std::string() : first_there(files, paths);
  };
  add(LoaderKind::limine, find_limine_config(files, places));
  const auto refind = find_refind_configs(files, places);
  add(LoaderKind::refind, refind.empty() ? std::string() : refind.front());
  const auto grub = find_grub_configs(files, places);
  add(LoaderKind::grub, grub.empty() ? std::string() : grub.front());
  add(LoaderKind::systemd_boot, on_esp({"/loader/loader.conf", "/EFI/systemd"}));
  add(LoaderKind::extlinux, find_extlinux_config(files, places));
  add(LoaderKind::zfsbootmenu, on_esp({"/EFI/zbm", "/EFI/ZBM", "/EFI/zfsbootmenu"}));
  if (!signs.files.empty()) return signs;
  // What several loaders read, or none has to: it counts where nothing else is there.
  for (const auto& point : {esp, places.xbootldr}) {
    if (point.empty()) continue;
    if (files.names(point + "/loader/entries").state != SourceText::State::absent) {
      add(LoaderKind::systemd_boot, point + "/loader/entries");
      break;
    }
  }
  if (signs.files.empty()) {
    add(LoaderKind::refind,
        first_there(files, std::vector<std::string>{"/boot/refind_linux.conf"}));
  }
  if (signs.files.empty() && !esp.empty() && has_unified_images(files, esp)) {
    add(LoaderKind::unified_image, esp + "/EFI/Linux");
  }
  return signs;
}

}  // namespace vfio_switch
