// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/entry_files.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/boot/kernel_image.h"
#include "core/boot/systemd_boot_entry.h"
#include "core/boot/unified_image.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

std::vector<UnifiedAddon> read_addons(const BootFiles& files, const std::string& directory) {
  std::vector<UnifiedAddon> addons;
  auto names = files.names(directory).names;
  std::erase_if(names, [](const std::string& name) {
    return name.starts_with('.') || !lower_case(name).ends_with(".addon.efi");
  });
  std::ranges::sort(names);
  for (const auto& name : names) {
    const auto bytes = files.bytes(directory + "/" + name);
    if (!bytes.source) continue;
    auto addon = read_unified_addon(*bytes.source);
    if (!addon) continue;
    addon->path = directory + "/" + name;
    addons.push_back(std::move(*addon));
  }
  return addons;
}

UnifiedFile read_unified_file(const BootFiles& files, const std::string& path) {
  UnifiedFile file;
  file.path = path;
  const auto bytes = files.bytes(path);
  if (!bytes.source) {
    file.why = bytes.why;
    return file;
  }
  if (auto profiles = read_unified_image(*bytes.source)) file.profiles = std::move(*profiles);
  // The directory of its add-ons has no boot counter in its name.
  const auto name = path.substr(path.rfind('/') + 1);
  const auto plain = split_counter(name, ".efi").name;
  file.addons = read_addons(files, directory_of(path) + "/" + plain + ".extra.d");
  return file;
}

EntryFiles::EntryFiles(const BootFiles& files, const FileSystems& systems, const UnpackFile& unpack)
    : files_(files),
      systems_(systems),
      unpack_(unpack),
      machine_id_(trim(files.text("/etc/machine-id").text)),
      root_uuid_(systems.root_uuid()) {}

void EntryFiles::complete(BootMenu& menu, const EfiVariables& variables) {
  has_lines_ = menu.loader == LoaderKind::systemd_boot;
  for (auto& entry : menu.entries) complete(entry, variables);
}

bool EntryFiles::is_foreign(const BootEntry& entry) const {
  constexpr std::string_view root = "root=UUID=";
  constexpr std::size_t id_size = 32;
  for (const auto* file : {&entry.kernel, &entry.unified_image}) {
    if (*file && (*file)->at.empty() && systems_.is_foreign((*file)->on)) return true;
  }
  if (entry.machine_id && entry.machine_id->size() == id_size && machine_id_.size() == id_size &&
      *entry.machine_id != machine_id_) {
    return true;
  }
  if (!root_uuid_ || !entry.command_line) return false;
  return std::ranges::any_of(split_words(*entry.command_line), [&](std::string_view word) {
    return word.starts_with(root) &&
           lower_case(word.substr(root.size())) != lower_case(*root_uuid_);
  });
}

void EntryFiles::complete(BootEntry& entry, const EfiVariables& variables) {
  if (entry.kind == EntryKind::foreign || entry.kind == EntryKind::snapshot) return;
  if (is_foreign(entry)) {
    entry.kind = EntryKind::foreign;
    return;
  }
  if (entry.kernel) locate(entry, *entry.kernel);
  for (auto& initrd : entry.initrds) locate(entry, initrd);
  if (entry.unified_image) {
    locate(entry, *entry.unified_image);
    read_image(entry, variables);
  } else if (entry.kernel) {
    read_release(entry);
  }
}

void EntryFiles::locate(BootEntry& entry, BootFile& file) const {
  auto place = systems_.locate(file, entry.source.file);
  if (!place) {
    entry.unknown.push_back(std::move(place).error());
    return;
  }
  switch (files_.kind(*place)) {
    case SourceKind::file:
      file.at = std::move(*place);
      break;
    case SourceKind::absent:
      file.at.clear();
      entry.unknown.push_back({BootUnknownCode::missing, std::move(*place)});
      break;
    case SourceKind::directory:
      file.at.clear();
      entry.unknown.push_back({BootUnknownCode::odd_file, std::move(*place)});
      break;
    case SourceKind::unknown:
      entry.unknown.push_back({BootUnknownCode::unreadable, *place});
      file.at = std::move(*place);
      break;
  }
}

void EntryFiles::read_image(BootEntry& entry, const EfiVariables& variables) {
  const auto& path = entry.unified_image->at;
  if (path.empty() || entry.release) return;
  auto found = images_.find(path);
  if (found == images_.end()) {
    found = images_.emplace(path, read_unified_file(files_, path)).first;
  }
  const auto& file = found->second;
  if (file.why) {
    if (std::ranges::find(entry.unknown, *file.why) == entry.unknown.end()) {
      entry.unknown.push_back(*file.why);
    }
    return;
  }
  if (file.profiles.empty()) {
    if (lower_case(entry.unified_image->path).starts_with("/efi/linux/")) {
      // Nothing but unified images belongs there: this one is damaged.
      entry.unknown.push_back({BootUnknownCode::malformed, path});
      return;
    }
    // Another EFI program: a boot loader of its own.
    entry.unified_image.reset();
    entry.kind = EntryKind::foreign;
    return;
  }
  const auto wanted = entry.profile.value_or(0);
  const auto profile = std::ranges::find(file.profiles, wanted, &UnifiedProfile::number);
  if (profile == file.profiles.end()) return;
  entry.release = profile->release;
  if (!entry.release) {
    const auto bytes = files_.bytes(path);
    if (bytes.source) {
      const auto fd = bytes.fd->get();
      const auto unpack = [&](const KernelPayload& payload,
                              const std::function<bool(std::string_view)>& take) {
        return unpack_ && unpack_(fd, payload, take);
      };
      entry.release = read_kernel_release(*bytes.source, unpack);
    }
  }
  if (!entry.release) entry.unknown.push_back({BootUnknownCode::release, path});
  if (has_lines_) return;
  const auto& whole = entry.unified_image->path;
  const auto global =
      path.ends_with(whole)
          ? read_addons(files_, path.substr(0, path.size() - whole.size()) + "/loader/addons")
          : std::vector<UnifiedAddon>();
  auto line = unified_command_line(*profile, entry.command_line, {&global, &file.addons},
                                   variables.secure_boot.value_or(false));
  entry.command_line = std::move(line.line);
  entry.possible_words = std::move(line.possible_words);
}

void EntryFiles::read_release(BootEntry& entry) {
  const auto& path = entry.kernel->at;
  if (path.empty()) return;
  auto found = releases_.find(path);
  if (found == releases_.end()) {
    Release release;
    const auto bytes = files_.bytes(path);
    release.why = bytes.why;
    if (bytes.source) {
      const auto fd = bytes.fd->get();
      const auto unpack = [&](const KernelPayload& payload,
                              const std::function<bool(std::string_view)>& take) {
        return unpack_ && unpack_(fd, payload, take);
      };
      release.release = read_kernel_release(*bytes.source, unpack);
      if (!release.release) release.why = BootUnknown{BootUnknownCode::release, path};
    }
    found = releases_.emplace(path, std::move(release)).first;
  }
  entry.release = found->second.release;
  const auto& why = found->second.why;
  if (why && std::ranges::find(entry.unknown, *why) == entry.unknown.end()) {
    entry.unknown.push_back(*why);
  }
}

}  // namespace vfio_switch
