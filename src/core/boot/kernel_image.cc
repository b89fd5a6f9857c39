// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kernel_image.h"

#include <algorithm>
#include <cstddef>

#include "core/boot/unified_image.h"

namespace vfio_switch {

namespace {

constexpr std::size_t longest_release = 128;
/// Larger than the kernel of any distribution, unpacked.
constexpr std::uint64_t longest_image = std::uint64_t{256} << 20U;
constexpr std::size_t piece_size = std::size_t{256} << 10U;

bool is_release(std::string_view text) {
  return !text.empty() && text.size() < longest_release && text.front() >= '0' &&
         text.front() <= '9' &&
         std::ranges::all_of(
             text,
             [](char c) { return c > ' ' && c != '/' && static_cast<unsigned char>(c) < 0x7f; });
}

/// The string at `offset`, up to a blank.
std::optional<std::string> first_word(const ByteSource& image, std::uint64_t offset) {
  if (offset >= image.size) return std::nullopt;
  const auto count = std::min<std::uint64_t>(longest_release, image.size - offset);
  const auto text = image.read(offset, static_cast<std::size_t>(count));
  auto word = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  return is_release(word) ? std::optional(std::move(word)) : std::nullopt;
}

/// Linux, Documentation/arch/x86/boot.rst.
std::optional<std::string> bzimage_release(const ByteSource& image) {
  constexpr std::uint64_t magic_at = 0x202;
  constexpr std::uint64_t version_at = 0x20e;
  constexpr std::uint64_t version_base = 0x200;
  if (image.bytes(magic_at, 4) != "HdrS") return std::nullopt;
  const auto offset = image.le16(version_at);
  if (!offset || *offset == 0) return std::nullopt;
  return first_word(image, version_base + *offset);
}

/// Documentation/arch/arm64/booting.rst, and the same header for RISC-V.
bool is_plain_image(const ByteSource& image) {
  const auto magic = image.bytes(56, 4);
  return magic == "ARMd" || magic == std::string("RSC\x05");
}

std::optional<std::string> scan(const ByteSource& image) {
  KernelBanner banner;
  const auto size = std::min(image.size, longest_image);
  for (std::uint64_t at = 0; at < size; at += piece_size) {
    const auto piece = image.read(at, piece_size);
    if (piece.empty() || banner.take(piece)) break;
  }
  return banner.release();
}

std::optional<std::string> kernel_release(const ByteSource& image, const UnpackKernel& unpack) {
  if (auto release = bzimage_release(image)) return release;
  if (is_plain_image(image)) return scan(image);
  if (const auto payload = find_kernel_payload(image); payload && unpack) {
    KernelBanner banner;
    std::uint64_t taken = 0;
    (void)unpack(*payload, [&](std::string_view piece) {
      taken += piece.size();
      return banner.take(piece) || taken > longest_image;
    });
    return banner.release();
  }
  return std::nullopt;
}

}  // namespace

std::optional<KernelPayload> find_kernel_payload(const ByteSource& image) {
  constexpr std::size_t name_size = 32;
  if (image.bytes(0, 2) == "MZ" && image.bytes(4, 4) == "zimg") {
    const auto offset = image.le32(8);
    const auto size = image.le32(12);
    const auto name = image.bytes(24, name_size);
    if (!offset || !size || !name || *size == 0) return std::nullopt;
    if (*offset > image.size || *size > image.size - *offset) return std::nullopt;
    return KernelPayload{*offset, *size, name->substr(0, name->find('\0'))};
  }
  if (image.bytes(0, 3) == "\x1f\x8b\x08") return KernelPayload{0, image.size, "gzip"};
  return std::nullopt;
}

bool KernelBanner::take(std::string_view piece) {
  constexpr std::string_view mark = "Linux version ";
  if (release_) return true;
  rest_ += piece;
  std::size_t from = 0;
  for (;;) {
    const auto at = rest_.find(mark, from);
    if (at == std::string::npos) break;
    const auto begin = at + mark.size();
    const auto end = rest_.find(' ', begin);
    // The end may be in the next piece.
    if (end == std::string::npos && rest_.size() - begin < longest_release) {
      rest_.erase(0, at);
      return false;
    }
    const auto word = rest_.substr(begin, std::min(end, rest_.size()) - begin);
    // The banner goes on with who built it: "Linux version 6.1.0 (user@host)".
    if (is_release(word)) {
      release_ = word;
      return true;
    }
    from = begin;
  }
  rest_.erase(0, rest_.size() - std::min(rest_.size(), mark.size()));
  return false;
}

std::optional<std::string> read_kernel_release(const ByteSource& image,
                                               const UnpackKernel& unpack) {
  if (const auto profiles = read_unified_image(image)) {
    const auto& first = profiles->front();
    if (first.release && is_release(*first.release)) return first.release;
    const auto inner = image.part(first.kernel->offset, first.kernel->size);
    const auto shifted = [&](const KernelPayload& payload,
                             const std::function<bool(std::string_view)>& take) {
      auto whole = payload;
      whole.offset += first.kernel->offset;
      return unpack(whole, take);
    };
    return kernel_release(inner, unpack ? UnpackKernel(shifted) : UnpackKernel());
  }
  return kernel_release(image, unpack);
}

}  // namespace vfio_switch
