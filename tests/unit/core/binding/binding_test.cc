// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/binding.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/cards/card.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at_all;
using test::desktop;

namespace {

const std::string kernel = "6.99-custom";
const std::vector<PciAddress> functions = at_all({"01:00.0", "01:00.1"});

/// Why the desktop's card is bound by address where `built_in` has its sound; empty: by ids.
std::string reason(ModuleForm vfio_pci, std::vector<std::string> built_in) {
  const auto facts = desktop().no_kernels().kernel(kernel, vfio_pci).facts();
  auto claims = test::usual_claims(facts, functions);
  claims[1].built_in = std::move(built_in);
  const auto why = why_by_address(facts, functions, claims);
  CHECK(choose_binding(facts, functions, claims) == (why ? Binding::address : Binding::ids));
  return test::text_of(why);
}

}  // namespace

TEST_CASE("Ids do where vfio-pci is built in and registers before the drivers that are so too") {
  CHECK(reason(ModuleForm::loadable, {}).empty());
  CHECK(reason(ModuleForm::built_in, {}).empty());
  // drivers/vfio is linked before sound, and before drivers/usb.
  CHECK(reason(ModuleForm::built_in, {"snd_hda_intel"}).empty());
  CHECK(reason(ModuleForm::built_in, {"xhci_pci", "snd_hda_intel"}).empty());
}

TEST_CASE("Ids do not where a driver that is built in may bind first") {
  // Any module is loaded after all built-in drivers have registered.
  CHECK(reason(ModuleForm::loadable, {"xhci_pci"}) == "xhci_pci is built into kernel 6.99-custom");
  CHECK(reason(ModuleForm::missing, {"xhci_pci"}) == "xhci_pci is built into kernel 6.99-custom");
  CHECK(reason(ModuleForm::built_in, {"xhci_pci", "nouveau"}) ==
        "nouveau is built into kernel 6.99-custom as well, and is not known to register after "
        "vfio-pci");
}

TEST_CASE("A device that stays with the host and has an id of the card is named") {
  const auto facts = desktop().with(test::audio("02:00.1", "10de:0fb8")).facts();
  const auto why = why_by_address(facts, functions, test::usual_claims(facts, functions));
  CHECK(test::text_of(why) ==
        "0000:02:00.1, which stays with the host, has the id 10de:0fb8 as well");
}

}  // namespace vfio_switch
