// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/remedy_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/message/format.h"

namespace vfio_switch {

namespace {

using Way = std::vector<RemedyStep>;

Template access_sentence(ByHand what, const Data& data) {
  using enum ByHand;
  switch (what) {
    case reboot:
      return {"Reboot."};
    case log_in_again:
      return {"Log out, and log in again."};
    case run_on_the_machine:
      return {"Run vfio-switch on the machine itself."};
    case accept_no_screen:
      return {"Accept that the host may be left without a screen."};
    case keep_other_access:
      return {
          "Prepare another way to log in, such as SSH, or a boot menu entry without passthrough."};
    case add_to_boot_loader:
      return {"Add {1} to the kernel command line, in the boot loader's settings."};
    case remove_from_boot_loader:
      return {"Remove {1} from the kernel command line, in the boot loader's settings."};
    case report_bug:
      return {"If that does not help, attach the output of 'vfio-switch report' to a bug report."};
    case other_tools_window:
      return {"Configure {1} to use a GPU that stays with the host."};
    case set_vm_device:
      return data.empty() ? Template{"Replace the address with the address of the card."}
                          : Template{"Replace the address with the address of the card, {1}."};
    default:
      return {};
  }
}

Template configuration_sentence(ByHand what) {
  using enum ByHand;
  switch (what) {
    case add_to_image_source:
      return {"Add {1} to the kernel command line that the unified kernel image is built with."};
    case remove_from_image_source:
      return {
          "Remove {1} from the kernel command line that the unified kernel image is built with."};
    case write_command_line:
      return {
          "Write the whole kernel command line, with root= and {1}, to {2}, and rebuild the "
          "image."};
    case comment_out:
      return {"Put a '#' in front of the line {1}."};
    case move_away:
      return {"Move {1} away."};
    case have_recovery_key:
      return {"Have the recovery key of the disk at hand."};
    case mind_devices:
      return {"Mind that {1} then loses vfio-pci.", "Mind that {1} then lose vfio-pci.", 1};
    default:
      return {};
  }
}

Template hardware_sentence(ByHand what, const Data& data) {
  using enum ByHand;
  switch (what) {
    case turn_on_vt_d:
      return {"In the firmware setup, turn on VT-d."};
    case turn_on_amd_iommu:
      return {"In the firmware setup, turn on IOMMU (AMD-Vi)."};
    case turn_on_iommu:
      return {"On a PC, turn on VT-d (Intel) or IOMMU (AMD) in the firmware setup."};
    case turn_on_acs:
      return {"If the firmware setup has ACS or PCIe ARI, turn it on."};
    case update_firmware:
      return {"Check whether the manufacturer of the board offers newer firmware."};
    case choose_primary_gpu:
      return {"In the firmware setup, choose a GPU that stays with the host as the primary one."};
    case other_slot:
      return data.empty()
                 ? Template{"Move the card to another slot."}
                 : Template{
                       "Move the card to the slot below a free port that has a group of its "
                       "own, {1}.",
                       "Move the card to a slot below a free port that has a group of its "
                       "own: {1}.",
                       1};
    case move_monitor:
      return {"Connect the monitor to a GPU that stays with the host."};
    case move_keyboard_or_disk:
      return {"Connect it to a controller that stays with the host."};
    case unmount_disk:
      return {"If the guest is to have the disk, unmount it, and remove its line from /etc/fstab."};
    case move_default_route:
      return {"Let the host reach the network by an interface that stays with it."};
    case add_gpu:
      return {
          "Add a second graphics card, or turn on the processor's graphics in the firmware setup."};
    case load_host_driver:
      return {"Load the driver of a GPU that stays with the host."};
    case insert_card:
      return {"Put the chosen card back into the machine."};
    default:
      return {};
  }
}

Template software_sentence(ByHand what) {
  using enum ByHand;
  switch (what) {
    case rebuild_initramfs:
      return {"Rebuild the initramfs with the distribution's tool."};
    case build_and_sign_image:
      return {"Rebuild the unified kernel image, and sign it where Secure Boot is on."};
    case install_kernel:
      return {"Use a kernel that has vfio-pci as a module."};
    case install_vendor_reset:
      return {
          "If the screen stays black when a guest is started again, install the kernel module "
          "vendor-reset, and load it before a guest is started."};
    case sign_module:
      return {"Sign the module, since Secure Boot is on."};
    default:
      return {};
  }
}

std::string manual_text(const Manual& manual) {
  for (const auto& sentence :
       {access_sentence(manual.what, manual.data), hardware_sentence(manual.what, manual.data),
        software_sentence(manual.what), configuration_sentence(manual.what)}) {
    if (!sentence.text.empty()) return format(sentence, manual.data);
  }
  return {};
}

/// A line as people see it: a tab is a blank, which means the same in every file that is edited.
Quotation shown(std::string line) {
  std::ranges::replace(line, '\t', ' ');
  return {std::move(line)};
}

Data edit_data(const Edit& edit) {
  return {{"place", edit.place}, {"from", shown(edit.from)}, {"to", shown(edit.to)}};
}

/// For a line that must not stay as it is, where what stands in it is not known.
Template change_sentence(const Edit& edit) {
  return edit.place.line > 0 ? Template{"Change or remove the line {1}."} : Template{"Change {1}."};
}

std::string sentence_of(const RemedyStep& step) {
  if (const auto* run = std::get_if<Run>(&step))
    return format({"Run {1}."}, {{"run", run->command}});
  if (const auto* manual = std::get_if<Manual>(&step)) return manual_text(*manual);
  const auto* edit = std::get_if<Edit>(&step);
  if (edit == nullptr) return {};
  if (edit->to.empty()) {
    return format(edit->from.empty() ? change_sentence(*edit) : Template{"Remove '{2}' from {1}."},
                  edit_data(*edit));
  }
  return format(edit->from.empty() ? Template{"Add the line '{3}' to {1}."}
                                   : Template{"In {1}, replace '{2}' with '{3}'."},
                edit_data(*edit));
}

std::vector<Way> ways_of(const Remedy& remedy) {
  std::vector<Way> ways(1);
  for (const auto& step : remedy) {
    if (std::holds_alternative<OtherWay>(step)) {
      ways.emplace_back();
    } else {
      ways.back().push_back(step);
    }
  }
  return ways;
}

const Run* only_command(const Way& way) {
  return way.size() == 1 ? std::get_if<Run>(&way.front()) : nullptr;
}

/// The ways from `first` on that are one command each.
std::vector<Command> choice_of_commands(const std::vector<Way>& ways, std::size_t first) {
  std::vector<Command> commands;
  for (auto i = first; i < ways.size() && only_command(ways[i]) != nullptr; ++i) {
    commands.push_back(only_command(ways[i])->command);
  }
  return commands;
}

/// Writes one remedy for a terminal.
class Lines {
 public:
  Lines(const std::string& first, const Style& style)
      : margin_(first),
        indent_(std::min(first.find_first_not_of(' '), first.size())),
        style_(style) {}

