// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_loaders.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/boot/grub_settings.h"

namespace vfio_switch {

namespace {

const std::string efi_variables = "/sys/firmware/efi/efivars/";
constexpr const char* loader_guid = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Where the EFI system partition, or the one that the boot loader reads, is mounted.
constexpr std::array<const char*, 4> boot_partitions = {"/boot", "/efi", "/boot/efi", "/esp"};

bool has_program(const FileReader& files, const std::string& name) {
  constexpr std::array<const char*, 4> directories = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
  return std::ranges::any_of(
      directories, [&](const std::string& directory) { return files.exists(directory + name); });
}

std::string read_or_empty(const FileReader& files, const std::string& path) {
  auto text = files.read(path);
  return text && *text ? std::move(**text) : std::string();
}

/// A variable in which a boot loader leaves its name: 4 bytes of attributes, then UTF-16.
std::string loader_info(const FileReader& files) {
  const auto raw = read_or_empty(files, efi_variables + "LoaderInfo" + loader_guid);
  std::string text;
  constexpr std::size_t attributes = 4;
  for (std::size_t i = attributes; i + 1 < raw.size(); i += 2) {
    if (raw[i] != '\0' && raw[i + 1] == '\0') text += raw[i];
  }
  return text;
}

/// The first of `paths` that exists; empty: none.
template <class Paths>
std::string first_existing(const FileReader& files, const Paths& paths) {
  for (const auto& path : paths) {
    if (files.exists(path)) return std::string(path);
  }
  return {};
}

/// Looks at a root for one boot loader after the other.
class Search {
 public:
  explicit Search(const FileReader& files) : files_(files) {
    std::ranges::copy_if(boot_partitions, std::back_inserter(partitions_),
                         [&](const char* path) { return files.exists(path); });
  }

  BootLoader run() {
    if (auto loader = rpm_ostree()) return std::move(*loader);
    if (auto loader = kernelstub()) return std::move(*loader);
    const auto info = loader_info(files_);
    if (auto generator = proxmox_boot_tool(info)) return std::move(*generator);
    if (auto generator = limine_entry_tool(info)) return std::move(*generator);
    if (!problem_.empty()) return unreadable();
    if (files_.exists(efi_variables + "StubInfo" + loader_guid)) return unified_image();
    std::vector<BootLoader> found;
    const auto add = [&](std::string_view name, std::optional<BootLoader> loader) {
      if (!loader || (!info.empty() && is_known(info) && !info.starts_with(name))) return;
      found.push_back(std::move(*loader));
    };
    add("Limine", limine());
    add("rEFInd", refind());
    add("GRUB", grub());
    // GRUB may read the same entries.
    const bool read = std::ranges::any_of(found, [](const BootLoader& loader) {
      return std::holds_alternative<Grubby>(loader) || std::holds_alternative<BootEntries>(loader);
    });
    if (!read) add("systemd-boot", boot_entries());
    if (!problem_.empty()) return unreadable();
    if (found.size() == 1) return std::move(found.front());
    if (found.empty() && has_unified_images()) return unified_image();
    if (found.empty()) return UnknownLoader{};
    std::vector<Item> names;
    for (const auto& loader : found) names.emplace_back(Word{std::string(name_of(loader))});
    return UnknownLoader{{ReasonCause::several_loaders, {{"loaders", std::move(names)}}}};
  }

 private:
  [[nodiscard]] UnknownLoader unreadable() const {
    return {{ReasonCause::loader_unreadable, {{"error", Word{problem_}}}}};
  }

  static bool is_known(std::string_view info) {
    constexpr std::array<std::string_view, 4> names = {"Limine", "rEFInd", "GRUB", "systemd-boot"};
    return std::ranges::any_of(names, [&](auto name) { return info.starts_with(name); });
  }

