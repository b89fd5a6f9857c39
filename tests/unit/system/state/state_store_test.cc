// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/state_store.h"

#include <string>

#include "catch.h"
#include "core/facts_builder.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::at;
using test::error_of;
using test::has_text;
using test::id;
using test::TemporaryRoot;
using test::value_of;

TEST_CASE("What is remembered is read back the same") {
  const State states[] = {
      {Intent::disabled, {}, {}},
      {Intent::enabled,
       {{at("10000:e1:00.0"), id("10de:2d04"), id("1458:376d"), {0x030000}},
        {at("01:00.0"), id("1002:73bf"), {}, {0x038000}}},
       {RefusalCode::boot_gpu, RefusalCode::display_in_use},
       {"intel_iommu=on"},
       {{at("03:00.0"), id("8086:1539"), id("8086:0001"), {0x020000}}}},
  };
  for (const auto& state : states) {
    const TemporaryRoot root;
    root.write(state_path, render_state(state));
    CHECK((value_of(load_state(*root.reader())) == state));
  }
}

TEST_CASE("Where nothing was remembered, nothing was ever wanted") {
  const TemporaryRoot root;
  CHECK((value_of(load_state(*root.reader())) == State{}));
}

TEST_CASE("A damaged state is an error with a remedy, never a guess") {
  const State state{Intent::enabled,
                    {{at("01:00.0"), id("10de:2d04"), {}, {0x030000}}},
                    {},
                    {},
                    {{at("03:00.0"), id("8086:1539"), {}, {0x020000}}}};
  const auto whole = render_state(state);
  const auto with = [&](const std::string& old, const std::string& replacement) {
    auto text = whole;
    const auto where = text.find(old);
    REQUIRE(where != std::string::npos);
    return text.replace(where, old.size(), replacement);
  };
  for (const auto& text :
       {std::string(), std::string("{}"), std::string("[]"), whole.substr(0, whole.size() / 2),
        with("\"enabled\"", "\"maybe\""), with("0000:01:00.0", "nowhere"),
        with("10de:2d04", "10de"), with("0000:03:00.0", "nowhere"), with("0x030000", "VGA"),
        with("[]", "[\"courage\"]"), with("[]", "7"), with("\"schema\": 1", "\"schema\": 2")}) {
    INFO(text);
    const TemporaryRoot root;
    root.write(state_path, text);
    const auto error = error_of(load_state(*root.reader()));
    CHECK_THAT(error.message, has_text(state_path));
    CHECK_FALSE(error.remedy.empty());
  }
}

}  // namespace vfio_switch
