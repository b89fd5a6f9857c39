// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/module_parameters.h"

#include <set>
#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

using Names = std::set<std::string>;
using Words = std::vector<std::string>;

TEST_CASE("module_blacklist is the kernel's: the last word counts, spelled as the kernel has it") {
  CHECK(parse_module_parameters("ro module_blacklist=a,vfio-pci module-blacklist=b,c_d").refused ==
        Names{"b", "c_d"});
  CHECK(parse_module_parameters("module_blacklist=vfio-pci").refused == Names{"vfio-pci"});
}

TEST_CASE("What modprobe, systemd and dracut are told adds up") {
  const auto said = parse_module_parameters(
      "modprobe.blacklist=a,b-c modprobe.blacklist=d modules-load=e modules_load=f,g "
      "rd.modules_load=h rd.driver.pre=i,j rd.driver.pre=k rd.driver.blacklist=l,m");
  CHECK(said.blacklisted == Names{"a", "b-c", "d"});
  CHECK(said.loaded == Words{"e", "f", "g"});
  CHECK(said.loaded_in_image == Words{"h"});
  CHECK(said.before_udev == Words{"i", "j", "k"});
  CHECK(said.blacklisted_by_dracut == Names{"l", "m"});
}

TEST_CASE("Of several modules in rd.driver.post dracut blacklists none") {
  const auto one = parse_module_parameters("rd.driver.post=a");
  CHECK(one.after_udev == Words{"a"});
  CHECK(one.blacklisted_by_dracut == Names{"a"});
  const auto two = parse_module_parameters("rd.driver.post=a,b");
  CHECK(two.after_udev == Words{"a", "b"});
  CHECK(two.blacklisted_by_dracut.empty());
}

TEST_CASE("What the images of one tool alone read") {
  const auto said = parse_module_parameters(
      "earlymodules=a,b disablehooks=udev,vfio-switch blacklist=c-d "
      "initcall_blacklist=e_init,f_init pci-stub.ids=10de:1d01");
  CHECK(said.early == Words{"a", "b"});
  CHECK(said.disabled_hooks == Names{"udev", "vfio-switch"});
  CHECK(said.blacklisted_by_initramfs_tools == Names{"c_d"});
  CHECK(said.stopped_initcalls == Words{"e_init", "f_init"});
  CHECK(said.stub_ids == VfioIds::parse("10de:1d01"));
}

TEST_CASE("Every word that is read is known to be one, and no other") {
  const std::string word =
      GENERATE("module_blacklist=a", "modprobe.blacklist=a", "modules-load=a", "rd.modules_load=a",
               "rd.driver.pre=a", "rd.driver.post=a", "rd.driver.blacklist=a", "earlymodules=a",
               "disablehooks=a", "blacklist=a", "initcall_blacklist=a", "pci_stub.ids=1:2");
  CHECK(is_module_parameter(word));
  CHECK_FALSE(parse_module_parameters(word) == ModuleParameters());
  const std::string other = "x" + word;
  CHECK_FALSE(is_module_parameter(other));
  CHECK(parse_module_parameters(other) == ModuleParameters());
  CHECK_FALSE(is_module_parameter("quiet"));
}

}  // namespace vfio_switch
