// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/modprobe_conf.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

namespace {

using Words = std::vector<std::string>;

std::vector<ModprobeDirective> parse(const std::string& content) {
  return parse_modprobe(ModprobeFile{"/etc/modprobe.d/test.conf", content});
}

/// "command subject|arguments @line" of each directive.
Words shown(const std::vector<ModprobeDirective>& directives) {
  Words lines;
  for (const auto& directive : directives) {
    lines.push_back(directive.command + " " + directive.subject + "|" + directive.arguments + " @" +
                    std::to_string(directive.line));
  }
  return lines;
}

Words paths(const std::vector<ModprobeFile>& files) {
  Words found;
  for (const auto& file : files) found.push_back(file.path);
  return found;
}

}  // namespace

// What is expected here was compared with `modprobe -c` of kmod 30.

TEST_CASE("Files that are read as one mean what they meant") {
  const std::vector<ModprobeFile> files = {
      {"a.conf", "blacklist a"},   {"b.conf", "blacklist b\n"},   {"c.conf", "blacklist c\\\n"},
      {"d.conf", "blacklist d\\"}, {"e.conf", "blacklist e\\\\"}, {"f.conf", ""},
      {"g.conf", "blacklist g"}};
  Words alone;
  for (const auto& file : files) {
    for (const auto& directive : parse_modprobe(file)) alone.push_back(directive.subject);
  }
  Words joined;
  for (const auto& directive : parse(joined_modprobe(files))) joined.push_back(directive.subject);
  CHECK(alone == Words{"a", "b", "c", "d\xff", "e\\", "g"});
  CHECK(joined == alone);
}

