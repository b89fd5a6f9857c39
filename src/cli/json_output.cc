// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/json_output.h"

#include <nlohmann/json.hpp>

#include "cli/message_json.h"
#include "core/base/text.h"
#include "core/cards/iommu.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;

/// File contents are bytes, JSON is text: what is not UTF-8 becomes U+FFFD.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json addresses_json(const std::vector<PciAddress>& addresses) {
  Json list = Json::array();
  for (const auto& address : addresses) list.push_back(address.str());
  return list;
}

Json refusals_json(const std::vector<Refusal>& refusals) {
  Json list = Json::array();
  for (const auto& refusal : refusals) {
    list.push_back(
        {{"code", to_string(refusal.code())},
         {"cause", kind_of(refusal.cause).name},
         {"message", refusal_text(refusal)},
         {"data", data_json(refusal.data)},
         {"remedy", remedy_json(refusal.remedy)},
         {"devices", addresses_json(refusal.devices)},
         {"difference", refusal.difference.empty() ? Json() : Json(refusal.difference)}});
  }
  return list;
}

/// The sentences alone, as they were from the beginning.
Json notes_json(const std::vector<Note>& notes) {
  Json list = Json::array();
  for (const auto& note : notes) list.push_back(note_text(note));
  return list;
}

Json note_details_json(const std::vector<Note>& notes) {
  Json list = Json::array();
  for (const auto& note : notes) {
    list.push_back({{"code", kind_of(note.cause).code},
                    {"cause", kind_of(note.cause).name},
                    {"message", note_text(note)},
                    {"data", data_json(note.data)},
                    {"remedy", remedy_json(note.remedy)}});
  }
  return list;
}

Json change_json(const Change& change) {
  Json json = {{"kind", kind(change)},
               {"path", nullptr},
               {"content", nullptr},
               {"kernel", nullptr},
               {"command", nullptr},
               {"reason", reason_text(reason_of(change))},
               {"reason_details", reason_json(reason_of(change))}};
  if (const auto* file = std::get_if<FileChange>(&change)) {
    json["path"] = file->path;
    if (const auto* after = std::get_if<RegularFile>(&file->after))
      json["content"] = after->content;
  } else if (const auto* boot = std::get_if<BootParameters>(&change)) {
    if (!boot->outputs.empty()) json["path"] = boot->outputs.front();
    json["content"] = join(boot->parameters, " ");
    json["command"] = boot->command;
  } else {
    const auto& rebuild = std::get<RebuildInitramfs>(change);
    json["path"] = rebuild.image;
    json["kernel"] = rebuild.release;
  }
  return json;
}

Json extra_json(const std::vector<ExtraCandidate>& candidates) {
  Json list = Json::array();
  for (const auto& one : candidates) {
    list.push_back({{"address", one.address.str()},
                    {"eligible", one.refusals.empty()},
                    {"selected", one.selected},
                    {"refusals", refusals_json(one.refusals)}});
  }
  return list;
}

Json chain_json(const std::vector<Reason>& chain) {
  Json links = Json::array();
  for (const auto& link : chain) links.push_back(reason_json(link));
  return links;
}

Json load_order_json(const LoadOrder& order) {
  return {{"kernel", order.kernel},
          {"device", order.device.str()},
          {"modules", order.modules},
          {"winner", or_null(order.winner)},
          {"stage", order.stage == Stage::image ? "image" : "root"},
          {"proved", order.proved},
          {"reason", reason_json(order.reason)},
          {"chain", chain_json(order.chain)}};
}

Json boot_json(const BootRecord& record, bool is_now) {
  Json devices = Json::array();
  for (const auto& driver : record.drivers) {
    devices.push_back({{"address", driver.address.str()},
                       {"expected", or_null(driver.expected)},
                       {"observed", or_null(driver.observed)}});
  }
  Json findings = Json::array();
  for (const auto& finding : record.findings) {
    const auto& refusal = finding.refusal;
    findings.push_back(
        {{"code", finding.code()},
         {"cause", refusal ? kind_of(refusal->cause).name : kind_of(finding.cause).name},
         {"message", boot_finding_text(finding)},
         {"data", data_json(refusal ? refusal->data : finding.data)},
         {"devices", addresses_json(finding.devices)},
         {"warning", finding.warning}});
  }
  return {{"boot_id", record.boot_id},
          {"time", record.time},
          {"kernel", record.kernel},
          {"this_boot", is_now},
          {"good", record.good()},
          {"devices", devices},
          {"findings", findings},
          {"action", record.action == BootAction::none ? Json() : Json(to_string(record.action))},
          {"problem", record.problem.empty() ? Json() : Json(record.problem)}};
}

