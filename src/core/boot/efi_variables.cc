// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/efi_variables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/text.h"
#include "core/boot/byte_source.h"

namespace vfio_switch {

namespace {

constexpr std::string_view loader_guid = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
constexpr std::string_view firmware_guid = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
constexpr std::string_view limine_variable =
    "LimineLastBootedEntry-513ee0d0-6e43-cb05-b272-f146a2fcb88a";
constexpr std::string_view refind_variable = "PreviousBoot-36d08fa7-cf0b-42f5-8f14-68df73ed3740";
constexpr std::string_view hibernation_variable =
    "HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67";

using Text = std::optional<std::string> EfiVariables::*;

struct TextVariable {
  std::string_view name;
  Text field;
  bool is_path;
};

constexpr std::array<TextVariable, 12> text_variables = {{
    {"LoaderInfo", &EfiVariables::loader_info, false},
    {"LoaderImageIdentifier", &EfiVariables::loader_image, true},
    {"LoaderDevicePartUUID", &EfiVariables::loader_partition, false},
    {"LoaderEntryDefault", &EfiVariables::entry_default, false},
    {"LoaderEntryPreferred", &EfiVariables::entry_preferred, false},
    {"LoaderEntryOneShot", &EfiVariables::entry_once, false},
    {"LoaderEntryLastBooted", &EfiVariables::entry_last, false},
    {"LoaderEntrySelected", &EfiVariables::entry_selected, false},
    {"LoaderConfigTimeout", &EfiVariables::timeout, false},
    {"StubInfo", &EfiVariables::stub_info, false},
    {"StubImageIdentifier", &EfiVariables::stub_image, true},
    {"StubDevicePartUUID", &EfiVariables::stub_partition, false},
}};

void add_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0U | code >> 6U);
    byte(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    byte(0xe0U | code >> 12U);
    byte(0x80U | (code >> 6U & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  } else {
    byte(0xf0U | code >> 18U);
    byte(0x80U | (code >> 12U & 0x3fU));
    byte(0x80U | (code >> 6U & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  }
}

/// Texts one behind the other, each with a NUL at its end.
std::vector<std::string> texts_of(std::string_view utf16) {
  std::vector<std::string> texts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    if (le16_of(utf16, i) != 0) continue;
    if (i > begin) texts.push_back(utf8_of_efi(utf16.substr(begin, i - begin)));
    begin = i + 2;
  }
  return texts;
}

/// A GUID as the GPT has it: the first three numbers are little-endian.
std::string guid_text(std::string_view raw) {
  constexpr std::array<std::size_t, 16> order = {3, 2, 1,  0,  5,  4,  7,  6,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
  std::string text;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += to_hex(static_cast<unsigned char>(raw[order[i]]), 2);
  }
  return text;
}

/// Takes partition and file out of a device path.
void read_device_path(LoadOption& option, std::string_view path) {
  constexpr unsigned media = 4;
  constexpr unsigned hard_drive = 1;
  constexpr unsigned file_path = 4;
  constexpr std::size_t guid_at = 24;
  while (path.size() >= 4) {
    const auto type = static_cast<unsigned char>(path[0]);
    const auto subtype = static_cast<unsigned char>(path[1]);
    const std::size_t length = le16_of(path, 2);
    if (type == 0x7f || length < 4 || length > path.size()) return;
    const auto node = path.substr(0, length);
    if (type == media && subtype == hard_drive && length >= 42 && node[40] == 2 && node[41] == 2) {
      option.partition_uuid = guid_text(node.substr(guid_at, 16));
    } else if (type == media && subtype == file_path) {
      const auto part = slashed(utf8_of_efi(node.substr(4)));
      if (!option.file.empty() && !part.starts_with('/')) option.file += '/';
      option.file += part;
    }
    path.remove_prefix(length);
  }
}

std::optional<LoadOption> load_option(unsigned number, std::string_view value) {
  constexpr std::size_t header = 6;
  if (value.size() < header) return std::nullopt;
  LoadOption option;
  option.number = number;
  option.is_active = (le32_of(value, 0) & 1U) != 0;
  const std::size_t path_size = le16_of(value, 4);
  auto rest = value.substr(header);
  std::size_t end = 0;
  while (end + 1 < rest.size() && le16_of(rest, end) != 0) end += 2;
  if (end + 1 >= rest.size()) return std::nullopt;
  option.description = utf8_of_efi(rest.substr(0, end));
  rest.remove_prefix(end + 2);
  if (path_size > rest.size()) return std::nullopt;
  read_device_path(option, rest.substr(0, path_size));
  option.options = utf8_of_efi(rest.substr(path_size));
  return option;
}

/// The number of "Boot0001"; nothing for other names.
std::optional<unsigned> option_number(std::string_view name) {
  if (name.size() != 8 || !name.starts_with("Boot")) return std::nullopt;
  return parse_hex(name.substr(4));
}

/// The name of a variable that `guid` belongs to.
std::optional<std::string_view> name_before(std::string_view guid, std::string_view file_name) {
  if (!file_name.ends_with(guid)) return std::nullopt;
  return file_name.substr(0, file_name.size() - guid.size());
}

std::optional<unsigned> number_of(std::string_view value) {
  if (value.size() < 2) return std::nullopt;
  return le16_of(value, 0);
}

void add_firmware_variable(EfiVariables& variables, std::string_view name, std::string_view value) {
  if (name == "BootNext") {
    variables.boot_next = number_of(value);
  } else if (name == "BootCurrent") {
    variables.boot_current = number_of(value);
  } else if (name == "SecureBoot") {
    if (!value.empty()) variables.secure_boot = value.front() == 1;
  } else if (name == "BootOrder") {
    variables.boot_order.clear();
    for (std::size_t i = 0; i + 1 < value.size(); i += 2) {
      variables.boot_order.push_back(le16_of(value, i));
    }
  } else if (const auto number = option_number(name)) {
    if (auto option = load_option(*number, value)) {
      variables.load_options.push_back(std::move(*option));
    }
  }
}

void add_loader_variable(EfiVariables& variables, std::string_view name, std::string_view value) {
  if (name == "LoaderEntries") {
    variables.entries = texts_of(value);
    return;
  }
  auto text = utf8_of_efi(value);
  if (name == "StubProfile") {
    variables.stub_profile = std::move(text);
    return;
  }
  const auto* const found = std::ranges::find(text_variables, name, &TextVariable::name);
  if (found == text_variables.end()) return;
  variables.*found->field = found->is_path ? slashed(text) : text;
}

}  // namespace

std::string utf8_of_efi(std::string_view utf16) {
  std::string text;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const auto unit = le16_of(utf16, i);
    if (unit == 0) break;
    if (unit >= 0xd800 && unit < 0xdc00 && i + 3 < utf16.size()) {
      const auto low = le16_of(utf16, i + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        add_utf8(text, 0x10000 + ((unit - 0xd800) << 10U) + (low - 0xdc00));
        i += 2;
        continue;
      }
    }
    add_utf8(text, unit >= 0xd800 && unit < 0xe000 ? '?' : unit);
  }
  return text;
}

std::string slashed(std::string_view path) {
  std::string text(path);
  std::ranges::replace(text, '\\', '/');
  return text;
}

bool is_boot_variable(std::string_view file_name) {
  if (file_name == limine_variable || file_name == refind_variable ||
      file_name == hibernation_variable) {
    return true;
  }
  if (const auto name = name_before(firmware_guid, file_name)) {
    return name == "BootOrder" || name == "BootNext" || name == "BootCurrent" ||
           name == "SecureBoot" || option_number(*name);
  }
  const auto name = name_before(loader_guid, file_name);
  return name &&
         (name == "LoaderEntries" || name == "StubProfile" ||
          std::ranges::find(text_variables, *name, &TextVariable::name) != text_variables.end());
}

void add_efi_variable(EfiVariables& variables, std::string_view file_name,
                      std::string_view content) {
  constexpr std::size_t attributes = 4;
  if (content.size() < attributes || !is_boot_variable(file_name)) return;
  const auto value = content.substr(attributes);
  if (file_name == limine_variable) {
    variables.limine_last = std::string(value.substr(0, value.find('\0')));
  } else if (file_name == refind_variable) {
    variables.refind_last = utf8_of_efi(value);
  } else if (file_name == hibernation_variable) {
    variables.hibernated = true;
  } else if (const auto name = name_before(firmware_guid, file_name)) {
    add_firmware_variable(variables, *name, value);
  } else if (const auto loader_name = name_before(loader_guid, file_name)) {
    add_loader_variable(variables, *loader_name, value);
  }
}

}  // namespace vfio_switch
