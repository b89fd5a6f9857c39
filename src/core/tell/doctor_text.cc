// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "core/base/table.h"
#include "core/base/text.h"
#include "core/doctor/finding.h"

namespace vfio_switch {

namespace {

constexpr std::size_t widest = 80;  // of prose, however wide the terminal is
const std::string margin = "  ";

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::problem:
      return Tone::bad;
    case Severity::warning:
      return Tone::attention;
    case Severity::note:
      break;
  }
  return Tone::faint;
}

std::string finding_text(const Finding& finding, const Style& style) {
  const auto& kind = kind_of(finding.code);
  const auto severity = to_string(finding.severity);
  const auto title = paragraph({}, {std::string(severity) + ": " + std::string(kind.text)}, style);
  auto text = toned(severity, tone_of(finding.severity), style) + title.substr(severity.size());
  text += paragraph(margin, {printable(finding.found)}, style);
  for (const auto& line : finding.table) text += margin + margin + printable(line) + "\n";
  text += paragraph(margin, {std::string(kind.why)}, style);
  text += paragraph(margin + "-> ", {printable(finding.remedy)}, style);
  return text;
}

std::string counted(std::ptrdiff_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string next_step(const std::vector<Finding>& findings, Intent intent) {
  if (!falls_short(findings)) {
    return intent == Intent::enabled
               ? "Nothing is wrong."
               : "Nothing is wrong. 'vfio-switch plan enable' shows what enable would do.";
  }
  std::vector<std::string> counts;
  for (const auto severity : {Severity::problem, Severity::warning}) {
    const auto count = std::ranges::count(findings, severity, &Finding::severity);
    if (count > 0) counts.push_back(counted(count, to_string(severity)));
  }
  std::string text = enumerate(counts) + ". ";
  const auto ours = std::ranges::count_if(findings, &Finding::ours);
  if (ours == 0) {
    const auto notes = std::ranges::count(findings, Severity::note, &Finding::severity);
    text += std::ssize(findings) - notes == 1 ? "Mend it" : "Mend them from the top";
    return text + ", then run 'vfio-switch doctor' again.";
  }
  std::string which = std::to_string(ours) + " of them";
  if (ours == std::ssize(findings)) which = ours == 1 ? "it" : "all of them";
  return text + "'vfio-switch doctor --fix' mends " + which + "; --dry-run shows how.";
}

}  // namespace

std::string doctor_text(const std::vector<Finding>& findings, Intent intent, Style style) {
  style.width = style.width == 0 ? widest : std::min(style.width, widest);
  std::string text;
  for (const auto& finding : findings) text += finding_text(finding, style) + "\n";
  return text + paragraph("", {next_step(findings, intent)}, style);
}

}  // namespace vfio_switch
