// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/message_text.h"

#include <string_view>

#include "core/message/format.h"
#include "core/message/reason.h"

namespace vfio_switch {

std::string refusal_text(const Refusal& refusal) {
  return format(kind_of(refusal.cause).text, refusal.data);
}

std::string note_text(const Note& note) {
  return format(kind_of(note.cause).text, note.data);
}

std::string reason_text(const Reason& reason) {
  return format(kind_of(reason.cause).text, reason.data);
}

namespace {

struct StepText {
  std::string operator()(const Run& run) const { return command_text(run.command); }

  std::string operator()(const Edit& edit) const {
    const Datum place("place", edit.place);
    const Datum from("from", Quotation{edit.from});
    const Datum to("to", Quotation{edit.to});
    if (edit.from.empty() && edit.to.empty()) {
      return format({"Remove this line: {1}"}, {place});
    }
    if (edit.from.empty()) return format({"Add the line '{2}' to {1}."}, {place, to});
    if (edit.to.empty()) return format({"Remove '{2}' from {1}."}, {place, from});
    return format({"In {1}, change '{2}' to '{3}'."}, {place, from, to});
  }

  std::string operator()(const Manual& step) const {
    return format(kind_of(step.what).text, step.data);
  }
};

}  // namespace

std::vector<std::string> remedy_lines(const Remedy& remedy) {
  std::vector<std::string> lines;
  for (const auto& step : remedy) lines.push_back(std::visit(StepText(), step));
  return lines;
}

}  // namespace vfio_switch
