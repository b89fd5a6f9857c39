// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/doctor/tools.h"
#include "core/files/own_paths.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// driverctl's file names end in the function's address: "pci-0000:01:00.0".
std::optional<PciAddress> overridden_function(std::string_view path) {
  constexpr std::string_view prefix = "/etc/driverctl.d/pci-";
  if (!path.starts_with(prefix)) return std::nullopt;
  return PciAddress::parse(path.substr(prefix.size()));
}

bool is_about_another_device(const Examination& examination, const FoundFile& file) {
  if (!file.path.starts_with("/etc/driverctl.d/")) return false;
  const auto address = overridden_function(file.path);
  return !address || !is_in_question(examination, *address);
}

/// The words with such a key that the next boots get, or this one has.
std::set<std::string> words_with(const Examination& examination, std::string_view key) {
  std::set<std::string> found;
  const auto look = [&](std::string_view line) {
    for (const auto word : split_words(line, " \t\"'")) {
      if (module_name(word.substr(0, word.find('='))) == key) found.emplace(word);
    }
  };
  for (const auto& line : examination.more.command_lines) look(line.text);
  look(examination.facts.command_line);
  return found;
}

Remedy end_of(const Examination& examination, std::string_view tool,
              const std::vector<std::string>& paths) {
  const auto& end = tool_end(tool);
  Remedy remedy;
  for (const auto& path : paths) {
    const auto address = overridden_function(path);
    if (!address) continue;
    auto command = end.command;
    command.push_back(address->str());
    remedy.emplace_back(Run{{std::move(command)}, true});
  }
  if (!remedy.empty()) return remedy;
  if (!end.command.empty()) remedy.emplace_back(Run{{end.command}, true});
  Remedy files;
  Command removal{{"rm"}};
  std::ranges::copy(paths, std::back_inserter(removal.arguments));
  files.emplace_back(Run{std::move(removal), true});
  for (const auto key : end.parameters) {
    for (const auto& word : words_with(examination, key)) {
      add_steps(files, dropping(examination, word));
    }
  }
  files.push_back(rebuild_step(examination));
  if (end.leaves_files) {
    add_steps(remedy, files);
  } else {
    add_way(remedy, std::move(files));
  }
  return remedy;
}

std::vector<Item> places(const std::vector<std::string>& paths) {
  std::vector<Item> items;
  for (const auto& path : paths) items.emplace_back(Place{path});
  return items;
}

void check_other_tools(const Examination& examination, std::vector<Finding>& findings) {
  std::map<std::string_view, std::vector<std::string>> tools;
  for (const auto& file : examination.more.tool_files) {
    const auto* trace = tool_of(file.path, file.content);
    if (trace == nullptr || is_about_another_device(examination, file)) continue;
    tools[trace->tool].push_back(file.path);
  }
  for (const auto& [tool, paths] : tools) {
    findings.push_back(make_finding(FindingCause::other_tool,
                                    {{"files", places(paths)}, {"tool", Word{std::string(tool)}}},
                                    end_of(examination, tool, paths)));
  }
}

void check_older_tool(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> paths;
  for (const auto& [path, file] : examination.facts.files) {
    if (is_generated(path) || std::holds_alternative<Absent>(file.state)) continue;
    paths.push_back(path);
  }
  if (paths.empty()) return;
  auto finding =
      make_finding(FindingCause::older_tool, {{"files", places(paths)}}, {own_command({"enable"})});
  finding.ours = examination.state.intent == Intent::enabled;
  findings.push_back(std::move(finding));
}

}  // namespace

void check_leftovers(const Examination& examination, std::vector<Finding>& findings) {
  check_older_tool(examination, findings);
  check_other_tools(examination, findings);
}

}  // namespace vfio_switch
