// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/entry_proof.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

using Words = std::vector<std::string>;

TEST_CASE("An entry's proof depends on a word that gives ids, keeps modules away or loads them") {
  const std::string word =
      GENERATE("vfio-pci.ids=10de:1d01", "vfio_pci.ids=", "vfio-pci.disable_idle_d3=1",
               "pci-stub.ids=10de:1d01", "module_blacklist=vfio_pci", "modprobe.blacklist=nouveau",
               "modules-load=vfio-pci", "modules_load=vfio-pci", "rd.modules_load=vfio-pci",
               "rd.driver.pre=vfio-pci", "rd.driver.blacklist=nouveau");
  CHECK(deciding_words("root=UUID=1 ro " + word + " quiet") == Words{word});
}

TEST_CASE("An entry's proof depends on words about the IOMMU") {
  const std::string word = GENERATE("iommu=off", "iommu=pt", "intel_iommu=on", "amd_iommu=off");
  CHECK(deciding_words("root=UUID=1 ro\t" + word + " quiet") == Words{word});
}

TEST_CASE("Snapshots and recovery entries start the same kernel with words that decide nothing") {
  CHECK(deciding_words("root=UUID=1 ro rootflags=subvol=@/.snapshots/7/snapshot quiet") == Words{});
  CHECK(deciding_words("root=UUID=1 ro single nomodeset") == Words{});
}

TEST_CASE("The order of words that decide counts, and where init's begin") {
  CHECK(deciding_words("vfio-pci.ids=10de:1d01 ro vfio-pci.ids=") ==
        Words{"vfio-pci.ids=10de:1d01", "vfio-pci.ids="});
  CHECK(deciding_words("ro -- iommu=off") == Words{"--", "iommu=off"});
}

TEST_CASE("In a line with quotes each word may decide") {
  const std::string line = R"(ro note="a iommu=off b")";
  CHECK(deciding_words(line) == Words{line});
}

}  // namespace vfio_switch
