// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/card_parameters.h"

#include <string>
#include <vector>

#include "catch.h"
#include "told.h"

namespace vfio_switch {

using test::text_of;

TEST_CASE("The words of the command line that decide about the card are found") {
  struct Row {
    std::string command_line;
    std::vector<std::string> words;
    bool keeps_host;
  };
  const Row rows[] = {
      {"", {}, false},
      {"root=/dev/sda1 ro quiet splash", {}, false},
      {"ro vfio-pci.ids=", {"vfio-pci.ids="}, true},
      {"vfio_pci.ids= ro\n", {"vfio_pci.ids="}, true},
      {"vfio-pci.ids=10de:1d01", {"vfio-pci.ids=10de:1d01"}, false},
      {"module_blacklist=nouveau,vfio-pci", {"module_blacklist=nouveau,vfio-pci"}, true},
      {"module_blacklist=nouveau", {}, false},
      {"modprobe.blacklist=nouveau", {"modprobe.blacklist=nouveau"}, false},
      {"intel_iommu=on iommu=pt", {"intel_iommu=on"}, false},
      {"amd_iommu=off", {"amd_iommu=off"}, true},
      {"intel_iommu=on,sm_on nomodeset", {"intel_iommu=on,sm_on", "nomodeset"}, false},
      {"vfio-pci.idsx= xvfio-pci.ids=", {}, false},
  };
  for (const auto& row : rows) {
    INFO(row.command_line);
    std::vector<std::string> words;
    bool keeps_host = false;
    for (const auto& parameter : telling_parameters(row.command_line)) {
      words.push_back(parameter.word);
      keeps_host |= parameter.keeps_host;
      CHECK_FALSE(text_of(parameter.effect).empty());
    }
    CHECK(words == row.words);
    CHECK(keeps_host == row.keeps_host);
  }
}

TEST_CASE("Only Intel's IOMMU is turned on by a parameter") {
  const auto effect = [](std::string_view line) {
    return telling_parameters(line).front().effect.cause;
  };
  CHECK(effect("intel_iommu=on") == ReasonCause::turns_iommu_on);
  CHECK(effect("amd_iommu=on") == ReasonCause::no_effect);
  CHECK(effect("iommu=on") == ReasonCause::no_effect);
}

TEST_CASE("A boot without passthrough was asked for where the last ids are none") {
  CHECK(is_escape("ro vfio-pci.ids="));
  CHECK(is_escape("vfio_pci.ids=1:1 vfio-pci.ids="));
  CHECK_FALSE(is_escape("vfio-pci.ids= vfio-pci.ids=1:1"));
  CHECK_FALSE(is_escape("ro quiet"));
  CHECK(without_escape("ro vfio_pci.ids=1:1 quiet vfio-pci.ids=\n") == "ro quiet");
}

}  // namespace vfio_switch
