// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/os_release.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("os-release is read as its manual says") {
  SECTION("a whole file") {
    const auto os = parse_os_release(
        "PRETTY_NAME=\"Linux Mint 22\"\n"
        "NAME='Linux Mint'\n"
        "# a comment\n"
        "\n"
        "ID=linuxmint\n"
        "ID_LIKE=\"ubuntu debian\"\n"
        "VERSION_ID=\"22\"\n");
    CHECK(os.id == "linuxmint");
    CHECK(os.id_like == std::vector<std::string>{"ubuntu", "debian"});
    CHECK(os.pretty_name == "Linux Mint 22");
  }
  SECTION("nothing said") {
    const auto os = parse_os_release("");
    CHECK(os.id == "linux");
    CHECK(os.id_like.empty());
    CHECK(os.pretty_name == "Linux");
  }
  SECTION("quotes and escapes") {
    struct Row {
      std::string line;
      std::string name;
    };
    const Row rows[] = {
        {"PRETTY_NAME=Debian", "Debian"},
        {"PRETTY_NAME='A \"B\" C'", "A \"B\" C"},
        {R"(PRETTY_NAME="A \"B\" \$C \\ D")", R"(A "B" $C \ D)"},
        {R"(PRETTY_NAME='A \B')", R"(A \B)"},
        {"PRETTY_NAME=\"\"", ""},
        {"PRETTY_NAME=\"unbalanced", "\"unbalanced"},
        {"  PRETTY_NAME=Debian  ", "Debian"},
        {"PRETTY_NAME=a=b", "a=b"},
        {"#PRETTY_NAME=Debian", "Linux"},
        {"PRETTY_NAME", "Linux"},
        {"=Debian", "Linux"},
    };
    for (const auto& row : rows) {
      INFO(row.line);
      CHECK(parse_os_release(row.line).pretty_name == row.name);
    }
  }
  SECTION("a last line without a line end, and DOS line ends") {
    CHECK(parse_os_release("NAME=x\nID=arch").id == "arch");
    CHECK(parse_os_release("ID=debian\r\nID_LIKE=a\r\n").id == "debian");
  }
}

}  // namespace vfio_switch