  /// What follows is another way.
  void start_other() { text_ += std::string(indent_, ' ') + format({"Or:"}, {}) + "\n"; }

  void say(const std::string& sentence) {
    text_ += paragraph(margin_, {sentence}, style_);
    margin_ = std::string(columns(margin_), ' ');
  }

  void show(const std::string& line) { text_ += margin_ + "  " + line + "\n"; }

  void add(const Way& way) {
    bool follows = false;
    for (const auto& step : way) {
      const auto* run = std::get_if<Run>(&step);
      if (run != nullptr) {
        if (!follows) say(format({"Run:"}, {}));
        show(command_text(run->command));
      } else if (const auto* edit = std::get_if<Edit>(&step)) {
        add(*edit);
      } else {
        say(sentence_of(step));
      }
      follows = run != nullptr;
    }
  }

  void add(const Edit& edit) {
    const auto data = edit_data(edit);
    const bool adds = edit.from.empty() && !edit.to.empty();
    const bool removes = edit.to.empty() && !edit.from.empty();
    if (adds) {
      say(format({"Add this line to {1}:"}, data));
    } else if (removes) {
      say(format({"Remove this from {1}:"}, data));
    } else {
      say(format(edit.from.empty() ? change_sentence(edit) : Template{"In {1}, replace"}, data));
    }
    if (!edit.from.empty()) show(format({"{2}"}, data));
    if (edit.to.empty()) return;
    if (!edit.from.empty()) say(format({"with"}, data));
    show(format({"{3}"}, data));
  }

  [[nodiscard]] std::string str() const { return text_; }

 private:
  std::string margin_;
  std::size_t indent_;  ///< of the first line
  Style style_;
  std::string text_;
};

}  // namespace

std::string remedy_text(const Remedy& remedy) {
  const auto ways = ways_of(remedy);
  std::string text;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (i > 0) text += " " + format({"Or:"}, {});
    const auto commands = choice_of_commands(ways, i);
    if (commands.size() > 1) {
      text += (text.empty() ? "" : " ") +
              format({"Run one of these commands: {1}.", {}, 0, Conjunction::one_of},
                     {{"run", items_of(commands)}});
      i += commands.size() - 1;
      continue;
    }
    for (const auto& step : ways[i]) text += (text.empty() ? "" : " ") + sentence_of(step);
  }
  return text;
}

std::string remedy_lines(const Remedy& remedy, const std::string& first, const Style& style) {
  if (remedy.empty()) return {};
  const auto ways = ways_of(remedy);
  Lines lines(first, style);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (i > 0) lines.start_other();
    const auto commands = choice_of_commands(ways, i);
    if (commands.size() < 2) {
      lines.add(ways[i]);
      continue;
    }
    lines.say(format({"Run one of these commands:"}, {}));
    for (const auto& command : commands) lines.show(command_text(command));
    i += commands.size() - 1;
  }
  return lines.str();
}

}  // namespace vfio_switch
