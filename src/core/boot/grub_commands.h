// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/grub_machine.h"

namespace vfio_switch {

/// The value of `--name=VALUE`, `--name VALUE` or `-n VALUE` among `arguments`, taken out of them.
/// Where a `fallback` is given, an option does not need a value.
[[nodiscard]] std::optional<std::string> take_grub_option(std::vector<std::string>& arguments,
                                                          std::string_view name,
                                                          std::string_view letter,
                                                          std::string_view fallback = {});

/// Carries out one command for a GrubMachine.
class GrubCommands {
 public:
  GrubCommands(GrubMachine& machine, const GrubStatement& statement);

  GrubTruth run();

 private:
  using Arguments = std::vector<std::string>;

  /// Carries out `words` in place of those of the statement.
  GrubCommands(GrubMachine& machine, const GrubStatement& statement,
               const std::vector<GrubWord>& words);

  GrubTruth run_named(const std::string& name);
  GrubTruth test();
  GrubTruth set(const std::string& assignment);
  GrubTruth unset();
  GrubTruth export_variables();
  GrubTruth count(long change);
  GrubTruth load_environment();
  GrubTruth search(bool dotted);
  GrubTruth source();
  GrubTruth configfile();
  GrubTruth define_item(bool is_submenu);
  GrubTruth read_entries();
  GrubTruth load_kernel();
  GrubTruth load_initrds();
  GrubTruth chain();
  GrubTruth other(const std::string& name);
  GrubTruth file_test(char what, const std::string& path) const;
  /// The file of an argument; without its device and file system where these are not known.
  [[nodiscard]] BootFile file(const std::string& path) const;
  void set_open(std::string_view name);
  void note(BootUnknownCode code, std::string subject);
  void note_open();
  [[nodiscard]] const Arguments& first() const { return words_.ways.front(); }

  GrubMachine& machine_;
  const GrubStatement& statement_;
  GrubExpansion words_;
};

}  // namespace vfio_switch
