// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/loader_versions.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/boot/grub_entries.h"

namespace vfio_switch {

namespace {

/// Each of `ordered` is older than those behind it.
template <class Compare>
void check_order(const std::vector<std::string>& ordered, Compare compare) {
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      INFO(ordered[i] << " and " << ordered[j]);
      const int order = compare(ordered[i], ordered[j]);
      CHECK((order < 0) == (i < j));
      CHECK((order > 0) == (i > j));
    }
  }
}

}  // namespace

TEST_CASE("systemd-boot orders versions as its comment says") {
  check_order({"122.1", "123~rc1-1", "123", "123-a", "123-a.1", "123-1", "123-1.1", "123^post1",
               "123.a-1", "123.1-1", "123a-1", "124-1"},
              compare_systemd_versions);
  check_order({"", "6.1.0-9-amd64", "6.1.0-56-amd64", "6.12.107+deb13-amd64"},
              compare_systemd_versions);
  CHECK(compare_systemd_versions("123_a", "123a") == 0);
  CHECK(compare_systemd_versions("00123", "123") == 0);
}

TEST_CASE("GRUB orders versions as rpm does") {
  check_order({"", "0-rescue", "1.0~rc1", "1.0", "1.0+a", "1.0.1", "2"}, compare_rpm_versions);
  CHECK(compare_rpm_versions("1.a", "1.1") < 0);
  CHECK(compare_rpm_versions("1.01", "1.1") == 0);
  CHECK(compare_rpm_versions("1_1", "1.1") == 0);
}

TEST_CASE("GRUB orders entries by name, version and release of their file names") {
  check_order({"0123-0-rescue", "0123-5.14.0-70.el9.x86_64", "0123-5.14.0-427.el9.x86_64",
               "0123-6.14.3-300.fc42.x86_64", "0123-6.14.10-300.fc42.x86_64"},
              compare_grub_entries);
  check_order({"ostree-1", "ostree-2", "ostree-10"}, compare_grub_entries);
}

TEST_CASE("Patterns of systemd-boot's default") {
  struct Row {
    std::string pattern, name;
    bool matches;
  };
  const Row rows[] = {
      {"arch*", "arch-fallback.conf", true},
      {"arch*", "zen.conf", false},
      {"*", "", true},
      {"*.efi", "a.efi", true},
      {"*.efi", "a.efi.conf", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[]a]x", "]x", true},
      {"[a-]x", "-x", true},
      {"a\\*", "a*", true},
      {"a\\*", "ab", false},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "axxbyy", false},
      {"[a", "a", false},
      {"a\\", "a", false},
      {"", "", true},
      {"", "a", false},
      {"***a", "bba", true},
  };
  for (const auto& row : rows) {
    INFO(row.pattern << " on " << row.name);
    CHECK(matches_entry_pattern(row.pattern, row.name) == row.matches);
  }
}

}  // namespace vfio_switch