std::string_view next_boot_text(NextBoot next_boot) {
  switch (next_boot) {
    case NextBoot::vfio:
      return "vfio";
    case NextBoot::host:
      return "host";
    case NextBoot::mixed:
      return "mixed";
    case NextBoot::unknown:
      return "unknown";
  }
  return {};
}

Json function_json(const EntryFunction& function, const std::vector<Place>& evidence) {
  Json places = Json::array();
  for (const auto& place : evidence) places.push_back(place.str());
  return {{"device", function.device.str()},
          {"winner", or_null(function.winner)},
          {"proved", function.proved},
          {"reason", function.reason ? Json(reason_text(*function.reason)) : Json()},
          {"reason_details", reason_json(function.reason)},
          {"chain", chain_json(function.chain)},
          {"evidence", places}};
}

Json entry_json(const EntryProof& proof) {
  const auto& entry = proof.entry;
  Json functions = Json::array();
  for (const auto& one : proof.functions) functions.push_back(function_json(one, proof.evidence));
  Json images = Json::array();
  const auto add = [&](const BootFile& file) {
    images.push_back(file.at.empty() ? file.path : file.at);
  };
  if (entry.unified_image) add(*entry.unified_image);
  for (const auto& initrd : entry.initrds) add(initrd);
  Json unknown = Json::array();
  for (const auto& one : entry.unknown) {
    unknown.push_back({{"code", to_string(one.code)}, {"subject", one.subject}});
  }
  const auto& kernel = entry.unified_image ? entry.unified_image : entry.kernel;
  return {{"id", entry.id},
          {"title", entry.title},
          {"default", entry.is_default},
          {"once", entry.is_once},
          {"kind", to_string(entry.kind)},
          {"source", entry.source.file.empty()
                         ? Json()
                         : Json(Place{entry.source.file, entry.source.line}.str())},
          {"kernel", kernel ? Json(kernel->at.empty() ? kernel->path : kernel->at) : Json()},
          {"release", or_null(entry.release)},
          {"images", images},
          {"command_line", or_null(entry.command_line)},
          {"functions", functions},
          {"next_boot", functions.empty() ? Json() : Json(next_boot_text(proof.outcome()))},
          {"as_of", proof.recorded ? Json(proof.recorded->time) : Json()},
          {"unknown", unknown}};
}

Json entries_json(const MenuProof& menu) {
  Json entries = Json::array();
  for (const auto& proof : menu.entries) entries.push_back(entry_json(proof));
  return entries;
}

Json packages_json(const std::optional<PackageFacts>& packages) {
  if (!packages) return {};
  Json kernels = Json::array();
  for (const auto& kernel : packages->kernels) {
    kernels.push_back({{"release", kernel.release},
                       {"package", kernel.package.empty() ? Json() : Json(kernel.package)}});
  }
  return {{"kernels", kernels},
          {"graphics_drivers", packages->graphics_drivers},
          {"generators", packages->generators},
          {"dkms", packages->dkms}};
}

}  // namespace

