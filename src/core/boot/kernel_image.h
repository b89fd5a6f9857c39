// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/boot/byte_source.h"

namespace vfio_switch {

/// What a kernel image holds that is packed: an EFI zboot image (Linux, zboot-header.S), or a whole
/// image by gzip.
struct KernelPayload {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string compression;  ///< as the header has it: "gzip", "zstd", "lz4", "lzma", "xzkern"

  bool operator==(const KernelPayload&) const = default;
};

[[nodiscard]] std::optional<KernelPayload> find_kernel_payload(const ByteSource& image);

/// Finds the release in the bytes of an unpacked kernel, which come piece by piece: what follows
/// "Linux version " in it, up to a blank.
class KernelBanner {
 public:
  /// True once the release was found: no more is needed.
  bool take(std::string_view piece);
  [[nodiscard]] const std::optional<std::string>& release() const { return release_; }

 private:
  std::string rest_;  ///< the end of what came before
  std::optional<std::string> release_;
};

/// Unpacks a payload and hands it on piece by piece, until `take` says true or nothing is left.
/// The caller does that: it takes libraries. False where it could not.
using UnpackKernel =
    std::function<bool(const KernelPayload&, const std::function<bool(std::string_view)>& take)>;

/// The release of a kernel from its own image: a bzImage says it in its header, others in what they
/// hold, a unified image in .uname or its .linux. Nothing where the image does not tell.
[[nodiscard]] std::optional<std::string> read_kernel_release(const ByteSource& image,
                                                             const UnpackKernel& unpack);

}  // namespace vfio_switch
