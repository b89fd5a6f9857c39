// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/message/data.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// Where the driver of a function is decided: in the initramfs, or in the real root after it.
enum class Stage { image, root };

/// The kernel modules that could claim a function, in one kernel.
struct Claim {
  std::string kernel;
  PciAddress device;
  std::vector<std::string> modules;     ///< loadable ones; sorted, underscores
  std::vector<std::string> dependants;  ///< loadable ones that load one of `modules` first
  std::vector<std::string> built_in;    ///< ones that no modprobe configuration reaches
  /// Variants of vfio-pci that know it; they bind nothing by themselves. See is_vfio_driver().
  std::vector<std::string> variants = {};

  bool operator==(const Claim&) const = default;
};

/// Which driver gets one function, as libkmod and the order of what is loaded say, and why.
struct LoadOrder {
  std::string kernel;
  PciAddress device;
  std::vector<std::string> modules;     ///< in load order, each once, underscores
  std::vector<std::string> contenders;  ///< those of `modules` that could take it; first wins
  std::optional<std::string> winner;    ///< "vfio-pci" or a module name; nothing: no driver at all
  Stage stage = Stage::root;
  bool proved = false;
  std::optional<Reason> reason;  ///< why it is not proved, or why vfio-pci does not win
  /// What led there, one thing after the other, with file and line; for people and programs to
  /// read.
  std::vector<Reason> chain = {};

  [[nodiscard]] bool vfio_wins() const { return winner == "vfio-pci"; }
  /// True where no proof can be made, because something cannot be read or followed: it is known
  /// neither that vfio-pci comes first nor that another driver does.
  [[nodiscard]] bool is_undecided() const;
  /// True where `winner` says nothing either: somebody's script, or the like, decides.
  [[nodiscard]] bool may_be_anybody() const;

  bool operator==(const LoadOrder&) const = default;
};

}  // namespace vfio_switch
