// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/parameter_remedy.h"

#include "catch.h"
#include "core/boot/parameter_edit.h"

namespace vfio_switch::test {

namespace {

const std::string grub_path = "/etc/default/grub";

ParameterFile file(ParameterSyntax syntax, std::string path, std::string content) {
  return {syntax, std::move(path), RegularFile{std::move(content), 0644, 0, 0}};
}

ParameterFile setting(std::string path, std::string content) {
  return file(ParameterSyntax::grub_settings, std::move(path), std::move(content));
}

Grub grub(std::vector<ParameterFile> settings) {
  return {std::move(settings), true, {"update-grub"}, "/boot/grub/grub.cfg", std::nullopt};
}

EntryGenerator with_settings(ParameterFile settings) {
  EntryGenerator generator;
  generator.settings = {std::move(settings)};
  return generator;
}

RemedyStep run(std::vector<std::string> arguments) {
  return Run{{std::move(arguments)}, true};
}

RemedyStep in_settings(ByHand what, const std::string& parameter) {
  return Manual{what, {{"parameters", std::vector<Item>{Parameter{parameter}}}}};
}

}  // namespace

TEST_CASE("A parameter for GRUB goes into the line that counts, not into our own file", "[boot]") {
  const auto plain = setting(grub_path, "A=1\nGRUB_CMDLINE_LINUX=\"ro\"\n");
  CHECK(parameter_remedy(grub({plain}), {"a=b"}, {}) ==
        Remedy{Edit{{grub_path, 2}, "GRUB_CMDLINE_LINUX=\"ro\"", "GRUB_CMDLINE_LINUX=\"ro a=b\""},
               run({"update-grub"})});
  // A cloud image's drop-in assigns the variable anew.
  const auto cloud = setting("/etc/default/grub.d/50-cloud.cfg", "GRUB_CMDLINE_LINUX=\"quiet\"\n");
  const auto other = setting("/etc/default/grub.d/60-other.cfg", "GRUB_TIMEOUT=0\n");
  const auto ours = setting("/etc/default/grub.d/zz-vfio-switch.cfg",
                            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT x=y\"\n");
  CHECK(parameter_remedy(grub({plain, cloud, other, ours}), {"a=b"}, {}) ==
        Remedy{Edit{{"/etc/default/grub.d/50-cloud.cfg", 1},
                    "GRUB_CMDLINE_LINUX=\"quiet\"",
                    "GRUB_CMDLINE_LINUX=\"quiet a=b\""},
               run({"update-grub"})});
  CHECK(parameter_remedy(grub({setting(grub_path, "A=1\n")}), {"a=b"}, {}).size() == 2);
}

TEST_CASE("A parameter is taken out of every file of GRUB's that has it", "[boot]") {
  const auto one = setting(grub_path, "GRUB_CMDLINE_LINUX=\"ro a=b\"\n");
  const auto two = setting("/etc/default/grub.d/x.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"a=b q\"\n");
  CHECK(parameter_remedy(grub({one, two}), {}, {"a=b"}) ==
        Remedy{Edit{{grub_path, 1}, "GRUB_CMDLINE_LINUX=\"ro a=b\"", "GRUB_CMDLINE_LINUX=\"ro\""},
               Edit{{"/etc/default/grub.d/x.cfg", 1},
                    "GRUB_CMDLINE_LINUX_DEFAULT=\"a=b q\"",
                    "GRUB_CMDLINE_LINUX_DEFAULT=\"q\""},
               run({"update-grub"})});
  CHECK(parameter_remedy(grub({one}), {}, {"c=d"}) ==
        Remedy{in_settings(ByHand::remove_from_boot_loader, "c=d")});
}

TEST_CASE("Tools that change command lines themselves are run", "[boot]") {
  CHECK(parameter_remedy(Grubby{}, {"a=b"}, {}) ==
        Remedy{run({"grubby", "--update-kernel=ALL", "--args=a=b"})});
  CHECK(parameter_remedy(Grubby{}, {}, {"a=b"}) ==
        Remedy{run({"grubby", "--update-kernel=ALL", "--remove-args=a=b"})});
  CHECK(parameter_remedy(RpmOstree{}, {"a=b"}, {}) ==
        Remedy{run({"rpm-ostree", "kargs", "--append-if-missing=a=b"})});
}

TEST_CASE("grubby takes the former value of a parameter away before it gives the new one",
          "[boot]") {
  const Grubby grubby{{{ParameterSyntax::boot_entry, "/boot/loader/entries/a.conf",
                        RegularFile{"linux /v\noptions ro a=b\n", 0644, 0, 0}}},
                      {}};
  CHECK(parameter_remedy(grubby, {"a=b,c"}, {"a=b"}) ==
        Remedy{run({"grubby", "--update-kernel=ALL", "--remove-args=a=b", "--args=a=b,c"})});
}

TEST_CASE("A comment behind a value is a comment, also where settings are looked through",
          "[boot]") {
  const std::string comment = "\"quiet\" # vfio-pci.ids=1:2 a=b\n";
  const auto last = [](const BootLoader& loader) {
    return last_parameter(loader, "vfio-pci.ids=3:4", "vfio_pci.ids");
  };
  const auto limine = file(ParameterSyntax::limine_settings, "/etc/default/limine",
                           "KERNEL_CMDLINE[default]+=" + comment);
  const auto sdboot =
      file(ParameterSyntax::sdboot_settings, "/etc/sdboot-manage.conf", "LINUX_OPTIONS=" + comment);
  const auto loaders = {BootLoader(grub({setting(grub_path, "GRUB_CMDLINE_LINUX=" + comment)})),
                        BootLoader(with_settings(limine)), BootLoader(with_settings(sdboot))};
  for (const auto& loader : loaders) {
    CHECK(last(loader) == std::nullopt);
    CHECK(where_set(loader, "a=b") == std::nullopt);
    CHECK_FALSE(has_parameter(loader, "a=b"));
  }
  // systemd-boot(7), kernel-install(8): a comment is a line, and '#' elsewhere a character.
  const BootLoader image = UnifiedImage{{file(ParameterSyntax::command_line, "/etc/kernel/cmdline",
                                              "# vfio-pci.ids=5:6\nro # vfio-pci.ids=1:2\n")}};
  CHECK(last(image) == "vfio-pci.ids=1:2");
  CHECK(parameters_in({grub_path, 1, "GRUB_CMDLINE_LINUX=\"a=b c\" # d"}) ==
        std::vector<std::string_view>{"GRUB_CMDLINE_LINUX=", "a=b", "c"});
}

TEST_CASE("Of boot loaders that are left to people the exact line is told, or their tool",
          "[boot]") {
  CHECK(
      parameter_remedy(Limine{"/boot/limine.conf", "/Arch\n  cmdline: ro quiet\n"}, {"a=b"}, {}) ==
      Remedy{Edit{{"/boot/limine.conf", 2}, "cmdline: ro quiet", "cmdline: ro quiet a=b"}});
  CHECK(parameter_remedy(Bootc{}, {"a=b", "c"}, {}) ==
        Remedy{Edit{{"/usr/lib/bootc/kargs.d/50-vfio-switch.toml"}, "", "kargs = [\"a=b\", \"c\"]"},
               run({"bootc", "upgrade"})});
  CHECK(parameter_remedy(Bootc{}, {}, {"a=b"}) ==
        Remedy{in_settings(ByHand::remove_from_boot_loader, "a=b")});
}

TEST_CASE("A unified image is built after its command line has changed", "[boot]") {
  const UnifiedImage image{{file(ParameterSyntax::command_line, "/etc/kernel/cmdline", "ro\n")}};
  CHECK(parameter_remedy(image, {"a=b"}, {}) ==
        Remedy{Edit{{"/etc/kernel/cmdline", 1}, "ro", "ro a=b"},
               Manual{ByHand::build_and_sign_image}});
}

TEST_CASE("Where the boot loader is not known, its settings are named", "[boot]") {
  CHECK(parameter_remedy(UnknownLoader{}, {"a=b"}, {}) ==
        Remedy{in_settings(ByHand::add_to_boot_loader, "a=b")});
  auto not_installed = grub({setting(grub_path, "GRUB_CMDLINE_LINUX=\"ro\"\n")});
  not_installed.command.clear();
  CHECK(parameter_remedy(not_installed, {"a=b"}, {}) ==
        Remedy{in_settings(ByHand::add_to_boot_loader, "a=b")});
}

TEST_CASE("A parameter in a known line is taken out there", "[boot]") {
  const ConfigLine line{"/etc/kernel/cmdline", 3, "root=/dev/sda1 a=b quiet"};
  const Edit edit{{"/etc/kernel/cmdline", 3}, line.text, "root=/dev/sda1 quiet"};
  CHECK(removal_remedy(UnknownLoader{}, line, "a=b") == Remedy{edit});
  const UnifiedImage image{{file(ParameterSyntax::command_line, line.path, line.text)}};
  CHECK(removal_remedy(image, line, "a=b") == Remedy{edit, Manual{ByHand::build_and_sign_image}});
  const ConfigLine drop_in{"/etc/default/grub.d/x.cfg", 1, "GRUB_CMDLINE_LINUX=\"a=b\""};
  CHECK(removal_remedy(grub({}), drop_in, "a=b") ==
        Remedy{Edit{{drop_in.path, 1}, drop_in.text, "GRUB_CMDLINE_LINUX=\"\""},
               run({"update-grub"})});
  CHECK(removal_remedy(UnknownLoader{}, line, "c=d") ==
        Remedy{in_settings(ByHand::remove_from_boot_loader, "c=d")});
}

TEST_CASE("A line of a file that a tool writes is changed by the tool", "[boot]") {
  const ConfigLine line{"/boot/loader/entries/x.conf", 2, "options ro a=b"};
  const auto entry = file(ParameterSyntax::boot_entry, line.path, "linux /k\noptions ro a=b\n");
  const auto template_file = file(ParameterSyntax::command_line, "/etc/kernel/cmdline", "ro a=b\n");
  CHECK(removal_remedy(Grubby{{entry}, {line.path}}, line, "a=b") ==
        Remedy{run({"grubby", "--update-kernel=ALL", "--remove-args=a=b"})});
  CHECK(removal_remedy(RpmOstree{Deployments{{entry}}}, line, "a=b") ==
        Remedy{run({"rpm-ostree", "kargs", "--delete-if-present=a=b"})});
  EntryGenerator tool{.kind = EntryGenerator::Kind::sdbootutil,
                      .settings = {template_file},
                      .command = {"sdbootutil", "update-all-entries"},
                      .outputs = {entry}};
  const Remedy in_template = {Edit{{"/etc/kernel/cmdline", 1}, "ro a=b", "ro"},
                              run({"sdbootutil", "update-all-entries"})};
  CHECK(removal_remedy(tool, line, "a=b") == in_template);
  CHECK(removal_remedy(tool, {"/etc/kernel/cmdline", 1, "ro a=b"}, "a=b") == in_template);
  // Somebody wrote it into the entry: the tool's next run takes it out.
  tool.settings = {file(ParameterSyntax::command_line, "/etc/kernel/cmdline", "ro\n")};
  CHECK(removal_remedy(tool, line, "a=b") == Remedy{run({"sdbootutil", "update-all-entries"})});
}

TEST_CASE("What grubby is to replace anyway is in nobody's way", "[boot]") {
  const auto entry = file(ParameterSyntax::boot_entry, "/boot/loader/entries/x.conf",
                          "linux /k\noptions ro vfio-pci.ids=1:2\n");
  CHECK(parameter_remedy(Grubby{{entry}, {}}, {"vfio-pci.ids=1:2,3:4"}, {"vfio-pci.ids=1:2"}) ==
        Remedy{run({"grubby", "--update-kernel=ALL", "--remove-args=vfio-pci.ids=1:2",
                    "--args=vfio-pci.ids=1:2,3:4"})});
}

TEST_CASE("Lines for repairs are left alone, and lines that stay are not told", "[boot]") {
  const Refind refind{"/boot/refind_linux.conf",
                      "\"Standard\" \"ro a=b\"\n\"Other\" \"ro\"\n\"Rescue\" \"ro single a=b\"\n"};
  CHECK(parameter_remedy(refind, {}, {"a=b"}) ==
        Remedy{Edit{{refind.file, 1}, "\"Standard\" \"ro a=b\"", "\"Standard\" \"ro\""}});
}

}  // namespace vfio_switch::test
