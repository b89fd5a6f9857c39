// SPDX-License-Identifier: GPL-3.0-or-later
// The text of command lines: what is ours is added and taken out, and no other byte changes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/binding/generated_files.h"
#include "core/boot/boot_entry.h"
#include "core/boot/drop_in.h"
#include "core/boot/grub_settings.h"
#include "core/boot/kernel_parameters.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "round_trips.h"

namespace vfio_switch {

namespace {

constexpr std::string_view on = "intel_iommu=on";
constexpr std::string_view pt = "iommu=pt";

}  // namespace

TEST_CASE("A parameter is a word of its own") {
  CHECK(has_parameter("ro intel_iommu=on quiet", on));
  CHECK(has_parameter("intel_iommu=on", on));
  CHECK_FALSE(has_parameter("ro xintel_iommu=on intel_iommu=onx intel_iommu=on,sm_on", on));
  CHECK_FALSE(has_parameter("dyndbg=\"file intel_iommu=on +p\"", on));
  CHECK_FALSE(has_parameter("ro -- intel_iommu=on", on));
  CHECK(has_parameter("ro intel_iommu=on -- single", on));
  CHECK(has_value("intel_iommu=on,sm_on", "intel_iommu", "sm_on"));
  CHECK_FALSE(has_value("intel_iommu=sm_on", "intel_iommu", "on"));
}

TEST_CASE("A parameter comes last, before what is not the kernel's") {
  CHECK(add_parameter("", on) == "intel_iommu=on");
  CHECK(add_parameter("ro  quiet", on) == "ro  quiet intel_iommu=on");
  CHECK(add_parameter("ro quiet ", on) == "ro quiet  intel_iommu=on");
  CHECK(add_parameter("ro -- single", on) == "ro intel_iommu=on -- single");
  CHECK(add_parameter("-- single", on) == "intel_iommu=on -- single");
  CHECK(add_parameter("a=\"b c\" d", on) == "a=\"b c\" d intel_iommu=on");
  CHECK(add_parameter("a=\"b c", on) == std::nullopt);
}

TEST_CASE("A parameter is taken out wherever it has got to") {
  CHECK(remove_parameter("ro intel_iommu=on quiet", on) == "ro quiet");
  CHECK(remove_parameter("intel_iommu=on quiet", on) == "quiet");
  CHECK(remove_parameter("ro quiet", on) == "ro quiet");
  CHECK(remove_parameter("ro intel_iommu=on,sm_on", on) == "ro intel_iommu=on,sm_on");
}

TEST_CASE("GRUB's settings in every quoting") {
  struct Row {
    std::string_view before;
    std::optional<std::string_view> after;
  };
  const Row row = GENERATE(
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n",
          "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash intel_iommu=on\"\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n",
          "GRUB_CMDLINE_LINUX_DEFAULT='quiet splash intel_iommu=on'\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\"\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=''\n", "GRUB_CMDLINE_LINUX_DEFAULT='intel_iommu=on'\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\n", "GRUB_CMDLINE_LINUX_DEFAULT=' intel_iommu=on'\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=quiet # why\n",
          "GRUB_CMDLINE_LINUX_DEFAULT=quiet' intel_iommu=on' # why\n"},
      Row{"export GRUB_CMDLINE_LINUX_DEFAULT=\"a\"; FOO=1\n",
          "export GRUB_CMDLINE_LINUX_DEFAULT=\"a intel_iommu=on\"; FOO=1\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT mitigations=off\"\n",
          "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT mitigations=off "
          "intel_iommu=on\"\n"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n  splash\"\nFOO=1",
          "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n  splash intel_iommu=on\"\nFOO=1"},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"a=\\\"b c\\\" root=$(cat \"/x y\")\"\n",
          "GRUB_CMDLINE_LINUX_DEFAULT=\"a=\\\"b c\\\" root=$(cat \"/x y\") intel_iommu=on\"\n"},
      // The ordinary entries' variable is preferred, and of its assignments the last.
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=a\nGRUB_CMDLINE_LINUX_DEFAULT=\"b\"\nGRUB_CMDLINE_LINUX="
          "\"c\"\n",
          "GRUB_CMDLINE_LINUX_DEFAULT=a\nGRUB_CMDLINE_LINUX_DEFAULT=\"b intel_iommu=on\"\n"
          "GRUB_CMDLINE_LINUX=\"c\"\n"},
      Row{"GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"rhgb quiet\"\n",
          "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"rhgb quiet intel_iommu=on\"\n"},
      // A comment is none, and a file without either gets a line of its own.
      Row{"# GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
          "# GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
          "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\" # added by vfio-switch\n"},
      Row{"GRUB_TIMEOUT=5",
          "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\" # added "
          "by vfio-switch"},
      Row{"", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\" # added by vfio-switch\n"},
      Row{"echo GRUB_CMDLINE_LINUX_DEFAULT=\"a\"\n",
          "echo GRUB_CMDLINE_LINUX_DEFAULT=\"a\"\n"
          "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\" # added by vfio-switch\n"},
      // What is not understood is left alone.
      Row{"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\n", std::nullopt},
      Row{"GRUB_CMDLINE_LINUX_DEFAULT='a=\"b'\n", std::nullopt}, Row{"echo \\\n", std::nullopt},
      Row{"FOO=$(echo\n", std::nullopt});
  CAPTURE(row.before);
  const auto added = add_grub_parameter(row.before, on);
  CHECK(added == row.after);
  if (!added) return;
  CHECK_FALSE(grub_settings_have(row.before, on));
  CHECK(grub_settings_have(*added, on));
  CHECK(remove_grub_parameter(*added, on) == row.before);
  const auto both = add_grub_parameter(*added, pt);
  REQUIRE(both);
  CHECK(remove_grub_parameter(remove_grub_parameter(*both, on), pt) == row.before);
  CHECK(remove_grub_parameter(remove_grub_parameter(*both, pt), on) == row.before);
}