  /// Adds a file that exists; what cannot be read is the search's problem.
  void observe(ParameterSyntax syntax, const std::string& path, std::vector<ParameterFile>& to) {
    auto status = files_.status(path);
    if (status && !*status) return;
    auto state = files_.state(path);
    if (!state) {
      problem_ = state.error().message;
      return;
    }
    to.push_back({syntax, path, std::move(*state)});
  }

  std::vector<std::string> list(const std::string& directory) {
    auto names = files_.list(directory);
    if (names) return std::move(*names);
    problem_ = names.error().message;
    return {};
  }

  void observe_directory(ParameterSyntax syntax, const std::string& directory,
                         std::string_view suffix, std::vector<ParameterFile>& to) {
    for (const auto& name : list(directory)) {
      if (name.ends_with(suffix)) observe(syntax, directory + "/" + name, to);
    }
  }

  std::vector<ParameterFile> entries() {
    std::vector<ParameterFile> found;
    for (const auto& partition : partitions_) {
      observe_directory(ParameterSyntax::boot_entry, partition + "/loader/entries", ".conf", found);
    }
    return found;
  }

  std::optional<BootLoader> rpm_ostree() {
    const bool booted = files_.exists("/run/ostree-booted") || files_.exists("/ostree/repo");
    if (!booted || !has_program(files_, "rpm-ostree")) return std::nullopt;
    return RpmOstree{entries()};
  }

  std::optional<BootLoader> kernelstub() {
    const std::string path = "/etc/kernelstub/configuration";
    if (!files_.exists(path)) return std::nullopt;
    return Kernelstub{path};
  }

  /// It copies kernels to ESPs that are not mounted, and writes systemd-boot's entries there with
  /// the words of /etc/kernel/cmdline, which only such systems have (proxmox-boot-tool refresh).
  std::optional<BootLoader> proxmox_boot_tool(std::string_view info) {
    const bool used = files_.exists("/etc/kernel/proxmox-boot-uuids") &&
                      has_program(files_, "proxmox-boot-tool") && !info.starts_with("GRUB");
    if (!used) return std::nullopt;
    EntryGenerator generator{EntryGenerator::Kind::proxmox_boot_tool, {}, {}};
    observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", generator.settings);
    if (generator.settings.empty()) return std::nullopt;
    generator.command = {"proxmox-boot-tool", "refresh"};
    return generator;
  }

  /// limine-entry-tool.conf(5): the drop-ins, then /etc/default/limine.
  std::optional<BootLoader> limine_entry_tool(std::string_view info) {
    const bool used = limine() && has_program(files_, "limine-entry-tool") &&
                      (info.empty() || info.starts_with("Limine"));
    if (!used) return std::nullopt;
    EntryGenerator generator;
    for (const auto* directory : {"/usr/share/limine-entry-tool.d", "/etc/limine-entry-tool.d"}) {
      observe_directory(ParameterSyntax::command_line, directory, ".conf", generator.settings);
    }
    observe(ParameterSyntax::command_line, "/etc/limine-entry-tool.conf", generator.settings);
    observe(ParameterSyntax::command_line, "/etc/default/limine", generator.settings);
    const bool says_any = std::ranges::any_of(generator.settings, [](const ParameterFile& file) {
      const auto* text = std::get_if<RegularFile>(&file.state);
      return text != nullptr && text->content.find("KERNEL_CMDLINE") != std::string::npos;
    });
    // Any setting makes the tool ignore this file, which it uses otherwise.
    if (!says_any)
      observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", generator.settings);
    for (const auto* program : {"limine-mkinitcpio", "limine-dracut", "limine-update"}) {
      if (generator.command.empty() && has_program(files_, program)) generator.command = {program};
    }
    return generator;
  }

  std::optional<BootLoader> limine() {
    std::vector<std::string> paths;
    for (const auto& partition : partitions_) {
      for (const auto* name : {"/limine.conf", "/limine/limine.conf", "/EFI/limine/limine.conf",
                               "/EFI/BOOT/limine.conf", "/limine.cfg", "/limine/limine.cfg"}) {
        paths.push_back(partition + name);
      }
    }
    const auto path = first_existing(files_, paths);
    if (path.empty()) return std::nullopt;
    return Limine{path, read_or_empty(files_, path)};
  }

