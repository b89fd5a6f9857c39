// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/packages.h"

#include "core/base/text.h"

namespace vfio_switch {

std::string render_packages(const PackageFacts& facts) {
  std::string text;
  for (const auto& kernel : facts.kernels) {
    text += "kernel " + kernel.release + " " + kernel.package + "\n";
  }
  for (const auto& driver : facts.graphics_drivers) text += "graphics-driver " + driver + "\n";
  for (const auto& generator : facts.generators) text += "generator " + generator + "\n";
  if (facts.dkms) text += "dkms\n";
  return text;
}

PackageFacts parse_packages(std::string_view text) {
  PackageFacts facts;
  for (const auto line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.empty()) continue;
    const auto value = [&](std::size_t i) {
      return std::string(i < words.size() ? words[i] : std::string_view());
    };
    if (words[0] == "kernel") facts.kernels.push_back({value(1), value(2)});
    if (words[0] == "graphics-driver") facts.graphics_drivers.push_back(value(1));
    if (words[0] == "generator") facts.generators.push_back(value(1));
    if (words[0] == "dkms") facts.dkms = true;
  }
  return facts;
}

}  // namespace vfio_switch
