// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/doctor/checks.h"
#include "core/doctor/tools.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// driverctl's file names end in the function's address: "pci-0000:01:00.0".
bool is_about_another_device(const Examination& examination, const FoundFile& file) {
  constexpr std::string_view prefix = "/etc/driverctl.d/pci-";
  if (!file.path.starts_with("/etc/driverctl.d/")) return false;
  if (!file.path.starts_with(prefix)) return true;
  const auto address = PciAddress::parse(std::string_view(file.path).substr(prefix.size()));
  return !address || !is_in_question(examination, *address);
}

void check_other_tools(const Examination& examination, std::vector<Finding>& findings) {
  std::map<std::string_view, std::pair<std::string_view, std::vector<std::string>>> tools;
  for (const auto& file : examination.more.tool_files) {
    const auto* trace = tool_of(file.path, file.content);
    if (trace == nullptr || is_about_another_device(examination, file)) continue;
    auto& [remedy, paths] = tools[trace->tool];
    remedy = trace->remedy;
    paths.push_back(file.path);
  }
  for (const auto& [tool, found] : tools) {
    const auto& [remedy, paths] = found;
    findings.push_back(make_finding(
        FindingCode::other_tool,
        enumerate(paths) + (paths.size() == 1 ? " is" : " are") + " of " + std::string(tool) + ".",
        std::string(remedy)));
  }
}

void check_older_tool(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> paths;
  for (const auto& [path, file] : examination.facts.files) {
    if (is_generated(path) || std::holds_alternative<Absent>(file.state)) continue;
    paths.push_back(path);
  }
  if (paths.empty()) return;
  auto finding = make_finding(
      FindingCode::older_tool,
      enumerate(paths) + (paths.size() == 1 ? " is" : " are") +
          " left over from the older, blacklist-based nvidia-passthrough.",
      "Run 'vfio-switch enable': it takes them away, and 'rollback' would give them back.");
  finding.ours = examination.state.intent == Intent::enabled;
  findings.push_back(std::move(finding));
}

}  // namespace

void check_leftovers(const Examination& examination, std::vector<Finding>& findings) {
  check_older_tool(examination, findings);
  check_other_tools(examination, findings);
}

}  // namespace vfio_switch
