// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct udev;
struct udev_hwdb;

namespace vfio_switch {

/// Names from the hardware database of the system that the program runs on (hwdb(7)), whichever
/// root it looks at. For people only: nothing is decided by a name. Touches no device.
class PciNames {
 public:
  PciNames();

  /// What has `modalias`: "NVIDIA Corporation GP108 [GeForce GT 1030]", or the vendor's name alone;
  /// empty where the database has neither, or is not there.
  [[nodiscard]] std::string name(std::string_view modalias) const;

 private:
  struct Closer {
    void operator()(udev* context) const;
    void operator()(udev_hwdb* database) const;
  };
  std::unique_ptr<udev, Closer> context_;
  std::unique_ptr<udev_hwdb, Closer> database_;
};

}  // namespace vfio_switch
