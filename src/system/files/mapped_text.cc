// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/mapped_text.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>

namespace vfio_switch {

MappedText::MappedText(const UniqueFd& file) {
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* start =
      size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (start != MAP_FAILED) text_ = {static_cast<const char*>(start), size};
}

MappedText::~MappedText() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): munmap(2) takes what mmap(2) gave
  if (!text_.empty()) ::munmap(const_cast<char*>(text_.data()), text_.size());
}

}  // namespace vfio_switch
