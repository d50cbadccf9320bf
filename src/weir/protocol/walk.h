// One way over the members of a struct, shared by equality, description and random instances.
#pragma once

#include "weir/protocol/wire.h"

namespace weir::protocol {

// Calls `visit(T&)` with the member's C++ type for a value of `kind` that is neither a list nor a struct.
// `Byte` is std::byte or const std::byte; `visit` gets T& or const T&.
template <typename Byte, typename Visit>
decltype(auto) visit_value(Kind kind, Byte* member, Visit visit) {
  const auto call = [&]<typename T>(T*) -> decltype(auto) {
    using Target = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    return visit(*reinterpret_cast<Target*>(member));
  };
  switch (kind) {
    case Kind::kBool: return call(static_cast<bool*>(nullptr));
    case Kind::kInt8: return call(static_cast<int8_t*>(nullptr));
    case Kind::kInt16: return call(static_cast<int16_t*>(nullptr));
    case Kind::kUint16: return call(static_cast<uint16_t*>(nullptr));
    case Kind::kInt32: return call(static_cast<int32_t*>(nullptr));
    case Kind::kUint32: return call(static_cast<uint32_t*>(nullptr));
    case Kind::kInt64: return call(static_cast<int64_t*>(nullptr));
    case Kind::kFloat64: return call(static_cast<double*>(nullptr));
    case Kind::kUuid: return call(static_cast<Uuid*>(nullptr));
    case Kind::kError: return call(static_cast<ErrorCode*>(nullptr));
    case Kind::kString: return call(static_cast<std::string*>(nullptr));
    case Kind::kBytes: return call(static_cast<SharedBytes*>(nullptr));
    case Kind::kRecords:
    case Kind::kStruct: break;  // a struct has a table of its own; callers do not ask for it
  }
  return call(static_cast<Records*>(nullptr));
}

// The value inside a std::optional member, or null. Only strings and bytes are optional outside of sequences.
inline const std::byte* inside_optional(const Field& field, const std::byte* member) {
  if (!field.is_optional) return member;
  if (field.kind == Kind::kString) {
    const auto& text = *reinterpret_cast<const std::optional<std::string>*>(member);
    return text ? reinterpret_cast<const std::byte*>(&*text) : nullptr;
  }
  const auto& bytes = *reinterpret_cast<const std::optional<SharedBytes>*>(member);
  return bytes ? reinterpret_cast<const std::byte*>(&*bytes) : nullptr;
}

}  // namespace weir::protocol
