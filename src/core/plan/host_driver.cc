// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/host_driver.h"

#include <algorithm>

#include "core/binding/obstacle.h"

namespace vfio_switch {

namespace {

/// What keeps each module of `claim` from being loaded; empty where one has nothing in its way.
std::vector<Item> obstacles_of(const Claim& claim, const std::vector<ModprobeDirective>& lines,
                               const std::string& command_line) {
  std::vector<Item> obstacles;
  for (const auto& module : claim.modules) {
    const auto obstacle = obstacle_of(lines, command_line, module);
    if (!obstacle) return {};
    const bool known = std::ranges::find(obstacles, *obstacle) != obstacles.end();
    if (!known) obstacles.push_back(*obstacle);
  }
  return obstacles;
}

}  // namespace

std::vector<Note> left_without_driver(const SystemFacts& facts, const std::vector<Claim>& claims,
                                      const std::vector<LoadOrder>& orders,
                                      const DriverConfig& config) {
  const auto lines = parse_modprobe(effective_modprobe(config.modprobe));
  std::vector<Note> notes;
  for (const auto& order : orders) {
    if (order.winner || !order.proved) continue;
    const auto claim = std::ranges::find_if(claims, [&](const Claim& one) {
      return one.kernel == order.kernel && one.device == order.device;
    });
    const auto kernel = std::ranges::find(facts.kernels, order.kernel, &Kernel::release);
    if (claim == claims.end() || kernel == facts.kernels.end()) continue;
    auto obstacles = obstacles_of(*claim, lines, command_line_of(facts, *kernel));
    if (obstacles.empty()) continue;
    Note note{NoteCause::no_driver_left,
              {{"device", order.device},
               {"modules", words_of(claim->modules)},
               {"by", std::move(obstacles)}}};
    const bool said = std::ranges::find(notes, note) != notes.end();
    if (!said) notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace vfio_switch
