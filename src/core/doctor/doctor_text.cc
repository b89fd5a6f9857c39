// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "core/doctor/finding.h"
#include "core/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t width = 80;
constexpr std::size_t indent = 2;

/// `text` in lines that fit, each below the first by `indent`.
std::string wrapped(std::string_view first, std::string_view text) {
  std::string lines(first);
  std::size_t column = lines.size();
  const std::size_t begin = column;
  for (const auto word : split_words(text)) {
    if (column > begin && column + 1 + word.size() > width) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > begin) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines + "\n";
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

std::string next_step(const std::vector<Finding>& findings) {
  if (!falls_short(findings)) return "Nothing is wrong.\n";
  std::vector<std::string> counts;
  for (const auto severity : {Severity::problem, Severity::warning}) {
    const auto count = std::ranges::count(findings, severity, &Finding::severity);
    if (count > 0) counts.push_back(counted(count, to_string(severity)));
  }
  std::string text = enumerate(counts) + ". ";
  const auto ours = std::ranges::count_if(findings, &Finding::ours);
  if (ours == 0) {
    return text + "Mend them from the top, then run 'vfio-switch doctor' again.\n";
  }
  return text + "'vfio-switch doctor --fix' mends " +
         (ours == std::ssize(findings) && ours > 1 ? "all" : std::to_string(ours)) +
         (ours == std::ssize(findings) ? "" : " of them") + "; --dry-run shows how.\n";
}

}  // namespace

std::string doctor_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) text += finding_text(finding) + "\n";
  return text + next_step(findings);
}

}  // namespace vfio_switch
