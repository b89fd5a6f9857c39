// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/journalled_state.h"

#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/sha256.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// Where the content of a journalled `after` should stand there is its digest, marked so that no
/// file can be mistaken for it.
const std::string digest_only = std::string("\0digest:", 8);

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += vfio_switch::to_hex(static_cast<unsigned char>(byte), 2);
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto value = parse_hex(std::string_view(text).substr(i, 2));
    if (!value) throw std::invalid_argument("not hexadecimal digits: " + text);
    bytes += static_cast<char>(*value);
  }
  return bytes;
}

}  // namespace

std::string digest_of(const std::string& bytes) {
  return bytes.starts_with(digest_only) ? bytes.substr(digest_only.size()) : sha256(bytes);
}

bool is_lost(const FileState& state) {
  const auto* bytes = bytes_of(state);
  return bytes != nullptr && bytes->starts_with(digest_only);
}

std::string* bytes_of(FileState& state) {
  if (auto* file = std::get_if<RegularFile>(&state)) return &file->content;
  if (auto* link = std::get_if<SymbolicLink>(&state)) return &link->target;
  return nullptr;
}

const std::string* bytes_of(const FileState& state) {
  if (const auto* file = std::get_if<RegularFile>(&state)) return &file->content;
  if (const auto* link = std::get_if<SymbolicLink>(&state)) return &link->target;
  return nullptr;
}

Json json_of(const FileState& state) {
  if (const auto* file = std::get_if<RegularFile>(&state)) {
    Json attributes = Json::object();
    for (const auto& [name, value] : file->attributes) attributes[name] = to_hex(value);
    return {{"kind", "file"},          {"sha256", digest_of(file->content)},
            {"mode", file->mode},      {"uid", file->uid},
            {"gid", file->gid},        {"modified", file->modified},
            {"attributes", attributes}};
  }
  if (const auto* link = std::get_if<SymbolicLink>(&state)) {
    return {{"kind", "link"}, {"sha256", digest_of(link->target)}};
  }
  if (const auto* directory = std::get_if<Directory>(&state)) {
    return {{"kind", "directory"},
            {"mode", directory->mode},
            {"uid", directory->uid},
            {"gid", directory->gid}};
  }
  return {{"kind", "absent"}};
}

FileState state_from(const Json& json) {
  const auto kind = json.at("kind").get<std::string>();
  const auto number = [&](const char* key) { return json.at(key).get<unsigned>(); };
  if (kind == "file") {
    std::map<std::string, std::string> attributes;
    const auto named = json.value("attributes", Json::object());
    for (const auto& [name, value] : named.items()) {
      attributes[name] = from_hex(value.get<std::string>());
    }
    return RegularFile{digest_only + json.at("sha256").get<std::string>(),
                       number("mode"),
                       number("uid"),
                       number("gid"),
                       json.at("modified").get<std::int64_t>(),
                       std::move(attributes)};
  }
  if (kind == "link") return SymbolicLink{digest_only + json.at("sha256").get<std::string>()};
  if (kind == "directory") return Directory{number("mode"), number("uid"), number("gid")};
  return Absent{};
}

bool same_content(const FileState& left, const FileState& right) {
  if (left.index() != right.index()) return false;
  const auto* a = bytes_of(left);
  const auto* b = bytes_of(right);
  return a == nullptr || digest_of(*a) == digest_of(*b);
}

}  // namespace vfio_switch
