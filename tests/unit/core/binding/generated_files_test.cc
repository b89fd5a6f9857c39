// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/generated_files.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::has_text;
using test::id;

namespace {

using Card = std::vector<std::pair<PciAddress, PciId>>;
using Lines = std::vector<SoftdepLine>;

const Card gt1030 = {{at("01:00.0"), id("10de:1d01")}, {at("01:00.1"), id("10de:0fb8")}};
const Lines stock = {{"nouveau", {{"vfio-pci"}, {}}}, {"snd_hda_intel", {{"vfio-pci"}, {}}}};
const Lines merged = {{"nvidia", {{"vfio-pci", "ecdh_generic"}, {"nvidia-uvm", "nvidia-drm"}}}};

struct Render {
  std::string name;
  std::string content;
};

/// One of every kind of file that the program writes.
std::vector<Render> all_renders() {
  std::vector<Render> renders = {
      {"vfio.conf", render_vfio_conf(gt1030, stock)},
      {"vfio.conf without claimants", render_vfio_conf(gt1030, {})},
      {"00-vfio-softdep.conf", render_softdep_conf(merged)},
      {"modules-load.d/vfio.conf", render_modules_load()},
      {"vfio.conf by address", render_vfio_conf_by_address(gt1030, stock)},
      {"override", render_override({{at("01:00.0"), id("10de:1d01"), id("1043:8746")}})},
  };
  for (auto& [name, content] : std::vector(renders)) {
    renders.push_back({name + ", disabled", disabled_form(content)});
  }
  return renders;
}

Lines softdeps_of(const std::vector<ModprobeDirective>& directives) {
  Lines lines;
  for (const auto& directive : directives) {
    if (directive.command == "softdep") {
      lines.emplace_back(directive.subject, parse_softdep(directive.arguments));
    }
  }
  return lines;
}

}  // namespace

TEST_CASE("Every generated file is recognised as unmodified") {
  for (const auto& [name, content] : all_renders()) {
    INFO(name);
    CHECK(is_unmodified(content));
    CHECK(content.ends_with('\n'));
  }
}

TEST_CASE("A generated file of which any byte was edited is not unmodified any more") {
  for (const auto& [name, content] : all_renders()) {
    INFO(name);
    std::vector<std::size_t> unnoticed;
    for (std::size_t i = 0; i < content.size(); ++i) {
      auto edited = content;
      edited[i] = edited[i] == 'x' ? 'y' : 'x';
      if (is_unmodified(edited)) unnoticed.push_back(i);
      auto shorter = content;
      shorter.erase(i, 1);
      if (is_unmodified(shorter)) unnoticed.push_back(i);
    }
    CHECK(unnoticed.empty());
    CHECK_FALSE(is_unmodified(content + "\n"));
    CHECK_FALSE(is_unmodified(content + "options vfio-pci disable_vga=1\n"));
    CHECK_FALSE(is_unmodified("\n" + content));
    CHECK_FALSE(is_unmodified(content + content));
  }
}

TEST_CASE("What the program never wrote is not called unmodified") {
  for (const std::string_view content :
       {"", "\n", "options vfio-pci ids=10de:1d01\n", "# digest sha256 \n",
        "# digest sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85\n"}) {
    INFO(content);
    CHECK_FALSE(is_unmodified(content));
  }
}

TEST_CASE("vfio.conf says exactly the softdeps and ids that it was made from") {
  const auto content = render_vfio_conf(gt1030, stock);
  const auto directives = parse_modprobe(ModprobeFile{std::string(vfio_conf_path), content});
  CHECK((softdeps_of(directives) == stock));
  CHECK(ids_of_modprobe(directives) == VfioIds::parse("10de:1d01,10de:0fb8"));
  CHECK(directives.size() == stock.size() + 1);
  CHECK_THAT(content, has_text("0000:01:00.0 10de:1d01"));  // can be read on its own
  CHECK_THAT(content, has_text("0000:01:00.1 10de:0fb8"));
  CHECK_THAT(content, has_text("vfio-switch disable"));
}

TEST_CASE("An id that two functions share is given to vfio-pci once") {
  const Card twins = {{at("01:00.0"), id("10de:1d01")},
                      {at("01:00.1"), id("10de:0fb8")},
                      {at("02:00.0"), id("10de:1d01")},
                      {at("02:00.1"), id("10de:0fb8")}};
  const auto directives = parse_modprobe(ModprobeFile{"vfio.conf", render_vfio_conf(twins, stock)});
  CHECK(ids_of_modprobe(directives) == VfioIds::parse("10de:1d01,10de:0fb8"));
}