  std::optional<BootLoader> refind() {
    constexpr std::array<const char*, 2> paths = {"/boot/refind_linux.conf",
                                                  "/efi/refind_linux.conf"};
    const auto path = first_existing(files_, paths);
    if (path.empty()) return std::nullopt;
    return Refind{path, read_or_empty(files_, path)};
  }

  std::optional<BootLoader> grub() {
    constexpr std::array<const char*, 2> outputs = {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"};
    const auto output = first_existing(files_, outputs);
    if (output.empty()) return std::nullopt;
    Grub grub;
    grub.output = output;
    observe(ParameterSyntax::grub_settings, std::string(grub_settings_path), grub.settings);
    const bool has_settings = !grub.settings.empty();
    observe_directory(ParameterSyntax::grub_settings, std::string(grub_settings_path) + ".d",
                      ".cfg", grub.settings);
    if (has_settings && reads_entries(grub)) {
      if (auto loader = grub_with_entries()) return loader;
    }
    const std::string name = output.find("grub2") == std::string::npos ? "grub" : "grub2";
    const auto generator = name + "-mkconfig";
    if (name == "grub" && has_program(files_, "update-grub")) {
      grub.command = {"update-grub"};
    } else if (has_program(files_, generator)) {
      grub.command = {generator, "-o", output};
    }
    constexpr std::array<const char*, 2> directories = {"/usr/sbin/", "/usr/bin/"};
    grub.reads_drop_ins = std::ranges::any_of(directories, [&](const std::string& directory) {
      return read_or_empty(files_, directory + generator).find("/default/grub.d") !=
             std::string::npos;
    });
    if (auto text = files_.read(output); text) grub.generated = std::move(*text);
    return grub;
  }

  /// GRUB's menu is then made of boot entries, which grub-mkconfig does not write.
  static bool reads_entries(const Grub& grub) {
    const auto* settings = std::get_if<RegularFile>(&grub.settings.front().state);
    return settings != nullptr &&
           std::ranges::any_of(split_lines(settings->content), [](std::string_view line) {
             return trim(line).starts_with("GRUB_ENABLE_BLSCFG=") &&
                    line.find("true") != std::string_view::npos;
           });
  }

  std::optional<BootLoader> grub_with_entries() {
    auto found = entries();
    if (found.empty()) return std::nullopt;
    if (!has_program(files_, "grubby")) return BootEntries{with_template(std::move(found))};
    Grubby grubby{std::move(found), {}};
    for (const auto& entry : grubby.entries) grubby.outputs.push_back(entry.path);
    for (const auto* path : {"/boot/grub2/grubenv", "/etc/default/grub", "/etc/kernel/cmdline"}) {
      if (files_.exists(path)) grubby.outputs.emplace_back(path);
    }
    return grubby;
  }

  std::vector<ParameterFile> with_template(std::vector<ParameterFile> found) {
    observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", found);
    return found;
  }

  std::optional<BootLoader> boot_entries() {
    auto found = entries();
    if (found.empty()) return std::nullopt;
    return BootEntries{with_template(std::move(found))};
  }

  bool has_unified_images() {
    return std::ranges::any_of(partitions_, [&](const std::string& partition) {
      const auto names = files_.list(partition + "/EFI/Linux");
      return names && std::ranges::any_of(
                          *names, [](const std::string& name) { return name.ends_with(".efi"); });
    });
  }

  BootLoader unified_image() {
    UnifiedImage image;
    observe(ParameterSyntax::command_line, "/etc/kernel/cmdline", image.files);
    observe_directory(ParameterSyntax::command_line, "/etc/cmdline.d", ".conf", image.files);
    if (!problem_.empty()) return unreadable();
    return image;
  }

  const FileReader& files_;
  std::vector<std::string> partitions_;  ///< those of `boot_partitions` that exist
  std::string problem_;
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