TEST_CASE("Of GRUB's assignments the later one counts") {
  const std::string variable = "GRUB_CMDLINE_LINUX_DEFAULT";
  const auto first = variable + "=\"intel_iommu=on\"\n";
  CHECK(grub_settings_have(first, on));
  CHECK_FALSE(grub_settings_have(first + variable + "=quiet\n", on));
  CHECK(grub_settings_have(first + variable + "+=' quiet'\n", on));
  CHECK(grub_settings_have(first + variable + "=\"${GRUB_CMDLINE_LINUX_DEFAULT} quiet\"\n", on));
  CHECK(grub_settings_have(first + "GRUB_CMDLINE_LINUX=quiet\n", on));
  CHECK(grub_settings_have(variable + "=quiet\\ intel_iommu=on\n", on));
}

TEST_CASE("What a later edit adds behind ours stays") {
  const std::string edited = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on nosplash\"\nX=1\n";
  CHECK(remove_grub_parameter(edited, on) ==
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet nosplash\"\nX=1\n");
}

TEST_CASE("A drop-in says itself, and what it holds is known") {
  struct Row {
    const DropIn& drop_in;
    std::string line;
  };
  const Row rows[] = {
      {grub_drop_in(),
       "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
       "intel_iommu=on iommu=pt\"\n"},
      {sdboot_drop_in(), "LINUX_OPTIONS+=\" intel_iommu=on iommu=pt\"\n"},
      {limine_drop_in(), "KERNEL_CMDLINE[default]+=\" intel_iommu=on iommu=pt \"\n"},
      {dracut_drop_in(), "kernel_cmdline+=\" intel_iommu=on iommu=pt \"\n"},
      {u_boot_drop_in(),
       "U_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} intel_iommu=on iommu=pt\"\n"},
  };
  const std::vector<std::string> both = {std::string(on), std::string(pt)};
  for (const auto& row : rows) {
    INFO(row.line);
    const auto content = render_drop_in(row.drop_in, both);
    CHECK(is_unmodified(content));
    CHECK_THAT(content, test::has_text(row.line));
    CHECK(drop_in_parameters(row.drop_in, content) == both);
    CHECK(drop_in_at(row.drop_in.path) == &row.drop_in);
    CHECK(is_boot_drop_in(row.drop_in.path));
    // It comes with its first parameter, and goes with its last.
    const auto made = edit_drop_in(row.drop_in, Absent{}, {std::string(on)}, {});
    REQUIRE(made);
    CHECK_FALSE(edit_drop_in(row.drop_in, made->after, {std::string(on)}, {}));
    const auto gone = edit_drop_in(row.drop_in, made->after, {}, {std::string(on)});
    REQUIRE(gone);
    CHECK(gone->after == FileState(Absent{}));
  }
  CHECK(grub_settings_have(render_drop_in(grub_drop_in(), both), pt));
}

