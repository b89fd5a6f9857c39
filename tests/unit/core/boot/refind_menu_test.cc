// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_menu.h"

#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/pe_builder.h"
#include "core/boot/refind_lines.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::le;
using test::menu_text;
using test::MenuCase;
using test::rounds;
using test::utf16;

namespace {

struct Place {
  std::string at;
  std::string path;
  bool is_own_volume = false;
};

struct Row {
  std::string name;
  std::string config;
  std::vector<Place> places;
  std::map<std::string, std::int64_t> times;
  std::string previous;
};

const std::string new_kernel = "vmlinuz-6.12.8-200.fc41.x86_64";
const std::string old_kernel = "vmlinuz-6.11.4-301.fc41.x86_64";
const std::string rescue_kernel = "vmlinuz-0-rescue-0123456789abcdef0123456789abcdee";

const Row rows[] = {
    {"refind-arch",
     "/boot/EFI/refind/refind.conf",
     {{"/boot", "", true}, {"/boot/EFI/refind", "EFI/refind", true}},
     {{"vmlinuz-linux", 1002}, {"vmlinuz-linux-lts", 1000}},
     "Boot vmlinuz-linux from ESP "},
    {"refind-btrfs",
     "/boot/efi/EFI/refind/refind.conf",
     {{"/boot/efi/EFI/fedora", "EFI/fedora", true},
      {"/boot/efi/EFI/Linux", "EFI/Linux", true},
      {"/boot", "@/boot"}},
     {{new_kernel, 3000}, {old_kernel, 2000}, {rescue_kernel, 4000}},
     "Boot @\\boot\\" + new_kernel + " from fedora "},
    {"refind-manual", "/efi/EFI/refind/refind.conf", {}, {}, ""},
};

/// The request of a machine; its files are read from `machine` later too.
RefindRequest request_of(const Row& row, const MenuCase& machine) {
  RefindRequest request{row.config, machine.text(row.config), {}, {}, {}};
  for (const auto& place : row.places) {
    RefindDirectory directory{place.at, place.path, {}, place.is_own_volume};
    for (const auto& [path, content] : machine.below(place.at)) {
      const auto name = path.substr(place.at.size() + 1);
      if (name.find('/') != std::string::npos) continue;
      RefindFile file{name};
      const auto time = row.times.find(name);
      if (time != row.times.end()) file.modified = time->second;
      directory.files.push_back(std::move(file));
    }
    request.directories.push_back(std::move(directory));
  }
  request.variables.is_efi = true;
  if (!row.previous.empty()) request.variables.refind_last = row.previous;
  request.read = [&machine](const std::string& path) {
    return machine.sources().read({{FileSystemBy::inside_root, {}}, path});
  };
  request.unseen.reset();
  return request;
}

/// A machine whose kernels are in the top of rEFInd's own volume.
RefindRequest plain(const std::string& config, const std::vector<RefindFile>& files,
                    const std::string& options = "\"Standard\" \"root=a\"\n") {
  RefindRequest request{"/efi/EFI/refind/refind.conf", config, {}, {}, {}};
  request.directories = {{"/efi", "", files, true}};
  request.variables.is_efi = true;
  request.read = [options](const std::string& path) {
    if (path != "/efi/refind_linux.conf") return SourceText();
    return SourceText::of(options, path);
  };
  request.unseen.reset();
  return request;
}

std::string chosen(const RefindRequest& request) {
  const auto menu = read_refind_menu(request);
  const auto index = next_entry(menu);
  return index ? menu.entries[*index].id : describe(*why_not_known(menu));
}

std::string initrd_of(const std::string& kernel, const std::vector<std::string>& names,
                      const std::string& config = "") {
  std::vector<RefindFile> files = {{kernel}};
  for (const auto& name : names) files.push_back({name});
  const auto entry = read_refind_menu(plain(config, files)).entries.at(0);
  if (!entry.unknown.empty()) return describe(entry.unknown[0]);
  return entry.initrds.empty() ? "none" : entry.initrds[0].path;
}

}  // namespace

TEST_CASE("rEFInd's menus are read as it shows them") {
  for (const auto& row : rows) {
    INFO(row.name);
    MenuCase machine(row.name);
    machine.set("/boot/efi/EFI/refind/vars/PreviousBoot", utf16(row.previous) + le(0, 2));
    CHECK(menu_text(read_refind_menu(request_of(row, machine))) == machine.expected());
  }
}

