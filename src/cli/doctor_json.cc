// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/doctor_json.h"

#include <nlohmann/json.hpp>

#include "cli/json_output.h"
#include "cli/message_json.h"
#include "core/tell/doctor_text.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

Json finding_json(const Finding& finding) {
  Json devices = Json::array();
  for (const auto& address : finding.devices) devices.push_back(address.str());
  const auto message = found_text(finding);
  return {{"code", kind_of(finding.code()).text},
          {"cause", row_of(finding.cause).text},
          {"severity", to_string(finding.severity)},
          {"message", message},
          {"found", message},
          {"why", why_text(finding)},
          {"data", data_json(finding.data)},
          {"remedy", remedy_json(finding.remedy)},
          {"devices", devices},
          {"details", detail_lines(finding)},
          {"fixable", finding.ours}};
}

}  // namespace

std::string doctor_json(const std::vector<Finding>& findings, const Plan* fixing) {
  Json list = Json::array();
  for (const auto& finding : findings) list.push_back(finding_json(finding));
  Json changes;
  if (fixing != nullptr) changes = Json::parse(plan_json(*fixing))["changes"];
  const Json json = {
      {"schema", 1}, {"healthy", !falls_short(findings)}, {"findings", list}, {"changes", changes}};
  // What is not UTF-8 in somebody's file becomes U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vfio_switch
