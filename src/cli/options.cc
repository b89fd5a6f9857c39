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
  static const OptionNames devices = {"all", "dot"};
  static const OptionNames enable = {
      "device",  "add-device", "allow-boot-gpu", "allow-display-in-use",
      "rebuild", "force-ours", "keep-mine"};
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
  return fail(ErrorKind::usage, std::move(message), "See 'vfio-switch --help'.");
}

std::optional<Verb> find_verb(std::string_view word) {
  const auto* found = std::ranges::find(verbs, word, [](const auto& pair) { return pair.first; });
  if (found == verbs.end()) return std::nullopt;
  return found->second;
}

po::options_description global_options() {
  po::options_description options("Global options (before or after the command)");
  options.add_options()("sysroot", po::value<std::string>()->value_name("DIR"),
                        "use the system in DIR instead of the running one");
  options.add_options()("json", "print one JSON object instead of text");
  options.add_options()("dry-run", "show what would be done, without doing it");
  options.add_options()("verbose,v", "print more detail");
  options.add_options()("help,h", "print this text");
  options.add_options()("version", "print the version");
  return options;
}

po::options_description verb_options() {
  po::options_description options("Command options");
  options.add_options()("all", "devices: also list what can be passed through with the card");
  options.add_options()("dot", "devices: print a graph for Graphviz instead of text");
  options.add_options()("device", po::value<std::vector<std::string>>()->value_name("SPEC"),
                        "enable: the card, by PCI address (01:00.0) or vendor and device ID "
                        "(10de:2d04); repeatable");
  options.add_options()("add-device", po::value<std::vector<std::string>>()->value_name("SPEC"),
                        "enable: pass this USB controller, network or other device through with "
                        "the card; repeatable; 'none': the card alone");
  options.add_options()("allow-boot-gpu",
                        "enable: accept the GPU that drives the boot display, or the only GPU; "
                        "the host may be left without a screen");
  options.add_options()("allow-display-in-use",
                        "enable: accept a card that the host's monitor is connected to");
  options.add_options()(
      "rebuild",
      "rebuild every initramfs image (with --sysroot, images are rebuilt only if this is given)");
  options.add_options()("force-ours", "overwrite generated files that were edited");
  options.add_options()("keep-mine", "keep generated files that were edited");
  options.add_options()("fix", "doctor: fix what vfio-switch itself set up (as root)");
  options.add_options()("output", po::value<std::string>()->value_name("FILE"),
                        "report: write the report to FILE");
  return options;
}

Result<void> take_verb(const po::variables_map& given, Options& options) {
  if (!given.contains("command")) {
    return usage("no command given");
  }
  const auto& words = given["command"].as<std::vector<std::string>>();
  const auto verb = find_verb(words.front());
  if (!verb) return usage("unknown command '" + printable(words.front()) + "'");
  options.verb = *verb;
  const bool plans = options.verb == Verb::plan;
  if (plans && words.size() > 1) {
    const auto planned = find_verb(words[1]);
    if (planned != Verb::enable && planned != Verb::disable) {
      return fail(ErrorKind::usage, "cannot plan '" + printable(words[1]) + "'",
                  "Use 'vfio-switch plan enable' or 'vfio-switch plan disable'.");
    }
    options.planned = *planned;
  }
  const std::size_t most = plans ? 2 : 1;
  if (words.size() > most) {
    const auto message = "unexpected argument '" + printable(words[most]) + "'";
    if (!parse_device_spec(words[most])) return usage(message);
    return fail(ErrorKind::usage, message, "To choose a card, use --device " + words[most] + ".");
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
      return usage("option --" + name + " cannot be used with '" + std::string(verb->first) + "'");
    }
  }
  if (given.contains("force-ours") && given.contains("keep-mine")) {
    return usage("options --force-ours and --keep-mine cannot be used together");
  }
  if (given.contains("dot") && given.contains("json")) {
    return usage("options --dot and --json cannot be used together");
  }
  if (given.contains("dot") && given.contains("all")) {
    return usage("options --dot and --all cannot be used together");
  }
  return {};
}

Result<std::vector<DeviceSpec>> parse_specs(const std::vector<std::string>& texts) {
  std::vector<DeviceSpec> specs;
  for (const auto& text : texts) {
    auto spec = parse_device_spec(text);
    if (!spec) return failure_of(spec);
    specs.push_back(*spec);
  }
  return specs;
}

Result<void> take_values(const po::variables_map& given, Options& options) {
  if (given.contains("sysroot")) options.root = given["sysroot"].as<std::string>();
  options.json = given.contains("json");
  options.all = given.contains("all");
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
  if (given.contains("device")) {
    auto specs = parse_specs(given["device"].as<std::vector<std::string>>());
    if (!specs) return failure_of(specs);
    options.devices = std::move(*specs);
  }
  if (!given.contains("add-device")) return {};
  const auto& extra = given["add-device"].as<std::vector<std::string>>();
  options.extra_devices.emplace();
  if (extra == std::vector<std::string>{"none"}) return {};
  auto specs = parse_specs(extra);
  if (!specs) return failure_of(specs);
  options.extra_devices = std::move(*specs);
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
          "Commands that change nothing:\n"
          "  devices                list graphics cards and whether each can be passed\n"
          "                         through\n"
          "  status                 show what is configured, what is active, and what the\n"
          "                         next boot will do\n"
          "  plan [enable|disable]  show what that command would do, with the proof\n"
          "  verify                 check for scripts: exit status 5 if the machine is not\n"
          "                         as configured\n"
          "  doctor                 find common problems and show how to fix them\n"
          "  report                 write a bug report (host and user names removed)\n\n"
          "Commands that change the next boot (as root):\n"
          "  enable                 give the card to vfio-pci\n"
          "  disable                give the card back to the host\n"
          "  rollback               restore everything as it was before the first 'enable'\n\n"
       << global_options() << "\n"
       << verb_options() << "\n"
       << "If the screen stays black after a reboot, append 'vfio-pci.ids=' (nothing after\n"
          "the '=') to the kernel command line at the boot menu: that one boot leaves the\n"
          "card with the host.\n";
  return text.str();
}

}  // namespace vfio_switch
