// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/adoption.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"

#include <set>
#include <string>
#include <string_view>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::id;

namespace {

const std::set<PciId> card = {id("10de:1d01"), id("10de:0fb8")};
const std::set<std::string> claimants = {"nouveau", "nvidia", "snd_hda_intel"};

ForeignLines of(std::string_view content) {
  return foreign_lines(content, claimants, card);
}

}  // namespace

TEST_CASE("Of an adopted vfio.conf what is not ours to say stays") {
  const std::string older_tool =
      "softdep nvidia pre: vfio-pci\n"
      "softdep nouveau pre: vfio-pci\n"
      "options vfio-pci ids=10de:1d01,10de:0fb8\n";
  struct Row {
    std::string what;
    std::string content;
    std::string kept;
  };
  const Row rows[] = {
      {"the older tool's", older_tool, ""},
      {"the older tool's, commented out",
       "# softdep nvidia pre: vfio-pci\n#options vfio-pci ids=10de:1d01\n", ""},
      {"ids alone, and no line end", "options vfio-pci ids=10de:1d01", ""},
      {"a guide's softdep with more modules",
       "softdep nvidia pre: vfio vfio_iommu_type1 vfio_virqfd vfio-pci\n", ""},
      {"ids of others", "options vfio-pci ids=10de:1d01,8086:15b8\n", ""},
      {"blank lines alone", "\n\n", ""},

      {"remarks", "# since Monday\n" + older_tool + "\n# end\n", "# since Monday\n\n# end\n"},
      {"somebody's other ids, commented out", "#options vfio-pci ids=8086:15b8\n",
       "#options vfio-pci ids=8086:15b8\n"},
      {"another option of vfio-pci", "options vfio-pci ids=10de:1d01 disable_vga=1\n",
       "options vfio-pci disable_vga=1\n"},
      {"the same on a line of its own", "options vfio-pci disable_idle_d3=1\n",
       "options vfio-pci disable_idle_d3=1\n"},
      {"options of another module", older_tool + "options kvm ignore_msrs=1",
       "options kvm ignore_msrs=1\n"},
      {"a blacklist", "blacklist nouveau\n", "blacklist nouveau\n"},
      {"another module's softdep", "softdep drm pre: vfio-pci\n", "softdep drm pre: vfio-pci\n"},
      {"a softdep that asks for more", "softdep nouveau pre: vfio-pci i915\n",
       "softdep nouveau pre: vfio-pci i915\n"},
      {"a softdep with a post part", "softdep nvidia pre: vfio-pci post: nvidia-uvm\n",
       "softdep nvidia pre: vfio-pci post: nvidia-uvm\n"},
      {"an install command", "install nouveau /bin/false\n", "install nouveau /bin/false\n"},
      {"a continued line", "options kvm \\\n ignore_msrs=1\n" + older_tool,
       "options kvm \\\n ignore_msrs=1\n"},
      {"a continued remark", "# options \\\nvfio-pci ids=10de:1d01\n", ""},
      {"DOS line ends", "options kvm ignore_msrs=1\r\n", "options kvm ignore_msrs=1\r\n"},
      {"what means nothing", "hello\n", "hello\n"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(is_adoptable(vfio_conf_path, row.content));
    const auto lines = of(row.content);
    CHECK(lines.kept == row.kept);
    const auto ours = render_vfio_conf({{at("01:00.0"), id("10de:1d01")}}, {}, lines.kept);
    CHECK(of(ours).kept == row.kept);  // once ours it says the same
  }
}

TEST_CASE("A line that stays has the number that it has in the file") {
  const auto lines = of(
      "# c\nsoftdep nouveau pre: vfio-pci\noptions vfio-pci \\\n ids=10de:1d01 \\\n disable_vga=1\n"
      "install vfio-pci /bin/true\n");
  REQUIRE(lines.directives.size() == 2);
  CHECK(lines.directives[0].str() == "options vfio-pci disable_vga=1");
  CHECK(lines.directives[0].line == 3);
  CHECK(lines.directives[1].line == 6);

  const auto ours =
      render_vfio_conf({{at("01:00.0"), id("10de:1d01")}}, {{"nouveau", {{"vfio-pci"}, {}}}},
                       "blacklist a\nblacklist b\n");
  const auto kept = of(ours);
  REQUIRE(kept.directives.size() == 2);
  CHECK(kept.directives[1].line == 8);
}

TEST_CASE("Of a file of ours that lost its digest no remark of ours is kept") {
  auto ours =
      render_vfio_conf({{at("01:00.0"), id("10de:1d01")}}, {}, "options kvm ignore_msrs=1\n");
  ours.erase(ours.find("# digest"));
  CHECK(is_adoptable(vfio_conf_path, ours));
  CHECK(of(ours).kept == "options kvm ignore_msrs=1\n");
}

TEST_CASE("What cannot be put in front of other lines is not adopted") {
  const std::string ours = render_vfio_conf({{at("01:00.0"), id("10de:1d01")}}, {});
  for (const std::string& content :
       {std::string("options kvm a=1 \\"), std::string("options kvm a=1 \\\n"),
        std::string("options kvm a=1\0b\n", 18), ours + "options kvm a=1\n"}) {
    INFO(content);
    CHECK_FALSE(is_adoptable(vfio_conf_path, content));
    CHECK(of(content).kept.empty());
  }
}

TEST_CASE("A modules-load.d file that loads only VFIO's modules is adopted") {
  CHECK(is_adoptable(modules_load_path, "vfio-pci\n"));
  CHECK(is_adoptable(modules_load_path, "# c\n; c\nvfio\nvfio_iommu_type1\nvfio_pci\n"));
  CHECK_FALSE(is_adoptable(modules_load_path, "vfio-pci\nkvmfr\n"));
  CHECK_FALSE(is_adoptable(modules_load_path, "nvidia\n"));
}

TEST_CASE("No file elsewhere is ever adopted") {
  for (const std::string_view path :
       {softdep_conf_path, std::string_view("/etc/modprobe.d/nvidia.conf"),
        std::string_view("/usr/lib/modprobe.d/vfio.conf")}) {
    CHECK_FALSE(is_adoptable(path, "softdep nouveau pre: vfio-pci\n"));
  }
}

}  // namespace vfio_switch
