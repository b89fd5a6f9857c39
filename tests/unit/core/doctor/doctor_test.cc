// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "catch.h"
#include "core/base/table.h"
#include "core/base/text.h"
#include "core/doctor/rows.h"
#include "core/doctor/tools.h"
#include "core/tell/doctor_text.h"
#include "core/tell/remedy_text.h"
#include "told.h"

namespace vfio_switch::test {

namespace {

std::vector<Row> all_rows() {
  auto rows = hardware_rows();
  for (const auto& more : {given_rows(), configuration_rows(), surroundings_rows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

const Finding* find_finding(const std::vector<Finding>& findings, FindingCode code) {
  const auto found = std::ranges::find(findings, code, &Finding::code);
  return found == findings.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("each finding is made where it should be, and not next to that", "[doctor]") {
  for (const auto& row : all_rows()) {
    INFO(kind_of(row.code).text << ": " << row.when);
    const auto findings = diagnose(row.trigger);
    const auto* finding = find_finding(findings, row.code);
    if (finding == nullptr) {
      FAIL_CHECK("not found");
      continue;
    }
    CHECK_THAT(test::plain(found_text(*finding)), has_text(row.says));
    CHECK_THAT(test::plain(remedy_text(finding->remedy)), has_text(row.remedy));
    CHECK(to_string(finding->severity) == to_string(row.severity));
    CHECK(find_finding(diagnose(row.neighbour), row.code) == nullptr);
  }
}

TEST_CASE("every kind of finding has a row, a text of its own and a reason", "[doctor]") {
  std::set<FindingCode> tested;
  for (const auto& row : all_rows()) tested.insert(row.code);
  std::set<std::string_view> texts;
  for (const auto& kind : finding_kinds()) {
    INFO(kind.text);
    CHECK(tested.contains(kind.code));
    CHECK(texts.insert(kind.text).second);
    CHECK(kind.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    CHECK(kind.why.text.ends_with('.'));
    CHECK(&kind == &kind_of(kind.code));
  }
  CHECK(finding_kinds().size() == static_cast<std::size_t>(FindingCode::vm_unreadable) + 1);
}

TEST_CASE("every cause has a row that sets it off, a text of its own and a sentence", "[doctor]") {
  std::set<FindingCause> tested;
  for (const auto& row : all_rows()) {
    for (const auto& finding : diagnose(row.trigger)) tested.insert(finding.cause);
  }
  std::set<std::string_view> texts;
  for (const auto& row : finding_rows()) {
    INFO(row.text);
    CHECK(tested.contains(row.cause));
    CHECK(texts.insert(row.text).second);
    CHECK(&row == &row_of(row.cause));
    if (!row.found.text.empty()) CHECK(row.found.text.ends_with('.'));
  }
  CHECK(finding_rows().size() == static_cast<std::size_t>(FindingCause::vm_unreadable) + 1);
}

TEST_CASE("what is found and what helps are sentences", "[doctor]") {
  for (const auto& row : all_rows()) {
    for (const auto& finding : diagnose(row.trigger)) {
      INFO(row_of(finding.cause).text);
      CHECK(test::plain(found_text(finding)).ends_with('.'));
      CHECK(test::plain(found_text(finding)).find('{') == std::string::npos);
      CHECK_FALSE(finding.remedy.empty());
      CHECK(test::plain(remedy_text(finding.remedy)).find("  ") == std::string::npos);
    }
  }
}

TEST_CASE("a machine with nothing amiss has no finding", "[doctor]") {
  CHECK(diagnose(healthy(desktop().facts())).empty());
  CHECK(diagnose(enabled(desktop())).empty());
  CHECK(test::plain(doctor_text({}, Intent::enabled, {})) == "Found no problem.\n");
}

TEST_CASE("problems come first, and notes alone are no failure", "[doctor]") {
  const auto note = make_finding(FindingCause::command_line_locked, {}, {});
  const auto problem = make_finding(FindingCause::iommu_firmware_off, {}, {});
  CHECK_FALSE(falls_short({note}));
  CHECK(falls_short({note, problem}));
  for (const auto& row : all_rows()) {
    const auto findings = diagnose(row.trigger);
    CHECK(std::ranges::is_sorted(findings, {}, &Finding::severity));
  }
}

TEST_CASE("only what is ours is mended by --fix", "[doctor]") {
  const std::set<FindingCode> ours = {FindingCode::interrupted,      FindingCode::not_staged,
                                      FindingCode::image_stale,      FindingCode::older_tool,
                                      FindingCode::softdep_shadowed, FindingCode::early_driver};
  for (const auto& row : all_rows()) {
    for (const auto& finding : diagnose(row.trigger)) {
      INFO(kind_of(finding.code()).text);
      if (finding.ours) CHECK(ours.contains(finding.code()));
      const bool somebody_elses =
          row.trigger.state.intent == Intent::unset && finding.code() != FindingCode::interrupted;
      if (somebody_elses) CHECK_FALSE(finding.ours);
    }
  }
}

TEST_CASE("the group's table marks what blocks", "[doctor]") {
  for (const auto& row : hardware_rows()) {
    if (row.code != FindingCode::group_shared) continue;
    const auto findings = diagnose(row.trigger);
    const auto table = detail_lines(*find_finding(findings, row.code));
    const auto line = [&](std::string_view address) {
      const auto found = std::ranges::find_if(
          table, [&](const std::string& one) { return one.find(address) != std::string::npos; });
      return found == table.end() ? std::string() : found->substr(0, found->find_last_of('0'));
    };
    CHECK_THAT(line("0000:02:00.0"), has_text("blocks"));
    CHECK_THAT(line("0000:01:00.0"), has_text("card"));
    CHECK_THAT(line("0000:00:01.0"), has_text("bridge"));
  }
}

TEST_CASE("nothing that is told is wider than a terminal, but tables", "[doctor]") {
  for (const auto& row : all_rows()) {
    auto findings = diagnose(row.trigger);
    for (auto& finding : findings) {
      finding.details.clear();
      // What is to be copied is never broken.
      std::erase_if(finding.remedy,
                    [](const auto& step) { return !std::holds_alternative<Manual>(step); });
    }
    for (const std::size_t width : {0U, 60U, 80U, 200U}) {
      const auto text =
          test::plain(doctor_text(findings, row.trigger.state.intent, {.width = width}));
      const std::size_t most = width == 60 ? 60 : 80;
      for (const auto line : split_lines(text)) CHECK(columns(line) <= most);
    }
  }
}

TEST_CASE("a card with a name of control characters cannot fake a finding", "[doctor]") {
  const auto finding = make_finding(FindingCause::held_open,
                                    {{"programs", std::vector<Item>{Quotation{"a\nproblem: x"}}}},
                                    {Run{{{"a\nproblem: y"}}, true}});
  const auto text = test::plain(doctor_text({finding}, Intent::unset, {}));
  CHECK(text.find("\nproblem") == std::string::npos);
}

}  // namespace vfio_switch::test
