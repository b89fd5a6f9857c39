// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/chain_text.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "core/tell/message_text.h"

namespace vfio_switch {

namespace {

std::string heading(std::string_view what, const Style& style) {
  return "\n" + toned("PROOF", Tone::heading, style) + "  " + printable(what) + "\n";
}

std::string chain_text(PciAddress device, const std::optional<std::string>& winner, bool proved,
                       const std::vector<Reason>& chain, const Style& style) {
  auto text = "  " + device.str() + "  ";
  if (proved || winner) text += winner.value_or("no driver");
  if (!proved) text += winner ? ", not proved" : "not known";
  text += "\n";
  for (const auto& link : chain) text += paragraph("    ", {reason_text(link)}, style);
  return text;
}

}  // namespace

std::string chains_text(const Status& status, const Style& style) {
  if (const auto* next = status.menu.next_entry(); next != nullptr && !next->functions.empty()) {
    auto text = heading(next->entry.title, style);
    for (const auto& one : next->functions) {
      text += chain_text(one.device, one.winner, one.proved, one.chain, style);
    }
    return text;
  }
  std::string text;
  std::string_view kernel;
  for (const auto& order : status.load_order) {
    if (order.kernel != kernel) text += heading(order.kernel, style);
    kernel = order.kernel;
    text += chain_text(order.device, order.winner, order.proved, order.chain, style);
  }
  return text;
}

}  // namespace vfio_switch
