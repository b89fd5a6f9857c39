// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/message_json.h"

#include "core/message/reason.h"
#include "core/tell/message_text.h"
#include "core/tell/remedy_text.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

Json place_json(const Place& place) {
  return {{"path", place.path}, {"line", place.line > 0 ? Json(place.line) : Json()}};
}

struct ItemJson {
  Json operator()(const PciAddress& address) const { return address.str(); }
  Json operator()(const PciId& id) const { return id.str(); }
  Json operator()(const Count& count) const { return count.value; }
  Json operator()(const Occupant& occupant) const {
    return {{"address", occupant.address.str()},
            {"driver", occupant.driver ? Json(*occupant.driver) : Json()}};
  }
  Json operator()(const Place& place) const { return place_json(place); }
  Json operator()(const Command& command) const { return command.arguments; }
  Json operator()(const Package& package) const { return package.name; }
  Json operator()(const Reason& reason) const { return reason_json(reason); }
  template <class T>
  Json operator()(const T& text) const {
    return text.text;
  }
};

struct StepJson {
  Json operator()(const Run& run) const {
    return {{"kind", "run"}, {"command", run.command.arguments}, {"as_root", run.as_root}};
  }
  Json operator()(const Edit& edit) const {
    auto json = Json({{"kind", "edit"}});
    json.update(place_json(edit.place));
    json["from"] = edit.from.empty() ? Json() : Json(edit.from);
    json["to"] = edit.to.empty() ? Json() : Json(edit.to);
    return json;
  }
  Json operator()(const Manual& manual) const {
    return {
        {"kind", "by-hand"}, {"code", to_string(manual.what)}, {"data", data_json(manual.data)}};
  }
  Json operator()(const OtherWay& /*other*/) const { return {{"kind", "or"}}; }
};

}  // namespace

Json data_json(const Data& data) {
  Json json = Json::object();
  for (const auto& datum : data) {
    Json items = Json::array();
    for (const auto& item : datum.items) items.push_back(std::visit(ItemJson(), item));
    json[datum.key] = datum.is_list || items.empty() ? items : items.front();
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
  for (const auto& step : remedy) steps.push_back(std::visit(StepJson(), step));
  return {{"text", remedy_text(remedy)}, {"steps", steps}};
}

}  // namespace vfio_switch
