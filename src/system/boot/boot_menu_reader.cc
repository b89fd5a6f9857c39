// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_menu_reader.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/boot/firmware_menu.h"
#include "core/boot/grub_menu.h"
#include "core/boot/systemd_boot_menu.h"
#include "core/boot/this_boot.h"
#include "core/machine/os_release.h"
#include "system/boot/boot_files.h"
#include "system/boot/entry_files.h"
#include "system/boot/file_systems.h"
#include "system/boot/loader_signs.h"
#include "system/boot/menu_detour.h"
#include "system/boot/plain_menus.h"
#include "system/boot/refind_files.h"

namespace vfio_switch {

namespace {

/// As `architecture` of a boot entry has it.
#if defined(__aarch64__)
constexpr const char* architecture = "aa64";
#else
constexpr const char* architecture = "x64";
#endif

class Reader {
 public:
  Reader(const FileReader& files, const MenuReaderOptions& options)
      : files_(files), options_(options), systems_(files_, mountinfo(), options.mounted_esps) {
    places_ = find_boot_places(files_, systems_);
    if (!options_.mounted_esps.empty()) places_ = {options_.mounted_esps.front(), {}};
    signs_ = read_loader_signs(files_, places_);
  }

  MachineMenu run() {
    MachineMenu result;
    result.loader = find_loader(signs_);
    result.variables = signs_.variables;
    result.menu = read(result.loader);
    EntryFiles(files_, systems_, options_.unpack).complete(result.menu, signs_.variables);
    compare_esps(result.menu);
    add_once(result);
    if (auto detour = find_menu_detour(files_, signs_.variables)) {
      result.menu.why_no_once = std::move(*detour);
    }
    const auto release = std::string(trim(files_.text("/proc/sys/kernel/osrelease").text));
    const auto line = files_.text("/proc/cmdline");
    if (line.state == SourceText::State::present) {
      result.this_boot =
          entry_of_this_boot(result.menu, read_this_boot(line.text), signs_.variables, release);
    }
    return result;
  }

 private:
  std::optional<std::string> mountinfo() const {
    if (!files_.reader().is_running_system()) return std::nullopt;
    // Looking at an automount mounts it, and then it stands there.
    for (const auto* point : {"/boot", "/efi", "/boot/efi"}) (void)files_.names(point);
    const auto text = files_.text("/proc/self/mountinfo");
    return text.state == SourceText::State::present ? std::optional(text.text) : std::nullopt;
  }

  BootMenu read(const LoaderFinding& finding) {
    // GRUB's menu is on /boot; the ESP has GRUB itself.
    const auto& unmounted = systems_.unmounted();
    const bool needs_all = finding.kind != LoaderKind::grub ||
                           std::ranges::find(unmounted, "/boot") != unmounted.end();
    if (!unmounted.empty() && needs_all) {
      return unread_menu(finding.kind, {BootUnknownCode::file_system, enumerate(unmounted)});
    }
    if (finding.kind == LoaderKind::unknown)
      return unread_menu(finding.kind, why_no_loader(finding));
    if (finding.tool == EntryTool::proxmox && options_.mounted_esps.empty()) {
      const auto uuids = files_.text(finding.tool_file).text;
      const auto words = split_words(uuids, " \t\n");
      return unread_menu(finding.kind, {BootUnknownCode::file_system,
                                        words.empty() ? std::string() : std::string(words.front()),
                                        finding.tool_file});
    }
    switch (finding.kind) {
      case LoaderKind::grub:
        return read_grub();
      case LoaderKind::systemd_boot:
        return read_systemd_boot();
      case LoaderKind::limine:
        return read_limine_files(files_, places_, signs_);
      case LoaderKind::extlinux:
        return read_extlinux_files(files_, places_);
      case LoaderKind::refind:
        return read_refind_files(files_, systems_, places_, signs_.variables,
                                 std::string_view(architecture) == "aa64");
      case LoaderKind::unified_image:
      case LoaderKind::efi_stub:
        return read_firmware(finding.kind);
      default:
        return unread_menu(finding.kind,
                           {BootUnknownCode::loader, std::string(to_string(finding.kind))});
    }
  }

