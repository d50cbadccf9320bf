// A 16-byte id (topic, directory, cluster). Text form: 22 characters of URL-safe base64 without padding, as Kafka prints.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>  // and std::hash

#include <fmt/core.h>

namespace weir {

struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  bool is_zero() const { return high == 0 && low == 0; }
  std::string text() const;
  static std::optional<Uuid> parse(std::string_view text);

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

inline constexpr Uuid kZeroUuid{};
inline constexpr Uuid kMetadataTopicId{0, 1};  // of __cluster_metadata

}  // namespace weir

template <>
struct std::hash<weir::Uuid> {
  size_t operator()(const weir::Uuid& id) const noexcept { return id.high ^ (id.low * 0x9E3779B97F4A7C15ull); }
};

template <>
struct fmt::formatter<weir::Uuid> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const weir::Uuid& id, Context& context) const {
    return fmt::formatter<std::string>::format(id.text(), context);
  }
};
