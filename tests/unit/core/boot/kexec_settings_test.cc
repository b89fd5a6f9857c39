// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kexec_settings.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

namespace {

const std::string path(kexec_settings_path);

std::string why(const std::vector<SourceText>& settings) {
  const auto found = find_load_kexec(settings);
  return found ? describe(*found) : "the boot menu";
}

std::string why(const std::string& text) {
  return why({SourceText::of(text, path)});
}

}  // namespace

TEST_CASE("Debian's kexec-tools have a reboot skip the boot menu if LOAD_KEXEC is true") {
  const std::string skips =
      ": with 'LOAD_KEXEC=true' a reboot loads a kernel with kexec, and starts it without the boot "
      "menu";
  CHECK(why("# Load a kexec kernel (true/false)\nLOAD_KEXEC=true\n") == path + ":2" + skips);
  CHECK(why("LOAD_KEXEC=\"true\"") == path + ":1" + skips);
  CHECK(why("LOAD_KEXEC='true' # always\n") == path + ":1" + skips);
  CHECK(why("LOAD_KEXEC=false\nLOAD_KEXEC=true\n") == path + ":2" + skips);
}

TEST_CASE("Nothing but the word true counts for kexec-tools") {
  for (const auto* text : {"", "LOAD_KEXEC=false\n", "LOAD_KEXEC=\n", "LOAD_KEXEC=yes\n",
                           "LOAD_KEXEC=1\n", "# LOAD_KEXEC=true\n", "OTHER_LOAD_KEXEC=true\n",
                           "LOAD_KEXEC=true\nLOAD_KEXEC=false\n", "USE_GRUB_CONFIG=true\n"}) {
    INFO(text);
    CHECK(why(text) == "the boot menu");
  }
}

TEST_CASE("The last of the files that set LOAD_KEXEC decides") {
  const auto on = SourceText::of("LOAD_KEXEC=true\n", path);
  const auto off = SourceText::of("LOAD_KEXEC=false\n", "/etc/default/kexec.d/10-site");
  const auto other = SourceText::of("APPEND=quiet\n", "/etc/default/kexec.d/20-site");
  CHECK(why({on, off}) == "the boot menu");
  CHECK(find_load_kexec({off, on}) ==
        BootUnknown{BootUnknownCode::load_kexec, "LOAD_KEXEC=true", path, 1});
  CHECK(find_load_kexec({on, other}) ==
        BootUnknown{BootUnknownCode::load_kexec, "LOAD_KEXEC=true", path, 1});
}

TEST_CASE("What kexec-tools are told may not be known") {
  CHECK(find_load_kexec({SourceText::of("A=1\nLOAD_KEXEC=$A\n", path)}) ==
        BootUnknown{BootUnknownCode::variable, "LOAD_KEXEC", path, 2});
  CHECK(find_load_kexec({SourceText::of("LOAD_KEXEC=\"true\n", path)}) ==
        BootUnknown{BootUnknownCode::malformed, path});
  const BootUnknown denied{BootUnknownCode::unreadable, path};
  CHECK(find_load_kexec({SourceText::unknown(denied)}) == denied);
}

TEST_CASE("kexec-tools source the drop-ins that run-parts lists") {
  for (const auto* name : {"site", "10_site", "Z-1"}) CHECK(is_kexec_drop_in(name));
  for (const auto* name : {"", "site.conf", ".site", "site~", "site.dpkg-old"}) {
    CHECK_FALSE(is_kexec_drop_in(name));
  }
}

}  // namespace vfio_switch
