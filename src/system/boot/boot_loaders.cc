// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_loaders.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/grub_settings.h"
#include "system/boot/generator_search.h"
#include "system/boot/settings_search.h"
#include "system/boot/unified_image_search.h"
#include "system/files/best_effort.h"

namespace vfio_switch {

namespace {

const std::string efi_variables = "/sys/firmware/efi/efivars/";
constexpr const char* loader_guid = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A variable in which a boot loader leaves its name: 4 bytes of attributes, then UTF-16.
std::string loader_info(const FileReader& files) {
  const auto raw = text_of(files, efi_variables + "LoaderInfo" + loader_guid);
  std::string text;
  constexpr std::size_t attributes = 4;
  for (std::size_t i = attributes; i + 1 < raw.size(); i += 2) {
    if (raw[i] != '\0' && raw[i + 1] == '\0') text += raw[i];
  }
  return text;
}

/// Looks at a root for one boot loader after the other.
class Search {
 public:
  explicit Search(const FileReader& files) : files_(files), look_(files) {}

  BootLoader run() {
    if (auto loader = rpm_ostree()) return std::move(*loader);
    if (auto loader = bootc()) return std::move(*loader);
    const auto info = loader_info(files_);
    const auto menu = limine();
    const auto config = menu ? std::get<Limine>(*menu).file : std::string();
    if (auto generator = find_entry_generator(look_, info, config)) return std::move(*generator);
    if (!look_.problem().empty()) return unreadable();
    if (files_.exists(efi_variables + "StubInfo" + loader_guid)) return unified_image();
    std::vector<BootLoader> found;
    const auto add = [&](std::string_view name, std::optional<BootLoader> loader) {
      if (!loader || (!info.empty() && is_known(info) && !info.starts_with(name))) return;
      found.push_back(std::move(*loader));
    };
    add("Limine", limine());
    add("rEFInd", refind());
    add("GRUB", grub());
    add("extlinux", extlinux());
    // GRUB may read the same entries.
    const bool read = std::ranges::any_of(found, [](const BootLoader& loader) {
      return std::holds_alternative<Grubby>(loader) || std::holds_alternative<BootEntries>(loader);
    });
    if (!read) add("systemd-boot", boot_entries());
    if (!look_.problem().empty()) return unreadable();
    if (found.size() == 1) return std::move(found.front());
    if (found.empty() && has_unified_images(look_)) return unified_image();
    if (found.empty()) return UnknownLoader{};
    std::vector<Item> names;
    for (const auto& loader : found) names.emplace_back(Word{std::string(name_of(loader))});
    return UnknownLoader{{ReasonCause::several_loaders, {{"loaders", std::move(names)}}}};
  }

 private:
  [[nodiscard]] UnknownLoader unreadable() const {
    return {{ReasonCause::loader_unreadable, {{"error", Word{look_.problem()}}}}};
  }

  static bool is_known(std::string_view info) {
    constexpr std::array<std::string_view, 4> names = {"Limine", "rEFInd", "GRUB", "systemd-boot"};
    return std::ranges::any_of(names, [&](auto name) { return info.starts_with(name); });
  }

  std::optional<BootLoader> rpm_ostree() {
    const bool booted = files_.exists("/run/ostree-booted") || files_.exists("/ostree/repo");
    if (!booted || !look_.has_program("rpm-ostree")) return std::nullopt;
    return RpmOstree{deployments()};
  }

  Deployments deployments() {
    return {look_.entries(), look_.text("/run/ostree/staged-deployment")};
  }

  std::optional<BootLoader> bootc() {
    const bool booted = files_.exists("/run/ostree-booted") || files_.exists("/ostree/repo") ||
                        files_.exists("/sysroot/composefs");
    if (!booted || !look_.has_program("bootc")) return std::nullopt;
    return Bootc{deployments()};
  }

  std::optional<BootLoader> extlinux() {
    auto found = find_u_boot_update(look_);
    return found ? std::optional<BootLoader>(std::move(*found)) : std::nullopt;
  }

  std::optional<BootLoader> limine() {
    std::vector<std::string> paths;
    for (const auto& partition : look_.partitions()) {
      for (const auto* name : {"/limine.conf", "/limine/limine.conf", "/EFI/limine/limine.conf",
                               "/EFI/BOOT/limine.conf", "/limine.cfg", "/limine/limine.cfg"}) {
        paths.push_back(partition + name);
      }
    }
    const auto path = look_.first_existing(paths);
    if (path.empty()) return std::nullopt;
    return Limine{path, look_.text(path)};
  }

