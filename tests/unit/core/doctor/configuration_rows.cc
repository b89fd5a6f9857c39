// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/binding/generated_files.h"
#include "core/doctor/rows.h"
#include "core/files/own_paths.h"

namespace vfio_switch::test {

namespace {

using enum FindingCode;

constexpr std::string_view ours = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n";

Examination by_hand(std::string_view file, std::string_view vendors) {
  auto machine = desktop();
  machine.modprobe("/etc/modprobe.d/vfio.conf", file);
  machine.modprobe("/usr/lib/modprobe.d/a-vendor.conf", vendors);
  return healthy(machine.facts());
}

Examination blacklists(std::string_view lines) {
  auto machine = desktop();
  machine.modprobe("/etc/modprobe.d/old.conf", lines);
  return healthy(machine.facts());
}

Examination vendor_blacklists(std::string_view lines) {
  auto machine = desktop();
  machine.modprobe("/usr/lib/modprobe.d/vendor.conf", lines);
  return healthy(machine.facts());
}

Examination early(std::string_view module, bool lost) {
  return with(enabled(desktop()), [&](Examination& e) {
    e.facts.early_modules = {{std::string(module), "/etc/initramfs-tools/modules:4"}};
    if (!lost) return;
    e.load_order.front().winner = "nouveau";
    e.load_order.front().stage = Stage::image;
    e.load_order.front().contenders = {"nouveau", "vfio_pci"};
  });
}

/// Somebody's own ids, which give the card to vfio-pci; `winner` gets it with the next boot.
Examination own_ids(std::string_view winner) {
  auto machine = desktop();
  machine.modprobe("/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:1d01\n");
  return with(healthy(machine.facts()), [&](Examination& e) {
    e.load_order.front().winner = winner;
    e.load_order.front().reason = {
        {ReasonCause::loaded_before_vfio, {{"module", Word{std::string(winner)}}}}};
  });
}

Examination unbuildable(std::string_view module) {
  return with(healthy(desktop().facts()), [&](Examination& e) {
    const Place place{"/etc/mkinitcpio.conf.d/10-chwd.conf", 2};
    e.facts.image_hindrances = {{{{ReasonCause::listed_module_missing,
                                   {{"place", place},
                                    {"modules", Quotation{std::string(module)}},
                                    {"kernel", Word{"6.1.0-56-amd64"}}}},
                                  {Edit{place, "MODULES+=(" + std::string(module) + ")", {}}}},
                                 true}};
  });
}

/// mkinitcpio's MODULES has vfio_pci; the image is older, or not.
Examination listed(bool in_image) {
  return with(own_ids("nouveau"), [&](Examination& e) {
    e.more.rebuild = {"mkinitcpio", "-P"};
    auto& kernel = e.status.kernels.front();
    kernel.image = "/boot/initramfs-linux.img";
    kernel.image_has_vfio = in_image;
    e.more.module_lists = {{"/etc/mkinitcpio.conf", 7, "MODULES=(vfio_pci)"}};
  });
}

Examination kernels(ModuleForm newest, ModuleForm other) {
  auto machine = desktop();
  machine.no_kernels().kernel("6.12.1", newest).kernel("6.1.0", other);
  return healthy(machine.facts());
}

/// The line of a list that loads modules early is known as well.
Examination early_line(std::string_view path, std::string_view text) {
  return with(early("nouveau", true), [&](Examination& e) {
    e.facts.early_modules.clear();
    e.more.module_lists = {{std::string(path), 4, std::string(text)}};
    e.more.rebuild = {"update-initramfs", "-u", "-k", "all"};
  });
}

Examination virqfd(ModuleForm form, std::string_view line) {
  return with(healthy(desktop().facts()), [&](Examination& e) {
    e.more.virqfd = {{"6.12.1", form}};
    e.more.module_lists = {{"/etc/modules", 7, std::string(line)}};
  });
}

Examination tool(std::string_view path, std::string_view content) {
  return with(healthy(desktop().facts()), [&](Examination& e) {
    e.more.tool_files = {{std::string(path), std::string(content)}};
  });
}

Examination refused(Refusal refusal) {
  return with(enabled(desktop()), [&](Examination& e) {
    e.status.refusals = {std::move(refusal)};
    for (auto& kernel : e.status.kernels) {
      kernel = KernelStatus{};
      kernel.release = "6.1.0-56-amd64";
      kernel.staged = false;
      kernel.reason = ReasonCause::not_known;
    }
  });
}

const Refusal edited_file = {RefusalCause::file_edited,
                             {{"file", Place{"/etc/modprobe.d/vfio.conf"}}}};
const Refusal gone_card = {RefusalCause::kept_card_gone,
                           {{"id", PciId{0x10de, 0x2d04}}, {"address", PciAddress{0, 1, 0, 0}}}};
const Reason file_differs(ReasonCause::file_differs,
                          {{"file", Place{"/etc/modprobe.d/vfio.conf"}}});
const Reason image_lacks_file(ReasonCause::image_lacks_file, {{"file", Place{"vfio.conf"}}});

Examination unstaged(const std::optional<Reason>& reason, bool in_image) {
  return with(enabled(desktop()), [&](Examination& e) {
    e.status.kernels.front().staged = !reason;
    e.status.kernels.front().reason = reason;
    e.status.kernels.front().files_staged = !reason || in_image;
  });
}

/// The image is as it should be, and what boots is not.
Examination outdated_copy() {
  auto examination = unstaged(image_lacks_file, true);
  examination.status.kernels.front().stale_copy =
      Note{NoteCause::copy_stale,
           {{"file", Place{"/boot/efi/EFI/Pop_OS/initrd.img"}},
            {"source", Place{"/boot/initrd.img-6.1.0-56-amd64"}}},
           {Run{{{"kernelstub"}}}}};
  return examination;
}

/// Staged, and the host's driver has the card.
Examination inactive(std::optional<bool> booted_since, std::string_view command_line = "ro") {
  return with(enabled(desktop().command_line(command_line)), [&](Examination& e) {
    e.status.devices.front() = {at("01:00.0"), "nouveau", "vfio-pci", false};
    e.more.booted_since = booted_since;
  });
}

std::vector<Row> module_rows() {
  auto machine = desktop();
  machine.file(legacy_paths.front(), "blacklist nouveau\n");
  const std::string stub =
      "## This is an autogenerated file that stubs your graphic card for use\n";
  const std::string remove = R"(ACTION=="add", ATTR{vendor}=="0x10de", ATTR{remove}="1")";
  return {
      {early_driver, "nouveau in the list, and it wins", early("nouveau", true),
       early("nouveau", false), "/etc/initramfs-tools/modules:4 loads nouveau early",
       "Run 'vfio-switch enable'. Or:"},
      {early_driver, "another driver in the list", early("nouveau", true), early("ahci", true),
       "nouveau", "Rebuild the initramfs"},
      {early_driver, "in a list of one module a line",
       early_line("/etc/initramfs-tools/modules", "nouveau modeset=1"),
       early_line("/etc/initramfs-tools/modules", "ahci"), "/etc/initramfs-tools/modules:4",
       "Remove 'nouveau modeset=1' from /etc/initramfs-tools/modules:4. "
       "Run 'update-initramfs -u -k all'."},
      {early_driver, "in an array", early_line("/etc/mkinitcpio.conf", "MODULES=(nouveau btrfs)"),
       early_line("/etc/mkinitcpio.conf", "MODULES=(btrfs)"), "/etc/mkinitcpio.conf:4",
       "replace 'MODULES=(nouveau btrfs)' with 'MODULES=(btrfs)'"},
      {softdep_shadowed, "a vendor's line comes first",
       by_hand(ours, "softdep nouveau post: drm\n"), by_hand(ours, "softdep amdgpu post: drm\n"),
       "for nouveau at /etc/modprobe.d/vfio.conf:1 has no effect", "Run 'vfio-switch enable'."},
      {softdep_shadowed, "the merged line counts", by_hand(ours, "softdep nouveau post: drm\n"),
       by_hand(ours, "softdep nouveau pre: vfio-pci post: drm\n"),
       "/usr/lib/modprobe.d/a-vendor.conf:1 comes first", "enable"},
      {build_fails, "a module that no kernel has, passthrough or not", unbuildable("nvidia"),
       healthy(desktop().facts()), "/etc/mkinitcpio.conf.d/10-chwd.conf:2 lists nvidia in MODULES",
       "Remove 'MODULES+=(nvidia)' from /etc/mkinitcpio.conf.d/10-chwd.conf:2"},
      {passthrough_lost, "by somebody's own ids", own_ids("nova_core"), own_ids("vfio-pci"),
       "configured for vfio-pci, but the next boot will bind 0000:01:00.0 (nova_core)",
       "vfio-switch enable"},
      {image_stale, "built before the list was written", listed(false), listed(true),
       "/boot/initramfs-linux.img was built without vfio-pci, which /etc/mkinitcpio.conf:7 lists",
       "mkinitcpio -P"},
      {driver_blacklisted, "the only driver", blacklists("blacklist nouveau\n"),
       blacklists("blacklist nvidiafb\n"),
       "/etc/modprobe.d/old.conf:1 keeps nouveau from being loaded",
       "Remove 'blacklist nouveau' from /etc/modprobe.d/old.conf:1. Rebuild the initramfs"},
      {driver_blacklisted, "by an install command", blacklists("install nouveau /bin/false\n"),
       blacklists("install nouveau /sbin/modprobe -i nouveau\n"), "old.conf:1",
       "Remove 'install nouveau /bin/false' from"},
      {driver_blacklisted, "by the distribution", vendor_blacklists("blacklist nouveau\n"),
       vendor_blacklists("blacklist nvidiafb\n"), "/usr/lib/modprobe.d/vendor.conf:1",
       "Run 'cp /usr/lib/modprobe.d/vendor.conf /etc/modprobe.d/vendor.conf'. "
       "Remove 'blacklist nouveau' from /etc/modprobe.d/vendor.conf:1."},
      {driver_blacklisted, "on the command line",
       healthy(desktop().command_line("modprobe.blacklist=nouveau").facts()),
       healthy(desktop().command_line("modprobe.blacklist=pcspkr").facts()),
       "modprobe.blacklist=nouveau",
       "Remove modprobe.blacklist=nouveau from the kernel command line"},
      {config_conflict, "a line works against it",
       refused({RefusalCause::modprobe_line,
                {{"place", Place{"/etc/modprobe.d/b.conf", 2}},
                 {"line", Quotation{"blacklist vfio-pci"}}}}),
       enabled(desktop()), "/etc/modprobe.d/b.conf:2", "vfio-switch enable"},
      {vfio_pci_missing, "no kernel has it", kernels(ModuleForm::missing, ModuleForm::missing),
       kernels(ModuleForm::loadable, ModuleForm::loadable),
       "Kernels 6.12.1 and 6.1.0 have no vfio-pci", "vfio-pci as a module"},
      {vfio_pci_missing, "one kernel has it not",
       kernels(ModuleForm::missing, ModuleForm::loadable),
       kernels(ModuleForm::built_in, ModuleForm::loadable), "Kernel 6.12.1 has",
       "vfio-pci as a module", Severity::warning},
      {vfio_pci_built_in, "built in", kernels(ModuleForm::built_in, ModuleForm::loadable),
       kernels(ModuleForm::missing, ModuleForm::loadable), "6.12.1",
       "Add vfio-pci.ids=10de:0fb8,10de:1d01 to the kernel command line"},
      {vfio_virqfd, "a list asks for it", virqfd(ModuleForm::missing, "vfio-virqfd"),
       virqfd(ModuleForm::loadable, "vfio_virqfd"), "/etc/modules:7",
       "Remove 'vfio-virqfd' from /etc/modules:7."},
      {vfio_virqfd, "no list asks for it",
       virqfd(ModuleForm::missing, "MODULES=(vfio vfio_pci vfio_virqfd)"),
       virqfd(ModuleForm::missing, "vfio_pci"), "6.12.1", "with 'MODULES=(vfio vfio_pci)'"},
      {older_tool, "its blacklist", healthy(machine.facts()), healthy(desktop().facts()),
       "nvidia-passthrough-blacklist.conf", "vfio-switch enable"},
      {other_tool, "quickpassthrough", tool("/etc/modprobe.d/vfio.conf", stub),
       tool("/etc/modprobe.d/vfio.conf", "# by hand\n"), "quickpassthrough",
       "Run 'rm /etc/modprobe.d/vfio.conf'. Rebuild the initramfs"},
      {other_tool, "quickpassthrough and its parameters",
       with(tool("/etc/modprobe.d/vfio.conf", stub),
            [](auto& e) {
              e.more.command_lines = {
                  {"/etc/kernel/cmdline", 1, "ro rd.driver.pre=vfio_pci quiet"}};
            }),
       healthy(desktop().facts()), "quickpassthrough",
       "In /etc/kernel/cmdline:1, replace 'ro rd.driver.pre=vfio_pci quiet' with 'ro quiet'."},
      {other_tool, "envycontrol",
       tool("/etc/modprobe.d/blacklist-nvidia.conf", "# Automatically generated by EnvyControl\n"),
       tool("/etc/modprobe.d/blacklist-nvidia.conf", "# of prime-select\n"), "envycontrol",
       "Run 'envycontrol --reset'. Or: Run 'rm /etc/modprobe.d/blacklist-nvidia.conf'."},
      {other_tool, "envycontrol's rule", tool("/lib/udev/rules.d/50-remove-nvidia.rules", remove),
       tool("/lib/udev/rules.d/50-other.rules", remove), "50-remove-nvidia", "--reset"},
      {other_tool, "supergfxctl", tool("/etc/modprobe.d/supergfxd.conf", "blacklist nouveau\n"),
       tool("/etc/modprobe.d/other.conf", "blacklist pcspkr\n"), "supergfxctl",
       "Run 'systemctl disable --now supergfxd'. Run 'rm /etc/modprobe.d/supergfxd.conf'."},
      {other_tool, "GPU-Passthrough-Manager",
       tool("/etc/dracut.conf.d/10-vfio.conf",
            "force_drivers+=\" vfio-pci vfio vfio_iommu_type1 vfio_virqfd \"\n"),
       tool("/etc/dracut.conf.d/10-vfio.conf", "force_drivers+=\" vfio_pci \"\n"),
       "GPU-Passthrough-Manager", "rm /etc/dracut.conf.d/10-vfio.conf"},
      {other_tool, "driverctl", tool("/etc/driverctl.d/pci-0000:01:00.1", "vfio-pci\n"),
       tool("/etc/driverctl.d/pci-0000:05:00.0", "uio\n"), "driverctl",
       "Run 'driverctl unset-override 0000:01:00.1'."},
  };
}

}  // namespace

std::vector<Row> configuration_rows() {
  auto rows = module_rows();
  const auto interruption = [](Examination& e) {
    e.interrupted = Refusal{RefusalCause::change_unfinished, {{"verb", Word{"enable"}}}};
  };
  const auto chroot = [](Examination& e) { e.facts.foreign_environment = ReasonCause::in_chroot; };
  const auto pending = [](Examination& e) { e.more.set_up_pending = ReasonCause::in_chroot; };
  const auto plain = healthy(desktop().facts());
  const std::vector<Row> more = {
      {interrupted, "a change is not finished", with(enabled(desktop()), interruption),
       enabled(desktop()), "'enable' is still running, or was interrupted",
       "Run one of these commands: 'vfio-switch enable' or 'vfio-switch disable'."},
      {file_edited, "a file of ours", refused(edited_file), refused(gone_card),
       "/etc/modprobe.d/vfio.conf was not written by vfio-switch", "--keep-mine"},
      {not_staged, "a file is missing", unstaged(file_differs, false),
       unstaged(std::nullopt, false), "vfio.conf is not as vfio-switch would write it",
       "Run 'vfio-switch enable'."},
      {image_stale, "the image lacks it", unstaged(image_lacks_file, true),
       unstaged(file_differs, false), "/boot/initrd.img-6.1.0-56-amd64", "enable --rebuild"},
      {image_stale, "a copy of it boots", outdated_copy(), unstaged(file_differs, false),
       "/boot/efi/EFI/Pop_OS/initrd.img, which is an outdated copy of "
       "/boot/initrd.img-6.1.0-56-amd64",
       "Run 'kernelstub'."},
      {reboot_needed, "not rebooted yet", inactive(false), enabled(desktop()),
       "Bound now: 0000:01:00.0 (nouveau)", "Reboot."},
      {not_active, "rebooted since", inactive(true), inactive(false), "since the last boot",
       "vfio-switch report"},
      {not_active, "this boot was to be without", inactive(true), inactive(true, "vfio-pci.ids="),
       "nouveau", "--rebuild"},
      {card_missing, "taken out", refused(gone_card), refused(edited_file),
       "chosen card 10de:2d04 was not found, neither at 0000:01:00.0",
       "Or: Run one of these commands: 'vfio-switch enable --device 0000:01:00.0'"},
      {set_up_pending, "installed into an image", with(plain, pending),
       with(enabled(desktop()), pending), "in a chroot", "vfio-switch enable"},
      {foreign_environment, "in a chroot", with(plain, chroot), plain, "a chroot",
       "machine itself"},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

}  // namespace vfio_switch::test
