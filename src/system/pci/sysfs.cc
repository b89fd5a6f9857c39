// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/sysfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <map>

#include "core/base/text.h"
#include "system/pci/pci_names.h"
#include "system/process/bounded_read.h"

namespace vfio_switch {

namespace {

const std::string pci_devices = "/sys/bus/pci/devices";

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// The PCI addresses among the parts of a path, in order.
std::vector<PciAddress> addresses_in(std::string_view path) {
  std::vector<PciAddress> addresses;
  for (const auto part : split_words(path, "/")) {
    if (const auto address = PciAddress::parse(part)) addresses.push_back(*address);
  }
  return addresses;
}

/// Reads the attributes of one device directory. It is opened once: the way to it is long, and a
/// machine has many of them.
class Attributes {
 public:
  Attributes(const FileReader& files, const std::string& directory) {
    auto opened = files.open_directory(directory);
    if (opened && *opened) directory_ = std::move(**opened);
  }

  /// An attribute of sysfs is at most a page.
  [[nodiscard]] std::optional<std::string> text(const char* name) const {
    const auto file = open(name);
    std::array<char, 4096> page{};
    const auto length = file ? ::read(file.get(), page.data(), page.size()) : -1;
    if (length < 0) return std::nullopt;
    return std::string(trim({page.data(), static_cast<std::size_t>(length)}));
  }

  /// The attribute, open for reading; nothing where there is no such file. Opening takes no lock.
  [[nodiscard]] UniqueFd open(const char* name) const {
    UniqueFd file(::openat(directory_.get(), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return file;
  }

  /// The last part of the target of a symbolic link.
  [[nodiscard]] std::optional<std::string> link(const char* name) const {
    std::array<char, 4096> target{};
    const auto length = ::readlinkat(directory_.get(), name, target.data(), target.size());
    if (length < 0) return std::nullopt;
    return std::string(last_part({target.data(), static_cast<std::size_t>(length)}));
  }

 private:
  UniqueFd directory_;
};

/// Of a function whose modalias cannot be read, which libkmod cannot be asked about then.
void read_identity(const Attributes& attributes, PciDevice& device) {
  const auto number = [&](const char* name) {
    const auto text = attributes.text(name).value_or("");
    return text.starts_with("0x") ? parse_hex(std::string_view(text).substr(2)).value_or(0) : 0;
  };
  const auto id = [&](const char* name) { return static_cast<std::uint16_t>(number(name)); };
  device.id = {id("vendor"), id("device")};
  device.subsystem = {id("subsystem_vendor"), id("subsystem_device")};
  device.device_class = {number("class")};
}

/// A function, and its driver_override, which is not read yet: that takes the device's lock.
struct FoundDevice {
  PciDevice device;
  UniqueFd driver_override;
};

FoundDevice read_device(ForeignFiles& foreign, const PciAddress& address) {
  const auto& files = foreign.reader();
  const auto entry = pci_devices + "/" + address.str();
  // The link leads through the bridges: ../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0.
  // Attributes are read behind it, which spares the way through the link for each of them.
  const auto target = files.read_link(entry);
  const std::filesystem::path behind(pci_devices + "/" + target.value_or(address.str()));
  const auto directory = behind.lexically_normal().string();
  const Attributes attributes(files, directory);
  const auto modalias = attributes.text("modalias").value_or("");
  PciDevice device;
  device.address = address;
  if (const auto identity = parse_modalias(modalias)) {
    device.id = identity->id;
    device.subsystem = identity->subsystem;
    device.device_class = identity->device_class;
    device.modalias = modalias;
  } else {
    // It is kept in the list, because other devices may share a group with it.
    read_identity(attributes, device);
    foreign.add_unread(entry + "/modalias", "its content is not a PCI modalias");
  }
  device.driver = attributes.link("driver");
  if (device.driver) {
    if (const auto module = files.read_link(directory + "/driver/module")) {
      device.driver_module = last_part(*module);
    }
  }
  if (const auto group = attributes.link("iommu_group")) {
    unsigned number = 0;
    const auto* end = group->data() + group->size();
    if (std::from_chars(group->data(), end, number).ptr == end) device.iommu_group = number;
  }
  constexpr std::uint16_t vga = 0x0300;  // nothing else has the attribute
  if (device.device_class.subclass() == vga) {
    if (const auto boot_vga = attributes.text("boot_vga")) device.boot_vga = *boot_vga == "1";
  }
  // linux-next had it here, beside boot_vga (drivers/pci/pci-sysfs.c). Linux has it at the DRM card
  // (drivers/gpu/drm/drm_sysfs.c), where add_connectors() looks for it.
  if (device.device_class.is_display() && attributes.text("boot_display") == "1") {
    device.boot_vga = true;
  }
  device.virtual_function = attributes.link("physfn").has_value();
  if (target) {
    device.bridges = addresses_in(*target);
    if (!device.bridges.empty()) device.bridges.pop_back();
  }
  return {std::move(device), attributes.open("driver_override")};
}

/// The wishes for a driver, which others may have written: in a child, with a time limit.
void read_overrides(ForeignFiles& files, std::vector<FoundDevice>& found) {
  constexpr std::chrono::milliseconds patience(300);
  std::vector<int> descriptors;
  for (const auto& one : found) descriptors.push_back(one.driver_override.get());
  const auto texts = read_bounded(descriptors, patience);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].driver_override) continue;
    auto& device = found[i].device;
    const auto wish = std::string(trim(texts[i].value_or("")));
    if (wish != "(null)") device.driver_override = wish;
    if (texts[i]) continue;
    files.add_unread(pci_devices + "/" + device.address.str() + "/driver_override",
                     "reading it does not return, because a driver hangs while it is being unbound "
                     "from the device");
  }
}

/// Calls `use` with each entry of a class directory and the PCI functions that it belongs to.
template <class Use>
void for_each_class_entry(const FileReader& files, const std::string& directory, const Use& use) {
  const auto names = files.list(directory);
  if (!names) return;  // a class that cannot be listed has no devices
  for (const auto& name : *names) {
    const auto target = files.read_link(directory + "/" + name);
    if (target) use(name, addresses_in(*target));
  }
}

using DevicesByAddress = std::map<PciAddress, PciDevice*>;

PciDevice* owner(const DevicesByAddress& devices, const std::vector<PciAddress>& path) {
  if (path.empty()) return nullptr;
  const auto found = devices.find(path.back());
  return found == devices.end() ? nullptr : found->second;
}

void add_connectors(const FileReader& files, const DevicesByAddress& devices) {
  const std::string drm = "/sys/class/drm";
  for_each_class_entry(files, drm, [&](const std::string& name, const auto& path) {
    auto* device = owner(devices, path);
    if (device == nullptr) return;
    const Attributes attributes(files, drm + "/" + name);
    if (const auto status = attributes.text("status")) {
      device->connectors.push_back({name, *status == "connected"});
    } else if (attributes.text("boot_display") == "1") {
      device->boot_vga = true;
    }
  });
}

}  // namespace

