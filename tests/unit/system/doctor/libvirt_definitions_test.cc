// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/libvirt_definitions.h"

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch::test {

namespace {

/// As libvirt writes one, shortened.
constexpr std::string_view definition = R"(<!--
WARNING: THIS IS AN AUTO-GENERATED FILE.
-->

<domain type='kvm'>
  <name>win11</name>
  <metadata>
    <x:os xmlns:x="http://example.org"><name>other</name></x:os>
  </metadata>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x0a' slot='0x00' function='0x1'/>
      </source>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </hostdev>
    <hostdev mode='subsystem' type='usb'>
      <source><address bus='1' device='4'/></source>
    </hostdev>
    <hostdev mode='subsystem' type='pci'>
      <source><address domain='0' bus='3' slot='31' function='7'/></source>
    </hostdev>
  </devices>
</domain>
)";

}  // namespace

TEST_CASE("what a definition of libvirt gives a guest", "[libvirt]") {
  const auto machine = parse_definition("/etc/libvirt/qemu/win11.xml", definition);
  CHECK(machine.problem.empty());
  CHECK(machine.name == "win11");
  REQUIRE(machine.devices.size() == 2);
  CHECK(machine.devices[0] == VirtualMachine::Device{at("0a:00.1"), 13});
  CHECK(machine.devices[1] == VirtualMachine::Device{at("03:1f.7"), 21});
}

TEST_CASE("a definition that is no XML", "[libvirt]") {
  const auto machine = parse_definition("/etc/libvirt/qemu/a.b.xml", "<domain>\n<name>\n");
  CHECK(machine.name == "a.b");
  CHECK(machine.problem_line == 3);
  CHECK(parse_definition("/etc/libvirt/qemu/a.b.xml", "").name == "a.b");
}

TEST_CASE("addresses that are none", "[libvirt]") {
  for (const std::string attributes : {"bus='256' slot='0'", "bus='1'", "bus='x' slot='0'", ""}) {
    const auto text = "<domain><devices><hostdev type='pci'><source><address " + attributes +
                      "/></source></hostdev></devices></domain>";
    CHECK(parse_definition("/a.xml", text).devices.empty());
  }
}

}  // namespace vfio_switch::test