std::string devices_json(const SystemFacts& facts, const Selection& selection,
                         const std::optional<std::vector<ExtraCandidate>>& extra) {
  Json devices = Json::array();
  for (const auto& device : facts.devices) {
    devices.push_back({{"address", device.address.str()},
                       {"vendor_id", "0x" + to_hex(device.id.vendor, 4)},
                       {"device_id", "0x" + to_hex(device.id.device, 4)},
                       {"class", device.device_class.str()},
                       {"name", device.name.empty() ? Json() : Json(device.name)},
                       {"driver", or_null(device.driver)},
                       {"iommu_group", or_null(device.iommu_group)},
                       {"boot_vga", or_null(device.boot_vga)},
                       {"modalias", device.modalias}});
  }
  Json gpus = Json::array();
  for (const auto& gpu : selection.gpus) {
    gpus.push_back({{"address", gpu.gpu.str()},
                    {"functions", addresses_json(gpu.functions)},
                    {"eligible", gpu.eligible()},
                    {"selected", gpu.selected},
                    {"refusals", refusals_json(gpu.refusals)}});
  }
  return dump({{"schema", schema},
               {"iommu_enabled", facts.iommu_enabled},
               {"acs_override", or_null(acs_override(facts))},
               {"devices", devices},
               {"gpus", gpus},
               {"extra_devices", extra ? extra_json(*extra) : Json()}});
}

std::string plan_json(const Plan& plan) {
  Json changes = Json::array();
  for (const auto& change : plan.diff) changes.push_back(change_json(change));
  Json orders = Json::array();
  for (const auto& order : plan.load_order) orders.push_back(load_order_json(order));
  return dump({{"schema", schema},
               {"intent", to_string(plan.state.intent)},
               {"outcome", plan.outcome()},
               {"refusals", refusals_json(plan.refusals)},
               {"functions", addresses_json(plan.functions)},
               {"changes", changes},
               {"load_order", orders},
               {"no_build", plan.no_build ? Json(note_text(*plan.no_build)) : Json()},
               {"notes", notes_json(plan.notes)},
               {"note_details", note_details_json(plan.notes)}});
}

std::string status_json(const Status& status) {
  Json kernels = Json::array();
  for (const auto& kernel : status.kernels) {
    kernels.push_back({{"release", kernel.release},
                       {"image", or_null(kernel.image)},
                       {"staged", or_null(kernel.staged)},
                       {"reason", kernel.reason ? Json(reason_text(*kernel.reason)) : Json()},
                       {"reason_details", reason_json(kernel.reason)},
                       {"files_staged", kernel.files_staged},
                       {"image_staged", or_null(kernel.image_staged)},
                       {"image_needed", !kernel.root_decides},
                       {"running", kernel.running},
                       {"next_boot", next_boot_text(kernel.next_boot)}});
  }
  Json devices = Json::array();
  for (const auto& device : status.devices) {
    devices.push_back({{"address", device.address.str()},
                       {"driver", or_null(device.driver)},
                       {"expected_driver", or_null(device.expected_driver)},
                       {"active", device.active}});
  }
  Json orders = Json::array();
  for (const auto& order : status.load_order) orders.push_back(load_order_json(order));
  Json parameters = Json::array();
  for (const auto& parameter : status.parameters) {
    parameters.push_back({{"parameter", parameter.word},
                          {"effect", reason_text(parameter.effect)},
                          {"effect_details", reason_json(parameter.effect)},
                          {"keeps_host", parameter.keeps_host}});
  }
  const bool unset = status.intent == Intent::unset;
  return dump({{"schema", schema},
               {"intent", unset ? Json() : Json(to_string(status.intent))},
               {"kernels", kernels},
               {"devices", devices},
               {"next_boot", next_boot_text(status.next_boot)},
               {"next_boot_reason", reason_json(status.menu.why_unknown)},
               {"entries", entries_json(status.menu)},
               {"load_order", orders},
               {"refusals", refusals_json(status.refusals)},
               {"notes", notes_json(status.notes)},
               {"note_details", note_details_json(status.notes)},
               {"packages", packages_json(status.packages)},
               {"command_line", status.command_line.empty() ? Json() : Json(status.command_line)},
               {"parameters", parameters},
               {"set_up_pending", status.pending ? Json(reason_text(*status.pending)) : Json()},
               {"boot_check", status.boot ? boot_json(*status.boot, status.boot_is_now) : Json()}});
}

std::string error_json(const Error& error) {
  return dump({{"schema", schema},
               {"error",
                {{"message", error.message},
                 {"remedy", error.remedy.empty() ? Json() : Json(error.remedy)}}}});
}

}  // namespace vfio_switch
