// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/state_store.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/binding/override.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;

std::unexpected<Error> damaged(const std::string& why) {
  return fail(state_path + " cannot be parsed: " + printable(why),
              "Restore it from a backup, or remove it and run 'vfio-switch enable' or 'vfio-switch "
              "disable'.");
}

Json to_json(const CardIdentity& card) {
  return {{"address", card.address.str()},
          {"id", card.id.str()},
          {"subsystem", card.subsystem.str()},
          {"class", card.device_class.str()}};
}

std::optional<CardIdentity> card_from(const Json& json) {
  const auto address = PciAddress::parse(json.value("address", ""));
  const auto id = PciId::parse(json.value("id", ""));
  const auto subsystem = PciId::parse(json.value("subsystem", ""));
  const auto class_text = json.value("class", "");
  const auto code = class_text.starts_with("0x") ? parse_hex(std::string_view(class_text).substr(2))
                                                 : std::nullopt;
  if (!address || !id || !subsystem || !code) return std::nullopt;
  return CardIdentity{*address, *id, *subsystem, {*code}};
}

/// Parameters that the program adds to a kernel command line consist of these characters.
bool is_parameter(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.,:=") == std::string::npos;
}

Result<State> state_from(const Json& json) {
  if (json.at("schema").get<int>() > schema) {
    return fail(state_path + " was written by a newer version of vfio-switch",
                "Upgrade vfio-switch.");
  }
  State state;
  const auto intent = json.at("intent").get<std::string>();
  if (intent != "enabled" && intent != "disabled") return damaged("intent '" + intent + "'");
  state.intent = intent == "enabled" ? Intent::enabled : Intent::disabled;
  for (const auto& entry : json.at("cards")) {
    const auto card = card_from(entry);
    if (!card) return damaged("card " + entry.dump());
    state.cards.push_back(*card);
  }
  for (const auto& entry : json.value("extra_devices", Json::array())) {
    const auto device = card_from(entry);
    if (!device) return damaged("device " + entry.dump());
    state.extra_devices.push_back(*device);
  }
  for (const auto& entry : json.at("accepted_risks")) {
    const auto code = parse_refusal_code(entry.get<std::string>());
    if (!code) return damaged("risk " + entry.dump());
    state.accepted_risks.push_back(*code);
  }
  for (const auto& entry : json.value("boot_parameters", Json::array())) {
    const auto parameter = entry.get<std::string>();
    if (!is_parameter(parameter)) return damaged("boot parameter " + entry.dump());
    state.boot_parameters.push_back(parameter);
  }
  return state;
}

}  // namespace

Result<State> load_state(const FileReader& files) {
  auto text = files.read(state_path);
  if (!text) return failure_of(text);
  if (!*text) return State{};
  try {
    return state_from(Json::parse(**text));
  } catch (const Json::exception& error) {
    return damaged(error.what());
  }
}

SalvagedState salvage_state(const FileReader& files) {
  SalvagedState salvaged;
  const auto text = files.read(state_path);
  salvaged.exists = !text || *text;
  if (!salvaged.exists) return salvaged;
  salvaged.intent = Intent::enabled;
  if (!text) {
    salvaged.problem = text.error().message;
    return salvaged;
  }
  const auto state = load_state(files);
  if (state) {
    salvaged.intent = state->intent;
    salvaged.boot_parameters = state->boot_parameters;
    return salvaged;
  }
  salvaged.problem = state.error().message;
  const auto json = Json::parse(**text, nullptr, false);
  if (!json.is_object()) return salvaged;
  if (json.contains("intent") && json["intent"] == "disabled") salvaged.intent = Intent::disabled;
  const auto parameters = json.value("boot_parameters", Json::array());
  for (const auto& parameter : parameters.is_array() ? parameters : Json::array()) {
    if (parameter.is_string() && is_parameter(parameter.get<std::string>())) {
      salvaged.boot_parameters.push_back(parameter);
    }
  }
  return salvaged;
}

std::optional<std::string> with_intent_disabled(const std::string& text) {
  constexpr std::string_view enabled = "\"enabled\"";
  const auto key = text.find("\"intent\"");
  if (key == std::string::npos) return std::nullopt;
  const auto value = text.find('"', key + std::string_view("\"intent\"").size());
  if (value == std::string::npos || text.compare(value, enabled.size(), enabled) != 0) {
    return std::nullopt;
  }
  auto changed = text;
  changed.replace(value, enabled.size(), "\"disabled\"");
  return changed;
}

std::string render_state(const State& state) {
  Json json = {{"schema", schema},
               {"intent", to_string(state.intent)},
               {"cards", Json::array()},
               {"accepted_risks", Json::array()}};
  for (const auto& card : state.cards) json["cards"].push_back(to_json(card));
  for (const auto risk : state.accepted_risks) json["accepted_risks"].push_back(to_string(risk));
  for (const auto& device : state.extra_devices) json["extra_devices"].push_back(to_json(device));
  if (!state.boot_parameters.empty()) json["boot_parameters"] = state.boot_parameters;
  return json.dump(2) + "\n";
}

std::string render_hook_facts(Intent intent, std::string_view override_file) {
  if (intent != Intent::enabled) return "intent=disabled\n";
  const bool by_address = !parse_override(override_file).empty();
  return std::string("intent=enabled\nbinding=") + (by_address ? "address" : "ids") + "\n";
}

}  // namespace vfio_switch
