// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/boot/card_parameters.h"
#include "core/cards/intent.h"
#include "core/images/image_verdict.h"
#include "core/machine/facts.h"
#include "core/machine/packages.h"
#include "core/modules/load_order.h"
#include "core/plan/boot_record.h"
#include "core/plan/entry_proof.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// Whether one kernel's files and image are proved to do what the intent wants, at the next boot.
struct KernelStatus {
  std::string release;
  std::optional<std::string> image;
  std::optional<bool> staged;    ///< nothing: cannot be judged, see `reason`
  std::optional<Reason> reason;  ///< nothing where staged
  bool files_staged = true;      ///< the files of the root file system, which all kernels share
  std::optional<bool> image_staged = true;
  bool root_decides = false;                ///< its image is not about the card
  std::optional<bool> image_has_vfio = {};  ///< see ImageVerdict::has_vfio
  /// Its image is as it should be, and what boots is an outdated copy: see copy_stale_note().
  std::optional<Note> stale_copy = {};
  bool lacks_vfio = false;  ///< it has no vfio-pci: no command of ours can change that
  bool running = false;
  NextBoot next_boot = NextBoot::host;
};

/// Whether one function has the driver now that the intent wants.
struct DeviceStatus {
  PciAddress address;
  std::optional<std::string> driver;
  std::optional<std::string> expected_driver;
  bool active = false;
  bool is_extra = false;  ///< it goes with the card
};

/// What is true now, and what will be after the next boot: two different statements.
struct Status {
  Intent intent = Intent::unset;
  std::vector<KernelStatus> kernels;
  std::vector<DeviceStatus> devices;
  NextBoot next_boot = NextBoot::host;
  MenuProof menu;                            ///< what boots, and what it does with the card
  std::vector<Claim> claims;                 ///< who could take one of `devices`, in each kernel
  std::vector<LoadOrder> load_order;         ///< of the next boot, as files and images are now
  std::vector<Refusal> refusals;             ///< why the intent cannot hold any more
  std::vector<Note> notes;                   ///< what a person should know
  std::optional<PackageFacts> packages;      ///< where there is a database that we can read
  std::string command_line;                  ///< of the running kernel; empty where unknown
  std::vector<TellingParameter> parameters;  ///< of it, those that decide about the card
  std::optional<BootRecord> boot;            ///< what the last boot check found
  bool boot_is_now = false;                  ///< that was the check of the running boot
  std::optional<ReasonCause> pending;        ///< where the automatic setup was put off

  /// The package of a kernel, as text behind its release: " (linux-lts)"; empty where unknown.
  [[nodiscard]] std::string package_text(const std::string& release) const;
};

/// Compares the machine with `plan`, the plan that would make the kept intent hold. `images` says
/// what became of each kernel's image, `now` which driver would get the card with the files as they
/// are.
[[nodiscard]] Status make_status(const SystemFacts& facts, const Plan& plan, Intent intent,
                                 const ImageVerdicts& images, const std::vector<LoadOrder>& now);

/// Adds what the boot menu's entries do with the card: the next boot is that of the one that starts
/// then.
void add_menu(Status& status, MenuProof menu);

/// True if `status` is what the intent asks for, staged and active.
[[nodiscard]] bool is_as_intended(const Status& status);

}  // namespace vfio_switch
