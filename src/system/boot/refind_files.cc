// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/refind_files.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/boot/loader_search.h"
#include "core/boot/refind_menu.h"
#include "system/boot/plain_menus.h"

namespace vfio_switch {

namespace {

/// Where a directory is for rEFInd.
struct VolumePath {
  std::string volume;
  std::string path;  ///< without a slash at its ends
};

std::string without_slashes(std::string_view path) {
  const auto parts = split_words(path, "/");
  return join({parts.begin(), parts.end()}, "/");
}

class Finder {
 public:
  Finder(const BootFiles& files, const FileSystems& systems, std::string esp)
      : files_(files), systems_(systems), esp_(std::move(esp)) {}

  /// What rEFInd scans, as far as it is mounted.
  std::vector<RefindDirectory> directories() {
    std::vector<std::string> points = {"/", esp_, "/boot"};
    for (const auto& row : systems_.rows()) points.push_back(row.point);
    for (const auto& point : points) {
      const auto base = point == "/" ? std::string() : point;
      add(point);
      add(base + "/boot");
      const auto listed = files_.names(base + "/EFI");
      for (const auto& name : listed.names) {
        const auto lower = lower_case(name);
        // rEFInd looks for tools there, later.
        if (!name.starts_with('.') && lower != "tools") add(base + "/EFI/" + name);
      }
      if (listed.state == SourceText::State::unknown) add(base + "/EFI/any");
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] VolumePath place_of(const std::string& path) const {
    if (const auto* const row = row_of(systems_.rows(), path)) {
      const auto rest = path.substr(row->point == "/" ? 0 : row->point.size());
      return {row->source, without_slashes(row->root + "/" + rest)};
    }
    const bool on_esp = (path + "/").starts_with(esp_ + "/");
    return {on_esp ? esp_ : "/", without_slashes(on_esp ? path.substr(esp_.size()) : path)};
  }

  static bool is_scanned(const std::string& path) {
    const auto lower = lower_case(path);
    if (lower.empty() || lower == "boot" || lower == "@/boot") return true;
    return lower.starts_with("efi/") && std::ranges::count(lower, '/') == 1;
  }

  void add(const std::string& at) {
    const auto listed = files_.names(at);
    if (listed.state == SourceText::State::absent) return;
    auto place = place_of(at);
    if (!is_scanned(place.path)) return;
    if (!seen_.insert(place.volume + ":" + lower_case(place.path)).second) return;
    RefindDirectory directory{at, std::move(place.path), {}};
    directory.is_own_volume = place.volume == place_of(esp_).volume;
    if (listed.state == SourceText::State::unknown) directory.why = listed.why;
    for (const auto& name : listed.names) {
      if (auto file = file_of((at == "/" ? "" : at) + "/" + name, name)) {
        directory.files.push_back(std::move(*file));
      }
    }
    found_.push_back(std::move(directory));
  }

  [[nodiscard]] std::optional<RefindFile> file_of(const std::string& path,
                                                  const std::string& name) const {
    constexpr std::int64_t second = 1'000'000'000;
    const auto status = files_.reader().status(path);
    if (!status || !*status) return RefindFile{name, std::nullopt, false, std::nullopt};
    if ((*status)->kind == FileKind::directory || files_.kind(path) == SourceKind::directory) {
      return std::nullopt;
    }
    RefindFile file{name, (*status)->modified / second};
    file.is_link = (*status)->kind == FileKind::symbolic_link;
    const auto lower = lower_case(name);
    const auto begins = [&](std::string_view part) { return lower.starts_with(part); };
    const auto parts = {"vmlinuz", "bzimage", "image", "kernel"};
    if (lower.ends_with(".efi") || std::ranges::any_of(parts, begins)) {
      file.is_program = is_program(path);
    }
    return file;
  }

  /// rEFInd shows EFI programs alone. Whether it can start a packed one depends on its settings.
  [[nodiscard]] std::optional<bool> is_program(const std::string& path) const {
    const auto bytes = files_.bytes(path);
    if (!bytes.source) return std::nullopt;
    const auto head = bytes.source->read(0, 2);
    if (head == "\x1f\x8b") return std::nullopt;
    return head == "MZ";
  }

  const BootFiles& files_;
  const FileSystems& systems_;
  const std::string esp_;
  std::vector<RefindDirectory> found_;
  std::set<std::string> seen_;
};

/// A file system that rEFInd may find kernels on, and that is not mounted.
std::optional<BootUnknown> unseen_volume(const BootFiles& files, const FileSystems& systems) {
  if (!files.reader().is_running_system()) return BootUnknown{BootUnknownCode::file_system};
  const auto named =
      lower_case(files.text("/etc/crypttab").text + files.text("/proc/cmdline").text);
  const auto swaps = files.text("/etc/fstab").text;
  for (const auto& uuid : systems.unmounted_uuids()) {
    // NTFS has such a one; no kernel is on it.
    constexpr std::size_t ntfs_size = 16;
    if (uuid.size() == ntfs_size && uuid.find('-') == std::string::npos) continue;
    // What is opened, and then mounted as something else; or what hibernation writes to.
    const auto key = "uuid=" + lower_case(uuid);
    if (named.find(key) != std::string::npos) continue;
    const bool is_swap = std::ranges::any_of(split_lines(swaps), [&](std::string_view line) {
      const auto words = split_words(line);
      return words.size() > 2 && words[2] == "swap" && lower_case(words[0]) == key;
    });
    if (!is_swap) return BootUnknown{BootUnknownCode::file_system, uuid};
  }
  return std::nullopt;
}

/// The options of a rEFInd that is told to read another file.
std::optional<BootUnknown> other_config(const EfiVariables& variables) {
  for (const auto& option : variables.load_options) {
    if (loader_of_file(option.file) != LoaderKind::refind) continue;
    if (option.options.find("-c") == std::string::npos) continue;
    return BootUnknown{BootUnknownCode::command, option.options};
  }
  return std::nullopt;
}

}  // namespace

BootMenu read_refind_files(const BootFiles& files, const FileSystems& systems,
                           const BootPlaces& places, const EfiVariables& variables, bool is_arm) {
  const auto configs = find_refind_configs(files, places);
  if (configs.empty()) {
    return unread_menu(LoaderKind::refind,
                       {BootUnknownCode::loader, std::string(to_string(LoaderKind::refind))});
  }
  if (configs.size() > 1) {
    return unread_menu(LoaderKind::refind, {BootUnknownCode::several, enumerate(configs)});
  }
  if (const auto why = other_config(variables)) return unread_menu(LoaderKind::refind, *why);
  const auto text = files.text(configs.front());
  if (text.state != SourceText::State::present) return unread_menu(LoaderKind::refind, text.why);
  RefindRequest request{configs.front(), text.text, {}, variables, {}, is_arm};
  request.directories = Finder(files, systems, places.esp).directories();
  request.read = [&](const std::string& path) { return files.text(path); };
  request.unseen = unseen_volume(files, systems);
  return read_refind_menu(request);
}

}  // namespace vfio_switch
