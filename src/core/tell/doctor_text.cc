// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/doctor_text.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/table.h"
#include "core/base/text.h"
#include "core/message/format.h"
#include "core/tell/message_text.h"
#include "core/tell/remedy_text.h"

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

/// A sentence of its own of what stands in the middle of one elsewhere, without a full stop. Only a
/// word of ours gets a capital: not a path, a driver or an address.
std::string sentence(const Template& clause, std::string text) {
  const auto begins_with_word = !clause.text.empty() && clause.text.front() != '{';
  if (begins_with_word && !text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text + ".";
}

std::string finding_text(const Finding& finding, const Style& style) {
  const auto& kind = kind_of(finding.code());
  const auto severity = to_string(finding.severity);
  const auto title = paragraph({}, {std::string(severity) + ": " + std::string(kind.text)}, style);
  auto text = toned(severity, tone_of(finding.severity), style) + title.substr(severity.size());
  text += paragraph(margin, {found_text(finding)}, style);
  for (const auto& line : detail_lines(finding)) text += margin + margin + line + "\n";
  text += paragraph(margin, {why_text(finding)}, style);
  return text + remedy_lines(finding.remedy, margin + "-> ", style);
}

std::string counted(std::ptrdiff_t count, const Template& what) {
  return format(what, {{"count", Count{count}}});
}

std::string next_step(const std::vector<Finding>& findings, Intent intent) {
  auto nothing = format({"Found no problem."}, {});
  if (!falls_short(findings)) {
    if (intent == Intent::enabled) return nothing;
    const Data plan = {{"run", own_command({"plan", "enable"}).command}};
    return nothing + " " + format({"{1} shows what enable would do."}, plan);
  }
  std::vector<std::string> counts;
  const auto problems = std::ranges::count(findings, Severity::problem, &Finding::severity);
  const auto warnings = std::ranges::count(findings, Severity::warning, &Finding::severity);
  if (problems > 0) counts.push_back(counted(problems, {"{1} problem", "{1} problems", 1}));
  if (warnings > 0) counts.push_back(counted(warnings, {"{1} warning", "{1} warnings", 1}));
  const auto text = enumerate(counts) + ". ";
  const auto ours = std::ranges::count_if(findings, &Finding::ours);
  const Data again = {{"run", own_command({"doctor"}).command}};
  const Data fix = {{"run", own_command({"doctor", "--fix"}).command}, {"count", Count{ours}}};
  if (ours == 0) {
    return text + (problems + warnings == 1
                       ? format({"Fix it, then run {1} again."}, again)
                       : format({"Fix them from the top, then run {1} again."}, again));
  }
  if (ours < std::ssize(findings)) {
    return text + format({"{1} fixes {2} of them; add --dry-run to see the changes first."}, fix);
  }
  return text +
         (ours == 1
              ? format({"{1} fixes it; add --dry-run to see the changes first."}, fix)
              : format({"{1} fixes all of them; add --dry-run to see the changes first."}, fix));
}

}  // namespace

std::string found_text(const Finding& finding) {
  if (finding.refusal) {
    return sentence(kind_of(finding.refusal->cause).text, refusal_text(*finding.refusal));
  }
  return format(row_of(finding.cause).found, finding.data);
}

std::string why_text(const Finding& finding) {
  return format(kind_of(finding.code()).why, {});
}

std::vector<std::string> detail_lines(const Finding& finding) {
  constexpr std::size_t fewest = 3;  // cells of a row that stands in columns
  std::vector<std::size_t> widths;
  for (const auto& row : finding.details) {
    if (row.size() < fewest) continue;
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns(item_text(row[i])));
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : finding.details) {
    const bool in_columns = row.size() >= fewest;
    std::string line = in_columns ? margin : std::string();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto cell = item_text(row[i]);
      line += cell;
      if (i + 1 == row.size()) break;
      if (in_columns) line.append(widths[i] - columns(cell) + 1, ' ');
      line += ' ';
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string doctor_text(const std::vector<Finding>& findings, Intent intent, Style style) {
  style.width = style.width == 0 ? widest : std::min(style.width, widest);
  std::string text;
  for (const auto& finding : findings) text += finding_text(finding, style) + "\n";
  return text + paragraph("", {next_step(findings, intent)}, style);
}

}  // namespace vfio_switch
