// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/doctor/host_config.h"
#include "core/machine/facts.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// A file that another tool may have left behind.
struct FoundFile {
  std::string path;
  std::string content;  ///< empty where it is large, or no text

  bool operator==(const FoundFile&) const = default;
};

/// A program that has a device file of a PCI function open.
struct Holder {
  std::string program;  ///< the kernel's name of the process
  int pid = 0;
  std::string node;  ///< "/dev/dri/card1"
  PciAddress address;

  bool operator==(const Holder&) const = default;
};

/// A virtual machine of libvirt, and the host's PCI functions that it is given.
struct VirtualMachine {
  struct Device {
    PciAddress address;
    int line = 0;

    bool operator==(const Device&) const = default;
  };

  std::string name;
  std::string path;  ///< of its definition
  std::vector<Device> devices;
  std::string problem;   ///< why it cannot be read; empty where it can
  int problem_line = 0;  ///< where; 0: not in one line

  bool operator==(const VirtualMachine&) const = default;
};

/// Where the system resumes from hibernation: a word of the kernel command line, or the device in
/// /sys/power/resume.
struct Resume {
  std::string parameter;  ///< "resume=/dev/sda2"; empty: by the device
  std::string device;     ///< "259:3"

  bool operator==(const Resume&) const = default;
};

/// What doctor looks at beside SystemFacts; no plan depends on it. Files that only root can read
/// are treated as missing for other users.
struct DoctorFacts {
  std::string cpu_vendor;                      ///< "intel" or "amd", by the processor; else empty
  std::vector<ConfigLine> command_lines;       ///< kernel command lines that are kept in files
  std::vector<ConfigLine> module_lists;        ///< lines that have modules loaded, of every tool
  std::map<std::string, ModuleForm> virqfd;    ///< how each kernel has vfio_virqfd
  std::vector<Framebuffer> framebuffers;       ///< of the firmware, on a PCI function
  std::vector<CompositorSetting> compositors;  ///< settings that name a card for a desktop
  std::string prime_profile;                   ///< of Ubuntu's prime-select; empty: none
  std::vector<FoundFile> tool_files;           ///< those of tool_paths() that are there
  std::vector<Holder> holders;
  std::optional<std::string> persistenced;  ///< what starts nvidia-persistenced
  std::optional<Resume> resume;
  std::map<PciAddress, std::string> reset_methods;  ///< sysfs `reset_method`, where there is one
  std::vector<ConfigLine> memlock;                  ///< memlock lines of limits.conf(5)
  std::vector<ConfigLine> vfio_rules;               ///< udev rules about /dev/vfio
  std::vector<VirtualMachine> machines;
  std::optional<ReasonCause>
      set_up_pending;  ///< where the package was installed, and set nothing up
  bool secure_boot = false;
  std::vector<std::string> rebuild;  ///< the command that builds every initramfs; empty: not known
  /// The running system was booted after our files were written; nothing where that is unknown.
  std::optional<bool> booted_since;

  bool operator==(const DoctorFacts&) const = default;
};

}  // namespace vfio_switch