TEST_CASE("What grub.cfg gives to kernels") {
  const std::string text =
      "menuentry 'intel_iommu=on' {\n\tlinux\t/vmlinuz root=/dev/sda1 ro quiet\n"
      "\tinitrd /initrd.img intel_iommu=on\n}\n";
  CHECK_FALSE(grub_cfg_has(text, on));
  CHECK(grub_cfg_has(text, "quiet"));
  CHECK(grub_cfg_has(text + "linuxefi /vmlinuz intel_iommu=on\n", on));
}

TEST_CASE("Boot entries") {
  struct Row {
    std::string_view before;
    std::string_view after;
  };
  const Row row = GENERATE(
      Row{"title x\nlinux /v\noptions root=a ro\n",
          "title x\nlinux /v\noptions root=a ro intel_iommu=on\n"},
      Row{"linux /v\noptions root=a\noptions ro\ninitrd /i",
          "linux /v\noptions root=a\noptions ro intel_iommu=on\ninitrd /i"},
      Row{"linux /v\n  options\troot=a  \n", "linux /v\n  options\troot=a   intel_iommu=on\n"},
      Row{"linux /v\r\noptions root=a\r\n", "linux /v\r\noptions root=a intel_iommu=on\r\n"},
      Row{"linux /v\noptions\n", "linux /v\noptions intel_iommu=on\n"},
      Row{"linux /v\n#options root=a\n", "linux /v\n#options root=a\noptions\tintel_iommu=on\n"},
      Row{"linux /v", "linux /v\noptions\tintel_iommu=on"});
  CAPTURE(row.before);
  const auto added = add_entry_parameter(row.before, on);
  REQUIRE(added == row.after);
  CHECK_FALSE(entry_has_parameter(row.before, on));
  CHECK(entry_has_parameter(*added, on));
  CHECK(remove_entry_parameter(*added, on) == row.before);
  const auto both = add_entry_parameter(*added, pt);
  REQUIRE(both);
  CHECK(remove_entry_parameter(remove_entry_parameter(*both, on), pt) == row.before);
}

TEST_CASE("Boot entries that are not changed") {
  CHECK_FALSE(add_entry_parameter("title x\nefi /shell.efi\n", on));
  CHECK_FALSE(add_entry_parameter("linux /v\noptions a=\"b\n", on));
  CHECK(is_kernel_entry("/boot/loader/entries/id-6.1.conf", "linux /v\n"));
  CHECK_FALSE(is_kernel_entry("/boot/loader/entries/id-0-rescue.conf", "linux /v\n"));
  CHECK_FALSE(is_kernel_entry("/boot/loader/entries/arch-fallback.conf", "linux /v\n"));
  CHECK_FALSE(is_kernel_entry("/boot/loader/entries/windows.conf", "efi /w.efi\n"));
}

TEST_CASE("Command line files") {
  struct Row {
    std::string_view before;
    std::optional<std::string_view> after;
  };
  const Row row = GENERATE(
      Row{"root=a ro\n", "root=a ro intel_iommu=on\n"}, Row{"root=a", "root=a intel_iommu=on"},
      Row{"# mine\nroot=a\nro\n# end\n\n", "# mine\nroot=a\nro intel_iommu=on\n# end\n\n"},
      Row{"root=a -- s\n", "root=a intel_iommu=on -- s\n"},
      // It would hold ours alone.
      Row{"", std::nullopt}, Row{"# nothing\n\n", std::nullopt}, Row{"a=\"b\n", std::nullopt});
  CAPTURE(row.before);
  const auto added = add_cmdline_file_parameter(row.before, on);
  CHECK(added == row.after);
  if (!added) return;
  CHECK(cmdline_file_has_parameter(*added, on));
  CHECK(remove_cmdline_file_parameter(*added, on) == row.before);
}