  /// proxmox-boot-tool writes all ESPs alike, and which one starts is the firmware's affair. Where
  /// they differ, because one was not there for a while, it is not known what boots.
  void compare_esps(BootMenu& menu) const {
    const auto& esps = options_.mounted_esps;
    if (esps.size() < 2) return;
    const auto is_same = [&](const std::string& path, const std::string& esp) {
      if (!path.starts_with(esps.front() + "/")) return true;
      const auto other = esp + path.substr(esps.front().size());
      const auto here = files_.reader().status(path);
      const auto there = files_.reader().status(other);
      return here && there && *here && *there && (*here)->size == (*there)->size;
    };
    for (const auto& entry : menu.entries) {
      auto files = entry.initrds;
      for (const auto& file : {entry.kernel, entry.unified_image}) {
        if (file) files.push_back(*file);
      }
      for (const auto& esp : esps) {
        const bool same =
            is_same(entry.source.file, esp) &&
            std::ranges::all_of(files, [&](const BootFile& file) { return is_same(file.at, esp); });
        if (same) continue;
        menu.why_no_once = BootUnknown{BootUnknownCode::several, enumerate(esps)};
        return;
      }
    }
  }

  /// How GRUB's scripts get at files: `holder` is the one that was read first.
  BootSources sources(const std::string& holder) {
    BootSources sources;
    sources.read = [this, holder](const BootFile& file) {
      const auto path = systems_.locate(file, holder);
      if (path) return files_.text(*path);
      if (path.error().code == BootUnknownCode::missing) return SourceText();
      return SourceText::unknown(path.error());
    };
    sources.list = [this, holder](const BootFile& file) {
      const auto path = systems_.locate(file, holder);
      if (path) return files_.names(*path);
      SourceNames names;
      if (path.error().code == BootUnknownCode::missing) return names;
      names.state = SourceText::State::unknown;
      names.why = path.error();
      return names;
    };
    sources.kind = [this, holder](const BootFile& file) {
      const auto path = systems_.locate(file, holder);
      if (path) return files_.kind(*path);
      return path.error().code == BootUnknownCode::missing ? SourceKind::absent
                                                           : SourceKind::unknown;
    };
    return sources;
  }

  BootMenu read_grub() {
    auto configs = find_grub_configs(files_, places_);
    // GRUB on an ESP of Proxmox's reads the menu that is there; /boot has another one.
    if (!options_.mounted_esps.empty()) configs = {places_.esp + "/grub/grub.cfg"};
    auto path = configs.empty() ? std::string() : configs.front();
    if (configs.size() > 1) {
      path = config_of_stub(configs);
      if (path.empty()) {
        return unread_menu(LoaderKind::grub, {BootUnknownCode::several, enumerate(configs)});
      }
    }
    if (path.empty()) {
      return unread_menu(LoaderKind::grub, {BootUnknownCode::missing, "/boot/grub/grub.cfg"});
    }
    const auto text = files_.text(path);
    if (text.state != SourceText::State::present) return unread_menu(LoaderKind::grub, text.why);
    GrubRequest request{path, text.text, "", GrubVariant::upstream};
    if (signs_.is_efi) request.platform = *signs_.is_efi ? "efi" : "pc";
    if (is_fedora()) request.variant = GrubVariant::fedora;
    return read_grub_menu(request, sources(path));
  }

  /// Of two grub.cfg the one that the stub on the ESP leads to, by the directory that it names.
  std::string config_of_stub(const std::vector<std::string>& configs) const {
    if (places_.esp.empty()) return {};
    std::string found;
    for (const auto& vendor : files_.names(places_.esp + "/EFI").names) {
      const auto stub = files_.text(places_.esp + "/EFI/" + vendor + "/grub.cfg");
      if (stub.state != SourceText::State::present) continue;
      for (const auto& config : configs) {
        // "/boot/grub2/grub.cfg": "/grub2'", "/grub2/grub.cfg", "/grub2\n"
        const auto directory = config.substr(0, config.rfind('/'));
        const auto name = directory.substr(directory.rfind('/'));
        const auto at = stub.text.find(name);
        if (at == std::string::npos) continue;
        const auto next = at + name.size() < stub.text.size() ? stub.text[at + name.size()] : '\n';
        if (std::string_view("/'\"\n ").find(next) == std::string_view::npos) continue;
        if (!found.empty() && found != config) return {};
        found = config;
      }
    }
    return found;
  }

