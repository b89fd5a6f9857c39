// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/report_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/doctor_json.h"
#include "cli/json_output.h"
#include "core/base/text.h"
#include "core/files/own_paths.h"
#include "core/tell/told_facts.h"
#include "core/tell/told_plan.h"
#include "version.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json hex_or_null(unsigned value, int width) {
  return "0x" + to_hex(value, width);
}

/// The connectors of a display by their names without the card's number, which changes.
Json connectors_json(const PciDevice& device) {
  Json connectors = Json::object();
  for (const auto& connector : device.connectors) {
    const auto name = connector.name.substr(connector.name.find('-') + 1);
    connectors[name] = connector.connected ? "connected" : "disconnected";
  }
  return connectors;
}

Json device_json(const PciDevice& device, const Recording::Function& function) {
  const auto hangs_below = [&](std::string_view what) {
    return std::ranges::any_of(device.dependants, [&](const std::string& one) {
      return one.find(what) != std::string::npos;
    });
  };
  Json json = {{"address", device.address.str()},
               {"parent", device.bridges.empty() ? Json() : Json(device.bridges.back().str())},
               {"class", device.device_class.str()},
               {"vendor", hex_or_null(device.id.vendor, 4)},
               {"device", hex_or_null(device.id.device, 4)},
               {"subvendor", hex_or_null(device.subsystem.vendor, 4)},
               {"subdevice", hex_or_null(device.subsystem.device, 4)},
               {"revision", text_or_null(function.revision)},
               {"iommu_group", device.iommu_group ? Json(*device.iommu_group) : Json()},
               {"driver", text_or_null(device.driver.value_or(""))},
               {"module", text_or_null(device.driver_module.value_or(""))},
               {"kernel_modules", function.modules},
               {"boot_vga", device.boot_vga ? Json(*device.boot_vga) : Json()},
               {"physfn", function.physical ? Json(function.physical->str()) : Json()},
               {"reset_method", text_or_null(function.reset_method)},
               {"disk", hangs_below("disk ")},
               {"keyboard", hangs_below("keyboard")}};
  if (device.device_class.is_display()) json["connectors"] = connectors_json(device);
  return json;
}

/// Every text of `json` without names, the keys of its objects as well.
Json scrubbed(const Json& json, const Scrubber& scrub) {
  if (json.is_string()) return scrub(json.get<std::string>());
  if (json.is_array()) {
    Json list = Json::array();
    for (const auto& value : json) list.push_back(scrubbed(value, scrub));
    return list;
  }
  if (!json.is_object()) return json;
  Json object = Json::object();
  for (const auto& [key, value] : json.items()) object[scrub(key)] = scrubbed(value, scrub);
  return object;
}

/// A plan without what may be somebody's: the new content of a file that others write as well.
Json plan_part(const Plan& plan) {
  auto json = Json::parse(plan_json(told_plan(plan)));
  for (auto& change : json["changes"]) {
    const bool is_ours =
        change["path"].is_string() && is_generated(change["path"].get<std::string>());
    if (change["kind"] == "write" && !is_ours) change["content"] = nullptr;
  }
  return json;
}

Json report_part(const ReportParts& parts) {
  std::vector<Finding> findings;
  for (const auto& finding : parts.findings) findings.push_back(told_finding(finding));
  return {{"schema", 1},
          {"version", std::string(version)},
          {"plan", parts.plan ? plan_part(*parts.plan) : Json()},
          {"status", parts.status ? Json::parse(status_json(told_status(*parts.status))) : Json()},
          {"doctor", Json::parse(doctor_json(findings, nullptr))},
          {"errors", parts.errors}};
}

}  // namespace

std::string report_json(const Machine& machine, const Recording& recording,
                        const ReportParts& parts, const Scrubber& scrub) {
  const auto& facts = machine.facts;
  const bool dmar = facts.iommu_table == IommuTable::dmar;
  const bool ivrs = facts.iommu_table == IommuTable::ivrs;
  Json tables = Json::array();
  if (dmar) tables.push_back("DMAR");
  if (ivrs) tables.push_back("IVRS");
  Json vendor;
  if (dmar) vendor = "intel";
  if (ivrs) vendor = "amd";
  Json kernels = Json::array();
  for (const auto& kernel : facts.kernels) kernels.push_back(kernel.release);
  std::ranges::reverse(kernels);
  Json devices = Json::array();
  for (const auto& device : facts.devices) {
    const auto function = recording.functions.find(device.address);
    devices.push_back(device_json(
        device, function == recording.functions.end() ? Recording::Function{} : function->second));
  }
  const bool only_keyboard = std::ranges::any_of(
      devices, [](const Json& device) { return device["keyboard"].get<bool>(); });
  const Json json = {{"name", "recorded"},
                     {"source", "vfio-switch report"},
                     {"recorded", 1},
                     {"cpu_vendor", vendor},
                     {"iommu", facts.iommu_enabled ? "on" : "off"},
                     {"complete", true},
                     {"acpi_tables", tables},
                     {"keyboard_elsewhere", !only_keyboard},
                     {"cmdline", scrub(told_command_line(facts.command_line))},
                     {"kernel", scrubbed(text_or_null(recording.kernel), scrub)},
                     {"kernels", scrubbed(kernels, scrub)},
                     {"report", scrubbed(report_part(parts), scrub)},
                     {"files", scrubbed(recording.files, scrub)},
                     {"devices", devices}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vfio_switch
