#include <bit>

#include "weir/protocol/walk.h"

namespace weir::protocol {
namespace {

bool same_value(Kind kind, const std::byte* a, const std::byte* b) {
  return visit_value(kind, a, [&]<typename T>(const T& left) {
    const T& right = *reinterpret_cast<const T*>(b);
    if constexpr (std::is_same_v<T, SharedBytes>) {
      return weir::equal(left, right);
    } else if constexpr (std::is_same_v<T, double>) {
      return std::bit_cast<uint64_t>(left) == std::bit_cast<uint64_t>(right);  // a NaN equals itself
    } else {
      return left == right;
    }
  });
}

bool same_elements(const Field& field, const std::byte* a, const std::byte* b) {
  const Elements left = field.sequence->view(a);
  const Elements right = field.sequence->view(b);
  if (left.is_null != right.is_null || left.count != right.count) return false;
  for (size_t i = 0; i < left.count; ++i) {
    const std::byte* x = left.first + i * field.sequence->stride;
    const std::byte* y = right.first + i * field.sequence->stride;
    if (!(field.kind == Kind::kStruct ? equal_values(*field.type, x, y) : same_value(field.kind, x, y))) return false;
  }
  return true;
}

bool all_default(const Struct& type, const std::byte* instance) {
  for (const Field& field : type.fields) {
    if (!is_default(field, instance + field.offset)) return false;
  }
  return true;
}

}  // namespace

bool equal_values(const Struct& type, const void* a, const void* b) {
  for (const Field& field : type.fields) {
    const std::byte* x = static_cast<const std::byte*>(a) + field.offset;
    const std::byte* y = static_cast<const std::byte*>(b) + field.offset;
    if (field.sequence != nullptr) {
      if (!same_elements(field, x, y)) return false;
    } else if (field.kind == Kind::kStruct) {
      if (!equal_values(*field.type, x, y)) return false;
    } else {
      x = inside_optional(field, x);
      y = inside_optional(field, y);
      if (x == nullptr || y == nullptr ? x != y : !same_value(field.kind, x, y)) return false;
    }
  }
  return true;
}

bool is_default(const Field& field, const void* member) {
  const auto* at = static_cast<const std::byte*>(member);
  if (field.sequence != nullptr) {
    const Elements elements = field.sequence->view(at);
    if (field.default_null || elements.is_null) return field.default_null == elements.is_null;
    if (field.is_array) return elements.count == 0;
    return all_default(*field.type, elements.first);
  }
  if (field.kind == Kind::kStruct) return all_default(*field.type, at);
  at = inside_optional(field, at);
  if (at == nullptr) return field.default_null;
  return visit_value(field.kind, at, [&]<typename T>(const T& value) {
    if constexpr (std::is_same_v<T, Records>) {
      return value.is_null() == field.default_null && value.empty();
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, SharedBytes>) {
      return !field.default_null && value.empty();
    } else if constexpr (std::is_same_v<T, Uuid>) {
      return value.is_zero();
    } else if constexpr (std::is_same_v<T, double>) {
      return std::bit_cast<uint64_t>(value) == 0;
    } else {
      return static_cast<int64_t>(value) == field.default_value;
    }
  });
}

}  // namespace weir::protocol
