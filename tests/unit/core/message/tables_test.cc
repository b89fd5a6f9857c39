// SPDX-License-Identifier: GPL-3.0-or-later
// Every row of every table of messages: its place, its name, and that its sentence can be made.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/cards/refusal.h"
#include "core/facts_builder.h"
#include "core/message/format.h"
#include "core/message/note.h"
#include "core/message/reason.h"
#include "core/plan/boot_record.h"
#include "core/tell/message_text.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::placeholders;
using test::plain;

namespace {

/// One item of each kind that a placeholder may be given.
std::vector<Item> every_kind() {
  return {Word{"word"},
          Count{2},
          at("01:00.0"),
          test::id("10de:1d01"),
          Occupant{at("01:00.1"), std::nullopt},
          Place{"/etc/a b", 3},
          Parameter{"iommu=pt"},
          Command{{"mount", "/a b"}},
          Package{"linux"},
          Quotation{"what 'it' says"},
          Name{"alice"},
          Reason(ReasonCause::early_in_image, {{"module", Word{"nouveau"}}})};
}

/// Data for `count` placeholders, each with `item`: by itself, or as a list of two.
Data filled(unsigned count, const Item& item, bool as_list) {
  Data data;
  for (unsigned i = 0; i < count; ++i) {
    if (as_list) {
      data.emplace_back("key", std::vector<Item>{item, item});
    } else {
      data.emplace_back("key", item);
    }
  }
  return data;
}

/// A sentence can be made of every kind of item, and all of it is in it.
void check_sentence(const Template& text, bool may_be_all_data = false) {
  const auto count = placeholders(text);
  CHECK(text.counted <= count);
  CHECK(placeholders({text.plural.empty() ? text.text : text.plural}) == count);
  for (const bool as_list : {false, true}) {
    for (const auto& item : every_kind()) {
      const auto data = filled(count, item, as_list);
      CHECK(fits(text, data));
      if (count > 0) CHECK_FALSE(fits(text, filled(count - 1, item, as_list)));
      const auto sentence = plain(format(text, data));
      INFO(sentence);
      CHECK(sentence.find('{') == std::string::npos);
      CHECK_FALSE(sentence.ends_with('.'));
      const auto shown = plain(item_text(item));
      if (count > 0) CHECK(sentence.find(shown) != std::string::npos);
      if (count > 0 && !may_be_all_data) CHECK(sentence.size() > shown.size());
    }
  }
}

template <class Kind>
void check_table(const std::vector<Kind>& kinds) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    INFO(kinds[i].name);
    CHECK(static_cast<std::size_t>(kinds[i].cause) == i);
    CHECK(names.insert(kinds[i].name).second);
    CHECK(kinds[i].name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
    CHECK_FALSE(kinds[i].name.empty());
    const auto& text = kinds[i].text.text;
    if (!text.empty()) check_sentence(kinds[i].text, text == "{1}");
  }
}

}  // namespace

TEST_CASE("Every refusal, note, reason and finding of the boot check has one sentence",
          "[message]") {
  check_table(refusal_kinds());
  check_table(note_kinds());
  check_table(reason_kinds());
  check_table(boot_kinds());
}

TEST_CASE("Causes are known by their names", "[message]") {
  for (const auto& kind : refusal_kinds()) CHECK(parse_refusal_cause(kind.name) == kind.cause);
  for (const auto& kind : reason_kinds()) CHECK(parse_reason_cause(kind.name) == kind.cause);
  CHECK_FALSE(parse_refusal_cause("no-such-cause").has_value());
  CHECK_FALSE(parse_reason_cause("").has_value());
}

TEST_CASE("Every code of a refusal has a cause, but for the one that is no longer given",
          "[message]") {
  std::set<RefusalCode> used;
  for (const auto& kind : refusal_kinds()) used.insert(kind.code);
  for (auto code = RefusalCode::no_gpu; code <= RefusalCode::interrupted;
       code = static_cast<RefusalCode>(static_cast<int>(code) + 1)) {
    INFO(to_string(code));
    CHECK(used.contains(code) == (code != RefusalCode::ids_shared));
  }
}

TEST_CASE("A reason may be given inside another message", "[message]") {
  const Refusal refusal{RefusalCause::parameter_by_hand,
                        {{"parameters", parameters_of(std::vector{"intel_iommu=on", "iommu=pt"})},
                         {"reason", Reason(ReasonCause::iommu_off)},
                         {"obstacle", Reason(ReasonCause::loader_unknown)}}};
  CHECK(test::text_of(refusal) ==
        "the kernel command line needs intel_iommu=on and iommu=pt (the IOMMU is off), which "
        "vfio-switch cannot add: no known boot loader was found");
}

TEST_CASE("Plurals agree", "[message]") {
  const auto shared = [](std::vector<Item> groups) {
    return test::text_of(
        Refusal{RefusalCause::group_shared,
                {{"gpu", at("01:00.0")},
                 {"groups", std::move(groups)},
                 {"blockers", std::vector<Item>{Occupant{at("02:00.0"), "ahci"}}}}});
  };
  CHECK(shared({Count{2}}) == "0000:01:00.0 shares IOMMU group 2 with 0000:02:00.0 (ahci)");
  CHECK(shared({Count{2}, Count{3}}) ==
        "0000:01:00.0 shares IOMMU groups 2 and 3 with 0000:02:00.0 (ahci)");
}

TEST_CASE("Control characters of foreign text are made visible", "[message]") {
  const Refusal refusal{RefusalCause::modprobe_line,
                        {{"place", Place{"/etc/\x1b[2J", 1}}, {"line", Quotation{"\x07"}}}};
  const auto text = refusal_text(refusal);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
}

}  // namespace vfio_switch
