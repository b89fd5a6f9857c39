// SPDX-License-Identifier: GPL-3.0-or-later
// vfio-switch-alpm: asks libalpm, so that nothing else links it. A new libalpm that this program
// does not start with costs no more than these answers, which the file system gives as well.
//
//     vfio-switch-alpm DATABASE-DIRECTORY [RELEASE=PACKAGE-BASE]...
//
// Prints core/packages.h's lines. It only reads: no lock, no transaction.
#include <alpm.h>
#include <alpm_list.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/machine/packages.h"

namespace vfio_switch {

namespace {

struct Release {
  void operator()(alpm_handle_t* handle) const { alpm_release(handle); }
};
using Handle = std::unique_ptr<alpm_handle_t, Release>;

/// The packages of a list that libalpm owns.
std::vector<alpm_pkg_t*> packages_of(alpm_list_t* list) {
  std::vector<alpm_pkg_t*> packages;
  for (; list != nullptr; list = alpm_list_next(list)) {
    packages.push_back(static_cast<alpm_pkg_t*>(list->data));
  }
  return packages;
}

bool owns(alpm_pkg_t* package, const std::string& path) {
  return package != nullptr &&
         alpm_filelist_contains(alpm_pkg_get_files(package), path.c_str()) != nullptr;
}

std::string owner_of(alpm_db_t* db, const std::string& path, const std::string& base) {
  // Reading every file list takes long; a kernel's package is named as its base.
  auto* likely = alpm_db_get_pkg(db, base.c_str());
  if (owns(likely, path)) return alpm_pkg_get_name(likely);
  for (auto* package : packages_of(alpm_db_get_pkgcache(db))) {
    if (owns(package, path)) return alpm_pkg_get_name(package);
  }
  return {};
}

bool is_graphics_driver(alpm_pkg_t* package) {
  for (auto* i = alpm_pkg_get_provides(package); i != nullptr; i = alpm_list_next(i)) {
    if (static_cast<const alpm_depend_t*>(i->data)->name == nvidia_module_provision) return true;
  }
  return false;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    std::cerr << "usage: vfio-switch-alpm DATABASE-DIRECTORY [RELEASE=PACKAGE-BASE]...\n";
    return 2;
  }
  alpm_errno_t error{};
  const Handle handle(alpm_initialize("/", arguments[0].c_str(), &error));
  if (!handle) {
    std::cerr << "vfio-switch-alpm: " << alpm_strerror(error) << "\n";
    return 1;
  }
  auto* db = alpm_get_localdb(handle.get());
  auto* cache = alpm_db_get_pkgcache(db);
  PackageFacts facts;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    const auto release = arguments[i].substr(0, equals);
    const auto base = equals == std::string::npos ? "" : arguments[i].substr(equals + 1);
    facts.kernels.push_back(
        {release, owner_of(db, "usr/lib/modules/" + release + "/vmlinuz", base)});
  }
  for (auto* package : packages_of(cache)) {
    if (is_graphics_driver(package))
      facts.graphics_drivers.emplace_back(alpm_pkg_get_name(package));
  }
  std::ranges::sort(facts.graphics_drivers);
  for (const auto generator : known_generators) {
    if (alpm_find_satisfier(cache, std::string(generator).c_str()) != nullptr) {
      facts.generators.emplace_back(generator);
    }
  }
  facts.dkms = alpm_find_satisfier(cache, "dkms") != nullptr;
  std::cout << render_packages(facts);
  return 0;
}

}  // namespace

}  // namespace vfio_switch

int main(int argc, char** argv) {
  try {
    return vfio_switch::run({argv + 1, argv + argc});
  } catch (const std::exception& bug) {
    std::cerr << "vfio-switch-alpm: internal error: " << bug.what() << "\n";
    return 1;
  }
}
