// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "core/doctor/finding.h"
#include "core/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t width = 80;
constexpr std::size_t indent = 2;

/// `text` in lines that fit, behind `first` and then below it.
std::string wrapped(std::string_view first, std::string_view text) {
  std::string lines;
  std::string line(first);
  const auto begin = line.size();
  for (const auto word : split_words(text)) {
    if (line.size() > begin && line.size() + 1 + word.size() > width) {
      lines += line + "\n";
      line.assign(begin, ' ');
    }
    if (line.size() > begin) line += ' ';
    line += word;
  }
  return lines + line + "\n";
}

std::string finding_text(const Finding& finding) {
  const auto& kind = kind_of(finding.code);
  auto text = std::string(to_string(finding.severity)) + ": " + std::string(kind.text) + "\n";
  const std::string margin(indent, ' ');
  text += wrapped(margin, printable(finding.found));
  for (const auto& line : finding.table) text += margin + margin + printable(line) + "\n";
  text += wrapped(margin, kind.why);
  text += wrapped(margin + "-> ", printable(finding.remedy));
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
    return text + "Mend them from the top, then run 'vfio-switch doctor' again.";
  }
  std::string which = std::to_string(ours) + " of them";
  if (ours == std::ssize(findings)) which = ours == 1 ? "it" : "all of them";
  return text + "'vfio-switch doctor --fix' mends " + which + "; --dry-run shows how.";
}

}  // namespace

std::string doctor_text(const std::vector<Finding>& findings, Intent intent) {
  std::string text;
  for (const auto& finding : findings) text += finding_text(finding) + "\n";
  return text + wrapped("", next_step(findings, intent));
}

}  // namespace vfio_switch
