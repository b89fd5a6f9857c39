// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/doctor/doctor_facts.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The virtual machines of libvirt's system instance, /etc/libvirt/qemu/*.xml, and the host's PCI
/// functions that each is given. Only root may read them.
[[nodiscard]] std::vector<VirtualMachine> read_virtual_machines(const FileReader& files);

/// One definition: <hostdev type='pci'><source><address .../></source></hostdev>
/// (https://libvirt.org/formatdomain.html). What is no XML is a problem of the machine.
[[nodiscard]] VirtualMachine parse_definition(const std::string& path, std::string_view text);

}  // namespace vfio_switch
