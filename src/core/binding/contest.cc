// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/contest.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "core/binding/binding.h"
#include "core/binding/evidence.h"
#include "core/modules/driver_order.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

/// The request that loads vfio-pci, and when: it keeps what it was loaded with.
struct Loading {
  const LoadRequest* request = nullptr;  ///< null where none does
  Stage stage = Stage::root;
};

Loading first_to_load(const std::vector<LoadStep>& steps) {
  for (const auto& step : steps) {
    for (const auto& request : step.requests) {
      if (holds(request.modules, vfio_pci)) return {&request, step.stage};
    }
  }
  return {};
}

/// One boot, told in its order.
class Boot {
 public:
  explicit Boot(const Contest& contest)
      : contest_(contest), loading_(first_to_load(contest.steps)), bound_(contest.in_root) {
    if (contest.vfio == ModuleForm::built_in) return;
    if (loading_.request == nullptr) return;
    if (loading_.stage == Stage::image) bound_ = contest.in_image;
    const auto& request = *loading_.request;
    if (!request.ids) return;
    bound_.by_id = request.ids->match(contest.device);
    if (!bound_.by_address) list_ = std::get<Place>(request.requester);
  }

  LoadOrder tell() && {
    order_.kernel = contest_.claim.kernel;
    order_.device = contest_.claim.device;
    register_built_in();
    for (const auto& step : contest_.steps) carry_out(step);
    sort_contenders();
    conclude();
    doubt();
    ask_driverctl();
    if (order_.reason && !is_told(order_.reason->cause)) link(order_.reason);
    return std::move(order_);
  }

 private:
  /// Built-in drivers, in the order in which they register; vfio-pci knows its ids then.
  void register_built_in() {
    for (const auto& module : contest_.unsigned_modules) {
      link(Reason(ReasonCause::module_unsigned, {{"module", Word{module}}}));
    }
    if (contest_.stub) {
      holder_ = "pci-stub";
      by_kernel_ = true;
      link(Reason(ReasonCause::stub_takes, {{"parameter", *contest_.stub}}));
      return;
    }
    const auto& drivers = contest_.claim.built_in;
    if (contest_.vfio == ModuleForm::built_in && bound_.by_parameter &&
        !first_before_vfio(drivers)) {
      holder_ = vfio_pci;
      order_.modules = {std::string(vfio_pci)};
      order_.contenders = order_.modules;
      link(bound_.giver);
      return;
    }
    if (drivers.empty()) return;
    holder_ = drivers.front();
    by_kernel_ = true;
    link(Reason(ReasonCause::driver_built_in, {{"driver", Word{*holder_}}}));
  }

  /// True if `module`, once it is loaded in `stage`, takes a function that nobody has.
  [[nodiscard]] bool takes(const std::string& module, Stage stage) const {
    const auto& claim = contest_.claim;
    if (module != vfio_pci) return std::ranges::binary_search(claim.modules, module);
    if (contest_.vfio != ModuleForm::loadable) return false;
    if (claim.built_in.empty() && !contest_.stub) return bound_.at_all();
    return stage == Stage::image ? contest_.in_image.by_address : contest_.in_root.by_address;
  }

  void carry_out(const LoadStep& step) {
    const bool is_open = !holder_ || by_kernel_;
    if (!step.ordered && is_open) {
      for (const auto& request : step.requests) heed_unclear(request, step.stage);
    }
    for (const auto& request : step.requests) {
      for (const auto& module : request.modules) add(module, step.stage);
      if (!holder_ || by_kernel_) heed_unclear(request, step.stage);
      if (is_open) offer(request, step);
    }
    if (!step.ordered && !settled_ && !by_kernel_) heed_race(step);
    if (!settled_ && (!by_kernel_ || bound_.by_address)) explain(step);
    settled_ = holder_ && !by_kernel_;
  }

  /// In a step without an order, who was first may turn out to be second.
  void offer(const LoadRequest& request, const LoadStep& step) {
    const auto first = std::ranges::find_if(
        request.modules, [&](const auto& module) { return takes(module, step.stage); });
    if (first == request.modules.end()) return;
    // The bind script takes it from a driver that is built in; nobody else does.
    if (by_kernel_ && *first != vfio_pci) return;
    const bool worse = !step.ordered && holder_ == vfio_pci && *first != vfio_pci;
    if (holder_ && !by_kernel_ && !worse) return;
    holder_ = *first;
    taken_by_ = &request;
    order_.stage = step.stage;
    by_kernel_ = false;
  }

