// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/load_order_prover.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/binding/vfio_binding.h"
#include "core/cards/card.h"
#include "system/modules/kernel_proof.h"
#include "system/modules/modprobe_config.h"
#include "system/modules/module_db.h"

namespace vfio_switch {

namespace {

/// What of modprobe's configuration could not be read; nothing where all could.
std::optional<Reason> unread_configuration(const SystemFacts& facts) {
  const auto found = std::ranges::find_if(facts.unread, [](const UnreadFile& file) {
    return file.path.find("/modprobe.d") != std::string::npos;
  });
  if (found == facts.unread.end()) return std::nullopt;
  return Reason(ReasonCause::file_unread,
                {{"file", Place{found->path}}, {"why", Word{found->why}}});
}

/// People and sysfs know a driver by the name that the kernel gives it.
LoadOrder named(LoadOrder order, const ModuleDb& db) {
  if (order.winner && !order.vfio_wins()) order.winner = db.kernel_name(*order.winner);
  return order;
}

/// Under one reading of the configuration.
Result<LoadOrders> prove_reading(const FileReader& files, const SystemFacts& facts,
                                 const Kernel& kernel, const std::vector<Claim>& claims,
                                 const DriverConfig& config) {
  LoadOrders orders;
  if (claims.empty()) return orders;
  const auto unread = unread_configuration(facts);
  auto db = ModuleDb::open(files, kernel, config.modprobe);
  if (!db) return failure_of(db);
  const VfioBinding binding(config, kernel.softdeps);
  KernelProof proof(facts, *db, kernel, config);
  for (const auto& claim : claims) {
    if (claim.kernel != kernel.release) continue;
    const auto& device = *find_device(facts, claim.device);
    auto contest = proof.contest(device, claim, binding.of(device));
    if (!contest) return failure_of(contest);
    contest->root_unread = unread;
    orders.root_alone.push_back(named(decide(*contest), *db));
    orders.contests.push_back(*contest);
    auto built = proof.with_built_image(std::move(*contest));
    if (!built) return failure_of(built);
    orders.images_built.push_back(named(decide(*built), *db));
  }
  return orders;
}

bool say_the_same(const LoadOrder& one, const LoadOrder& other) {
  return one.winner == other.winner && one.stage == other.stage && one.proved == other.proved;
}

void doubt(LoadOrder& order, const Reason& why) {
  order.proved = false;
  order.reason = why;
  order.chain.push_back(why);
}

/// Doubts those of `orders` for which another reading gives another answer.
void doubt_differing(LoadOrders& orders, const LoadOrders& others, const Reason& why) {
  for (std::size_t i = 0; i < orders.contests.size(); ++i) {
    auto& built = orders.images_built[i];
    if (!say_the_same(built, others.images_built[i])) doubt(built, why);
    auto& root = orders.root_alone[i];
    if (say_the_same(root, others.root_alone[i])) continue;
    doubt(root, why);
    orders.contests[i].root_unread = why;
  }
}

}  // namespace

Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                    const std::vector<Claim>& claims, const DriverConfig& config) {
  LoadOrders all;
  for (const auto& kernel : facts.kernels) {
    auto orders = prove_load_order(files, facts, kernel, claims, config);
    if (!orders) return orders;
    std::ranges::move(orders->images_built, std::back_inserter(all.images_built));
    std::ranges::move(orders->root_alone, std::back_inserter(all.root_alone));
    std::ranges::move(orders->contests, std::back_inserter(all.contests));
  }
  return all;
}

Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                    const Kernel& kernel, const std::vector<Claim>& claims,
                                    const DriverConfig& config) {
  const auto readings = possible_readings(config.modprobe);
  std::optional<LoadOrders> orders;
  for (const auto& reading : readings) {
    auto config_read = config;
    config_read.modprobe = reading;
    auto proved = prove_reading(files, facts, kernel, claims, config_read);
    if (!proved) return proved;
    if (!orders) {
      orders = std::move(*proved);
      continue;
    }
    const Reason why(ReasonCause::file_unread,
                     {{"file", Place{read_by_unknown_rules(config.modprobe)->path}},
                      {"why", Word{std::string(why_unknown_release)}}});
    doubt_differing(*orders, *proved, why);
  }
  return std::move(*orders);
}

}  // namespace vfio_switch
