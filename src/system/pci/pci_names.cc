// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/pci_names.h"

#include <libudev.h>

#include <string_view>

namespace vfio_switch {

void PciNames::Closer::operator()(udev* context) const {
  udev_unref(context);
}

void PciNames::Closer::operator()(udev_hwdb* database) const {
  udev_hwdb_unref(database);
}

PciNames::PciNames()
    : context_(udev_new()), database_(context_ ? udev_hwdb_new(context_.get()) : nullptr) {}

std::string PciNames::name(std::string_view modalias) const {
  if (!database_) return {};
  // Vendor and device alone, as the database's own key: the rest would name the board instead.
  constexpr std::string_view model = "pci:v000010DEd00001D01";
  const auto key = std::string(modalias.substr(0, model.size())) + "*";
  std::string vendor;
  std::string device;
  udev_list_entry* entry = udev_hwdb_get_properties_list_entry(database_.get(), key.c_str(), 0);
  for (; entry != nullptr; entry = udev_list_entry_get_next(entry)) {
    const std::string_view property = udev_list_entry_get_name(entry);
    if (property == "ID_VENDOR_FROM_DATABASE") vendor = udev_list_entry_get_value(entry);
    if (property == "ID_MODEL_FROM_DATABASE") device = udev_list_entry_get_value(entry);
  }
  return device.empty() ? vendor : vendor + " " + device;
}

}  // namespace vfio_switch
