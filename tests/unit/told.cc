// SPDX-License-Identifier: GPL-3.0-or-later
#include "told.h"

#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"

namespace vfio_switch::test {

std::string plain(std::string_view text) {
  return std::string(text);
}

std::string text_of(const Refusal& refusal) {
  return plain(refusal_text(refusal));
}

std::string text_of(const Note& note) {
  return plain(note_text(note));
}

std::string text_of(const BootFinding& finding) {
  return plain(boot_finding_text(finding));
}

std::string text_of(const std::optional<Reason>& reason) {
  return reason ? plain(reason_text(*reason)) : std::string();
}

std::string text_of(const Remedy& remedy) {
  std::string text;
  for (const auto& line : remedy_lines(remedy)) text += line + "\n";
  return plain(text);
}

Reason some_reason(std::string_view text) {
  return {ReasonCause::image_unreadable, {{"error", Quotation{std::string(text)}}}};
}

}  // namespace vfio_switch::test
