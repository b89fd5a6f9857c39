// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/message_json.h"

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/text.h"
#include "core/message/reason.h"
#include "core/tell/message_text.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

/// The types of items, in the order of Item.
constexpr std::array<std::string_view, std::variant_size_v<Item>> type_names = {
    "word",      "count",   "device",  "id",        "occupant", "place",
    "parameter", "command", "package", "quotation", "name",     "reason"};

struct Plain {
  Json operator()(const Count& count) const { return count.value; }
  Json operator()(const PciAddress& address) const { return address.str(); }
  Json operator()(const PciId& id) const { return id.str(); }
  Json operator()(const Occupant& occupant) const {
    return {{"address", occupant.address.str()},
            {"driver", occupant.driver ? Json(*occupant.driver) : Json()}};
  }
  Json operator()(const Place& place) const {
    return {{"path", place.path}, {"line", place.line > 0 ? Json(place.line) : Json()}};
  }
  Json operator()(const Command& command) const { return command.arguments; }
  Json operator()(const Package& package) const { return package.name; }
  Json operator()(const Reason& reason) const { return reason_json(reason); }
  Json operator()(const auto& text) const { return text.text; }
};

Json step_json(const RemedyStep& step) {
  if (const auto* run = std::get_if<Run>(&step)) {
    return {{"kind", "run"}, {"command", run->command.arguments}, {"as_root", run->as_root}};
  }
  if (const auto* edit = std::get_if<Edit>(&step)) {
    Json json = {{"kind", "edit"}};
    json.update(Plain()(edit->place));
    json["from"] = edit->from.empty() ? Json() : Json(edit->from);
    json["to"] = edit->to.empty() ? Json() : Json(edit->to);
    return json;
  }
  const auto& manual = std::get<Manual>(step);
  return {
      {"kind", "by-hand"}, {"code", kind_of(manual.what).name}, {"data", data_json(manual.data)}};
}

/// An item as it is kept: `reason` with typed data in its turn.
Json kept_value(const Item& item) {
  if (const auto* reason = std::get_if<Reason>(&item)) {
    return {{"cause", kind_of(reason->cause).name}, {"data", kept_data(reason->data)}};
  }
  return std::visit(Plain(), item);
}

[[noreturn]] void not_understood(const Json& json) {
  throw Json::other_error::create(501, "not an item of a message", &json);
}

template <class T>
T parsed(const Json& json) {
  const auto value = T::parse(json.get<std::string>());
  if (!value) not_understood(json);
  return *value;
}

Reason reason_from(const Json& json) {
  const auto cause = parse_reason_cause(json.at("cause").get<std::string>());
  if (!cause) not_understood(json);
  Reason reason(*cause, data_from(json.at("data")));
  if (!fits(kind_of(*cause).text, reason.data)) not_understood(json);
  return reason;
}

Item item_from(std::string_view type, const Json& json) {
  const auto text = [&] { return json.get<std::string>(); };
  if (type == "word") return Word{text()};
  if (type == "count") return Count{json.get<long long>()};
  if (type == "device") return parsed<PciAddress>(json);
  if (type == "id") return parsed<PciId>(json);
  if (type == "occupant") {
    Occupant occupant{parsed<PciAddress>(json.at("address")), std::nullopt};
    const auto& driver = json.at("driver");
    if (!driver.is_null()) occupant.driver = driver.get<std::string>();
    return occupant;
  }
  if (type == "place") {
    const auto& line = json.at("line");
    return Place{json.at("path").get<std::string>(), line.is_null() ? 0 : line.get<int>()};
  }
  if (type == "parameter") return Parameter{text()};
  if (type == "command") return Command{json.get<std::vector<std::string>>()};
  if (type == "package") return Package{text()};
  if (type == "quotation") return Quotation{text()};
  if (type == "name") return Name{text()};
  if (type == "reason") return reason_from(json);
  not_understood(json);
}

}  // namespace

Json data_json(const Data& data) {
  Json json = Json::object();
  for (const auto& datum : data) {
    Json list = Json::array();
    for (const auto& item : datum.items) list.push_back(std::visit(Plain(), item));
    json[datum.key] = datum.is_list ? std::move(list) : std::move(list.at(0));
  }
  return json;
}

Json reason_json(const std::optional<Reason>& reason) {
  if (!reason) return {};
  return {{"cause", kind_of(reason->cause).name},
          {"message", reason_text(*reason)},
          {"data", data_json(reason->data)}};
}

Json remedy_json(const Remedy& remedy) {
  if (remedy.empty()) return {};
  Json steps = Json::array();
  for (const auto& step : remedy) steps.push_back(step_json(step));
  return {{"text", join(remedy_lines(remedy), "\n")}, {"steps", std::move(steps)}};
}

Json kept_data(const Data& data) {
  Json json = Json::array();
  for (const auto& datum : data) {
    Json items = Json::array();
    for (const auto& item : datum.items) {
      items.push_back({{"type", type_names.at(item.index())}, {"value", kept_value(item)}});
    }
    json.push_back({{"key", datum.key}, {"list", datum.is_list}, {"items", std::move(items)}});
  }
  return json;
}

Data data_from(const Json& json) {
  Data data;
  for (const auto& entry : json) {
    std::vector<Item> items;
    for (const auto& item : entry.at("items")) {
      items.push_back(item_from(item.at("type").get<std::string>(), item.at("value")));
    }
    const auto key = entry.at("key").get<std::string>();
    if (entry.at("list").get<bool>()) {
      data.emplace_back(key, std::move(items));
    } else if (items.size() == 1) {
      data.emplace_back(key, std::move(items.front()));
    } else {
      not_understood(entry);
    }
  }
  return data;
}

}  // namespace vfio_switch
