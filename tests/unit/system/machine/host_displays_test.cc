// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/host_displays.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"

namespace vfio_switch {

namespace {

/// A root whose /etc/prime-discrete holds `content`.
class Root {
 public:
  explicit Root(const std::string& content) {
    std::string name = (std::filesystem::temp_directory_path() / "vfio-switch-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    std::filesystem::create_directory(path_ / "etc");
    std::ofstream(path_ / "etc/prime-discrete") << content;
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  [[nodiscard]] std::vector<DisplayClaim> claims(const std::vector<PciDevice>& devices) const {
    const auto files = open_reader(path_.string());
    REQUIRE(files);
    ForeignFiles foreign(**files);
    return read_display_claims(foreign, devices);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("Ubuntu's PRIME profile gives the NVIDIA card to the host") {
  PciDevice card;
  card.address = {0, 1, 0, 0};
  card.id = {0x10de, 0x1c8d};
  card.device_class = {0x030200};
  PciDevice other = card;
  other.address = {0, 2, 0, 0};
  other.id.vendor = 0x8086;
  const std::vector<PciDevice> devices = {card, other};
  const std::vector<DisplayClaim> claimed = {{card.address, "/etc/prime-discrete"}};
  CHECK(Root("on\n").claims(devices) == claimed);
  CHECK(Root("nvidia\n").claims(devices) == claimed);
  CHECK(Root("off\n").claims(devices).empty());
  CHECK(Root("on-demand, and more than fits into a short string\n").claims(devices).empty());
}

}  // namespace vfio_switch