Result<std::vector<PciDevice>> read_pci_devices(ForeignFiles& foreign) {
  const auto& files = foreign.reader();
  const auto names = files.list(pci_devices);
  if (!names) return std::unexpected(names.error());
  std::vector<FoundDevice> found;
  for (const auto& name : *names) {
    const auto address = PciAddress::parse(name);
    // People may write an address in several ways, the kernel writes it in one.
    if (address && address->str() == name) found.push_back(read_device(foreign, *address));
  }
  read_overrides(foreign, found);
  std::vector<PciDevice> devices;
  const PciNames database;
  std::map<PciId, std::string> known;  // asking once for each model: a server has many alike
  for (auto& [device, unused] : found) {
    const auto [known_name, is_new] = known.try_emplace(device.id);
    if (is_new && !device.modalias.empty()) known_name->second = database.name(device.modalias);
    device.name = known_name->second;
    device.thunderbolt = is_thunderbolt(device.id);
    devices.push_back(std::move(device));
  }
  std::ranges::sort(devices, {}, &PciDevice::address);
  DevicesByAddress by_address;
  for (auto& device : devices) by_address[device.address] = &device;
  add_connectors(files, by_address);
  return devices;
}

std::optional<PciAddress> function_of_path(std::string_view path) {
  const auto addresses = addresses_in(path);
  if (addresses.empty()) return std::nullopt;
  return addresses.back();
}

Result<bool> read_iommu_enabled(const FileReader& files) {
  auto groups = files.list("/sys/kernel/iommu_groups");
  if (!groups) return failure_of(groups);
  return !groups->empty();
}

IommuTable read_iommu_table(const FileReader& files) {
  const std::string tables = "/sys/firmware/acpi/tables/";
  if (files.exists(tables + "DMAR")) return IommuTable::dmar;
  if (files.exists(tables + "IVRS")) return IommuTable::ivrs;
  return IommuTable::none;
}

}  // namespace vfio_switch
