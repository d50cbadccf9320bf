// Assertions for programmer errors, on in every build.
//
//   WEIR_ASSERT(next >= start, next, start);
//
// prints the condition, the operands, the place and the events noted last by `note_event` on this thread (requests, writes,
// syncs), then aborts. Use two per function in storage, raft, replication and coordinator; state what must hold, not what was
// just computed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace weir {

// Prints everything and aborts; never returns.
[[noreturn]] void assertion_failed(std::string_view condition, std::string_view file, int line, std::string_view operands);

// Remembers a short line in a small ring of this thread; shown when an assertion fails. Costs a nanosecond or two. `event` must
// be a literal that says what `a` and `b` are.
void note_event(const char* event, int64_t a = 0, int64_t b = 0);

namespace detail {
template <typename T>
std::string operand_text(const T& value) {
  if constexpr (fmt::is_formattable<T>::value) {
    return fmt::format("{}", value);
  } else if constexpr (requires { value.value(); }) {
    return fmt::format("{}", value.value());
  } else {
    return "?";
  }
}
template <typename... T>
std::string operands_text(std::string_view names, const T&... values) {
  std::string text(names);
  text += " =";
  ((text += ' ', text += operand_text(values)), ...);
  return text;
}
inline std::string operands_text(std::string_view) { return {}; }
}  // namespace detail

#define WEIR_ASSERT(condition, ...)                                                                       \
  do {                                                                                                    \
    if (!(condition)) [[unlikely]] {                                                                      \
      ::weir::assertion_failed(#condition, __FILE__, __LINE__,                                            \
                               ::weir::detail::operands_text(#__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__));   \
    }                                                                                                     \
  } while (false)

#define WEIR_UNREACHABLE(...) ::weir::assertion_failed("unreachable", __FILE__, __LINE__, \
                               ::weir::detail::operands_text(#__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__))

}  // namespace weir
