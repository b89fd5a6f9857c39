// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/message/reason_cause.h"
#include "core/pci/pci.h"

namespace vfio_switch {

struct Datum;

// The facts that a refusal, a finding or a note is about. They stay typed until the very last:
// programs get them as they are, a report hides what may name somebody by its type, and sentences
// can be reworded or translated without any effect on the rest.

/// A technical word of the system: a module, a driver, a kernel release, a setting's name. Chosen
/// by distributions and kernels, never by the owner of the machine, so that it may be published.
struct Word {
  std::string text;
  bool operator==(const Word&) const = default;
};

/// A number of things. The one that a message's plural follows is named by the catalogue.
struct Count {
  long long value = 0;
  bool operator==(const Count&) const = default;
};

/// A file, and a line of it, from 1; 0 where the file as a whole is meant. A path may lie in
/// somebody's home directory, or hold a name.
struct Place {
  std::string path;
  int line = 0;

  /// "/etc/modprobe.d/vfio.conf:3"
  [[nodiscard]] std::string str() const {
    return line > 0 ? path + ":" + std::to_string(line) : path;
  }

  auto operator<=>(const Place&) const = default;
};

/// A function, and the driver that it is bound to.
struct Occupant {
  PciAddress address;
  std::optional<std::string> driver;  ///< nothing: no driver
  bool operator==(const Occupant&) const = default;
};

/// A word of a kernel command line: "intel_iommu=on".
struct Parameter {
  std::string text;
  bool operator==(const Parameter&) const = default;
};

/// A command that can be run as it stands, one argument a string.
struct Command {
  std::vector<std::string> arguments;
  bool operator==(const Command&) const = default;
};

/// A distribution's package.
struct Package {
  std::string name;
  bool operator==(const Package&) const = default;
};

/// What somebody's file or another program says, in its own words. It may name anybody.
struct Quotation {
  std::string text;
  bool operator==(const Quotation&) const = default;
};

/// A name that somebody gave: of a host, a user, a virtual machine, a disk.
struct Name {
  std::string text;
  bool operator==(const Name&) const = default;
};

/// Why something is as it is, as a clause of a sentence that says what. Another message may quote
/// it: see Item.
struct Reason {
  ReasonCause cause = ReasonCause::not_known;
  std::vector<Datum> data;

  Reason();
  Reason(ReasonCause why);  // one without data is nothing but its cause
  Reason(ReasonCause why, std::vector<Datum> about);

  bool operator==(const Reason& other) const;
};

using Item = std::variant<Word, Count, PciAddress, PciId, Occupant, Place, Parameter, Command,
                          Package, Quotation, Name, Reason>;

/// One placeholder of a message: its stable name for programs ("device", "groups"), and what is
/// put there. A list stays one, also where it has a single item.
struct Datum {
  std::string key;
  std::vector<Item> items;
  bool is_list = false;

  Datum(std::string_view name, Item item) : key(name) { items.push_back(std::move(item)); }
  Datum(std::string_view name, std::vector<Item> list)
      : key(name), items(std::move(list)), is_list(true) {}

  bool operator==(const Datum&) const = default;
};

// Here, where a Datum is complete.
// NOLINTNEXTLINE(readability-redundant-inline-specifier): out of the class it is not implied
inline Reason::Reason() = default;
inline Reason::Reason(ReasonCause why) : cause(why) {}
inline Reason::Reason(ReasonCause why, std::vector<Datum> about)
    : cause(why), data(std::move(about)) {}
inline bool Reason::operator==(const Reason& other) const {
  return cause == other.cause && data == other.data;
}

/// In the order of the message's placeholders: the first is {1}.
using Data = std::vector<Datum>;

/// A list from a range of values that an Item can hold.
template <class Range>
[[nodiscard]] std::vector<Item> items_of(const Range& range) {
  std::vector<Item> items;
  for (const auto& value : range) items.emplace_back(value);
  return items;
}

/// A list of technical words.
template <class Range>
[[nodiscard]] std::vector<Item> words_of(const Range& range) {
  std::vector<Item> items;
  for (const auto& text : range) items.emplace_back(Word{std::string(text)});
  return items;
}

/// A list of words of kernel command lines.
template <class Range>
[[nodiscard]] std::vector<Item> parameters_of(const Range& range) {
  std::vector<Item> items;
  for (const auto& text : range) items.emplace_back(Parameter{std::string(text)});
  return items;
}

}  // namespace vfio_switch
