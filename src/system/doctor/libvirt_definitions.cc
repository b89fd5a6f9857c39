// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/libvirt_definitions.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "core/base/text.h"
#include "system/doctor/libexpat.h"
#include "system/files/best_effort.h"

namespace vfio_switch {

namespace {

/// Numbers of libvirt are hexadecimal with a prefix, or decimal.
std::optional<unsigned> parse_number(std::string_view text) {
  if (text.starts_with("0x")) return parse_hex(text.substr(2));
  unsigned value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

using Attributes = std::map<std::string_view, std::string_view>;

std::optional<PciAddress> parse_address(const Attributes& given) {
  const auto number = [&](std::string_view name, std::string_view usual) {
    const auto found = given.find(name);
    return parse_number(found == given.end() ? usual : found->second);
  };
  const auto domain = number("domain", "0");
  const auto bus = number("bus", "");
  const auto slot = number("slot", "");
  const auto function = number("function", "0");
  if (!domain || !bus || !slot || !function || *bus > 255 || *slot > 31 || *function > 7) {
    return std::nullopt;
  }
  return PciAddress{*domain, static_cast<std::uint8_t>(*bus), static_cast<std::uint8_t>(*slot),
                    static_cast<std::uint8_t>(*function)};
}

/// Follows the elements of one definition as expat reports them.
class Reader {
 public:
  Reader(const LibExpat& expat, VirtualMachine& machine) : expat_(expat), machine_(machine) {}

  void read(std::string_view text) {
    const std::unique_ptr<XML_ParserStruct, decltype(expat_.parser_free)> parser(
        expat_.parser_create(nullptr), expat_.parser_free);
    parser_ = parser.get();
    expat_.set_user_data(parser_, this);
    expat_.set_element_handler(parser_, on_start, on_end);
    expat_.set_character_data_handler(parser_, on_text);
    const auto size = static_cast<int>(text.size());  // 16 MiB at most
    if (expat_.parse(parser_, text.data(), size, 1) == XML_STATUS_OK) return;
    machine_.problem = expat_.error_string(expat_.get_error_code(parser_));
    machine_.problem_line = line();
  }

 private:
  static void on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
    static_cast<Reader*>(self)->start(name, attributes);
  }
  static void on_end(void* self, const XML_Char* /*name*/) {
    static_cast<Reader*>(self)->path_.pop_back();
  }
  static void on_text(void* self, const XML_Char* text, int length) {
    auto& reader = *static_cast<Reader*>(self);
    if (reader.path_ != std::vector<std::string>{"domain", "name"}) return;
    reader.machine_.name.append(text, static_cast<std::size_t>(length));
  }

  void start(const XML_Char* name, const XML_Char** attributes) {
    path_.emplace_back(name);
    Attributes given;
    for (std::size_t i = 0; attributes[i] != nullptr; i += 2)
      given[attributes[i]] = attributes[i + 1];
    constexpr std::size_t hostdev = 3;  // domain, devices, hostdev
    if (path_.size() == hostdev && path_.back() == "hostdev") is_pci_ = given["type"] == "pci";
    const std::vector<std::string> wanted = {"domain", "devices", "hostdev", "source", "address"};
    if (path_ != wanted || !is_pci_) return;
    if (const auto address = parse_address(given)) machine_.devices.push_back({*address, line()});
  }

  [[nodiscard]] int line() const {
    return static_cast<int>(expat_.get_current_line_number(parser_));
  }

  const LibExpat& expat_;
  VirtualMachine& machine_;
  XML_Parser parser_ = nullptr;
  std::vector<std::string> path_;
  bool is_pci_ = false;
};

}  // namespace

VirtualMachine parse_definition(const std::string& path, std::string_view text) {
  VirtualMachine machine;
  machine.path = path;
  const auto expat = LibExpat::load();
  if (expat) {
    Reader(**expat, machine).read(text);
  } else {
    machine.problem = expat.error().message;
  }
  machine.name = std::string(trim(machine.name));
  if (machine.name.empty()) {
    const auto name = path.substr(path.rfind('/') + 1);
    machine.name = name.substr(0, name.rfind('.'));
  }
  return machine;
}

std::vector<VirtualMachine> read_virtual_machines(const FileReader& files) {
  const std::string directory = "/etc/libvirt/qemu/";
  std::vector<VirtualMachine> machines;
  for (const auto& name : names_in(files, directory)) {
    if (!name.ends_with(".xml")) continue;
    const auto path = directory + name;
    const auto text = text_of(files, path);
    if (!text.empty()) machines.push_back(parse_definition(path, text));
  }
  return machines;
}

}  // namespace vfio_switch
