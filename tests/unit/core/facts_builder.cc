// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/facts_builder.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/binding/generated_files.h"
#include "core/cards/card.h"
#include "core/files/own_paths.h"
#include "core/plan/config_plan.h"
#include "core/tell/message_text.h"
#include "told.h"

namespace vfio_switch::test {

namespace {

std::vector<std::string> usual_modules(const PciDevice& device) {
  switch (device.device_class.subclass()) {
    case 0x0403:
      return {"snd_hda_intel"};
    case 0x0c03:
      return {"xhci_pci"};
    case 0x0c80:
      return {"i2c_nvidia_gpu"};
    default:
      break;
  }
  if (!device.device_class.is_display()) return {};
  if (device.id.vendor == 0x10de) return {"nouveau"};
  if (device.id.vendor == 0x1002) return {"amdgpu", "radeon"};
  return {"i915"};
}

}  // namespace

PciAddress at(std::string_view text) {
  const auto address = PciAddress::parse(text);
  if (!address) throw std::invalid_argument("no address: " + std::string(text));
  return *address;
}

PciId id(std::string_view text) {
  const auto id = PciId::parse(text);
  if (!id) throw std::invalid_argument("no id: " + std::string(text));
  return *id;
}

std::vector<PciAddress> at_all(std::initializer_list<std::string_view> texts) {
  std::vector<PciAddress> addresses;
  for (const auto text : texts) addresses.push_back(at(text));
  return addresses;
}

Function::Function(std::string_view address, std::string_view id, std::uint32_t device_class) {
  device_.address = at(address);
  device_.id = test::id(id);
  device_.device_class = {device_class};
  device_.iommu_group =
      1000 + (device_.address.domain * 256 + device_.address.bus) * 32 + device_.address.device;
  if (device_.device_class.subclass() == 0x0300) device_.boot_vga = false;
}

Function& Function::driver(std::string_view name, std::string_view module) {
  device_.driver = name;
  device_.driver_module = module.empty() ? module_name(name) : std::string(module);
  return *this;
}

Function& Function::group(unsigned number) {
  device_.iommu_group = number;
  return *this;
}

Function& Function::no_group() {
  device_.iommu_group.reset();
  return *this;
}

Function& Function::boots() {
  device_.boot_vga = true;
  return *this;
}

Function& Function::monitor(bool connected) {
  device_.connectors.push_back({"card0-HDMI-A-1", connected});
  return *this;
}

Function& Function::behind(std::initializer_list<std::string_view> bridges) {
  device_.bridges = at_all(bridges);
  return *this;
}

Function& Function::thunderbolt() {
  device_.thunderbolt = true;
  return *this;
}

Function& Function::virtual_function() {
  device_.virtual_function = true;
  return *this;
}

Function& Function::used_for(std::string_view what) {
  device_.dependants.emplace_back(what);
  return *this;
}

Function& Function::subsystem(std::string_view id) {
  device_.subsystem = test::id(id);
  return *this;
}

Function vga(std::string_view address, std::string_view id) {
  return {address, id, 0x030000};
}
Function audio(std::string_view address, std::string_view id) {
  return {address, id, 0x040300};
}
Function usb(std::string_view address, std::string_view id) {
  return {address, id, 0x0c0330};
}
Function usb_c(std::string_view address, std::string_view id) {
  return {address, id, 0x0c8000};
}
Function bridge(std::string_view address, std::string_view id) {
  return {address, id, 0x060400};
}
Function host_bridge(std::string_view address, std::string_view id) {
  return {address, id, 0x060000};
}
Function network(std::string_view address, std::string_view id) {
  return {address, id, 0x020000};
}

FactsBuilder& FactsBuilder::with(const Function& function) {
  facts_.devices.push_back(function.device());
  return *this;
}

FactsBuilder& FactsBuilder::without(std::string_view address) {
  std::erase_if(facts_.devices,
                [&](const PciDevice& device) { return device.address == at(address); });
  return *this;
}

FactsBuilder& FactsBuilder::change(std::string_view address,
                                   const std::function<void(PciDevice&)>& how) {
  how(*std::ranges::find(facts_.devices, at(address), &PciDevice::address));
  return *this;
}

FactsBuilder& FactsBuilder::iommu_off(IommuTable table) {
  iommu_on_ = false;
  facts_.iommu_table = table;
  return *this;
}

FactsBuilder& FactsBuilder::command_line(std::string_view text) {
  facts_.command_line = text;
  return *this;
}

FactsBuilder& FactsBuilder::kernel(std::string_view release, ModuleForm vfio_pci) {
  Kernel kernel;
  kernel.release = release;
  kernel.modules_directory = "/lib/modules/" + kernel.release;
  kernel.vfio_pci = vfio_pci;
  kernel.softdeps.path = kernel.modules_directory + "/modules.softdep";
  kernel.initramfs = "/boot/initrd.img-" + kernel.release;
  facts_.kernels.push_back(kernel);
  return *this;
}

FactsBuilder& FactsBuilder::no_kernels() {
  facts_.kernels.clear();
  return *this;
}

FactsBuilder& FactsBuilder::embedded_softdeps(std::string_view text) {
  for (auto& kernel : facts_.kernels) kernel.softdeps.content = text;
  return *this;
}

FactsBuilder& FactsBuilder::modprobe(std::string_view path, std::string_view content) {
  facts_.modprobe.push_back({std::string(path), std::string(content)});
  return *this;
}

FactsBuilder& FactsBuilder::file(std::string_view path, const FileState& state) {
  facts_.files[std::string(path)] = {state};
  return *this;
}

FactsBuilder& FactsBuilder::file(std::string_view path, std::string_view content) {
  if (path.starts_with("/etc/modprobe.d/")) modprobe(path, content);
  return file(path, FileState(RegularFile{std::string(content), 0644, 0, 0}));
}

SystemFacts FactsBuilder::facts() const {
  auto facts = facts_;
  std::ranges::sort(facts.devices, {}, &PciDevice::address);
  facts.iommu_enabled = iommu_on_;
  if (!iommu_on_) {
    for (auto& device : facts.devices) device.iommu_group.reset();
  }
  for (const auto path : generated_paths) facts.files.try_emplace(std::string(path));
  for (const auto path : legacy_paths) facts.files.try_emplace(std::string(path));
  return facts;
}

FactsBuilder desktop() {
  FactsBuilder builder;
  builder.with(host_bridge("00:00.0", "8086:4660"))
      .with(bridge("00:01.0", "8086:460d").group(1).driver("pcieport"))
      .with(vga("00:02.0", "8086:4680").driver("i915").boots().monitor())
      .with(audio("00:1f.3", "8086:7ad0").driver("snd_hda_intel"))
      .with(vga("01:00.0", "10de:1d01").group(1).driver("nouveau").behind({"00:01.0"}))
      .with(audio("01:00.1", "10de:0fb8").group(1).driver("snd_hda_intel").behind({"00:01.0"}))
      .kernel(desktop_kernel);
  return builder;
}

std::vector<Claim> usual_claims(const SystemFacts& facts,
                                const std::vector<PciAddress>& functions) {
  std::vector<Claim> claims;
  for (const auto& kernel : facts.kernels) {
    for (const auto& address : functions) {
      auto& claim = claims.emplace_back();
      claim.kernel = kernel.release;
      claim.device = address;
      claim.modules = usual_modules(*find_device(facts, address));
    }
  }
  return claims;
}

Plan enable(const SystemFacts& facts, const SelectionRequest& request, const PlanOptions& options) {
  const auto selection = select(facts, request);
  return plan_enable(facts, selection, usual_claims(facts, selection.functions), options);
}

SystemFacts applied(SystemFacts facts, const Plan& plan) {
  for (const auto& change : plan.diff) {
    if (const auto* file = std::get_if<FileChange>(&change)) {
      facts.files[file->path] = {file->after};
      if (file->path == modules_load_path) {
        facts.root_lists = {{"vfio_pci", {std::string(modules_load_path)}}};
      }
      if (!file->path.starts_with("/etc/modprobe.d/")) continue;
      const auto* after = std::get_if<RegularFile>(&file->after);
      facts.modprobe = with_file(std::move(facts.modprobe), file->path,
                                 after == nullptr ? std::nullopt : std::optional(after->content));
    }
  }
  return facts;
}

std::optional<std::string> written(const Plan& plan, std::string_view path) {
  for (const auto& change : plan.diff) {
    const auto* file = std::get_if<FileChange>(&change);
    if (file == nullptr || file->path != path) continue;
    if (const auto* after = std::get_if<RegularFile>(&file->after)) return after->content;
  }
  return std::nullopt;
}

bool removes(const Plan& plan, std::string_view path) {
  return std::ranges::any_of(plan.diff, [&](const Change& change) {
    const auto* file = std::get_if<FileChange>(&change);
    return file != nullptr && file->path == path && std::holds_alternative<Absent>(file->after);
  });
}

std::vector<RefusalCode> codes(const std::vector<Refusal>& refusals) {
  std::vector<RefusalCode> found;
  for (const auto& refusal : refusals) found.push_back(refusal.code());
  return found;
}

const Refusal* find_refusal(const std::vector<Refusal>& refusals, RefusalCode code) {
  const auto found = std::ranges::find(refusals, code, &Refusal::code);
  return found == refusals.end() ? nullptr : &*found;
}

const Candidate* find_candidate(const Selection& selection, std::string_view gpu) {
  const auto found = std::ranges::find(selection.gpus, at(gpu), &Candidate::gpu);
  return found == selection.gpus.end() ? nullptr : &*found;
}

std::vector<std::string> described(const Diff& diff) {
  std::vector<std::string> lines;
  for (const auto& change : diff) lines.push_back(plain(action_text(change)));
  return lines;
}

}  // namespace vfio_switch::test
