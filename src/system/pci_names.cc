// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci_names.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "system/unique_fd.h"

namespace vfio_switch {

namespace {

/// A file's text in memory that the kernel shares: a copy would cost more than the search.
class MappedText {
 public:
  explicit MappedText(const char* path) {
    const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (start != MAP_FAILED) text_ = {static_cast<const char*>(start), size};
  }
  MappedText(const MappedText&) = delete;
  MappedText& operator=(const MappedText&) = delete;
  MappedText(MappedText&&) = delete;
  MappedText& operator=(MappedText&&) = delete;
  ~MappedText() {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): munmap(2) takes what mmap(2) gave
    if (!text_.empty()) ::munmap(const_cast<char*>(text_.data()), text_.size());
  }

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace

PciNames read_pci_names(const std::set<PciId>& ids) {
  // Where Debian has it, and where Arch and Fedora do.
  constexpr std::array<const char*, 2> paths = {"/usr/share/misc/pci.ids",
                                                "/usr/share/hwdata/pci.ids"};
  for (const auto* path : paths) {
    const MappedText database(path);
    if (!database.text().empty()) return find_pci_names(database.text(), ids);
  }
  return {};
}

}  // namespace vfio_switch
