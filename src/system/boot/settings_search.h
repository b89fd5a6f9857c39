// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Looks for settings of boot loaders, and for the programs that read them, in a root.
class SettingsSearch {
 public:
  explicit SettingsSearch(const FileReader& files);

  [[nodiscard]] const FileReader& files() const { return files_; }
  /// The mount points of the EFI system partition, or of the one that the boot loader reads, that
  /// exist.
  [[nodiscard]] const std::vector<std::string>& partitions() const { return partitions_; }
  /// What could not be read; empty: nothing.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  [[nodiscard]] bool has_program(const std::string& name) const;
  /// The first of `paths` that exists; empty: none.
  template <class Paths>
  [[nodiscard]] std::string first_existing(const Paths& paths) const {
    for (const auto& path : paths) {
      if (files_.exists(path)) return std::string(path);
    }
    return {};
  }
  /// The bytes of a file; empty where there is none, or where it cannot be read.
  [[nodiscard]] std::string text(const std::string& path) const;

  /// Adds a file that exists; what cannot be read is this search's problem.
  void observe(ParameterSyntax syntax, const std::string& path, std::vector<ParameterFile>& to);
  void observe_directory(ParameterSyntax syntax, const std::string& directory,
                         std::string_view suffix, std::vector<ParameterFile>& to);
  /// The boot entries of all partitions.
  [[nodiscard]] std::vector<ParameterFile> entries();

 private:
  const FileReader& files_;
  std::vector<std::string> partitions_;
  std::string problem_;
};

}  // namespace vfio_switch
