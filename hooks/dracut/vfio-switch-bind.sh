#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# dracut's pre-udev hook, in images of a machine whose card is bound by address: vfio-pci takes it
# before udev looks for drivers.
/usr/lib/vfio-switch/bind --boot
