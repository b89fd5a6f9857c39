// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/table.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

Table kernels() {
  Table table({"KERNEL", "FILES", "WHY"}, 2);
  table.add({"6.12.117+deb12-amd64", {"yes", Tone::good}, ""});
  table.add({"6.1.0-56-amd64", {"no", Tone::bad}, "the image is stale: it lacks a file"});
  return table;
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (const auto line : split_lines(text)) most = std::max(most, columns(line));
  return most;
}

}  // namespace

TEST_CASE("A table that may be of any width has a line for each row") {
  CHECK(kernels().str({}) ==
        "  KERNEL                FILES  WHY\n"
        "  6.12.117+deb12-amd64  yes\n"
        "  6.1.0-56-amd64        no     the image is stale: it lacks a file\n");
}

TEST_CASE("A narrow table breaks its cells at blanks") {
  CHECK(kernels().str({.width = 46, .colour = false}) ==
        "  KERNEL                FILES  WHY\n"
        "  6.12.117+deb12-amd64  yes\n"
        "  6.1.0-56-amd64        no     the image is\n"
        "                               stale: it lacks\n"
        "                               a file\n");
}

TEST_CASE("Where not even the words fit, a table becomes a list") {
  CHECK(kernels().str({.width = 34, .colour = false}) ==
        "  KERNEL  6.12.117+deb12-amd64\n"
        "  FILES   yes\n"
        "\n"
        "  KERNEL  6.1.0-56-amd64\n"
        "  FILES   no\n"
        "  WHY     the image is stale: it\n"
        "          lacks a file\n");
}

TEST_CASE("No line is wider than asked for, at any width that the words fit in") {
  for (std::size_t width = 30; width <= 130; ++width) {
    INFO(width);
    CHECK(widest(kernels().str({.width = width, .colour = false})) <= width);
  }
}

TEST_CASE("Colours change nothing but colours") {
  for (const std::size_t width : {0U, 34U, 46U, 100U}) {
    INFO(width);
    const auto plain = kernels().str({.width = width, .colour = false});
    auto coloured = kernels().str({.width = width, .colour = true});
    CHECK(coloured.find("\033[32myes\033[0m") != std::string::npos);
    CHECK(plain.find('\033') == std::string::npos);
    for (auto at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033')) {
      coloured.erase(at, coloured.find('m', at) - at + 1);
    }
    CHECK(coloured == plain);
  }
}

TEST_CASE("A cell may have several lines, each with a tone of its own") {
  Table table({"WANTED", "ACTIVE"});
  table.add({"vfio-pci", std::vector<Phrase>{{"one", Tone::good}, {"two", Tone::bad}}});
  CHECK(table.str({}) ==
        "WANTED    ACTIVE\n"
        "vfio-pci  one\n"
        "          two\n");
}

TEST_CASE("Columns are characters, not bytes") {
  CHECK(columns("Grafik") == 6);
  CHECK(columns("Gr\u00e4fik \u2713") == 8);
  CHECK(columns("") == 0);
}

TEST_CASE("Words that are too wide stay whole") {
  const std::string_view path = "/etc/modprobe.d/00-vfio-softdep.conf";
  CHECK(wrapped("see " + std::string(path) + " first", 20) ==
        std::vector<std::string>{"see", std::string(path), "first"});
  CHECK(wrapped("  two words", 6) == std::vector<std::string>{"  two", "  words"});
  CHECK(wrapped("any width", 0) == std::vector<std::string>{"any width"});
  CHECK(wrapped("", 10) == std::vector<std::string>{""});
}

TEST_CASE("A paragraph hangs from its first words") {
  CHECK(paragraph("Next: ", {"run 'vfio-switch enable'"}, {.width = 24, .colour = false}) ==
        "Next: run 'vfio-switch\n"
        "      enable'\n");
}

}  // namespace vfio_switch
