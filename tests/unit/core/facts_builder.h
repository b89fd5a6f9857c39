// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cards/selection.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/plan.h"

namespace vfio_switch::test {

/// The address or id that `text` spells; for tests, which spell them right.
[[nodiscard]] PciAddress at(std::string_view text);
[[nodiscard]] PciId id(std::string_view text);
[[nodiscard]] std::vector<PciAddress> at_all(std::initializer_list<std::string_view> texts);

/// One PCI function, described as a person would: `vga("01:00.0", "10de:1d01").driver("nouveau")`.
/// Functions of one slot share an IOMMU group of their own unless told otherwise.
class Function {
 public:
  Function(std::string_view address, std::string_view id, std::uint32_t device_class);

  Function& driver(std::string_view name, std::string_view module = {});
  Function& group(unsigned number);
  Function& no_group();
  Function& boots();                         ///< drives the boot display
  Function& monitor(bool connected = true);  ///< has a connector
  Function& behind(std::initializer_list<std::string_view> bridges);
  Function& thunderbolt();
  Function& virtual_function();
  Function& used_for(std::string_view what);  ///< "disk sda" hangs below it
  Function& subsystem(std::string_view id);

  [[nodiscard]] const PciDevice& device() const { return device_; }

 private:
  PciDevice device_;
};

[[nodiscard]] Function vga(std::string_view address, std::string_view id);
[[nodiscard]] Function audio(std::string_view address, std::string_view id);
[[nodiscard]] Function usb(std::string_view address, std::string_view id);
[[nodiscard]] Function usb_c(std::string_view address, std::string_view id);
[[nodiscard]] Function bridge(std::string_view address, std::string_view id);
[[nodiscard]] Function host_bridge(std::string_view address, std::string_view id);
[[nodiscard]] Function network(std::string_view address, std::string_view id);

/// A machine, described one part at a time. It has an IOMMU that is on.
class FactsBuilder {
 public:
  FactsBuilder& with(const Function& function);
  FactsBuilder& without(std::string_view address);
  FactsBuilder& change(std::string_view address, const std::function<void(PciDevice&)>& how);
  FactsBuilder& iommu_off(IommuTable table);
  FactsBuilder& command_line(std::string_view text);
  FactsBuilder& kernel(std::string_view release, ModuleForm vfio_pci = ModuleForm::loadable);
  FactsBuilder& no_kernels();
  /// The softdeps that the modules of every kernel carry.
  FactsBuilder& embedded_softdeps(std::string_view text);
  /// A file of modprobe configuration; one in /etc hides those of its name elsewhere.
  FactsBuilder& modprobe(std::string_view path, std::string_view content);
  /// A file that a plan may change, as it is now.
  FactsBuilder& file(std::string_view path, const FileState& state);
  FactsBuilder& file(std::string_view path, std::string_view content);

  [[nodiscard]] SystemFacts facts() const;

 private:
  SystemFacts facts_;
  bool iommu_on_ = true;
};

/// An Intel desktop: the processor's GPU (00:02.0) shows the screen, an NVIDIA card with its sound
/// (01:00.0, 01:00.1; nouveau, snd_hda_intel) is free; one kernel.
[[nodiscard]] FactsBuilder desktop();

inline constexpr std::string_view desktop_kernel = "6.1.0-56-amd64";
inline constexpr std::string_view desktop_image = "/boot/initrd.img-6.1.0-56-amd64";

/// What libkmod would say on a stock kernel: nouveau for NVIDIA, snd_hda_intel for sound, ...
[[nodiscard]] std::vector<Claim> usual_claims(const SystemFacts& facts,
                                              const std::vector<PciAddress>& functions);

/// Select and plan in one step, with usual_claims().
[[nodiscard]] Plan enable(const SystemFacts& facts, const SelectionRequest& request = {},
                          const PlanOptions& options = {});

/// `facts` after `plan` was carried out, images included.
[[nodiscard]] SystemFacts applied(SystemFacts facts, const Plan& plan);

/// The content that `plan` writes to `path`; nothing where it does not.
[[nodiscard]] std::optional<std::string> written(const Plan& plan, std::string_view path);
[[nodiscard]] bool removes(const Plan& plan, std::string_view path);

[[nodiscard]] std::vector<RefusalCode> codes(const std::vector<Refusal>& refusals);
[[nodiscard]] const Refusal* find_refusal(const std::vector<Refusal>& refusals, RefusalCode code);
[[nodiscard]] const Candidate* find_candidate(const Selection& selection, std::string_view gpu);

/// One line for each change, for people and for comparing.
[[nodiscard]] std::vector<std::string> described(const Diff& diff);

}  // namespace vfio_switch::test