  std::optional<BootLoader> refind() {
    constexpr std::array<const char*, 2> paths = {"/boot/refind_linux.conf",
                                                  "/efi/refind_linux.conf"};
    const auto path = look_.first_existing(paths);
    if (path.empty()) return std::nullopt;
    return Refind{path, look_.text(path)};
  }

  std::optional<BootLoader> grub() {
    constexpr std::array<const char*, 2> outputs = {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"};
    const auto output = look_.first_existing(outputs);
    if (output.empty()) return std::nullopt;
    Grub grub;
    grub.output = output;
    look_.observe(ParameterSyntax::grub_settings, std::string(grub_settings_path), grub.settings);
    const bool has_settings = !grub.settings.empty();
    look_.observe_directory(ParameterSyntax::grub_settings, std::string(grub_settings_path) + ".d",
                            ".cfg", grub.settings);
    if (has_settings && reads_entries(grub)) {
      if (auto loader = grub_with_entries()) return loader;
    }
    const std::string name = output.find("grub2") == std::string::npos ? "grub" : "grub2";
    const auto generator = name + "-mkconfig";
    if (name == "grub" && look_.has_program("update-grub")) {
      grub.command = {"update-grub"};
    } else if (look_.has_program(generator)) {
      grub.command = {generator, "-o", output};
    }
    constexpr std::array<const char*, 2> directories = {"/usr/sbin/", "/usr/bin/"};
    grub.reads_drop_ins = std::ranges::any_of(directories, [&](const std::string& directory) {
      return look_.text(directory + generator).find("/default/grub.d") != std::string::npos;
    });
    if (auto text = files_.read(output); text) grub.generated = std::move(*text);
    if (uses_proxmox_boot_tool(look_)) {
      grub.command = {"proxmox-boot-tool", "refresh"};
      grub.output.clear();
      grub.generated.reset();
    }
    return grub;
  }

  /// GRUB's menu is then made of boot entries, which grub-mkconfig does not write.
  static bool reads_entries(const Grub& grub) {
    const auto* settings = std::get_if<RegularFile>(&grub.settings.front().state);
    return settings != nullptr &&
           std::ranges::any_of(split_lines(settings->content), [](std::string_view raw) {
             const auto line = without_comment(trim(raw));
             return line.starts_with("GRUB_ENABLE_BLSCFG=") && line.contains("true");
           });
  }

  std::optional<BootLoader> grub_with_entries() {
    auto found = look_.entries();
    if (found.empty()) return std::nullopt;
    if (!look_.has_program("grubby")) return BootEntries{with_template(std::move(found))};
    Grubby grubby{std::move(found), {}};
    for (const auto& entry : grubby.entries) grubby.outputs.push_back(entry.path);
    for (const auto* path : {"/boot/grub2/grubenv", "/etc/default/grub", "/etc/kernel/cmdline"}) {
      if (files_.exists(path)) grubby.outputs.emplace_back(path);
    }
    return grubby;
  }

  std::vector<ParameterFile> with_template(std::vector<ParameterFile> found) {
    look_.observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", found);
    return found;
  }

  std::optional<BootLoader> boot_entries() {
    auto found = look_.entries();
    if (found.empty()) return std::nullopt;
    return BootEntries{with_template(std::move(found))};
  }

  BootLoader unified_image() {
    auto image = find_unified_image(look_);
    if (!look_.problem().empty()) return unreadable();
    return image;
  }

  const FileReader& files_;
  SettingsSearch look_;
};

}  // namespace

BootLoader find_boot_loader(const FileReader& files) {
  return Search(files).run();
}

std::optional<Place> find_tpm_unlock(ForeignFiles& files) {
  const std::string path = "/etc/crypttab";
  // Only root may read it: then root is told.
  if (read_foreign(files.reader(), path).kind == ForeignKind::unreadable) return std::nullopt;
  int number = 0;
  const auto content = files.text(path);
  for (const auto line : split_lines(content)) {
    ++number;
    const bool live = !trim(line).empty() && !trim(line).starts_with('#');
    if (live && line.find("tpm2-device=") != std::string_view::npos) {
      return Place{path, number};
    }
  }
  return std::nullopt;
}

}  // namespace vfio_switch
