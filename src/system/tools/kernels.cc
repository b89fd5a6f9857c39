// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/kernels.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "system/modules/module_db.h"
#include "system/modules/odd_index.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

/// The name of this installation in boot entries: see kernel-install(8). Empty if there is none.
std::string read_entry_token(ForeignFiles& files) {
  for (const std::string path : {"/etc/kernel/entry-token", "/etc/machine-id"}) {
    if (const auto text = files.find(path)) return std::string(trim(*text));
  }
  return {};
}

Result<void> find_image(ForeignFiles& files, const Profile& profile,
                        std::optional<InitramfsGenerator> generator, Kernel& kernel) {
  for (const auto& path : image_candidates(files, profile, generator, kernel)) {
    auto status = files.reader().status(path);
    if (!status) return failure_of(status);
    if (!*status) continue;
    kernel.initramfs = path;
    return {};
  }
  return {};
}

}  // namespace

std::vector<std::string> image_candidates(ForeignFiles& files, const Profile& profile,
                                          std::optional<InitramfsGenerator> generator,
                                          const Kernel& kernel) {
  std::vector<std::string> candidates;
  if (generator == InitramfsGenerator::mkinitcpio) {
    auto image = read_preset_image(files, kernel.package);
    if (image) candidates.push_back(std::move(*image));
  }
  const auto entry = read_entry_token(files);
  for (const auto& pattern : profile.initramfs_images) {
    candidates.push_back(expand_image(pattern, {kernel.release, kernel.package, entry}));
  }
  std::erase(candidates, std::string());
  return candidates;
}

Result<std::vector<Kernel>> read_kernels(ForeignFiles& files, const Profile& profile,
                                         std::optional<InitramfsGenerator> generator) {
  const std::string modules = "/lib/modules";
  std::vector<Kernel> kernels;
  for (const auto& release : files.names(modules)) {
    Kernel kernel;
    kernel.release = release;
    kernel.modules_directory = modules + "/" + release;
    if (!files.reader().exists(kernel.modules_directory + "/modules.dep.bin")) continue;
    kernel.package = trim(files.text(kernel.modules_directory + "/pkgbase"));
    if (kernel.package.contains('/')) kernel.package.clear();  // it becomes part of a path
    kernel.softdeps.path = kernel.modules_directory + "/modules.softdep";
    kernel.softdeps.content = files.text(kernel.softdeps.path);
    if (auto odd = find_odd_index(files.reader(), kernel.modules_directory)) {
      // A kernel whose modules cannot be told is none that anything is said of.
      files.add_unread(std::move(odd->path), std::move(odd->why));
      continue;
    }
    auto db = ModuleDb::open(files.reader(), kernel, {});
    if (!db) return failure_of(db);
    auto form = db->form("vfio_pci");
    if (!form) return failure_of(form);
    kernel.vfio_pci = *form;
    if (auto found = find_image(files, profile, generator, kernel); !found) {
      return failure_of(found);
    }
    kernels.push_back(std::move(kernel));
  }
  std::ranges::sort(kernels, [](const Kernel& left, const Kernel& right) {
    return version_less(right.release, left.release);
  });
  return kernels;
}

}  // namespace vfio_switch
