// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/message/data.h"
#include "core/modules/modprobe_conf.h"
#include "system/files/file_reader.h"

struct kmod_ctx;

namespace vfio_switch {

/// What libkmod would insert for one name or alias.
struct InsertionOrder {
  std::vector<std::string> modules;  ///< loadable modules, each once, underscores
  bool followed = true;              ///< every install command on the way could be followed
  bool by_command = false;           ///< an install command, which no softdep precedes, was met
  std::optional<Reason> reason;      ///< which could not
};

/// What comes of an InsertionOrder in the kernel.
struct Insertable {
  std::vector<std::string> modules;
  std::optional<Reason> doubt;  ///< why that is not certain; nothing where it is
};

/// One kernel's modules under one modprobe configuration, asked of libkmod. Nothing is loaded,
/// and the state of the running kernel plays no part.
class ModuleDb {
 public:
  /// `config` is the effective configuration in libkmod's order; modules.softdep of the kernel is
  /// put in its place among it. Both reach libkmod as one in-memory file. The caller must call
  /// find_odd_index() first, since libkmod trusts the kernel's databases.
  [[nodiscard]] static Result<ModuleDb> open(const FileReader& files, const Kernel& kernel,
                                             std::vector<ModprobeFile> config);

  /// The modules that `alias` resolves to, built-in ones included; blacklists play no part.
  [[nodiscard]] Result<std::vector<std::string>> lookup(const std::string& alias) const;
  /// The name that the kernel and sysfs know `module` by: that in the module file, where it can be
  /// read. Debian's nvidia-current.ko is "nvidia" there.
  [[nodiscard]] std::string kernel_name(const std::string& module) const;
  /// Whether the module's file ends in a signature, whoever made it; nothing where that cannot be
  /// read.
  [[nodiscard]] std::optional<bool> is_signed(const std::string& module) const;
  /// The file of `module` below the modules directory: "kernel/drivers/gpu/drm/drm.ko"; empty where
  /// it has none.
  [[nodiscard]] std::string file(const std::string& module) const;
  /// How the kernel has `module`.
  [[nodiscard]] Result<ModuleForm> form(const std::string& module) const;
  /// What of `order` the kernel takes, if it takes none of `refused`: what needs one of these is
  /// not taken either.
  [[nodiscard]] Insertable insertable(const InsertionOrder& order,
                                      const std::set<std::string>& refused) const;
  /// The order in which modprobe would insert modules for `name` (a module or an alias). Modules
  /// of `blacklist` are skipped where an alias leads to them, as modprobe -b and udev do.
  [[nodiscard]] Result<InsertionOrder> insertion_order(
      const std::string& name, const std::set<std::string>& blacklist) const;

 private:
  struct Closer {
    void operator()(kmod_ctx* context) const;
  };

  ModuleDb() = default;

  /// Maps every index, once. Without that libkmod opens the one that a question is about, which is
  /// cheaper for a single question. A missing index is an empty one.
  void map_indices() const;

  UniqueFd modules_;  // libkmod reads through /proc/self/fd: these stay open as long as it
  UniqueFd config_;
  std::unique_ptr<kmod_ctx, Closer> context_;
};

}  // namespace vfio_switch