TEST_CASE("rEFInd's lines are taken apart as it does it") {
  const auto words = [](const std::string& text) {
    const auto lines = refind_lines(text);
    return lines.empty() ? std::vector<std::string>() : lines[0].words;
  };
  using Words = std::vector<std::string>;
  CHECK(words("a=b, c/d # e") == Words{"a", "b", "c\\d"});
  CHECK(words("\"a b\" \"c/d #e\"") == Words{"a b", "c/d #e"});
  CHECK(words("o \"a=\"\"b c\"\"\"") == Words{"o", "a=\"b c\""});
  CHECK(words("\xef\xbb\xbftimeout 3") == Words{"timeout", "3"});
  CHECK(words("\xff\xfe" + utf16("timeout 3")) == Words{"timeout", "3"});
  CHECK(words("# only\n \n").empty());
  CHECK(refind_lines("\n\r\na\n#\nb")[1].line == 5);
}

TEST_CASE("rEFInd's initrd has the version of the kernel") {
  CHECK(initrd_of("vmlinuz-6.1", {"initrd.img-6.1", "initrd.img-6.1.2"}) == "/initrd.img-6.1");
  CHECK(initrd_of("vmlinuz-6.1", {"initrd.img-6.10"}) == "none");
  CHECK(initrd_of("vmlinuz-6.1-lts", {"initrd-6.1-zen", "initrd-6.1-lts"}) == "/initrd-6.1-lts");
  CHECK(initrd_of("vmlinuz-linux", {"initramfs-linux-fallback.img", "initramfs-linux.img"}) ==
        "/initramfs-linux.img");
  // Without a version in the names the shortest counts, whosever it is.
  CHECK(initrd_of("vmlinuz-linux-lts", {"initramfs-linux-lts.img", "initramfs-linux.img"}) ==
        "/initramfs-linux.img");
  CHECK(initrd_of("vmlinuz-linux-lts", {"initramfs-linux-lts.img", "initramfs-linux.img"},
                  "extra_kernel_version_strings linux-lts,linux") == "/initramfs-linux-lts.img");
  CHECK(initrd_of("vmlinuz-a", {"initrd-a", "initrd-b"}) ==
        "the condition 'which of initrd-a and initrd-b is the initrd of vmlinuz-a' can only be "
        "judged by the boot loader");
}

TEST_CASE("Which kernel rEFInd folds to the front is known by the times alone") {
  const std::string choice = "use_nvram 0\ndefault_selection vmlinuz\n";
  const std::string open = " is newer' can only be judged by the boot loader";
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 10}, {"vmlinuz-2", 20}})) == "vmlinuz-2");
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 30}, {"vmlinuz-2", 20}})) == "vmlinuz-1");
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 20}, {"vmlinuz-2", 20}})).ends_with(open));
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 20}, {"vmlinuz-2"}})).ends_with(open));
  // Links, and what is no program, are not in the menu.
  CHECK(chosen(plain(choice, {{"vmlinuz", 40, true}, {"vmlinuz-2", 20}})) == "vmlinuz-2");
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 40, false, false}, {"vmlinuz-2", 20}})) == "vmlinuz-2");
  CHECK(chosen(plain(choice, {{"vmlinuz-1", 40, false, std::nullopt}})) ==
        "vmlinuz-1 cannot be read");
  // Several lines that fit, in an order that is the directory's.
  CHECK(
      chosen(plain(choice + "fold_linux_kernels false", {{"vmlinuz-1", 10}, {"vmlinuz-2", 20}})) ==
      "/efi/EFI/refind/refind.conf: the condition 'default_selection vmlinuz' can only be judged "
      "by the boot loader");
  CHECK(chosen(plain("use_nvram 0\nfold_linux_kernels 0\ndefault_selection vmlinuz-1",
                     {{"vmlinuz-1", 10}, {"vmlinuz-2", 20}})) == "vmlinuz-1");
}

TEST_CASE("rEFInd's default is what was booted last, where that is known") {
  const std::vector<RefindFile> files = {{"vmlinuz-linux", 20}, {"vmlinuz-linux-lts", 10}};
  auto request = plain("", files);
  // Nothing was booted yet, and the first line is the firmware's choice.
  CHECK(chosen(request) ==
        "/efi/EFI/refind/refind.conf: the condition 'the order of the disks' can only be judged by "
        "the boot loader");
  request.variables.refind_last = "Boot vmlinuz-linux from ESP ";
  CHECK(chosen(request) == "vmlinuz-linux");
  // The other kernel was updated since: the line has another title.
  request.directories[0].files[1].modified = 30;
  CHECK(chosen(request) == "Boot vmlinuz-linux from ESP  does not exist");
  request.directories[0].files[1].modified = 10;
  request.unseen = BootUnknown{BootUnknownCode::file_system, "1234"};
  CHECK(chosen(request) == "the file system 1234 is not known or not mounted");
  request.unseen.reset();
  request.variables.is_efi = false;
  request.variables.refind_last.reset();
  CHECK(chosen(request) == "the value of the variable 'PreviousBoot' is not known");
  // The last one counts.
  request.text = "default_selection vmlinuz\ndefault_selection +\n";
  CHECK(chosen(request) == "the value of the variable 'PreviousBoot' is not known");
}

