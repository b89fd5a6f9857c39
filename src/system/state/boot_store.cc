// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/boot_store.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/message/format.h"
#include "core/message/reason.h"
#include "system/state/kept_data.h"

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

/// A finding of version 0.1.0, which kept a sentence in place of the facts.
BootFinding quoted_finding(const Json& entry) {
  auto code = entry.at("code").get<std::string>();
  if (code == "not-as-foretold") code = kind_of(BootCause::other_driver).code;
  return {.cause = BootCause::quoted,
          .data = {{"text", Quotation{entry.at("message").get<std::string>()}}},
          .quoted_code = std::move(code)};
}

/// Nothing where it is not understood, as one that a later version wrote.
std::optional<BootFinding> typed_finding(const Json& entry) {
  BootFinding finding;
  const auto name = entry.at("cause").get<std::string>();
  auto data = data_from(entry.at("data"));
  if (const auto refused = parse_refusal_cause(name); refused && entry.at("refusal").get<bool>()) {
    if (!fits(kind_of(*refused).text, data)) return std::nullopt;
    finding.cause = BootCause::refused;
    finding.refusal = Refusal{*refused, std::move(data)};
    return finding;
  }
  const auto kind = std::ranges::find(boot_kinds(), name, &BootKind::name);
  if (kind == boot_kinds().end() || !fits(kind->text, data)) return std::nullopt;
  finding.cause = kind->cause;
  finding.data = std::move(data);
  if (kind->cause == BootCause::quoted) finding.quoted_code = entry.at("code").get<std::string>();
  return finding;
}

std::optional<BootFinding> finding_from(const Json& entry) {
  auto finding = entry.contains("cause") ? typed_finding(entry) : quoted_finding(entry);
  if (!finding) return finding;
  finding->warning = entry.at("warning").get<bool>();
  for (const auto& text : entry.at("devices")) {
    if (const auto address = PciAddress::parse(text.get<std::string>())) {
      finding->devices.push_back(*address);
    }
  }
  if (finding->refusal) finding->refusal->devices = finding->devices;
  return finding;
}

Json finding_json(const BootFinding& finding) {
  Json addresses = Json::array();
  for (const auto& address : finding.devices) addresses.push_back(address.str());
  const auto& refusal = finding.refusal;
  return {{"code", finding.code()},
          {"cause", refusal ? kind_of(refusal->cause).name : kind_of(finding.cause).name},
          {"refusal", refusal.has_value()},
          {"data", kept_data(refusal ? refusal->data : finding.data)},
          {"devices", addresses},
          {"warning", finding.warning}};
}

/// Version 0.1.0 kept the error itself, where passthrough could not be disabled.
void read_action(const Json& json, BootRecord& record) {
  const auto action = text_or_nothing(json.at("action"));
  if (!action) return;
  using enum BootAction;
  for (const auto known : {disabled, refused, failed}) {
    if (*action == to_string(known)) record.action = known;
  }
  record.problem = text_or_nothing(json.value("problem", Json())).value_or("");
  if (record.action != none) return;
  record.action = failed;
  record.problem = *action;
}

BootRecord record_from(const Json& json) {
  BootRecord record;
  record.boot_id = json.at("boot_id").get<std::string>();
  record.time = json.at("time").get<std::string>();
  record.kernel = json.at("kernel").get<std::string>();
  read_action(json, record);
  for (const auto& entry : json.at("devices")) {
    const auto address = PciAddress::parse(entry.at("address").get<std::string>());
    if (!address) continue;
    record.drivers.push_back(
        {*address, text_or_nothing(expected(entry)), text_or_nothing(entry.at("observed"))});
  }
  for (const auto& entry : json.at("findings")) {
    if (auto finding = finding_from(entry)) record.findings.push_back(std::move(*finding));
  }
  return record;
}

constexpr std::string_view pending_key = "pending: ";
constexpr std::string_view reported_key = "reported: ";

/// Version 0.1.0 wrote "a chroot".
ReasonCause place_named(std::string_view name) {
  for (const auto place :
       {ReasonCause::in_container, ReasonCause::in_chroot, ReasonCause::in_live_system}) {
    if (name == kind_of(place).name || name == kind_of(place).text.text) return place;
  }
  return ReasonCause::in_unknown_system;
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
  for (const auto& finding : record.findings) findings.push_back(finding_json(finding));
  const bool nothing = record.action == BootAction::none;
  const Json json = {{"schema", 1},
                     {"boot_id", record.boot_id},
                     {"time", record.time},
                     {"kernel", record.kernel},
                     {"good", record.good()},
                     {"devices", devices},
                     {"findings", findings},
                     {"action", nothing ? Json() : Json(to_string(record.action))},
                     {"problem", record.problem.empty() ? Json() : Json(record.problem)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<ReasonCause> pending_set_up(const FileReader& files, PendingSetUp which) {
  const auto text = files.read(set_up_path);
  if (!text || !*text) return std::nullopt;
  for (const auto kind : {pending_key, reported_key}) {
    if (!(*text)->starts_with(kind)) continue;
    if (which == PendingSetUp::not_told && kind == reported_key) return std::nullopt;
    return place_named(trim(std::string_view(**text).substr(kind.size())));
  }
  return std::nullopt;
}

std::string pending_note(ReasonCause where) {
  return std::string(pending_key) + std::string(kind_of(where).name);
}

std::string reported_note(ReasonCause where) {
  return std::string(reported_key) + std::string(kind_of(where).name);
}

}  // namespace vfio_switch
