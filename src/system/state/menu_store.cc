// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/menu_store.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/tell/redaction.h"
#include "system/files/best_effort.h"
#include "system/files/foreign_files.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

std::optional<std::string> text_or_nothing(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<std::string>());
}

std::string formatted(const std::tm& broken, const char* format) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &broken)};
}

std::time_t seconds_of(Moment moment) {
  return std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(
          std::chrono::floor<std::chrono::seconds>(moment)));
}

/// "2026-11-22T12:00:00", in UTC.
std::string in_utc(Moment moment) {
  const auto seconds = seconds_of(moment);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  return formatted(broken, "%Y-%m-%dT%H:%M:%S");
}

std::string in_local_time(Moment moment) {
  const auto seconds = seconds_of(moment);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  return formatted(broken, "%Y-%m-%d %H:%M %Z");
}

constexpr std::size_t fraction_digits = 9;

/// To the nanosecond: "2026-11-22T12:00:00.123456789Z".
std::string render_time(Moment moment) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(moment);
  const auto fraction = std::to_string((moment - whole).count());
  return in_utc(moment) + "." + std::string(fraction_digits - fraction.size(), '0') + fraction +
         "Z";
}

std::optional<Moment> parse_time(const std::string& text) {
  std::tm broken{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &broken);
  if (rest == nullptr) return std::nullopt;
  const std::string fraction = rest;
  const auto digits = fraction.find_first_not_of("0123456789", 1);
  if (fraction.size() != fraction_digits + 2 || !fraction.starts_with('.') ||
      digits != fraction_digits + 1 || !fraction.ends_with('Z')) {
    return std::nullopt;
  }
  constexpr std::time_t latest = 9'000'000'000;  // in nanoseconds, of which 64 bits hold no more
  const auto whole = ::timegm(&broken);
  if (whole < 0 || whole > latest) return std::nullopt;
  return Moment(std::chrono::seconds(whole) +
                std::chrono::nanoseconds(std::stoll(fraction.substr(1, fraction_digits))));
}

/// What a boot depends on and an ordinary user can see the times of, most of it: the files of boot
/// loaders and images, modprobe's configuration, lists of modules, the modules themselves. Of a
/// directory the files in it count as well.
constexpr std::array<const char*, 21> inputs = {"/boot",
                                                "/boot/grub",
                                                "/boot/grub2",
                                                "/boot/extlinux",
                                                "/boot/limine",
                                                "/boot/loader",
                                                "/boot/loader/entries",
                                                "/boot/EFI/Linux",
                                                "/boot/efi/loader",
                                                "/boot/efi/loader/entries",
                                                "/boot/efi/EFI/Linux",
                                                "/efi/loader",
                                                "/efi/loader/entries",
                                                "/efi/EFI/Linux",
                                                "/etc/modprobe.d",
                                                "/run/modprobe.d",
                                                "/usr/local/lib/modprobe.d",
                                                "/lib/modprobe.d",
                                                "/etc/modules-load.d",
                                                "/etc/vfio-switch",
                                                "/lib/modules"};

bool is_newer(const FileReader& files, const std::string& path, Moment moment) {
  const auto status = files.status(path);
  return status && *status && (*status)->modified > moment.time_since_epoch().count();
}

/// An input that was changed after `moment`; nothing where none that can be seen was.
std::optional<std::string> changed_since(const FileReader& files, Moment moment) {
  for (std::string directory : inputs) {
    // What a directory lost is gone: only its own time says so.
    for (const auto& name : names_in(files, directory)) {
      auto path = directory + "/" + name;
      if (is_newer(files, path, moment)) return path;
    }
    if (is_newer(files, directory, moment)) return directory;
  }
  return std::nullopt;
}

MenuRecord unusable(NoteCause cause, Data data) {
  MenuRecord record;
  record.why_unusable = Note{cause, std::move(data)};
  return record;
}

MenuRecord unreadable(std::string why) {
  return unusable(NoteCause::file_unread,
                  {{"file", Place{menu_record_path}}, {"why", Word{std::move(why)}}});
}

/// Throws where `name` is none.
EntryKind kind_from(const Json& json) {
  const auto name = json.get<std::string>();
  using enum EntryKind;
  for (const auto kind : {usual, fallback, rescue, snapshot, foreign}) {
    if (name == to_string(kind)) return kind;
  }
  throw Json::other_error::create(501, "not a kind of entry", &json);
}

MenuRecord::Entry entry_from(const Json& json) {
  MenuRecord::Entry entry{.id = json.at("id").get<std::string>(),
                          .title = json.at("title").get<std::string>(),
                          .kind = kind_from(json.at("kind")),
                          .is_default = json.at("default").get<bool>(),
                          .is_once = json.at("once").get<bool>(),
                          .release = text_or_nothing(json.at("release"))};
  for (const auto& function : json.at("functions")) {
    const auto& text = function.at("device");
    const auto device = PciAddress::parse(text.get<std::string>());
    if (!device) throw Json::other_error::create(501, "not a PCI address", &text);
    entry.functions.push_back(
        {*device, text_or_nothing(function.at("winner")), function.at("proved").get<bool>()});
  }
  return entry;
}

MenuRecord record_from(const Json& json, const FileReader& files) {
  if (json.at("schema").get<int>() > schema) {
    return unreadable("it was written by a newer version of vfio-switch");
  }
  const auto began = parse_time(json.at("time").get<std::string>());
  if (!began) return unreadable("it cannot be parsed");
  MenuRecord record;
  record.time = in_utc(*began) + "Z";
  record.local_time = in_local_time(*began);
  for (const auto& entry : json.at("entries")) record.entries.push_back(entry_from(entry));
  if (auto path = changed_since(files, *began)) {
    return unusable(NoteCause::menu_changed, {{"file", Place{std::move(*path)}}});
  }
  return record;
}

}  // namespace

std::string render_menu_record(const MenuProof& menu, Moment began) {
  // The ids of GRUB's entries hold those of file systems, others a machine's.
  const Scrubber scrubbed({});
  Json entries = Json::array();
  for (const auto& proof : menu.entries) {
    if (proof.functions.empty()) continue;  // another system's, or a snapshot's
    const auto& entry = proof.entry;
    Json list = Json::array();
    for (const auto& function : proof.functions) {
      list.push_back({{"device", function.device.str()},
                      {"winner", or_null(function.winner)},
                      {"proved", function.proved}});
    }
    entries.push_back({{"id", scrubbed(entry.id)},
                       {"title", scrubbed(entry.title)},
                       {"kind", to_string(entry.kind)},
                       {"default", entry.is_default},
                       {"once", entry.is_once},
                       {"release", or_null(entry.release)},
                       {"functions", std::move(list)}});
  }
  const Json json = {
      {"schema", schema}, {"time", render_time(began)}, {"entries", std::move(entries)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<MenuRecord> load_menu_record(const FileReader& files) {
  auto file = read_foreign(files, menu_record_path);
  if (!file.why.empty()) return unreadable(std::move(file.why));
  if (file.kind != ForeignKind::text) return std::nullopt;
  try {
    return record_from(Json::parse(file.text), files);
  } catch (const Json::exception&) {
    return unreadable("it cannot be parsed");
  }
}

}  // namespace vfio_switch
