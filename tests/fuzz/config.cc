// SPDX-License-Identifier: GPL-3.0-or-later
// key = value files: the settings and the profiles.
#include <string>

#include "core/base/key_value.h"
#include "core/base/text.h"
#include "core/machine/profile.h"
#include "core/machine/settings.h"
#include "core/pci/device_spec.h"
#include "fuzz.h"

namespace {

using vfio_switch::fuzz::expect;

void check_error(const vfio_switch::Error& error) {
  expect(error.kind == vfio_switch::ErrorKind::usage, "what is written wrongly is a wrong usage");
  expect(error.message.starts_with("FILE"), "an error names the file", error.message);
  expect(vfio_switch::printable(error.message) == error.message, "an error can be printed");
}

}  // namespace

FUZZ(text) {
  const auto entries = vfio_switch::parse_key_values("FILE", text);
  if (!entries) check_error(entries.error());
  if (entries) {
    std::string rendered;
    for (const auto& [key, value, line] : *entries) rendered += key + " = " + value + "\n";
    const auto again = vfio_switch::parse_key_values("FILE", rendered);
    expect(again && again->size() == entries->size(), "as many keys when rendered", rendered);
    for (std::size_t i = 0; i < entries->size(); ++i) {
      expect((*again)[i].key == (*entries)[i].key && (*again)[i].value == (*entries)[i].value,
             "the same when rendered", rendered);
    }
  }

  const auto settings = vfio_switch::parse_settings("FILE", text);
  expect(entries || !settings, "settings are keys and values");
  if (!settings) check_error(settings.error());
  if (settings) {
    expect(!settings->forbidden || settings->devices.empty(), "none means none");
    for (const auto& spec : settings->devices) {
      const auto spelled = std::visit([](const auto& one) { return one.str(); }, spec);
      const auto again = vfio_switch::parse_device_spec(spelled);
      expect(again && *again == spec, "a device reads as it prints", spelled);
    }
  }

  const auto profile = vfio_switch::parse_profile("FILE", text);
  expect(entries || !profile, "a profile is keys and values");
  if (!profile) check_error(profile.error());
  if (profile) {
    expect(
        !profile->id.empty() && !profile->initramfs.empty() && !profile->initramfs_images.empty(),
        "a profile is complete");
    for (const auto& path : profile->initramfs_images) {
      (void)vfio_switch::expand_image(path, {"6.1.0-%k", "linux", "%m"});
    }
  }
}
