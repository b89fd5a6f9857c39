// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_default.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// What only the name of a loader's file says, and no volume's.
bool names_file(std::string_view lower) {
  return std::ranges::any_of(std::to_array<std::string_view>({"\\", "vmlinuz", "bzimage"}),
                             [&](std::string_view part) { return holds(lower, part); });
}

class Selection {
 public:
  Selection(BootMenu& menu, const RefindRequest& request, const RefindConf& conf,
            const RefindTitles& titles)
      : menu_(menu),
        request_(request),
        conf_(conf),
        known_(titles),
        titles_(titles.titles),
        directory_(request.path.substr(0, request.path.rfind('/'))) {}

  void select() {
    if (conf_.why_other_default) {
      give_up(*conf_.why_other_default);
      return;
    }
    std::vector<std::string> choices;
    for (const auto part : split_words(conf_.selection, ",")) {
      if (part != "+") {
        choices.emplace_back(part);
        continue;
      }
      std::optional<std::string> previous;
      if (!read_previous(previous)) {
        give_up({BootUnknownCode::variable, "PreviousBoot"});
        return;
      }
      if (!previous) continue;
      for (const auto one : split_words(*previous, ",")) choices.emplace_back(one);
    }
    for (const auto& choice : choices) {
      if (settle(choice)) return;
    }
    if (known_.leading > 0) {
      choose(titles_.front());
    } else if (known_.has_others) {
      give_up({BootUnknownCode::condition, "the order of the disks", request_.path});
    } else {
      give_up({BootUnknownCode::missing, {}, request_.path});
    }
  }

 private:
  void give_up(BootUnknown why) { menu_.why_no_default = std::move(why); }
  void give_up_on(const std::string& choice) {
    give_up({BootUnknownCode::condition, "default_selection " + choice, request_.path});
  }
  void choose(const RefindTitle& title) { mark_default(menu_, title.entry); }

  /// The title that was booted last, or nothing where rEFInd has none. False: that is not known.
  bool read_previous(std::optional<std::string>& previous) {
    const auto& variable = request_.variables.refind_last;
    if (!conf_.uses_nvram) {
      // It is a file then, in UTF-16 as the variable would be.
      const auto text = request_.read(directory_ + "/vars/PreviousBoot");
      if (text.state == SourceText::State::unknown) return false;
      if (text.state == SourceText::State::present) previous = utf8_of_efi(text.text);
      return previous || !variable;
    }
    previous = variable;
    return previous || (request_.variables.is_efi && request_.variables.unknown.empty());
  }

  /// False where nothing fits, so that the next choice counts.
  bool settle(const std::string& choice) {
    const auto lower = lower_case(choice);
    if (lower.size() == 1) {
      const auto number = static_cast<std::size_t>(static_cast<unsigned char>(lower[0]) - '0');
      if (lower[0] >= '1' && lower[0] <= '9' && number <= known_.leading) {
        choose(titles_[number - 1]);
      } else {
        // A letter stands for the kind of a loader, or its directory.
        give_up_on(choice);
      }
      return true;
    }
    if (lower.starts_with("boot ") && holds(lower, " from ")) return settle_title(choice, lower);
    return settle_part(choice, lower);
  }

  /// Why the lines that were found by themselves may not be all, or not these.
  [[nodiscard]] std::optional<BootUnknown> why_others() const {
    if (conf_.why_other_entries) return conf_.why_other_entries;
    if (known_.incomplete) return known_.incomplete;
    if (request_.unseen) return request_.unseen;
    for (const auto& one : titles_) {
      if (one.why) return one.why;
    }
    return std::nullopt;
  }

  /// A whole title, with the volume.
  bool settle_title(const std::string& choice, const std::string& lower) {
    std::vector<const RefindTitle*> fitting;
    for (const auto& one : titles_) {
      if (one.is_whole ? one.text == lower : lower.starts_with(one.text)) {
        fitting.push_back(&one);
      }
    }
    if (fitting.empty() && !known_.has_others) return false;
    const auto why = why_others();
    const bool is_leading = !fitting.empty() && fitting.front() < titles_.data() + known_.leading;
    if (fitting.size() > 1) {
      give_up_on(choice);
    } else if (why && !is_leading) {
      give_up(*why);
    } else if (fitting.empty()) {
      give_up({BootUnknownCode::missing, choice});
    } else {
      choose(*fitting.front());
    }
    return true;
  }

  /// A part of a title. Volumes have names too, so that it can be in any title, unless it is a
  /// part of a kernel's path.
  bool settle_part(const std::string& choice, const std::string& lower) {
    const bool is_file = names_file(lower);
    std::vector<const RefindTitle*> fitting;
    for (const auto& one : titles_) {
      if (holds(one.text, lower)) fitting.push_back(&one);
    }
    if (fitting.empty() && is_file && !known_.has_others) return false;
    const auto* const first = fitting.empty() ? nullptr : fitting.front();
    const bool is_leading = first != nullptr && first < titles_.data() + known_.leading;
    const bool is_only_file = is_file && fitting.size() == 1 && fitting.front()->is_own_volume;
    if (is_leading && (is_file || first == titles_.data())) {
      choose(*first);
    } else if (is_only_file && scans_disks_alone()) {
      if (const auto why = why_others()) {
        give_up(*why);
      } else {
        choose(*fitting.front());
      }
    } else {
      give_up_on(choice);
    }
    return true;
  }

  /// True if the menu has what is on disks, what is written down, and nothing that was hidden by
  /// hand.
  [[nodiscard]] bool scans_disks_alone() const {
    const std::string_view what = conf_.scan_for;
    if (!holds(what, "i") || !holds(what, "e")) return false;
    if (what.find_first_of("fnchb") != std::string_view::npos || conf_.uses_nvram) return false;
    return request_.read(directory_ + "/vars/HiddenTags").state == SourceText::State::absent;
  }

  BootMenu& menu_;
  const RefindRequest& request_;
  const RefindConf& conf_;
  const RefindTitles& known_;
  const std::vector<RefindTitle>& titles_;
  const std::string directory_;
};

}  // namespace

void select_refind_default(BootMenu& menu, const RefindRequest& request, const RefindConf& conf,
                           const RefindTitles& titles) {
  Selection(menu, request, conf, titles).select();
}

}  // namespace vfio_switch