  void heed_unclear(const LoadRequest& request, Stage stage) {
    if (unclear_) return;
    if (request.stub_ids && request.stub_ids->match(contest_.device)) {
      unclear_ = Reason(ReasonCause::stub_may_take, {{"place", request.requester}});
    } else if (request.unclear && is_about_function(request)) {
      unclear_ = request.unclear;
    }
    unclear_in_image_ = unclear_ && stage == Stage::image;
  }

  /// Whether a module is loaded that has nothing to do with the function is no matter.
  [[nodiscard]] bool is_about_function(const LoadRequest& request) const {
    return request.unclear->cause != ReasonCause::may_not_be_loaded ||
           !deciding_modules(request, contest_.claim).empty();
  }

  /// Nothing orders a list against udev. Of other devices' requests the worst counts.
  void heed_race(const LoadStep& step) {
    std::set<std::string> firsts;
    for (const auto& request : step.requests) {
      if (request.requester != Item(contest_.claim.device) &&
          !std::holds_alternative<Place>(request.requester)) {
        continue;
      }
      const auto first = std::ranges::find_if(
          request.modules, [&](const auto& module) { return takes(module, step.stage); });
      if (first != request.modules.end()) firsts.insert(*first);
    }
    if (firsts.size() < 2 || unclear_) return;
    unclear_ = Reason(ReasonCause::nothing_orders, {{"modules", words_of(firsts)}});
    is_race_ = true;
  }

  void add(const std::string& module, Stage stage) {
    if (holds(order_.modules, module)) return;
    order_.modules.push_back(module);
    if (takes(module, stage)) order_.contenders.push_back(module);
  }

  void sort_contenders() {
    if (by_kernel_) order_.contenders.clear();
    // The winner first, also where it came later in a step without an order.
    std::ranges::stable_partition(order_.contenders,
                                  [&](const auto& module) { return holder_ == module; });
  }

  void conclude() {
    const bool in_image = order_.stage == Stage::image;
    const bool before_modules = by_kernel_ || taken_at_registration();
    order_.proved = !unclear_ || before_modules;
    if (holder_) order_.winner = holder_ == vfio_pci ? "vfio-pci" : *holder_;
    if (before_modules) {
      order_.reason = why_registered();
    } else if (holder_ == vfio_pci) {
      order_.reason = unclear_;
      if (list_) order_.reason = {ReasonCause::list_gives_ids, {{"place", *list_}}};
    } else {
      order_.reason = in_image ? why_taken_in_image() : why_not_vfio();
      if (unclear_in_image_ || is_race_) order_.reason = unclear_;
      if (contest_.refusing && contest_.in_root.at_all()) {
        order_.reason = {ReasonCause::vfio_refused, {{"parameter", *contest_.refusing}}};
      }
    }
    const auto& lacking =
        contest_.in_image.lacking ? contest_.in_image.lacking : contest_.in_root.lacking;
    if (order_.proved && !order_.vfio_wins() && lacking && holds(order_.modules, vfio_pci)) {
      order_.reason = lacking;
    }
  }

  /// Of what was there before any module.
  [[nodiscard]] std::optional<Reason> why_registered() const {
    const auto& claim = contest_.claim;
    if (contest_.stub) {
      return Reason(ReasonCause::stub_takes, {{"parameter", *contest_.stub}});
    }
    if (by_kernel_) return Reason(ReasonCause::driver_built_in, {{"driver", Word{*holder_}}});
    return claim.built_in.empty() ? std::nullopt : std::optional(later_driver(claim));
  }

  [[nodiscard]] Reason why_taken_in_image() const {
    const Word module{*holder_};
    if (!contest_.image_expected) return {ReasonCause::early_in_image, {{"module", module}}};
    return {ReasonCause::loaded_by_list, {{"place", taken_by_->requester}, {"module", module}}};
  }

  /// Of the real root, where another driver takes it, or none.
  [[nodiscard]] Reason why_not_vfio() const {
    using enum ReasonCause;
    const bool is_wanted = contest_.in_root.at_all();
    const auto& bare = contest_.unsigned_modules;
    if (loading_.request != nullptr && loading_.stage == Stage::image) {
      // Loaded, and without the card's ids: the softdeps of the real root find nothing left to do.
      return list_ ? Reason(list_lacks_ids, {{"place", *list_}}) : image_lacks_binding;
    }
    if (contest_.vfio == ModuleForm::built_in) return vfio_without_ids;
    if (!bare.empty() && (!holder_ || (is_wanted && holds(bare, vfio_pci)))) {
      return {module_unsigned, {{"module", Word{bare.back()}}}};  // vfio-pci is the last of them
    }
    if (is_wanted && loading_.request == nullptr) return nothing_loads_vfio;
    if (!holder_) return no_module;
    return {loaded_before_vfio, {{"module", Word{*holder_}}}};
  }

