// SPDX-License-Identifier: GPL-3.0-or-later
//
// list-image IMAGE: what vfio-switch sees in an initramfs, a line each:
//   d PATH        l PATH -> TARGET        f PATH [SHA256, where the content is kept]
// Exit status: 0, or 1 where the image cannot be read, with the reason on standard error.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "core/base/sha256.h"
#include "system/images/initramfs_image.h"

namespace {

using vfio_switch::FileKind;

void list(const vfio_switch::ImageTree& tree, const std::string& directory) {
  const auto names = tree.list(directory);
  for (const auto& name : *names) {
    std::string path = directory;
    path += "/" + name;
    const auto status = tree.status(path);
    switch ((*status)->kind) {
      case FileKind::directory:
        std::cout << "d " << path << "\n";
        list(tree, path);
        break;
      case FileKind::symbolic_link:
        std::cout << "l " << path << " -> " << *tree.read_link(path) << "\n";
        break;
      case FileKind::regular: {
        const auto content = tree.read(path);
        std::cout << "f " << path;
        if (content) std::cout << " " << vfio_switch::sha256(**content);
        std::cout << "\n";
        break;
      }
      case FileKind::other:
        std::cout << "o " << path << "\n";
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto files = vfio_switch::open_reader("/");
  const auto tree = vfio_switch::read_initramfs(**files, std::filesystem::absolute(argv[1]));
  if (!tree) {
    std::cerr << tree.error().message << "\n";
    return 1;
  }
  list(**tree, "");
  return 0;
}
