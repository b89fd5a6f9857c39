// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/kept_data.h"

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/message/format.h"
#include "core/message/reason.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

/// The types of items, in the order of Item.
constexpr std::array<std::string_view, std::variant_size_v<Item>> type_names = {
    "word",      "count",   "device",  "id",        "occupant", "place",
    "parameter", "command", "package", "quotation", "name",     "reason"};

struct Kept {
  Json operator()(const Count& count) const { return count.value; }
  Json operator()(const PciAddress& address) const { return address.str(); }
  Json operator()(const PciId& id) const { return id.str(); }
  Json operator()(const Occupant& occupant) const {
    return {{"address", occupant.address.str()},
            {"driver", occupant.driver ? Json(*occupant.driver) : Json()}};
  }
  Json operator()(const Place& place) const { return {{"path", place.path}, {"line", place.line}}; }
  Json operator()(const Command& command) const { return command.arguments; }
  Json operator()(const Package& package) const { return package.name; }
  Json operator()(const Reason& reason) const {
    return {{"cause", kind_of(reason.cause).name}, {"data", kept_data(reason.data)}};
  }
  template <class T>
  Json operator()(const T& text) const {
    return text.text;
  }
};

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
    return Place{json.at("path").get<std::string>(), json.at("line").get<int>()};
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

Json kept_data(const Data& data) {
  Json json = Json::array();
  for (const auto& datum : data) {
    Json items = Json::array();
    for (const auto& item : datum.items) {
      items.push_back({{"type", type_names.at(item.index())}, {"value", std::visit(Kept(), item)}});
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