TEST_CASE("By address vfio.conf gives no ids, and has modprobe run the script") {
  const auto content = render_vfio_conf_by_address(gt1030, stock);
  const auto directives = parse_modprobe(ModprobeFile{std::string(vfio_conf_path), content});
  CHECK((softdeps_of(directives) == stock));
  CHECK(ids_of_modprobe(directives) == std::nullopt);
  REQUIRE(directives.size() == stock.size() + 1);
  CHECK(directives.back().command == "install");
  CHECK(directives.back().subject == "vfio-pci");
  CHECK(directives.back().arguments ==
        "/usr/lib/vfio-switch/bind $CMDLINE_OPTS; modprobe -i vfio-pci $CMDLINE_OPTS");
  CHECK_THAT(content, has_text("#   0000:01:00.0 10de:1d01"));
}

TEST_CASE("00-vfio-softdep.conf says exactly the merged lines") {
  const auto directives = parse_modprobe(ModprobeFile{"x.conf", render_softdep_conf(merged)});
  CHECK((softdeps_of(directives) == merged));
  CHECK(directives.size() == merged.size());
}

TEST_CASE("modules-load.d names vfio-pci and nothing else") {
  const auto content = render_modules_load();
  CHECK_THAT("\n" + content, has_text("\nvfio-pci\n"));
  CHECK_FALSE(is_inert(content));
}

TEST_CASE("Commented out, a file is inert, still ours, and says who did it") {
  for (const auto& [name, content] : all_renders()) {
    INFO(name);
    const auto disabled = disabled_form(content);
    CHECK(is_inert(disabled));
    CHECK(is_unmodified(disabled));
    CHECK(parse_modprobe(ModprobeFile{"x.conf", disabled}).empty());
    CHECK_THAT(disabled.substr(0, disabled.find('\n')), has_text("disabled by vfio-switch"));
    CHECK(disabled_form(disabled) == disabled);
  }
  CHECK_FALSE(is_inert(render_vfio_conf(gt1030, stock)));
  CHECK_FALSE(is_inert(render_softdep_conf(merged)));
}

TEST_CASE("Commented out, a file leaves somebody else's lines in effect") {
  const std::string kept = "# mine\noptions kvm ignore_msrs=1\n";
  for (const auto& content :
       {render_vfio_conf(gt1030, stock, kept), render_vfio_conf_by_address(gt1030, stock, kept)}) {
    INFO(content);
    CHECK(is_unmodified(content));
    CHECK(is_live(content));
    CHECK(kept_part(content) == kept);
    const auto disabled = disabled_form(content);
    CHECK(is_unmodified(disabled));
    CHECK_FALSE(is_live(disabled));
    CHECK(kept_part(disabled) == kept);
    CHECK(disabled_form(disabled) == disabled);
    const auto left = parse_modprobe(ModprobeFile{"x.conf", disabled});
    REQUIRE(left.size() == 1);
    CHECK(left.front().str() == "options kvm ignore_msrs=1");
  }
}

TEST_CASE("Commented out, a file keeps what it said") {
  const auto disabled = disabled_form(render_vfio_conf(gt1030, stock));
  CHECK_THAT(disabled, has_text("#softdep nouveau pre: vfio-pci\n"));
  CHECK_THAT(disabled, has_text("#options vfio-pci ids=10de:1d01,10de:0fb8\n"));
  CHECK_THAT(disabled, has_text("0000:01:00.0 10de:1d01"));
}

TEST_CASE("Commenting out works on whatever a person made of a file") {
  const auto ours = render_vfio_conf(gt1030, stock);
  for (const std::string& content :
       {std::string(), std::string("options vfio-pci ids=1234:5678"),
        std::string("  softdep a pre: b\n\n# c\n"), std::string("softdep a \\\n pre: b\n"),
        std::string("# c \\\nsoftdep a pre: b\n"), ours + "options vfio-pci disable_vga=1\n",
        "blacklist nouveau\n" + ours}) {
    INFO(content);
    const auto disabled = disabled_form(content);
    CHECK(is_inert(disabled));
    CHECK(is_unmodified(disabled));
    CHECK(parse_modprobe(ModprobeFile{"x.conf", disabled}).empty());
    CHECK(disabled_form(disabled) == disabled);
  }
}

TEST_CASE("A file is inert only if no line of it has an effect") {
  CHECK(is_inert(""));
  CHECK(is_inert("\n  \n# a\n#b"));
  CHECK_FALSE(is_inert("# a\nvfio-pci\n"));
  CHECK_FALSE(is_inert("blacklist nouveau"));
}

}  // namespace vfio_switch
