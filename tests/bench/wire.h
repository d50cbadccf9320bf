// What the load generator and the floor share: big-endian fields, a checksum, a clock, and failing with a sentence.
//
// These are plain Linux programs and not part of weir: they must not gain or lose by what weir's own libraries do.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#ifdef BENCH_ISAL
#include <isa-l/crc.h>
#endif

namespace bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s%s%s\n", what.c_str(), errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : "");
  std::exit(1);
}

inline std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename T>
inline void put(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  }
}

inline void put_text(std::string& out, const std::string& text) {
  put<std::int16_t>(out, static_cast<std::int16_t>(text.size()));
  out += text;
}

template <typename T>
inline T get(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t index = 0; index < sizeof(T); ++index) {
    value = value << 8 | static_cast<unsigned char>(at[index]);
  }
  return static_cast<T>(value);
}

// CRC-32C, by ISA-L where it is there, so that the floor is as low as it can be.
inline std::uint32_t crc32c(const char* data, std::size_t size) {
#ifdef BENCH_ISAL
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(data));
  return ~crc32_iscsi(bytes, static_cast<int>(size), 0xFFFFFFFF);
#else
  static const auto table = [] {
    struct Table {
      std::uint32_t at[256];
    } made{};
    for (std::uint32_t index = 0; index < 256; ++index) {
      std::uint32_t value = index;
      for (int bit = 0; bit < 8; ++bit) {
        value = value >> 1 ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
      }
      made.at[index] = value;
    }
    return made;
  }();
  std::uint32_t value = 0xFFFFFFFF;
  for (std::size_t index = 0; index < size; ++index) {
    value = table.at[(value ^ static_cast<unsigned char>(data[index])) & 0xFF] ^ value >> 8;
  }
  return ~value;
#endif
}

constexpr std::size_t kBatchHeader = 61;
constexpr std::size_t kCrcFrom = 21;  // the checksum covers the batch from its attributes on

}  // namespace bench