  bool is_fedora() const {
    const auto text = files_.text("/etc/os-release");
    const auto release =
        parse_os_release(text.text.empty() ? files_.text("/usr/lib/os-release").text : text.text);
    const auto is = [](const std::string& id) {
      return id == "fedora" || id == "rhel" || id == "centos";
    };
    return is(release.id) || std::ranges::any_of(release.id_like, is);
  }

  EntryPartition partition(const std::string& mount, std::vector<BootUnknown>& unknown) const {
    EntryPartition found;
    found.mount = mount;
    const auto entries = files_.names(mount + "/loader/entries");
    if (entries.state == SourceText::State::unknown) unknown.push_back(entries.why);
    for (const auto& name : entries.names) {
      if (!lower_case(name).ends_with(".conf")) continue;
      const auto path = mount + "/loader/entries/" + name;
      const auto text = files_.text(path);
      if (text.state == SourceText::State::absent) continue;
      found.entries.push_back(
          {path, text.text,
           text.state == SourceText::State::unknown ? std::optional(text.why) : std::nullopt});
    }
    const auto images = files_.names(mount + "/EFI/Linux");
    if (images.state == SourceText::State::unknown) unknown.push_back(images.why);
    for (const auto& name : images.names) {
      if (!lower_case(name).ends_with(".efi")) continue;
      found.images.push_back(read_unified_file(files_, mount + "/EFI/Linux/" + name));
    }
    found.addons = read_addons(files_, mount + "/loader/addons");
    return found;
  }

  BootMenu read_systemd_boot() {
    SystemdBootFiles found;
    found.variables = signs_.variables;
    found.unknown = signs_.variables.unknown;
    found.architecture = architecture;
    found.kind = [this](const std::string& path) { return files_.kind(path); };
    found.image = [this](const std::string& path) { return read_unified_file(files_, path); };
    if (places_.esp.empty() && places_.xbootldr.empty()) {
      return unread_menu(LoaderKind::systemd_boot, {BootUnknownCode::file_system, "ESP"});
    }
    for (const auto& mount : {places_.esp, places_.xbootldr}) {
      if (!mount.empty()) found.partitions.push_back(partition(mount, found.unknown));
    }
    const auto settings = files_.text(places_.esp + "/loader/loader.conf");
    if (settings.state != SourceText::State::absent) {
      found.settings = EntryFile{places_.esp + "/loader/loader.conf", settings.text};
      if (settings.state == SourceText::State::unknown) found.settings->why = settings.why;
    }
    return read_systemd_boot_menu(found);
  }

  BootMenu read_firmware(LoaderKind kind) {
    auto menu = read_firmware_menu(signs_.variables, sources(places_.esp + "/EFI"));
    menu.loader = kind;
    return menu;
  }

  /// The firmware's choice for once, where the menu is another loader's.
  static void add_once(MachineMenu& result) {
    const auto& once = result.loader.once;
    const bool is_firmware = result.menu.loader == LoaderKind::unified_image ||
                             result.menu.loader == LoaderKind::efi_stub;
    if (!once || is_firmware) return;
    const bool same = loader_of_file(once->file) == result.menu.loader;
    if (!same) result.menu.why_no_once = BootUnknown{BootUnknownCode::loader, once->description};
  }

  BootFiles files_;
  const MenuReaderOptions& options_;
  FileSystems systems_;
  BootPlaces places_;
  LoaderSigns signs_;
};

}  // namespace

MachineMenu read_boot_menu(const FileReader& files, const MenuReaderOptions& options) {
  return Reader(files, options).run();
}

}  // namespace vfio_switch
