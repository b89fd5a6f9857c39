// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/kernels.h"

#include <algorithm>

#include "core/base/text.h"
#include "system/modules/module_db.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

/// What names this installation's boot entries: kernel-install(8). Empty where nothing does.
Result<std::string> read_entry_token(const FileReader& files) {
  for (const std::string path : {"/etc/kernel/entry-token", "/etc/machine-id"}) {
    auto text = files.read(path);
    if (!text) return failure_of(text);
    if (*text) return std::string(trim(**text));
  }
  return std::string();
}

Result<void> find_image(const FileReader& files, const Profile& profile,
                        std::optional<InitramfsGenerator> generator, const std::string& entry,
                        Kernel& kernel) {
  std::vector<std::string> candidates;
  if (generator == InitramfsGenerator::mkinitcpio) {
    auto image = read_preset_image(files, kernel.package);
    if (!image) return failure_of(image);
    if (*image) candidates.push_back(std::move(**image));
  }
  for (const auto& pattern : profile.initramfs_images) {
    candidates.push_back(expand_image(pattern, {kernel.release, kernel.package, entry}));
  }
  for (const auto& path : candidates) {
    if (path.empty()) continue;
    auto status = files.status(path);
    if (!status) return failure_of(status);
    if (!*status) continue;
    kernel.initramfs = path;
    return {};
  }
  return {};
}

}  // namespace

Result<std::vector<Kernel>> read_kernels(const FileReader& files, const Profile& profile,
                                         std::optional<InitramfsGenerator> generator) {
  const std::string modules = "/lib/modules";
  auto releases = files.list(modules);
  if (!releases) return failure_of(releases);
  const auto entry = read_entry_token(files);
  if (!entry) return std::unexpected(entry.error());
  std::vector<Kernel> kernels;
  for (const auto& release : *releases) {
    Kernel kernel;
    kernel.release = release;
    kernel.modules_directory = modules + "/" + release;
    if (!files.exists(kernel.modules_directory + "/modules.dep.bin")) continue;
    auto package = files.read(kernel.modules_directory + "/pkgbase");
    if (!package) return failure_of(package);
    kernel.package = trim(package->value_or(""));
    if (kernel.package.contains('/')) kernel.package.clear();  // it becomes part of a path
    kernel.softdeps.path = kernel.modules_directory + "/modules.softdep";
    auto softdeps = files.read(kernel.softdeps.path);
    if (!softdeps) return failure_of(softdeps);
    kernel.softdeps.content = softdeps->value_or("");
    auto db = ModuleDb::open(files, kernel, {});
    if (!db) return failure_of(db);
    auto form = db->form("vfio_pci");
    if (!form) return failure_of(form);
    kernel.vfio_pci = *form;
    if (auto found = find_image(files, profile, generator, *entry, kernel); !found)
      return failure_of(found);
    kernels.push_back(std::move(kernel));
  }
  std::ranges::sort(kernels, [](const Kernel& left, const Kernel& right) {
    return version_less(right.release, left.release);
  });
  return kernels;
}

}  // namespace vfio_switch