TEST_CASE("Settings of rEFInd that are not carried out leave no default") {
  const std::vector<RefindFile> files = {{"vmlinuz-linux", 20}};
  const auto last = [&](const std::string& config) {
    auto request = plain(config, files);
    request.variables.refind_last = "Boot vmlinuz-linux from ESP ";
    return chosen(request);
  };
  const std::string conf = "/efi/EFI/refind/refind.conf:1: ";
  CHECK(last("fold_linux_kernels 1") == "vmlinuz-linux");
  CHECK(last("also_scan_dirs boot,ESP2:EFI/kernels") ==
        conf + "the command 'also_scan_dirs' is not known");
  CHECK(last("dont_scan_files vmlinuz-linux") ==
        conf + "the command 'dont_scan_files' is not known");
  CHECK(last("shutdown_after_timeout") ==
        conf + "the command 'shutdown_after_timeout' is not known");
  CHECK(last("default_selection Maintenance 23:30 2:00") ==
        conf + "the condition '23:30 to 2:00' can only be judged by the boot loader");
  CHECK(last("default_selection Maintenance 23:30 2:00\ndefault_selection +") == "vmlinuz-linux");
  CHECK(last("include /EFI/more.conf") ==
        conf + "the command 'include /EFI/more.conf' is not known");
  CHECK(last("dont_scan_dirs /").find("does not exist") != std::string::npos);
  CHECK(last("scan_all_linux_kernels no") == "vmlinuz-linux");
  CHECK(last("scan_all_linux_kernels false").find("does not exist") != std::string::npos);
}

TEST_CASE("What stands before all else in rEFInd's menu is known without the disks") {
  const std::string two =
      "menuentry A {\nloader /EFI/Linux/a.efi\n}\nmenuentry B {\nloader /EFI/Linux/b.efi\n}\n";
  const auto choose = [&](const std::string& config) {
    auto request = plain(two + config, {});
    request.unseen = BootUnknown{BootUnknownCode::file_system, "1234"};
    return chosen(request);
  };
  CHECK(choose("scanfor manual\ndefault_selection 2") == "B");
  CHECK(choose("scanfor manual,internal\ndefault_selection 2") == "B");
  CHECK(choose("scanfor manual\n") == "A");
  CHECK(choose("scanfor internal,manual\ndefault_selection 2") ==
        "/efi/EFI/refind/refind.conf: the condition 'default_selection 2' can only be judged by "
        "the boot loader");
  CHECK(choose("default_selection 2").find("default_selection 2") != std::string::npos);
  // The name of a volume may hold it as well.
  CHECK(choose("scanfor manual\ndefault_selection \"Boot B\"").find("judged") != std::string::npos);
  CHECK(choose("scanfor manual\ndefault_selection \"Boot A\"") == "A");
}

TEST_CASE("A kernel without refind_linux.conf has options that are not known") {
  auto request = plain("", {{"vmlinuz-linux", 20}});
  request.read = [](const std::string&) { return SourceText(); };
  const auto entry = read_refind_menu(request).entries.at(0);
  CHECK_FALSE(entry.command_line);
  CHECK(describe(entry.unknown.at(0)) == "/efi/refind_linux.conf does not exist");
}

TEST_CASE("No mutation of a menu breaks rEFInd's reader") {
  const auto check = [](const RefindRequest& request) {
    const auto menu = read_refind_menu(request);
    if (menu.default_entry) REQUIRE(*menu.default_entry < menu.entries.size());
    if (!menu.default_entry) REQUIRE(menu.why_no_default);
  };
  for (const auto& row : rows) {
    MenuCase machine(row.name);
    auto request = request_of(row, machine);
    for_mutations(machine.text(row.config), rounds(20'000) / std::size(rows),
                  [&](const std::string& text) {
                    request.text = text;
                    check(request);
                  });
  }
  const auto& row = rows[0];
  MenuCase machine(row.name);
  const auto request = request_of(row, machine);
  const std::string path = "/boot/refind_linux.conf";
  const auto options = machine.text(path);
  for_mutations(options, rounds(20'000), [&](const std::string& text) {
    machine.set(path, text);
    check(request);
  });
}

}  // namespace vfio_switch