  /// True where vfio-pci, built in, has it since it registered.
  [[nodiscard]] bool taken_at_registration() const {
    return holder_ == vfio_pci && taken_by_ == nullptr;
  }

  void doubt() {
    const bool early = order_.stage == Stage::image || taken_at_registration();
    if (!early && order_.vfio_wins()) {
      if (contest_.vfio_unclear) {
        order_.proved = false;
        order_.reason = contest_.vfio_unclear;
      }
      doubt_names();
    }
    if (!early && (order_.proved || is_race_) && contest_.root_unread) {
      order_.proved = false;
      order_.reason = contest_.root_unread;
    }
    if (order_.proved && order_.vfio_wins() && !order_.reason && bound_.by_others) {
      order_.reason = bound_.giver;
    }
    if (contest_.image_unread && !taken_at_registration()) {
      order_.proved = false;
      if (order_.vfio_wins() || !order_.reason) order_.reason = contest_.image_unread;
    }
    doubt_setters();
  }

  void doubt_setters() {
    if (contest_.unknown) {
      order_.proved = false;
      order_.reason = contest_.unknown;
    }
    for (const auto& setter : contest_.setters) {
      if (!setter.concerns(contest_.claim.device)) continue;
      if (setter.gives_to_vfio && order_.vfio_wins()) continue;
      order_.proved = false;
      order_.reason = {ReasonCause::script_overrides, {{"place", setter.where}}};
      return;
    }
  }

  /// A driver may also be loaded by name, or because another module needs it.
  void doubt_names() {
    const auto& modules = contest_.claim.modules;
    for (const auto& request : contest_.by_name) {
      const auto first = std::ranges::find_if(request.modules, [&](const std::string& module) {
        return module == vfio_pci || std::ranges::binary_search(modules, module);
      });
      if (first == request.modules.end() || *first == vfio_pci) continue;
      order_.proved = false;
      if (order_.reason) continue;
      order_.reason = {ReasonCause::loaded_by_name,
                       {{"name", request.requester}, {"module", Word{*first}}}};
    }
  }

  void ask_driverctl() {
    if (!contest_.driverctl) return;
    order_ = after_driverctl(std::move(order_), {*contest_.driverctl},
                             contest_.vfio != ModuleForm::missing);
  }

  /// True where the links so far say it, being in order.
  static bool is_told(ReasonCause cause) {
    return cause == ReasonCause::loaded_before_vfio || cause == ReasonCause::early_in_image;
  }

  void link(const std::optional<Reason>& reason) {
    auto& chain = order_.chain;
    if (reason && std::ranges::find(chain, *reason) == chain.end()) chain.push_back(*reason);
  }

  /// What `step`, the last one before the answer included, adds to the chain.
  void explain(const LoadStep& step) {
    const bool gives = !list_ && step.stage == loading_.stage;
    const auto* last = step.ordered ? taken_by_ : nullptr;
    for (const auto& reason :
         links_of(step, contest_.claim, last, gives ? bound_.giver : std::nullopt)) {
      link(reason);
    }
  }

  const Contest& contest_;
  const Loading loading_;
  Bound bound_;                ///< what vfio-pci was loaded with
  std::optional<Place> list_;  ///< the line whose ids those are
  LoadOrder order_;
  std::optional<std::string> holder_;      ///< who has the function: a module, or a driver
  bool by_kernel_ = false;                 ///< since before any module is loaded
  const LoadRequest* taken_by_ = nullptr;  ///< the request that gave it to `holder_`
  bool settled_ = false;                   ///< what follows changes nothing
  std::optional<Reason> unclear_;          ///< what came before, and could not be followed
  bool unclear_in_image_ = false;
  bool is_race_ = false;  ///< `unclear_` is that
};

}  // namespace

LoadOrder decide(const Contest& contest) {
  return Boot(contest).tell();
}

Contest after_image(Contest contest, ImageTurn image) {
  contest.steps.insert(contest.steps.begin(), std::make_move_iterator(image.steps.begin()),
                       std::make_move_iterator(image.steps.end()));
  contest.in_image = std::move(image.bound);
  contest.image_unread = std::move(image.unread);
  std::ranges::move(image.setters, std::back_inserter(contest.setters));
  return contest;
}

}  // namespace vfio_switch
