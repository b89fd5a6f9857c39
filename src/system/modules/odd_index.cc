// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/odd_index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <string_view>

#include "core/base/text.h"
#include "core/modules/module_index.h"
#include "system/files/mapped_text.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

bool is_sound(int directory, const char* name) {
  const UniqueFd file(::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  // libkmod cannot read it either where this program cannot.
  if (!file) return true;
  const MappedText text(file);
  // It is searched for "symbol:" alone (kmod_lookup_alias_from_symbols_file), and nobody asks so.
  if (std::string_view(name) == "modules.symbols.bin") return has_index_header(text.text());
  return is_sound_index(text.text());
}

/// Of libkmod's view an index without bytes is none. depmod leaves one where what it is made from
/// is missing, as in most images; of symbols, which nobody asks for, ImageTree keeps nothing.
bool may_be_empty(int directory, std::string_view name) {
  if (name == "modules.builtin.bin") {
    struct stat source{};
    return ::fstatat(directory, "modules.builtin", &source, 0) != 0 || source.st_size == 0;
  }
  return name == "modules.symbols.bin" || name == "modules.builtin.alias.bin" ||
         !name.ends_with(".bin");
}

}  // namespace

std::optional<UnreadFile> find_odd_index(const FileReader& files,
                                         const std::string& modules_directory) {
  const auto opened = files.open_directory(modules_directory);
  if (!opened || !*opened) return std::nullopt;  // said by whoever reads it
  const int directory = (*opened)->get();
  constexpr std::array names = {"modules.dep.bin",           "modules.alias.bin",
                                "modules.symbols.bin",       "modules.builtin.bin",
                                "modules.builtin.alias.bin", "modules.softdep",
                                "modules.weakdep",           "modules.builtin.modinfo"};
  for (const std::string_view name : names) {
    struct stat status{};
    if (::fstatat(directory, name.data(), &status, 0) != 0) continue;
    auto path = modules_directory + "/" + std::string(name);
    if (!S_ISREG(status.st_mode)) return UnreadFile{std::move(path), "it is not a file"};
    if (status.st_size == 0 && may_be_empty(directory, name)) continue;
    if (name.ends_with(".bin") && !is_sound(directory, name.data())) {
      return UnreadFile{std::move(path),
                        "it is damaged; run 'depmod " +
                            printable(modules_directory.substr(modules_directory.rfind('/') + 1)) +
                            "' to write it again"};
    }
  }
  return std::nullopt;
}

}  // namespace vfio_switch
