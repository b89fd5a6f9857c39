// SPDX-License-Identifier: GPL-3.0-or-later
// Unified images and add-ons.
#include "core/boot/unified_image.h"

#include "fuzz.h"

FUZZ(text) {
  using vfio_switch::fuzz::expect;
  const auto source = vfio_switch::bytes_of(text);
  const auto inside = [&](const std::optional<vfio_switch::PeSection>& section) {
    return !section || (section->size > 0 && section->offset + section->size <= text.size());
  };
  if (const auto profiles = vfio_switch::read_unified_image(source)) {
    expect(!profiles->empty() && profiles->front().kernel, "an image starts a kernel");
    for (const auto& profile : *profiles) {
      expect(inside(profile.kernel) && inside(profile.initrd) && inside(profile.microcode),
             "sections lie inside");
      if (profile.os_release) (void)vfio_switch::name_of_unified(*profile.os_release);
    }
  }
  (void)vfio_switch::read_unified_addon(source);
}
