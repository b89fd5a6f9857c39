// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/file_systems.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/text.h"
#include "core/boot/mounts.h"

namespace vfio_switch {

namespace {

struct Naming {
  FileSystemBy by;
  std::string_view directory;  ///< below /dev/disk
  std::string_view tag;        ///< in fstab
};

constexpr std::array<Naming, 3> namings = {{
    {FileSystemBy::uuid, "/dev/disk/by-uuid/", "UUID="},
    {FileSystemBy::partition_uuid, "/dev/disk/by-partuuid/", "PARTUUID="},
    {FileSystemBy::label, "/dev/disk/by-label/", "LABEL="},
}};

const Naming* naming_of(FileSystemBy by) {
  const auto* const found = std::ranges::find(namings, by, &Naming::by);
  return found == namings.end() ? nullptr : found;
}

/// "../../sda2" from /dev/disk/by-uuid, "../dm-0" from /dev/mapper.
std::string resolved(const std::string& link, const std::string& target) {
  if (target.starts_with('/')) return target;
  auto directory = link.substr(0, link.rfind('/'));
  std::string_view rest = target;
  while (rest.starts_with("../")) {
    rest.remove_prefix(3);
    directory.resize(std::min(directory.rfind('/'), directory.size()));
  }
  return directory + "/" + std::string(rest);
}

/// ZFS: "/ROOT/pve-1@/boot/vmlinuz" is a path of the dataset that ends in "/ROOT/pve-1".
struct DatasetPath {
  std::string dataset;
  std::string path;
};

std::optional<DatasetPath> dataset_path(const std::string& path) {
  const auto at = path.find("@/");
  // "/@/boot" is btrfs.
  if (at == std::string::npos || at == 0 || path[at - 1] == '/') return std::nullopt;
  return DatasetPath{path.substr(0, at), path.substr(at + 1)};
}

}  // namespace

FileSystems::FileSystems(const BootFiles& files, const std::optional<std::string>& mountinfo,
                         const std::vector<std::string>& own)
    : files_(files) {
  const auto fstab = files.text("/etc/fstab");
  fstab_ = parse_fstab_rows(fstab.text);
  if (mountinfo) rows_ = parse_mount_rows(*mountinfo);
  is_mounted_ = !rows_.empty();
  if (is_mounted_) {
    unmounted_ = unmounted_boot_paths(fstab.text, *mountinfo);
  } else {
    rows_ = fstab_;
  }
  for (const auto& point : own) {
    rows_.push_back({point, "/", "vfat", "UUID=" + point.substr(point.rfind('/') + 1), true});
  }
}

std::string FileSystems::device_of(const std::string& link) const {
  const auto target = files_.reader().read_link(link);
  if (!target) return link;
  return resolved(link, *target);
}

std::vector<const MountRow*> FileSystems::rows_of(const FileSystemName& name) const {
  std::vector<const MountRow*> found;
  const auto* const naming = naming_of(name.by);
  if (naming == nullptr) return found;
  const auto link = std::string(naming->directory) + name.name;
  const auto device = device_of(link);
  const auto tag = lower_case(std::string(naming->tag) + name.name);
  const auto is_named = [&](const MountRow& row) {
    return lower_case(row.source) == tag || row.source == link;
  };
  for (const auto& row : rows_) {
    const bool same_device =
        device != link && row.source.starts_with('/') && device_of(row.source) == device;
    if (is_named(row) || same_device) found.push_back(&row);
  }
  if (!found.empty() || !is_mounted_) return found;
  // Without links of udev: what fstab mounts at a point is mounted there.
  for (const auto& entry : fstab_) {
    if (!is_named(entry)) continue;
    for (const auto& row : rows_) {
      if (row.point == entry.point) found.push_back(&row);
    }
  }
  return found;
}

namespace {

std::optional<std::string> path_on(const MountRow& row, const BootFile& file) {
  const bool relative = file.on.default_subvolume && row.root != "/";
  if (!relative) return path_in_row(row, file.path);
  // A path in the default subvolume is one of whatever is mounted as root.
  return row.point == "/" ? std::optional(file.path) : std::nullopt;
}

}  // namespace

std::optional<std::string> FileSystems::in_rows(const std::vector<const MountRow*>& rows,
                                                const BootFile& file) const {
  std::optional<std::string> best;
  std::size_t longest = 0;
  for (const auto* row : rows) {
    const auto path = path_on(*row, file);
    if (!path) continue;
    const bool is_there = files_.kind(*path) != SourceKind::absent;
    const auto rank = row->root.size() + (is_there ? 100'000 : 0);
    if (best && rank <= longest) continue;
    best = path;
    longest = rank;
  }
  return best;
}

std::expected<std::string, BootUnknown> FileSystems::among_places(const std::string& path) const {
  std::vector<std::string> found;
  std::vector<std::string> paths = {path};
  // Without its subvolume or dataset.
  if (const auto dataset = dataset_path(path)) paths.push_back(dataset->path);
  if (path.starts_with("/@") && path.find('/', 1) != std::string::npos) {
    paths.push_back(path.substr(path.find('/', 1)));
  }
  for (const auto& one : paths) {
    for (const auto* point : {"", "/boot", "/efi", "/boot/efi"}) {
      const auto place = point + one;
      const auto kind = files_.kind(place);
      if (kind != SourceKind::absent) found.push_back(place);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return std::unexpected(BootUnknown{BootUnknownCode::missing, path});
  return std::unexpected(BootUnknown{BootUnknownCode::file_system, enumerate(found)});
}

std::optional<std::string> FileSystems::on_dataset(const std::string& path) const {
  const auto dataset = dataset_path(path);
  if (!dataset) return std::nullopt;
  for (const auto& row : rows_) {
    if (row.type != "zfs" || !("/" + row.source).ends_with(dataset->dataset)) continue;
    if (auto found = path_in_row({row.point, "/", {}, {}}, dataset->path)) return found;
  }
  return std::nullopt;
}

std::expected<std::string, BootUnknown> FileSystems::beside(const std::string& other,
                                                            const BootFile& file) const {
  const auto* const row = other.empty() ? nullptr : row_of(rows_, other);
  if (row == nullptr) return among_places(file.path);
  if (auto path = in_rows({row}, file)) return *path;
  return std::unexpected(BootUnknown{BootUnknownCode::file_system, row->point});
}

std::expected<std::string, BootUnknown> FileSystems::locate(const BootFile& file,
                                                            const std::string& holder) const {
  if (!file.at.empty()) return file.at;
  if (file.on.by == FileSystemBy::inside_root) return file.path;
  if (file.on.by == FileSystemBy::device) {
    // A loader's own name for a disk. Where only one place can be meant, it is that.
    if (!rows_.empty()) {
      return std::unexpected(BootUnknown{BootUnknownCode::file_system, file.on.name});
    }
    return among_places(file.path);
  }
  if (auto path = on_dataset(file.path)) return *path;
  if (file.on.by == FileSystemBy::holder) return beside(holder, file);
  if (file.on.by == FileSystemBy::marker_file) {
    return beside(among_places(file.on.name).value_or(std::string()), file);
  }
  if (rows_.empty()) return among_places(file.path);
  if (auto path = in_rows(rows_of(file.on), file)) return *path;
  return std::unexpected(BootUnknown{BootUnknownCode::file_system, file.on.name});
}

bool FileSystems::is_foreign(const FileSystemName& name) const {
  const auto* const naming = naming_of(name.by);
  if (naming == nullptr || !is_mounted_ || !rows_of(name).empty()) return false;
  const auto tag = lower_case(std::string(naming->tag) + name.name);
  const bool expected = std::ranges::any_of(
      fstab_, [&](const MountRow& row) { return lower_case(row.source) == tag; });
  return !expected && files_.reader().read_link(std::string(naming->directory) + name.name);
}

std::vector<std::string> FileSystems::unmounted_uuids() const {
  auto names = files_.names("/dev/disk/by-uuid").names;
  std::erase_if(
      names, [&](const std::string& name) { return !rows_of({FileSystemBy::uuid, name}).empty(); });
  return names;
}

std::optional<bool> FileSystems::is_mount_point(const std::string& point) const {
  if (rows_.empty()) return std::nullopt;
  return std::ranges::any_of(rows_, [&](const MountRow& row) { return row.point == point; });
}

std::vector<std::string> FileSystems::fat_points() const {
  std::vector<std::string> points;
  for (const auto& row : rows_) {
    if (row.type == "vfat" || row.type == "msdos") points.push_back(row.point);
  }
  return points;
}

std::optional<std::string> FileSystems::root_uuid() const {
  constexpr std::string_view tag = "UUID=";
  for (const auto& row : fstab_) {
    if (row.point == "/" && row.source.starts_with(tag)) return row.source.substr(tag.size());
  }
  return std::nullopt;
}

}  // namespace vfio_switch
