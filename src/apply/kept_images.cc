// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/kept_images.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "system/state/state_store.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB";
}

std::unexpected<Error> no_room(const std::string& directory, std::uint64_t has,
                               const std::string& needs) {
  return fail(
      ErrorKind::refused,
      "no-space: " + directory + " has " + mebibytes(has) + " free, and " + needs,
      "Nothing was changed. Free some space there, for example by removing old kernels, and try "
      "again.");
}

/// What the builds of a Diff may change, and how much room that takes.
struct Builds {
  std::vector<KeptImage> images;
  std::vector<KeptImage> copies;  ///< nowhere but in our own directory: see Journal
  std::uint64_t of_copies = 0;    ///< bytes
  std::uint64_t copied = 0;       ///< bytes of those images that are kept by no second name
  std::uint64_t largest = 0;      ///< of those that a tool writes beside the old one
};

Result<void> add_copies(const FileStore& files, const RebuildInitramfs& rebuild, Builds& builds) {
  for (const auto& copy : rebuild.copies) {
    const auto there = files.status(copy);
    if (!there) return std::unexpected(there.error());
    if (!*there || (*there)->kind != FileKind::regular || files.read_link(copy)) continue;
    const KeptImage kept{copy, kept_path_elsewhere(copy), true};
    if (std::ranges::find(builds.copies, kept) != builds.copies.end()) continue;
    builds.of_copies += (*there)->size;
    builds.copies.push_back(kept);
  }
  return {};
}

Result<Builds> builds_of(const FileStore& files, const CommandRunner& runner,
                         const Profile& profile, const Diff& diff) {
  Builds builds;
  for (const auto& change : diff) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    if (rebuild == nullptr) continue;
    auto tool = find_initramfs_tool(profile, files, runner);
    if (!tool) return failure_of(tool);
    const auto build = plan_build(*tool, files, rebuild->release, rebuild->image);
    if (!build) return std::unexpected(build.error());
    if (build->for_new_deployment) continue;
    const auto status = files.status(rebuild->image);
    if (!status) return std::unexpected(status.error());
    const auto size = *status ? (*status)->size : 0;
    const bool in_place = !build->replaces_by_rename(rebuild->image);
    if (in_place) builds.copied += size;
    if (!in_place) builds.largest = std::max(builds.largest, size);
    builds.images.push_back({rebuild->image, kept_path(rebuild->image), in_place});
    if (auto added = add_copies(files, *rebuild, builds); !added) return failure_of(added);
  }
  return builds;
}

}  // namespace

Result<std::vector<KeptImage>> choose_places(const FileStore& files, const CommandRunner& runner,
                                             const Profile& profile, const Diff& diff) {
  auto found = builds_of(files, runner, profile, diff);
  if (!found) return failure_of(found);
  auto& [images, copies, of_copies, copied, largest] = *found;
  if (images.empty()) return std::move(images);
  const auto free = files.free_space(images.front().image);
  if (!free) return std::unexpected(free.error());
  const std::string building = "building its images needs ";
  const auto boot = directory_of(images.front().image);
  if (*free < largest) return no_room(boot, *free, building + mebibytes(largest));
  // What is kept alone may lie elsewhere: a tool's own temporary file is beside the image.
  const bool beside = *free - largest >= copied;
  const auto elsewhere = of_copies + (beside ? 0 : copied);
  if (elsewhere > 0) {
    const auto room = files.free_space(state_path);
    if (!room) return std::unexpected(room.error());
    if (*room < of_copies) {
      return no_room(state_directory, *room,
                     "keeping what boots until it is built needs " + mebibytes(of_copies));
    }
    if (*room < elsewhere) {
      return no_room(boot, *free,
                     building + mebibytes(largest + copied) + ", of which " + mebibytes(copied) +
                         " would not fit into " + state_directory + " either");
    }
  }
  for (auto& image : images) {
    if (image.in_place && !beside) image.as = kept_path_elsewhere(image.image);
  }
  images.insert(images.end(), copies.begin(), copies.end());
  return std::move(images);
}

Result<void> keep_images(FileStore& files, const std::vector<KeptImage>& images) {
  for (const auto& [image, as, in_place] : images) {
    const auto directory = directory_of(as);
    if (!files.exists(directory)) {
      if (auto made = files.replace(directory, Directory{0700, 0, 0}); !made) return made;
    }
    if (auto kept = files.keep(image, as, !in_place); !kept) return kept;
  }
  return {};
}

bool is_changed(const FileReader& files, const KeptImage& kept) {
  const auto now = files.open_file(kept.image);
  const auto then = files.open_file(kept.as);
  if (!now || !then || !*now || !*then) return true;
  constexpr std::size_t piece = 1U << 20U;
  std::string left(piece, '\0');
  std::string right(piece, '\0');
  const auto read = [](const UniqueFd& fd, std::string& to) {
    std::size_t size = 0;
    while (size < to.size()) {
      const auto got = ::read(fd.get(), to.data() + size, to.size() - size);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
    }
    return std::string_view(to).substr(0, size);
  };
  for (;;) {
    const auto one = read(**now, left);
    if (one != read(**then, right)) return true;
    if (one.size() < piece) return false;
  }
}

}  // namespace vfio_switch
