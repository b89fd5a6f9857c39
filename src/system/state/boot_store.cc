// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/boot_store.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json();
}

std::optional<std::string> text_or_nothing(const Json& json) {
  return json.is_string() ? std::optional(json.get<std::string>()) : std::nullopt;
}

/// Version 0.1.0 wrote "foretold" for the key, and "not-as-foretold" for the code.
const Json& expected(const Json& entry) {
  return entry.contains("expected") ? entry.at("expected") : entry.at("foretold");
}

std::string current_code(std::string code) {
  return code == "not-as-foretold" ? "not-as-expected" : std::move(code);
}

BootRecord record_from(const Json& json) {
  BootRecord record;
  record.boot_id = json.at("boot_id").get<std::string>();
  record.time = json.at("time").get<std::string>();
  record.kernel = json.at("kernel").get<std::string>();
  record.action = text_or_nothing(json.at("action")).value_or("");
  for (const auto& entry : json.at("devices")) {
    const auto address = PciAddress::parse(entry.at("address").get<std::string>());
    if (!address) continue;
    record.drivers.push_back(
        {*address, text_or_nothing(expected(entry)), text_or_nothing(entry.at("observed"))});
  }
  for (const auto& entry : json.at("findings")) {
    BootFinding finding{current_code(entry.at("code").get<std::string>()),
                        entry.at("message").get<std::string>(),
                        {},
                        entry.at("warning").get<bool>()};
    for (const auto& text : entry.at("devices")) {
      if (const auto address = PciAddress::parse(text.get<std::string>())) {
        finding.devices.push_back(*address);
      }
    }
    record.findings.push_back(std::move(finding));
  }
  return record;
}

}  // namespace

Result<std::string> read_boot_id(const FileReader& files) {
  auto text = files.read("/proc/sys/kernel/random/boot_id");
  if (!text) return failure_of(text);
  return std::string(trim(text->value_or("")));
}

BootCount load_boot_count(const FileReader& files) {
  const auto text = files.read(boot_count_path);
  if (!text || !*text) return {};
  const auto words = split_words(**text, " \n");
  BootCount count;
  if (words.size() != 2) return {};
  const auto* end = words[0].data() + words[0].size();
  if (std::from_chars(words[0].data(), end, count.begun).ptr != end) return {};
  count.boot_id = words[1];
  return count;
}

std::string render_boot_count(const BootCount& count) {
  return std::to_string(count.begun) + " " + count.boot_id + "\n";
}

std::optional<BootRecord> load_boot_record(const FileReader& files) {
  const auto text = files.read(boot_record_path);
  if (!text || !*text) return std::nullopt;
  try {
    return record_from(Json::parse(**text));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string render_boot_record(const BootRecord& record) {
  Json devices = Json::array();
  for (const auto& driver : record.drivers) {
    devices.push_back({{"address", driver.address.str()},
                       {"expected", or_null(driver.expected)},
                       {"observed", or_null(driver.observed)}});
  }
  Json findings = Json::array();
  for (const auto& finding : record.findings) {
    Json addresses = Json::array();
    for (const auto& address : finding.devices) addresses.push_back(address.str());
    findings.push_back({{"code", finding.code},
                        {"message", finding.message},
                        {"devices", addresses},
                        {"warning", finding.warning}});
  }
  const Json json = {
      {"schema", 1},           {"boot_id", record.boot_id},
      {"time", record.time},   {"kernel", record.kernel},
      {"good", record.good()}, {"devices", devices},
      {"findings", findings},  {"action", record.action.empty() ? Json() : Json(record.action)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<std::string> pending_set_up(const FileReader& files, bool unsaid) {
  const auto text = files.read(set_up_path);
  if (!text || !*text) return std::nullopt;
  for (const std::string_view kind : {"pending: ", "reported: "}) {
    if (!(*text)->starts_with(kind)) continue;
    if (unsaid && kind == "reported: ") return std::nullopt;
    return std::string(trim(std::string_view(**text).substr(kind.size())));
  }
  return std::nullopt;
}

}  // namespace vfio_switch