TEST_CASE("Of a command line file some tools take the first line alone") {
  CHECK(add_first_line_parameter("root=a ro\nquiet\n", on) == "root=a ro intel_iommu=on\nquiet\n");
  CHECK(add_first_line_parameter("root=a", on) == "root=a intel_iommu=on");
  CHECK(add_first_line_parameter("root=a\r\nb", on) == "root=a intel_iommu=on\r\nb");
  CHECK(first_line_has_parameter("root=a intel_iommu=on\n", on));
  CHECK_FALSE(first_line_has_parameter("root=a\nintel_iommu=on\n", on));
  CHECK_FALSE(first_line_has_parameter("# intel_iommu=on\n", on));
  CHECK(remove_first_line_parameter("root=a iommu=pt\niommu=pt\n", pt) == "root=a\niommu=pt\n");
  // They would take a blank line, or a comment, as it is.
  CHECK_FALSE(add_first_line_parameter("\nroot=a\n", on));
  CHECK_FALSE(add_first_line_parameter("# x\nroot=a\n", on));
  CHECK_FALSE(add_first_line_parameter("", on));
}

TEST_CASE("What is added can be taken out again, byte for byte: command lines") {
  const auto edited = test::check_round_trips(
      {" ", "  ", "\t", "\n", "\"", "ro", "quiet", "a=b", "--", " -- ", "iommu=", "=on"},
      add_parameter, remove_parameter,
      [](auto line, auto parameter) { return has_parameter(line, parameter); });
  CHECK(edited > 10000);
}

TEST_CASE("What is added can be taken out again, byte for byte: GRUB's settings") {
  const auto edited =
      test::check_round_trips({"GRUB_CMDLINE_LINUX_DEFAULT=",
                               "GRUB_CMDLINE_LINUX=",
                               "GRUB_CMDLINE_LINUX_DEFAULT+=",
                               "\nGRUB_CMDLINE_LINUX_DEFAULT=\"",
                               "\"\n",
                               "'",
                               "\"\"",
                               "''",
                               "quiet",
                               " ",
                               "\n",
                               "\\\n",
                               "\\",
                               "#",
                               "$(",
                               ")",
                               "${X}",
                               "`",
                               ";",
                               "export ",
                               "if true; then ",
                               "--",
                               "# added by vfio-switch",
                               "GRUB_CMDLINE_LINUX='x y'\n",
                               "\t"},
                              add_grub_parameter, remove_grub_parameter, grub_settings_have);
  CHECK(edited > 5000);
}

TEST_CASE("What is added can be taken out again, byte for byte: boot entries") {
  const auto edited =
      test::check_round_trips({"linux /v\n", "options", "options ", "options\t", " ", "\n", "\r\n",
                               "root=a", "\"", "#", "title x\n", "\noptions ro", "--", "linux\t/w"},
                              add_entry_parameter, remove_entry_parameter, entry_has_parameter);
  CHECK(edited > 5000);
}

TEST_CASE("What is added can be taken out again, byte for byte: command line files") {
  const auto edited = test::check_round_trips(
      {"root=a", " ", "\n", "#", "\r\n", "\"", "ro ", " -- ", "\t"}, add_cmdline_file_parameter,
      remove_cmdline_file_parameter, cmdline_file_has_parameter);
  CHECK(edited > 10000);
}

TEST_CASE("What is added can be taken out again, byte for byte: first lines") {
  const auto edited = test::check_round_trips(
      {"root=a", " ", "\n", "#", "\r\n", "\"", "ro ", " -- ", "\t"}, add_first_line_parameter,
      remove_first_line_parameter, first_line_has_parameter);
  CHECK(edited > 5000);
}

}  // namespace vfio_switch
