// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel images.
#include "core/boot/kernel_image.h"

#include "fuzz.h"

FUZZ(text) {
  using vfio_switch::fuzz::expect;
  const auto unpack = [&](const vfio_switch::KernelPayload& payload,
                          const std::function<bool(std::string_view)>& take) {
    expect(payload.offset + payload.size <= text.size(), "the payload lies inside");
    return take(text.substr(payload.offset, payload.size));
  };
  const auto release = vfio_switch::read_kernel_release(vfio_switch::bytes_of(text), unpack);
  if (!release) return;
  expect(!release->empty() && release->find('/') == std::string::npos, "a release is a name",
         *release);
}