TEST_CASE("Lines of modprobe.d are split as libkmod splits them") {
  struct Row {
    std::string what;
    std::string content;
    Words directives;
  };
  const Row rows[] = {
      {"blank lines and comments mean nothing", "\n# softdep a pre: b\n   \n", {}},
      {"words are separated by blanks and tabs",
       "softdep\tnouveau   pre:\tvfio-pci  \n",
       {"softdep nouveau|pre:\tvfio-pci @1"}},
      {"a line may be indented", "  blacklist nouveau\n", {"blacklist nouveau| @1"}},
      {"the last line may lack its end", "blacklist nouveau", {"blacklist nouveau| @1"}},
      {"a command without a subject means nothing", "blacklist\nblacklist \n", {}},
      {"a backslash continues a line, whose number is its first",
       "\noptions vfio-pci \\\n  ids=10de:1d01\nblacklist a\n",
       {"options vfio-pci|ids=10de:1d01 @2", "blacklist a| @4"}},
      {"also within a word", "blacklist nou\\\nveau\n", {"blacklist nouveau| @1"}},
      {"several times", "options a \\\n b \\\n c\n", {"options a|b  c @1"}},
      {"also a comment",
       "# off: \\\nblacklist nouveau\nblacklist radeon\n",
       {"blacklist radeon| @3"}},
      {"a backslash at the end of the file becomes part of the word, as libkmod's EOF",
       "blacklist a\\",
       {"blacklist a\xff| @1"}},
      {"'#' is a comment only in the first column",
       "options a b=#1 # no comment\n",
       {"options a|b=#1 # no comment @1"}},
      {"a carriage return is part of the last word",
       "options a b=1\r\nblacklist nouveau\r\n",
       {"options a|b=1\r @1", "blacklist nouveau\r| @2"}},
      {"what is needed may be blank, but not a single blank",
       "softdep a\nsoftdep a \nsoftdep a  \nalias a  \n",
       {"softdep a| @3"}},
      {"two blanks behind the subject of a softdep matter, three do not",
       "softdep a  pre: b\nsoftdep a \tpre: b\nsoftdep a   pre: b\noptions a  b=1\n",
       {"softdep a| pre: b @1", "softdep a|\tpre: b @2", "softdep a|pre: b @3",
        "options a|b=1 @4"}},
      {"a bracket without its partner is an error",
       "blacklist a[b\nalias b c[ d\nblacklist a[b]c]\nblacklist a[[b]\n",
       {"blacklist a[[b]| @4"}},
      {"a NUL ends the line",
       std::string("blacklist a\0b c\nblacklist d\n", 28),
       {"blacklist a| @1", "blacklist d| @2"}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(shown(parse(row.content)) == row.directives);
  }
}

TEST_CASE("A backslash that continues nothing is left out, and two are one") {
  CHECK(shown(parse("options a b\\c\n")) == Words{"options a|bc @1"});
  CHECK(shown(parse("options a b \\\\\nblacklist c\n")) ==
        Words{"options a|b \\ @1", "blacklist c| @2"});
}

TEST_CASE("A directive knows the file and line where it stands") {
  const auto directives = parse("\n\nblacklist nouveau\n");
  REQUIRE(directives.size() == 1);
  CHECK(directives[0].where() == "/etc/modprobe.d/test.conf:3");
}

TEST_CASE("A module is named with dashes or underscores alike, and by wildcards") {
  CHECK(module_name("vfio-pci") == "vfio_pci");
  struct Row {
    std::string subject;
    std::string module;
    bool about;
  };
  const Row rows[] = {
      {"vfio-pci", "vfio_pci", true},
      {"vfio_pci", "vfio-pci", true},
      {"vfio", "vfio_pci", false},
      {"vfio*", "vfio_pci", true},
      {"nvidia*", "nvidia", true},
      {"nvidia?*", "nvidia", false},
      {"nvidia-*", "nvidia_drm", true},
      {"*", "nouveau", true},
      {"snd_hda_[ci]*", "snd_hda_intel", true},
      {"snd_hda_[ab]*", "snd_hda_intel", false},
      {"NVIDIA", "nvidia", false},
      {"vfio-pci\r", "vfio_pci", false},
  };
  for (const auto& row : rows) {
    INFO(row.subject << " and " << row.module);
    CHECK(ModprobeDirective{"softdep", row.subject, "", "", 1}.is_about(row.module) == row.about);
  }
}

TEST_CASE("A dash between the brackets of a wildcard is a range") {
  const ModprobeDirective range{"softdep", "n[a-z]*", "", "", 1};
  CHECK(range.is_about("nvidia"));
  CHECK_FALSE(range.is_about("n_gsm"));
}

TEST_CASE("A softdep line says what is loaded before and after") {
  struct Row {
    std::string arguments;
    Softdep softdep;
  };
  const Row rows[] = {
      {"pre: vfio-pci", {{"vfio-pci"}, {}}},
      {"pre: a b post: c d", {{"a", "b"}, {"c", "d"}}},
      {"post: nvidia-uvm pre: vfio-pci", {{"vfio-pci"}, {"nvidia-uvm"}}},
      {"pre: a post: b pre: c", {{"a", "c"}, {"b"}}},
      {"nobody pre: a", {{"a"}, {}}},
      {"pre:a", {{}, {}}},
      {"", {{}, {}}},
      {"pre:", {{}, {}}},
      {"pre: ecdh_generic,ecdsa_generic", {{"ecdh_generic", "ecdsa_generic"}, {}}},
      {"pre:\ta\t b", {{"a", "b"}, {}}},
  };
  for (const auto& row : rows) {
    INFO(row.arguments);
    const auto softdep = parse_softdep(row.arguments);
    CHECK(softdep.pre == row.softdep.pre);
    CHECK(softdep.post == row.softdep.post);
  }
}

TEST_CASE("DOS line ends do a softdep no harm, since libkmod splits it at any white space") {
  CHECK((parse_softdep("pre: vfio-pci\r") == Softdep{{"vfio-pci"}, {}}));
}

TEST_CASE("A single space in front of a softdep's lists spoils the first word") {
  CHECK(parse_softdep(" pre: vfio-pci") == Softdep{});
  CHECK(parse_softdep("\tpre: vfio-pci") == Softdep{});
  CHECK(parse_softdep(" pre: a post: b") == Softdep{{}, {"b"}});
  CHECK(parse_softdep("  pre: vfio-pci") == Softdep{{"vfio-pci"}, {}});
  CHECK(parse_softdep(" ") == Softdep{});
}

TEST_CASE("A softdep is written as it is read") {
  for (const Softdep& softdep :
       {Softdep{{"a"}, {}}, Softdep{{}, {"b"}}, Softdep{{"a", "b"}, {"c", "d"}}, Softdep{{}, {}}}) {
    CHECK(parse_softdep(softdep.str()) == softdep);
  }
  CHECK(Softdep{{"a", "b"}, {"c"}}.str() == "pre: a b post: c");
  CHECK(Softdep{{}, {"c"}}.str() == "post: c");
  CHECK(Softdep{}.str().empty());
}

TEST_CASE("Of all softdeps for a module only the first counts") {
  struct Row {
    std::string what;
    std::string content;
    int line;  // 0: none
  };
  const Row rows[] = {
      {"none at all", "blacklist nvidia\noptions nvidia a=1\n", 0},
      {"one for another module", "softdep nouveau pre: a\n", 0},
      {"two", "softdep nvidia pre: a\nsoftdep nvidia pre: b\n", 1},
      {"a wildcard before the name", "softdep nv* pre: a\nsoftdep nvidia pre: b\n", 1},
      {"the name before a wildcard", "softdep x pre: c\nsoftdep nvidia pre: b\nsoftdep * pre: a\n",
       2},
      {"a commented one first", "#softdep nvidia pre: a\nsoftdep nvidia pre: b\n", 2},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto directives = parse(row.content);
    const auto* found = effective_softdep(directives, "nvidia");
    CHECK((found == nullptr ? 0 : found->line) == row.line);
  }
}

TEST_CASE("A softdep line without arguments is none, and shadows nothing") {
  const auto directives = parse("softdep nvidia\nsoftdep nvidia pre: b\n");
  const auto* found = effective_softdep(directives, "nvidia");
  REQUIRE(found != nullptr);
  CHECK(found->line == 2);
}

TEST_CASE("Files count in the order of their base names, and /etc hides the others") {
  const std::vector<ModprobeFile> files = {
      {"/etc/modprobe.d/vfio.conf", "1"},        {"/etc/modprobe.d/blacklist.conf", "2"},
      {"/run/modprobe.d/nvidia.conf", "3"},      {"/usr/local/lib/modprobe.d/a.conf", "4"},
      {"/lib/modprobe.d/nvidia.conf", "hidden"}, {"/lib/modprobe.d/vfio.conf", "hidden"},
      {"/lib/modprobe.d/zz.conf", "5"},          {"/lib/modprobe.d/00-first.conf", "6"},
      {"/lib/modprobe.d/Z.conf", "7"},
  };
  CHECK(paths(effective_modprobe(files)) ==
        Words{"/lib/modprobe.d/00-first.conf", "/lib/modprobe.d/Z.conf",
              "/usr/local/lib/modprobe.d/a.conf", "/etc/modprobe.d/blacklist.conf",
              "/run/modprobe.d/nvidia.conf", "/etc/modprobe.d/vfio.conf",
              "/lib/modprobe.d/zz.conf"});
  CHECK(effective_modprobe({}).empty());
}

TEST_CASE("An empty file in /etc hides one of its name") {
  const auto effective = effective_modprobe(
      {{"/etc/modprobe.d/a.conf", ""}, {"/lib/modprobe.d/a.conf", "blacklist nouveau\n"}});
  CHECK(parse_modprobe(effective).empty());
}

TEST_CASE("The configuration can be imagined with a file, and without it") {
  const std::vector<ModprobeFile> files = {{"/etc/modprobe.d/a.conf", "1"},
                                           {"/lib/modprobe.d/vfio.conf", "theirs"}};
  SECTION("a new file hides one of its name") {
    const auto after = with_file(files, "/etc/modprobe.d/vfio.conf", "ours");
    CHECK(effective_modprobe(after) ==
          std::vector<ModprobeFile>{{"/etc/modprobe.d/a.conf", "1"},
                                    {"/etc/modprobe.d/vfio.conf", "ours"}});
  }
  SECTION("a changed file stands once") {
    const auto after = with_file(files, "/etc/modprobe.d/a.conf", "2");
    CHECK(effective_modprobe(after) ==
          std::vector<ModprobeFile>{{"/etc/modprobe.d/a.conf", "2"},
                                    {"/lib/modprobe.d/vfio.conf", "theirs"}});
  }
  SECTION("a file that goes lets the one of its name come out") {
    const auto with = with_file(files, "/etc/modprobe.d/vfio.conf", "ours");
    CHECK(effective_modprobe(with_file(with, "/etc/modprobe.d/vfio.conf", std::nullopt)) ==
          effective_modprobe(files));
  }
  SECTION("nothing changes where a file that is not there goes") {
    CHECK(with_file(files, "/etc/modprobe.d/none.conf", std::nullopt) == files);
  }
}

}  // namespace vfio_switch
