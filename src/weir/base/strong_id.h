// Integers that cannot be mistaken for one another: `using Offset = StrongId<struct OffsetTag, int64_t>`.
//
// No implicit conversion in or out; ordered, hashable, formattable as the bare number (where <fmt/format.h> is included: core.h
// only declares how). `id + n` and `a - b` exist because offsets and epochs count; nothing else does arithmetic.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>  // std::hash

#include <fmt/core.h>

namespace weir {

template <typename Tag, typename Rep>
class StrongId {
 public:
  using rep = Rep;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr StrongId next() const { return StrongId(static_cast<Rep>(value_ + 1)); }
  constexpr StrongId prev() const { return StrongId(static_cast<Rep>(value_ - 1)); }

  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  friend constexpr StrongId operator+(StrongId a, Rep n) { return StrongId(static_cast<Rep>(a.value_ + n)); }
  friend constexpr Rep operator-(StrongId a, StrongId b) { return static_cast<Rep>(a.value_ - b.value_); }

 private:
  Rep value_ = 0;
};

}  // namespace weir

template <typename Tag, typename Rep>
struct std::hash<weir::StrongId<Tag, Rep>> {
  size_t operator()(const weir::StrongId<Tag, Rep>& id) const noexcept { return std::hash<Rep>()(id.value()); }
};

template <typename Tag, typename Rep>
struct fmt::formatter<weir::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  template <typename Context>
  auto format(const weir::StrongId<Tag, Rep>& id, Context& context) const {
    return fmt::formatter<Rep>::format(id.value(), context);
  }
};
