// Operating errors are values: Result<T> is std::expected<T, Error>.
//
// An Error is a code and, where a person will read it, a sentence that says what is wrong and what to do.
// Kafka's codes keep their wire numbers; codes above 1000 are ours and never leave the process: `to_wire` is the only
// narrowing. Programmer errors are not Errors: see assert.h.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

enum class ErrorCode : int16_t {
#define WEIR_ERROR(name, number, kafka_name, retriable) name = number,
#include "weir/base/error_codes.def"
#undef WEIR_ERROR
};

// Kafka's spelling ("NOT_LEADER_OR_FOLLOWER"); "UNKNOWN_SERVER_ERROR" for a number that is not in the table.
std::string_view name_of(ErrorCode code);

// Whether a client may send the same request again and hope.
bool is_retriable(ErrorCode code);

// The number for the wire; our own codes become the nearest Kafka code (disk errors KAFKA_STORAGE_ERROR, else -1).
int16_t to_wire(ErrorCode code);

// The code for a number read from the wire; unknown numbers become kUnknownServerError.
ErrorCode from_wire(int16_t number);

class [[nodiscard]] Error {
 public:
  explicit Error(ErrorCode code) : code_(code) {}
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  // Empty when the code says it all.
  const std::string& message() const { return message_; }
  // "NAME: message", or "NAME".
  std::string describe() const;
  // The same error with `context` before its message: "context: message".
  Error within(std::string_view context) const;

  friend bool operator==(const Error& a, const Error& b) { return a.code_ == b.code_; }

 private:
  ErrorCode code_;
  std::string message_;
};

template <typename T>
using Result = std::expected<T, Error>;

// The error branch of any Result: `return fail(ErrorCode::kNotFound, "no such topic");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code) { return std::unexpected<Error>(Error(code)); }
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)

// WEIR_TRY(auto x, expr);  binds the value of a Result, or returns its error from this plain function.
// WEIR_CHECK(expr);        the same for a Result whose value is not wanted.
#define WEIR_TRY_AS(tmp, decl, ...)                               \
  auto tmp = (__VA_ARGS__);                                       \
  if (!tmp) return ::weir::fail(std::move(tmp).error());          \
  decl = std::move(*tmp)
#define WEIR_TRY(decl, ...) WEIR_TRY_AS(WEIR_CONCAT(weir_try_, __LINE__), decl, __VA_ARGS__)
#define WEIR_CHECK(...)                                                                   \
  do {                                                                                    \
    if (auto weir_check = (__VA_ARGS__); !weir_check) return ::weir::fail(std::move(weir_check).error()); \
  } while (false)

// The same inside a coroutine; `expr` may be a co_await.
#define WEIR_CO_TRY_AS(tmp, decl, ...)                            \
  auto tmp = (__VA_ARGS__);                                       \
  if (!tmp) co_return ::weir::fail(std::move(tmp).error());       \
  decl = std::move(*tmp)
#define WEIR_CO_TRY(decl, ...) WEIR_CO_TRY_AS(WEIR_CONCAT(weir_try_, __LINE__), decl, __VA_ARGS__)
#define WEIR_CO_CHECK(...)                                                                \
  do {                                                                                    \
    auto weir_check = (__VA_ARGS__);                                                      \
    if (!weir_check) co_return ::weir::fail(std::move(weir_check).error());               \
  } while (false)

}  // namespace weir
