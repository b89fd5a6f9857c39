// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/binding/driver_config.h"
#include "core/pci/device_spec.h"
#include "core/plan/boot_plan.h"
#include "core/plan/image_plan.h"
#include "core/plan/plan.h"
#include "core/plan/status.h"
#include "system/files/file_reader.h"
#include "system/machine/machine.h"
#include "system/planner/image_judge.h"

namespace vfio_switch {

/// The options of `enable`.
struct EnableOptions {
  std::vector<DeviceSpec> named;                 ///< --device; replaces settings and kept choice
  std::vector<RefusalCode> accepted_risks;       ///< --allow-boot-gpu, --allow-display-in-use
  std::optional<std::vector<DeviceSpec>> extra;  ///< --add-device; the same, of what goes with it
  bool automatic = false;      ///< set up without being asked: see refuse_unasked()
  bool is_set_up_off = false;  ///< the package was built without automatic set-up
  /// A person typed the command: kernel parameters may be added. Otherwise only earlier ones are
  /// restored.
  bool may_add_parameters = true;
  PlanOptions plan;
};

/// Plans with the pure functions of core/, and has libkmod prove the outcome: for an image that
/// stays, on the image itself; for one that will be built, on what goes into it.
class Planner {
 public:
  Planner(const FileReader& files, const Machine& machine)
      : files_(files), machine_(machine), images_(files, machine) {}

  [[nodiscard]] Result<Plan> enable(const EnableOptions& options) const;
  [[nodiscard]] Result<Plan> disable(const PlanOptions& options) const;
  [[nodiscard]] Result<Status> status() const;

  /// Which driver binds each of `functions` at the next boot, by kernel, as files and images are
  /// now.
  [[nodiscard]] Result<std::vector<LoadOrder>> next_boot_of(
      const std::vector<PciAddress>& functions) const;

  /// What each entry of the boot menu does with the functions of a plan that has been carried out,
  /// as files and images are now.
  [[nodiscard]] Result<MenuProof> prove_menu(const Plan& done) const;

  /// `plan` with the load order of `plan.config` and `plan.functions`, and with the images that do
  /// not do what it wants.
  [[nodiscard]] Result<Plan> prove(Plan plan, const PlanOptions& options) const;

 private:
  /// A concluded plan, whose images nobody has looked into yet.
  struct Draft {
    Plan plan;
    Evidence evidence;
  };

  [[nodiscard]] Result<Draft> draft_enable(const EnableOptions& options) const;
  /// What the real root does by itself under `config`.
  [[nodiscard]] Result<void> ask_root(Evidence& evidence, const DriverConfig& config) const;
  [[nodiscard]] BootPolicy boot_policy(const EnableOptions& options) const;
  [[nodiscard]] Result<Draft> ask_libkmod(Plan plan, std::vector<Claim> claims) const;
  [[nodiscard]] Result<Plan> ask_images(Draft draft, const PlanOptions& options) const;
  /// For a plan that changes files: whether the images must be rebuilt.
  [[nodiscard]] Result<ImagePart> spare_builds(const Plan& plan, const Evidence& evidence,
                                               const PlanOptions& options) const;
  /// For a plan that changes no file: the images that do not do what is configured.
  [[nodiscard]] Result<ImagePart> add_images(const Plan& plan, const Evidence& evidence,
                                             const PlanOptions& options) const;

  const FileReader& files_;
  const Machine& machine_;
  ImageJudge images_;
};

}  // namespace vfio_switch
