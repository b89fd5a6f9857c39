// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_stray_words.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("Words outside the quotes of GRUB's settings are found, and what is no mistake is not") {
  struct Row {
    std::string what;
    std::string settings;
    int line;  // 0: nothing is found
    std::string repaired;
  };
  const std::string variable = "GRUB_CMDLINE_LINUX_DEFAULT=";
  const Row rows[] = {
      {"behind the value",
       "# x\n" + variable + "\"quiet splash\" iommu=pt vfio-pci.ids=10de:2d04\n", 2,
       variable + "\"quiet splash iommu=pt vfio-pci.ids=10de:2d04\""},
      {"assignments alone, which the shell takes without a word", variable + "\"quiet\" iommu=pt\n",
       1, variable + "\"quiet iommu=pt\""},
      {"no quotes at all", variable + "quiet splash intel_iommu=on\n", 1,
       variable + "\"quiet splash intel_iommu=on\""},
      {"a line of their own", variable + "\"quiet\"\niommu=pt vfio-pci.ids=10de:2d04\n", 2, ""},
      {"a value over two lines", variable + "\"quiet\nsplash\" iommu=pt\n", 1,
       variable + "\"quiet\nsplash iommu=pt\""},
      {"a comment", variable + "\"quiet\" # iommu=pt\n", 0, ""},
      {"another command behind it", variable + "\"quiet\"; export X\n", 0, ""},
      {"a condition", "if true; then " + variable + "\"quiet\" ; fi\n", 0, ""},
      {"a command with its environment", "GRUB_DISTRIBUTOR=`lsb_release -i`\nLANG=C true\n", 0, ""},
      {"a line that goes on", variable + "\"quiet\" \\\n\n", 0, ""},
      {"in quotes", variable + "'quiet iommu=pt'\n", 0, ""},
      {"nothing", "", 0, ""},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto stray = find_stray_words(row.settings);
    REQUIRE(stray.has_value() == (row.line > 0));
    if (!stray) continue;
    CHECK(stray->line == row.line);
    CHECK(stray->repaired == row.repaired);
    if (!row.repaired.empty()) CHECK_FALSE(find_stray_words(stray->repaired));
  }
}

}  // namespace vfio_switch
