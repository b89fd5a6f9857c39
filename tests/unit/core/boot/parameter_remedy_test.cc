// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/parameter_remedy.h"

#include "catch.h"

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

TEST_CASE("Of boot loaders that are left to people the exact line is told, or their tool",
          "[boot]") {
  CHECK(
      parameter_remedy(Limine{"/boot/limine.conf", "/Arch\n  cmdline: ro quiet\n"}, {"a=b"}, {}) ==
      Remedy{Edit{{"/boot/limine.conf", 2}, "cmdline: ro quiet", "cmdline: ro quiet a=b"}});
  CHECK(parameter_remedy(Kernelstub{"/etc/kernelstub/configuration"}, {}, {"a=b"}) ==
        Remedy{run({"kernelstub", "--delete-options", "a=b"})});
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

}  // namespace vfio_switch::test
