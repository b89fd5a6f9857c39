// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/line_diff.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

using test::has_text;

TEST_CASE("What does not differ has no difference") {
  CHECK(unified_diff("", "", "a", "b").empty());
  CHECK(unified_diff("one\ntwo\n", "one\ntwo\n", "a", "b").empty());
}

// Each expected text is what diff -U3 prints, with the counts that diff leaves out where they
// are 1.
TEST_CASE("A difference is a unified diff") {
  CHECK(unified_diff("one\ntwo\nthree\n", "one\nTWO\nthree\n", "a", "b") ==
        "--- a\n+++ b\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n");
  CHECK(unified_diff("", "one\n", "a", "b") == "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+one\n");
  CHECK(unified_diff("one\n", "", "a", "b") == "--- a\n+++ b\n@@ -1,1 +0,0 @@\n-one\n");
}

TEST_CASE("Only what stands near a difference is shown, in hunks") {
  CHECK(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "a", "b") ==
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  CHECK(unified_diff("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "1\n2\n3\n4\n5\n6\n7\n", "a", "b") ==
        "--- a\n+++ b\n@@ -1,4 +1,3 @@\n-x\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-y\n");
  CHECK(unified_diff("x\n1\n2\n3\n4\n5\n6\ny\n", "1\n2\n3\n4\n5\n6\n", "a", "b") ==
        "--- a\n+++ b\n@@ -1,8 +1,6 @@\n-x\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n");
}

TEST_CASE("A long difference is cut off, which is said, and nothing in it can act on a terminal") {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "line\n";
  const auto text = unified_diff(many, "", "a", "b");
  CHECK(text.size() < 1000);
  CHECK_THAT(text, has_text("the rest is not shown"));
  CHECK_THAT(unified_diff("\x1b[2J\tx\n", "", "a", "b"), has_text("-?[2J\tx\n"));
}

}  // namespace vfio_switch
