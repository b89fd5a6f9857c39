// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/unified_image.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "core/boot/loader_lines.h"

namespace vfio_switch {

namespace {

/// systemd's own limit (pe.c).
constexpr std::uint32_t most_sections = 96;
constexpr unsigned most_profiles = 256;
/// A section of text that is larger is none.
constexpr std::uint64_t longest_text = std::uint64_t{64} << 10U;

std::optional<std::string> text_of(const ByteSource& source, const PeSection& section) {
  if (section.size > longest_text) return std::nullopt;
  auto text = source.bytes(section.offset, static_cast<std::size_t>(section.size));
  if (text) text->erase(std::min(text->find('\0'), text->size()));
  return text;
}

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) {
    text.remove_suffix(1);
  }
  return text;
}

const PeSection* find(const std::vector<PeSection>& sections, std::string_view name) {
  const auto found = std::ranges::find(sections, name, &PeSection::name);
  return found == sections.end() ? nullptr : &*found;
}

/// The sections of one profile. What it lacks is taken from the base.
class Profile {
 public:
  Profile(const ByteSource& source, const std::vector<PeSection>& base,
          const std::vector<PeSection>& own)
      : source_(source), base_(base), own_(own) {}

  [[nodiscard]] std::optional<PeSection> section(std::string_view name) const {
    const auto* found = find(own_, name);
    if (found == nullptr) found = find(base_, name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  [[nodiscard]] std::optional<std::string> text(std::string_view name) const {
    const auto found = section(name);
    return found ? text_of(source_, *found) : std::nullopt;
  }

 private:
  const ByteSource& source_;
  const std::vector<PeSection>& base_;
  const std::vector<PeSection>& own_;
};

UnifiedProfile make_profile(const Profile& sections, unsigned number) {
  UnifiedProfile profile;
  profile.number = number;
  if (const auto text = sections.text(".profile")) {
    for (const auto& [key, value, line] : loader_lines(*text, "=")) {
      if (key == "ID") profile.id = value;
      if (key == "TITLE") profile.title = value;
    }
  }
  if (const auto text = sections.text(".cmdline")) profile.command_line = stub_command_line(*text);
  if (const auto text = sections.text(".uname")) {
    profile.release = std::string(without_line_end(*text));
  }
  profile.os_release = sections.text(".osrel");
  profile.kernel = sections.section(".linux");
  profile.initrd = sections.section(".initrd");
  profile.microcode = sections.section(".ucode");
  return profile;
}

}  // namespace

std::optional<std::vector<PeSection>> read_pe_sections(const ByteSource& source) {
  constexpr std::size_t pe_offset_at = 0x3c;
  constexpr std::size_t header_size = 24;  // "PE\0\0" and the COFF header
  constexpr std::size_t entry_size = 40;
  if (source.bytes(0, 2) != "MZ") return std::nullopt;
  const auto pe = source.le32(pe_offset_at);
  if (!pe) return std::nullopt;
  const auto header = source.bytes(*pe, header_size);
  if (!header || !header->starts_with(std::string_view("PE\0\0", 4))) return std::nullopt;
  const auto count = le16_of(*header, 6);
  const auto optional_size = le16_of(*header, 20);
  if (count == 0 || count > most_sections) return std::nullopt;
  const auto table = source.bytes(std::uint64_t{*pe} + header_size + optional_size,
                                  std::size_t{count} * entry_size);
  if (!table) return std::nullopt;
  std::vector<PeSection> sections;
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = std::string_view(*table).substr(i * entry_size, entry_size);
    auto name = entry.substr(0, 8);
    name = name.substr(0, name.find('\0'));
    const auto in_memory = le32_of(entry, 8);
    const auto in_file = le32_of(entry, 16);
    const auto offset = le32_of(entry, 20);
    // The file pads a section, and what is not in the file is zeros in memory.
    const std::uint64_t size = std::min(in_memory, in_file);
    if (size == 0) continue;
    if (offset > source.size || size > source.size - offset) return std::nullopt;
    sections.push_back({std::string(name), offset, size});
  }
  return sections;
}

std::optional<std::vector<UnifiedProfile>> read_unified_image(const ByteSource& source) {
  auto sections = read_pe_sections(source);
  if (!sections) return std::nullopt;
  const auto is_profile = [](const PeSection& section) { return section.name == ".profile"; };
  std::vector<std::vector<PeSection>> groups(1);  // the base, then each profile
  for (auto& section : *sections) {
    if (is_profile(section)) groups.emplace_back();
    groups.back().push_back(std::move(section));
  }
  std::vector<UnifiedProfile> profiles;
  const auto& base = groups.front();
  const std::vector<PeSection> none;
  if (groups.size() == 1) profiles.push_back(make_profile(Profile(source, base, none), 0));
  for (std::size_t i = 1; i < groups.size() && i <= most_profiles; ++i) {
    profiles.push_back(
        make_profile(Profile(source, base, groups[i]), static_cast<unsigned>(i - 1)));
  }
  if (!profiles.front().kernel) return std::nullopt;
  return profiles;
}

std::optional<UnifiedAddon> read_unified_addon(const ByteSource& source) {
  const auto sections = read_pe_sections(source);
  if (!sections || find(*sections, ".linux") != nullptr) return std::nullopt;
  UnifiedAddon addon;
  const std::vector<PeSection> none;
  const Profile all(source, *sections, none);
  if (const auto text = all.text(".uname")) addon.release = std::string(without_line_end(*text));
  if (const auto text = all.text(".cmdline")) addon.command_line = stub_command_line(*text);
  addon.has_initrd = all.section(".initrd").has_value();
  return addon;
}

std::string stub_command_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\0')));
  for (auto& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  const auto begin = line.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(' ') - begin + 1);
}

std::optional<UnifiedName> name_of_unified(std::string_view os_release) {
  std::map<std::string, std::string, std::less<>> values;
  for (auto& [key, value, line] : loader_lines(os_release, "=")) {
    values.insert_or_assign(std::move(key), std::move(value));
  }
  const auto first = [&](std::initializer_list<std::string_view> keys) {
    for (const auto key : keys) {
      if (const auto found = values.find(key); found != values.end()) return found->second;
    }
    return std::string();
  };
  UnifiedName name;
  name.title = first({"PRETTY_NAME", "IMAGE_ID", "NAME", "ID"});
  if (name.title.empty()) return std::nullopt;
  name.version = first({"IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"});
  name.sort_key = first({"IMAGE_ID", "ID"});
  return name;
}

}  // namespace vfio_switch
