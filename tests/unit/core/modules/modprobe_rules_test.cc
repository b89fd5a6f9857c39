// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/modprobe_rules.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

using Words = std::vector<std::string>;
using Readings = std::vector<std::vector<ModprobeFile>>;

/// The modules that the lines of `files` are about, in order.
Words subjects(const std::vector<ModprobeFile>& files) {
  Words found;
  for (const auto& line : parse_modprobe(effective_modprobe(files))) found.push_back(line.subject);
  return found;
}

/// What libkmod reads in `files` as one text, as the program gives it to the one that it has.
Words joined_subjects(const std::vector<ModprobeFile>& files) {
  return subjects({{"joined.conf", joined_modprobe(files)}});
}

}  // namespace

TEST_CASE("A library tells the release of kmod that it comes from") {
  CHECK(release_of_libkmod("libkmod.so.2.3.7") == 29);
  CHECK(release_of_libkmod("libkmod.so.2.4.0") == 30);
  CHECK(release_of_libkmod("libkmod.so.2.5.0") == 33);
  CHECK(release_of_libkmod("libkmod.so.2.5.1") == 34);
  for (const auto* other :
       {"libkmod.so.2", "libkmod.so.2.5.2", "libkmod.so.2.6.0", "libkmod.so.3.0.0", ""}) {
    CHECK_FALSE(release_of_libkmod(other));
  }
}

TEST_CASE("A name that ends in .alias counts until kmod 32") {
  for (const auto& [release, expected] : {std::pair{30, Words{"a", "b"}},
                                          {32, Words{"a", "b"}},
                                          {33, Words{"b"}},
                                          {34, Words{"b"}}}) {
    INFO(release);
    CHECK(subjects({{"/etc/modprobe.d/a.alias", "blacklist a", {release}},
                    {"/etc/modprobe.d/b.conf", "blacklist b", {release}}}) == expected);
  }
}

TEST_CASE("A backslash that ends a file says nothing since kmod 34") {
  for (const auto& [release, first] : {std::pair{33, "a\xff"}, {34, "a"}}) {
    INFO(release);
    const std::vector<ModprobeFile> files = {{"a.conf", "blacklist a\\", {release}},
                                             {"b.conf", "blacklist b\\\\", {release}},
                                             {"c.conf", "blacklist c\\\n", {release}},
                                             {"d.conf", "blacklist d", {release}}};
    CHECK(subjects(files) == Words{first, "b\\", "c", "d"});
    CHECK(joined_subjects(files) == subjects(files));
  }
}

TEST_CASE("Where the release is not known, there are as many readings as there are meanings") {
  const ModprobeFile plain{"/etc/modprobe.d/b.conf", "blacklist b\n"};
  const ModprobeFile alias{"/etc/modprobe.d/a.alias", "blacklist a\n"};
  const ModprobeFile cut{"/etc/modprobe.d/c.conf", "blacklist c\\"};
  const ModprobeFile comment{"/etc/modprobe.d/d.conf", "# d\\"};
  CHECK(possible_readings({plain}) == Readings{{plain}});
  CHECK(read_by_unknown_rules({plain}) == nullptr);

  SECTION("two for a file that some do not read") {
    const auto readings = possible_readings({alias, plain});
    REQUIRE(readings.size() == 2);
    CHECK(subjects(readings[0]) == Words{"a", "b"});
    CHECK(subjects(readings[1]) == Words{"b"});
    CHECK(read_by_unknown_rules({plain, alias})->path == alias.path);
  }
  SECTION("three where both kinds are there") {
    CHECK(possible_readings({alias, plain, cut}).size() == 3);
    CHECK(read_by_unknown_rules({plain, cut})->path == cut.path);
  }
  SECTION("one where they mean the same") {
    CHECK(possible_readings({comment, plain}).size() == 1);
    CHECK(possible_readings({{"/etc/modprobe.d/a.alias", "# nothing\n"}, plain}).size() == 1);
  }
  SECTION("one where the release is known") {
    auto known = alias;
    known.rules.release = 30;
    CHECK(possible_readings({known, plain}) == Readings{{known, plain}});
    CHECK(read_by_unknown_rules({known, plain}) == nullptr);
  }
}

}  // namespace vfio_switch
