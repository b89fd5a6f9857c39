// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The publishable facts about a machine that are not in SystemFacts, so that a fixture made from
/// both gives the same plan as the machine (tests/machines/README.md).
struct Recording {
  struct Function {
    std::string revision;  ///< "0xa1"; empty where it cannot be read
    std::optional<PciAddress> physical;
    std::vector<std::string> modules;  ///< what its modalias leads to in `kernel`
    std::string reset_method;
  };

  std::string kernel;                                     ///< that runs, or the newest
  std::map<std::string, std::vector<std::string>> files;  ///< lines, by path
  std::map<PciAddress, Function> functions;
};

[[nodiscard]] Result<Recording> record(const FileReader& files, const SystemFacts& facts,
                                       const State& state);

/// The names that a report must not contain: of the host and of its users.
[[nodiscard]] std::vector<std::string> private_names(const FileReader& files);

}  // namespace vfio_switch
