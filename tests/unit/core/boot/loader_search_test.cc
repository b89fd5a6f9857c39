// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/loader_search.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

namespace {

using Kinds = std::vector<LoaderKind>;

LoaderSign file(LoaderKind kind, const std::string& path) {
  return {kind, LoaderEvidence::files, path};
}

const LoaderSign grub = file(LoaderKind::grub, "/boot/grub/grub.cfg");
const LoaderSign entries = file(LoaderKind::systemd_boot, "/efi/loader/entries");
const LoaderSign limine = file(LoaderKind::limine, "/boot/limine.conf");

Kinds kinds(const LoaderFinding& finding) {
  Kinds found;
  for (const auto& sign : finding.signs) found.push_back(sign.kind);
  return found;
}

}  // namespace

TEST_CASE("What the loader said about itself settles which it is") {
  struct Row {
    std::string info;
    LoaderKind kind;
  };
  for (const auto& row :
       {Row{"systemd-boot 257.7", LoaderKind::systemd_boot}, Row{"GRUB 2.12", LoaderKind::grub},
        Row{"Limine 11.4.1", LoaderKind::limine}, Row{"rEFInd 0.14.2", LoaderKind::refind}}) {
    LoaderSigns signs;
    signs.is_efi = true;
    signs.variables.loader_info = row.info;
    signs.variables.stub_info = "systemd-stub 258";
    signs.files = {grub, entries, limine};
    const auto finding = find_loader(signs);
    CHECK(finding.kind == row.kind);
    CHECK(finding.signs ==
          std::vector<LoaderSign>{{row.kind, LoaderEvidence::loader_info, row.info}});
  }
}

TEST_CASE("Without a loader's word the next best sign counts") {
  LoaderSigns signs;
  signs.is_efi = true;
  signs.files = {grub, entries};
  CHECK(find_loader(signs).kind == LoaderKind::unknown);
  CHECK(describe(why_no_loader(find_loader(signs))) ==
        "GRUB and systemd-boot are set up, and which of them starts this system is not known");
  signs.boot_image = "/vmlinuz-6.1";
  CHECK(find_loader(signs).kind == LoaderKind::grub);
  signs.variables.stub_info = "systemd-stub 258";
  CHECK(find_loader(signs).kind == LoaderKind::unified_image);
  signs.variables.loader_info = "an unheard of loader";
  CHECK(find_loader(signs).kind == LoaderKind::grub);
}

TEST_CASE("A machine without EFI has none of EFI's loaders") {
  LoaderSigns signs;
  signs.files = {grub, entries};
  CHECK(kinds(find_loader(signs)) == Kinds{LoaderKind::grub, LoaderKind::systemd_boot});
  signs.is_efi = false;
  CHECK(find_loader(signs).kind == LoaderKind::grub);
  signs.files = {entries};
  CHECK(find_loader(signs).kind == LoaderKind::unknown);
  CHECK(find_loader(signs).signs.empty());
}

TEST_CASE("What the firmware starts first can be another loader") {
  LoaderSigns signs;
  signs.is_efi = true;
  auto& variables = signs.variables;
  variables.load_options = {
      {1, true, "Linux Boot Manager", {}, "/EFI/systemd/systemd-bootx64.efi", ""},
      {2, true, "debian", {}, "/EFI/debian/shimx64.efi", ""},
      {3, false, "limine", {}, "/EFI/limine/limine_x64.efi", ""},
      {4, true, "Windows", {}, "/EFI/Microsoft/Boot/bootmgfw.efi", ""}};
  variables.boot_current = 1;
  variables.boot_order = {3, 1, 2};
  CHECK(find_loader(signs).kind == LoaderKind::systemd_boot);
  variables.loader_info = "systemd-boot 257";
  CHECK(find_loader(signs).kind == LoaderKind::systemd_boot);
  variables.loader_info = "GRUB 2.12";
  CHECK(kinds(find_loader(signs)) == Kinds{LoaderKind::systemd_boot, LoaderKind::grub});
  CHECK(find_loader(signs).kind == LoaderKind::unknown);
  // shim can start anything.
  variables.boot_order = {2, 1};
  CHECK(find_loader(signs).kind == LoaderKind::grub);
  CHECK_FALSE(find_loader(signs).once);
  variables.boot_next = 4;
  REQUIRE(find_loader(signs).once);
  CHECK(find_loader(signs).once->description == "Windows");
}

TEST_CASE("EFI programs are known by their names") {
  CHECK(loader_of_file("/EFI/systemd/systemd-bootx64.efi") == LoaderKind::systemd_boot);
  CHECK(loader_of_file("/EFI/DEBIAN/GRUBX64.EFI") == LoaderKind::grub);
  CHECK(loader_of_file("/EFI/refind/refind_x64.efi") == LoaderKind::refind);
  CHECK(loader_of_file("/EFI/Linux/arch-linux.efi") == LoaderKind::unified_image);
  CHECK(loader_of_file("/vmlinuz-linux") == LoaderKind::efi_stub);
  CHECK(loader_of_file("/EFI/BOOT/BOOTX64.EFI") == LoaderKind::unknown);
  CHECK(loader_of_file("") == LoaderKind::unknown);
}

}  // namespace vfio_switch
