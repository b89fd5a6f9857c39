// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/refusal.h"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("Every refusal code has the text that other programs rely on, and is read back") {
  const std::string_view texts[] = {"no-gpu",
                                    "only-gpu",
                                    "boot-gpu",
                                    "integrated",
                                    "host-display",
                                    "virtual-function",
                                    "display-in-use",
                                    "in-use",
                                    "group-shared",
                                    "ids-shared",
                                    "ambiguous",
                                    "iommu-off",
                                    "no-vfio-module",
                                    "not-found",
                                    "config-conflict",
                                    "boot-parameter",
                                    "foreign-environment",
                                    "boot-menu-unknown",
                                    "not-automatic",
                                    "cmdline-locked",
                                    "boot-not-mounted",
                                    "user-edited",
                                    "interrupted"};
  std::set<RefusalCode> codes;
  for (const auto text : texts) {
    INFO(text);
    const auto code = parse_refusal_code(text);
    REQUIRE(code);
    CHECK(to_string(*code) == text);
    codes.insert(*code);
  }
  CHECK(codes.size() == 23);
  CHECK(codes.size() == static_cast<std::size_t>(RefusalCode::interrupted) + 1);
}

TEST_CASE("What is no refusal code is not read as one") {
  for (const std::string_view text : {"", "no_gpu", "No-gpu", "no-gpu ", "none"}) {
    CHECK_FALSE(parse_refusal_code(text));
  }
}

}  // namespace vfio_switch
