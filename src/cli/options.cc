// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/options.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/pci/device_spec.h"

namespace vfio_switch {

namespace {

namespace po = boost::program_options;

using OptionNames = std::set<std::string_view>;

constexpr std::array<std::pair<std::string_view, Verb>, 9> verbs = {{
    {"devices", Verb::devices},
    {"status", Verb::status},
    {"plan", Verb::plan},
    {"enable", Verb::enable},
    {"disable", Verb::disable},
    {"verify", Verb::verify},
    {"rollback", Verb::rollback},
    {"doctor", Verb::doctor},
    {"report", Verb::report},
}};

const OptionNames& options_of(Verb verb) {
  static const OptionNames none;
  static const OptionNames devices = {"dot"};
  static const OptionNames enable = {"device",  "allow-boot-gpu", "allow-display-in-use",
                                     "rebuild", "force-ours",     "keep-mine"};
  static const OptionNames disable = {"rebuild", "force-ours", "keep-mine"};
  static const OptionNames doctor = {"fix"};
  static const OptionNames report = {"output"};
  switch (verb) {
    case Verb::doctor:
      return doctor;
    case Verb::report:
      return report;
    case Verb::devices:
      return devices;
    case Verb::plan:
    case Verb::enable:
      return enable;
    case Verb::disable:
    case Verb::rollback:
      return disable;
    default:
      return none;
  }
}

std::unexpected<Error> usage(std::string message) {
  return fail(ErrorKind::usage, std::move(message), "'vfio-switch --help' lists what there is.");
}

std::optional<Verb> find_verb(std::string_view word) {
  const auto* found = std::ranges::find(verbs, word, [](const auto& pair) { return pair.first; });
  if (found == verbs.end()) return std::nullopt;
  return found->second;
}

po::options_description global_options() {
  po::options_description options("Global options (before or after the command)");
  options.add_options()("sysroot", po::value<std::string>()->value_name("DIR"),
                        "work on the system in DIR instead of the running one");
  options.add_options()("json", "print one JSON object instead of text");
  options.add_options()("dry-run", "say what would be done, and do nothing");
  options.add_options()("verbose,v", "say more");
  options.add_options()("help,h", "print this text");
  options.add_options()("version", "print the version");
  return options;
}

po::options_description verb_options() {
  po::options_description options("Options of single commands");
  options.add_options()("dot", "devices: print a picture for Graphviz instead of text");
  options.add_options()("device", po::value<std::vector<std::string>>()->value_name("SPEC"),
                        "enable: which card, by address (01:00.0) or ids (10de:2d04); repeatable");
  options.add_options()("allow-boot-gpu",
                        "enable: also the GPU of the boot display, or the only one: you may be "
                        "left without a screen");
  options.add_options()("allow-display-in-use",
                        "enable: also a card that the host's screen is connected to");
  options.add_options()("rebuild", "build every initramfs anew, also below --sysroot");
  options.add_options()("force-ours", "replace generated files that were edited since");
  options.add_options()("fix", "doctor: mend what vfio-switch set up itself (as root)");
  options.add_options()("output", po::value<std::string>()->value_name("FILE"),
                        "report: write it to FILE");
  options.add_options()("keep-mine", "leave generated files that were edited since as they are");
  return options;
}

Result<void> take_verb(const po::variables_map& given, Options& options) {
  if (!given.contains("command")) {
    return usage("no command given");
  }
  const auto& words = given["command"].as<std::vector<std::string>>();
  const auto verb = find_verb(words.front());
  if (!verb) return usage("'" + printable(words.front()) + "' is no command");
  options.verb = *verb;
  const bool plans = options.verb == Verb::plan;
  if (plans && words.size() > 1) {
    const auto planned = find_verb(words[1]);
    if (planned != Verb::enable && planned != Verb::disable) {
      return usage("'plan " + printable(words[1]) +
                   "' is not possible: plan enable, or plan disable");
    }
    options.planned = *planned;
  }
  const std::size_t most = plans ? 2 : 1;
  if (words.size() > most) {
    const auto message = "'" + printable(words[most]) + "' is one word too many";
    if (!parse_device_spec(words[most])) return usage(message);
    return fail(ErrorKind::usage, message, "Name a card with --device " + words[most] + ".");
  }
  return {};
}

Result<void> check_options(const po::variables_map& given, const Options& options) {
  const auto& allowed = options_of(options.planned == Verb::disable ? Verb::disable : options.verb);
  const auto known = verb_options();
  for (const auto& option : known.options()) {
    const auto& name = option->long_name();
    if (given.contains(name) && !allowed.contains(name)) {
      const auto* verb =
          std::ranges::find(verbs, options.verb, &std::pair<std::string_view, Verb>::second);
      return usage("--" + name + " is no option of '" + std::string(verb->first) + "'");
    }
  }
  if (given.contains("force-ours") && given.contains("keep-mine")) {
    return usage("--force-ours and --keep-mine exclude each other");
  }
  if (given.contains("dot") && given.contains("json")) {
    return usage("--dot and --json exclude each other");
  }
  return {};
}

Result<void> take_values(const po::variables_map& given, Options& options) {
  if (given.contains("sysroot")) options.root = given["sysroot"].as<std::string>();
  options.json = given.contains("json");
  options.dot = given.contains("dot");
  options.dry_run = given.contains("dry-run");
  options.verbose = given.contains("verbose");
  options.rebuild = given.contains("rebuild");
  options.fix = given.contains("fix");
  if (given.contains("output")) options.output = given["output"].as<std::string>();
  if (given.contains("force-ours")) options.edited = EditedFiles::overwrite;
  if (given.contains("keep-mine")) options.edited = EditedFiles::keep;
  if (given.contains("allow-boot-gpu")) options.accepted_risks.push_back(RefusalCode::boot_gpu);
  if (given.contains("allow-display-in-use")) {
    options.accepted_risks.push_back(RefusalCode::display_in_use);
  }
  if (!given.contains("device")) return {};
  for (const auto& text : given["device"].as<std::vector<std::string>>()) {
    auto spec = parse_device_spec(text);
    if (!spec) return failure_of(spec);
    options.devices.push_back(*spec);
  }
  return {};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  po::options_description hidden;
  hidden.add_options()("command", po::value<std::vector<std::string>>());
  po::options_description all;
  all.add(global_options()).add(verb_options()).add(hidden);
  po::positional_options_description positional;
  positional.add("command", -1);
  po::variables_map given;
  try {
    // Option names are never guessed from a prefix: a later option must not change a script.
    namespace style = po::command_line_style;
    const int exact = style::default_style & ~style::allow_guessing;
    po::store(
        po::command_line_parser(argc, argv).options(all).positional(positional).style(exact).run(),
        given);
  } catch (const po::error& error) {
    return usage(printable(error.what()));
  }
  Options options;
  options.help = given.contains("help");
  options.version = given.contains("version");
  if (options.help || options.version) return options;
  if (auto taken = take_verb(given, options); !taken) return failure_of(taken);
  if (auto checked = check_options(given, options); !checked) return failure_of(checked);
  if (auto taken = take_values(given, options); !taken) return failure_of(taken);
  return options;
}

bool wants_json(int argc, const char* const* argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* word) { return std::string_view(word) == "--json"; });
}

std::string help_text() {
  std::ostringstream text;
  text << "Gives a graphics card to virtual machines, and back to the host.\n\n"
          "Usage: vfio-switch [OPTIONS] COMMAND [OPTIONS]\n\n"
          "Commands that only look:\n"
          "  devices                 graphics cards, and who may be given away and why not\n"
          "  status                  what is wanted, what is staged, what is true now\n"
          "  plan [enable|disable]   what that command would do, and the proof that it works\n"
          "  verify                  the same check for programs: exit status 5 where it falls "
          "short\n"
          "  doctor                  what commonly goes wrong, each with its remedy\n"
          "  report                  one file to attach to a bug report; it names nobody\n\n"
          "Commands that change the next boot (as root):\n"
          "  enable                  give the card to vfio-pci\n"
          "  disable                 give it back to the host\n"
          "  rollback                put everything back as it was before the first enable\n\n"
       << global_options() << "\n"
       << verb_options() << "\n"
       << "No picture after a reboot? At the boot menu add vfio-pci.ids= (with nothing behind it)\n"
          "to the kernel command line: that one boot leaves the card with the host.\n";
  return text.str();
}

}  // namespace vfio_switch
