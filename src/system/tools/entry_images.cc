// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/entry_images.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/machine/boot_entries.h"
#include "system/files/best_effort.h"
#include "system/images/opened_images.h"
#include "system/tools/booster.h"
#include "system/tools/kernels.h"

namespace vfio_switch {

namespace {

/// `path` with the link at its end followed: an entry may name Debian's /initrd.img.
std::string followed(const FileReader& files, std::string path) {
  constexpr int most_links = 8;
  for (int i = 0; i < most_links; ++i) {
    const auto target = files.read_link(path);
    if (!target) break;
    path = target->starts_with('/') ? *target : path.substr(0, path.rfind('/') + 1) + *target;
  }
  return path;
}

/// The only one of `kernels` whose modules the files of `entry` hold; nothing where it is not the
/// only one. It is asked where a kernel does not tell its release itself: the image was built for
/// the kernel that it is loaded with, and holds no other modules.
std::optional<std::string> release_in_images(const FileReader& files, const OpenedImages& opened,
                                             const BootEntry& entry,
                                             const std::vector<Kernel>& kernels) {
  const auto images = files_of(entry);
  if (images.empty()) return std::nullopt;
  const auto tree = opened.open(files, images);
  if (!tree) return std::nullopt;
  std::optional<std::string> found;
  for (const std::string directory : {"/lib/modules", "/usr/lib/modules"}) {
    const auto names = (*tree)->list(directory);
    if (!names) continue;
    for (const auto& name : *names) {
      if (found && *found != name) return std::nullopt;
      found = name;
    }
  }
  if (!found || std::ranges::find(kernels, *found, &Kernel::release) == kernels.end()) {
    return std::nullopt;
  }
  return found;
}

void find_releases(const FileReader& files, SystemFacts& facts) {
  const OpenedImages opened;
  for (auto& entry : facts.boot_menu.entries) {
    if (!is_ours(entry) || entry.release || why_no_files(entry)) continue;
    entry.release = release_in_images(files, opened, entry, facts.kernels);
    if (!entry.release) continue;
    std::erase_if(entry.unknown, [](const BootUnknown& unknown) {
      return unknown.code == BootUnknownCode::release;
    });
  }
}

/// Sets what the initramfs tool builds so that the files of an entry change: one of them, or the
/// image that somebody copies there. Nothing where no tool that is known here does.
void find_source(ForeignFiles& files, const Profile& profile,
                 std::optional<InitramfsGenerator> generator, EntryTool tool, Kernel& kernel) {
  const auto guess = std::exchange(kernel.initramfs, std::nullopt);
  if (kernel.loaded.empty() || is_boosters(kernel.loaded.back())) return;
  const auto candidates = image_candidates(files, profile, generator, kernel);
  for (const auto& file : kernel.loaded) {
    const auto path = followed(files.reader(), file);
    for (const auto& one : {file, path}) {
      if (std::ranges::find(candidates, one) == candidates.end()) continue;
      kernel.initramfs = one;
      return;
    }
  }
  // Built at the usual place, and copied to where the boot loader reads it; but a tool that writes
  // the entry builds what it names, whatever else is left at the usual place.
  kernel.builds_loaded = !guess || rewrites_entries(tool);
  kernel.initramfs = kernel.builds_loaded ? kernel.loaded.back() : *guess;
}

/// Limine's programs, into which the checksum of its configuration is written, where that is done.
std::vector<std::string> enrolled_programs(const FileReader& files, const BootMenu& menu,
                                           const std::string& config) {
  std::vector<std::string> programs;
  if (menu.loader != LoaderKind::limine || menu.editor != MenuEditor::locked) return programs;
  const auto top = config.substr(0, config.rfind('/'));
  for (const auto& directory : {top + "/EFI/limine", top + "/EFI/BOOT"}) {
    for (const auto& name : names_in(files, directory)) {
      if (lower_case(name).ends_with(".efi")) programs.push_back(directory + "/" + name);
    }
  }
  return programs;
}

/// What a hook that copies for the boot loader writes: all that the kernel's entries start, and, of
/// some tools, the entries themselves.
void find_copies(const FileReader& files, const SystemFacts& facts, Kernel& kernel) {
  const bool is_rewritten = rewrites_entries(facts.entry_tool);
  if (kernel.builds_loaded && !is_rewritten) return;
  std::set<std::string> copies;
  for (const auto& entry : facts.boot_menu.entries) {
    if (!is_ours(entry) || entry.release != kernel.release) continue;
    for (auto& file : files_of(entry)) copies.insert(std::move(file));
    if (entry.kernel && !entry.kernel->at.empty()) copies.insert(entry.kernel->at);
    if (!is_rewritten || !copies.insert(entry.source.file).second) continue;
    for (auto& program : enrolled_programs(files, facts.boot_menu, entry.source.file)) {
      copies.insert(std::move(program));
    }
  }
  copies.erase(kernel.initramfs.value_or(""));
  kernel.copies.assign(copies.begin(), copies.end());
}

/// The only image that any usual entry starts, where none tells for which kernel, and there is only
/// one: it has to be built, whatever can be said of it.
void guess_only_image(SystemFacts& facts) {
  if (facts.kernels.size() != 1 || facts.kernels.front().initramfs) return;
  std::string only;
  for (const auto& entry : facts.boot_menu.entries) {
    if (entry.kind != EntryKind::usual) continue;
    const auto& image = entry.unified_image;
    if (!image || image->at.empty() || (!only.empty() && only != image->at)) return;
    only = image->at;
  }
  if (!only.empty()) facts.kernels.front().initramfs = only;
}

/// What writes the checksums of Limine's entries anew.
bool writes_checksums(const FileReader& files) {
  return files.exists("/usr/bin/limine-mkinitcpio") || files.exists("/usr/bin/limine-dracut");
}

}  // namespace

std::vector<ImageHindrance> find_verified(const FileReader& files, const SystemFacts& facts) {
  if (writes_checksums(files)) return {};
  for (const auto& entry : facts.boot_menu.entries) {
    if (!is_ours(entry)) continue;
    auto images = entry.initrds;
    if (entry.unified_image) images.push_back(*entry.unified_image);
    for (const auto& image : images) {
      const bool is_built = std::ranges::any_of(facts.kernels, [&](const Kernel& kernel) {
        return !image.at.empty() &&
               std::ranges::find(kernel.loaded, image.at) != kernel.loaded.end();
      });
      if (image.checksum.empty() || !is_built) continue;
      const Place config{entry.source.file, entry.source.line};
      Remedy remedy;
      // An enrolled configuration must not change, and has to have checksums.
      if (facts.boot_menu.editor != MenuEditor::locked) {
        remedy.emplace_back(Edit{{config.path}, image.checksum, {}});
      }
      return {{{{ReasonCause::image_verified, {{"file", Place{image.at}}, {"place", config}}},
                std::move(remedy)},
               true}};
    }
  }
  return {};
}

void follow_menu(ForeignFiles& files, const Profile& profile,
                 std::optional<InitramfsGenerator> generator, SystemFacts& facts) {
  find_releases(files.reader(), facts);
  set_idle_kernels_apart(facts);
  for (auto& kernel : facts.kernels) {
    const auto entries = usual_entries(facts.boot_menu, kernel.release);
    if (entries.empty() || why_no_files(*entries.front())) continue;
    const auto& entry = *entries.front();
    kernel.loaded = files_of(entry);
    kernel.command_line = entry.command_line.value_or(facts.command_line);
    find_source(files, profile, generator, facts.entry_tool, kernel);
    find_copies(files.reader(), facts, kernel);
  }
  guess_only_image(facts);
}

}  // namespace vfio_switch
