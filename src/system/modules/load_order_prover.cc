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

void doubt(LoadOrder& order, const std::optional<Reason>& unread) {
  if (!unread || !order.proved) return;
  order.proved = false;
  order.reason = *unread;
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
    const auto bound = binding.of(device);
    auto built = proof.prove(device, claim, bound, ImageAhead::built_anew);
    if (!built) return failure_of(built);
    binding.explain(*built, device);
    doubt(*built, unread);
    orders.images_built.push_back(std::move(*built));
    auto root = proof.prove(device, claim, bound, ImageAhead::looked_into);
    if (!root) return failure_of(root);
    binding.explain(*root, device);
    doubt(*root, unread);
    orders.root_alone.push_back(std::move(*root));
  }
  return orders;
}

/// Doubts those of `orders` for which another reading gives another answer.
void doubt_differing(std::vector<LoadOrder>& orders, const std::vector<LoadOrder>& others,
                     const std::optional<Reason>& why) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    auto& order = orders[i];
    const auto& other = others[i];
    const bool same =
        order.winner == other.winner && order.stage == other.stage && order.proved == other.proved;
    if (!same) doubt(order, why);
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
    doubt_differing(orders->images_built, proved->images_built, why);
    doubt_differing(orders->root_alone, proved->root_alone, why);
  }
  return std::move(*orders);
}

}  // namespace vfio_switch
