#include "weir/base/error.h"

namespace weir {
namespace {

struct Row {
  int16_t number;
  std::string_view name;
  bool retriable;
};

constexpr Row kRows[] = {
#define WEIR_ERROR(name, number, kafka_name, retriable) {number, #kafka_name, retriable},
#include "weir/base/error_codes.def"
#undef WEIR_ERROR
};

constexpr int16_t kFirstOwnCode = 1000;

const Row* find(int16_t number) {
  for (const Row& row : kRows) {
    if (row.number == number) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  const Row* row = find(static_cast<int16_t>(code));
  return row == nullptr ? "UNKNOWN_SERVER_ERROR" : row->name;
}

bool is_retriable(ErrorCode code) {
  const Row* row = find(static_cast<int16_t>(code));
  return row != nullptr && row->retriable;
}

int16_t to_wire(ErrorCode code) {
  const auto number = static_cast<int16_t>(code);
  if (number < kFirstOwnCode) return number;
  switch (code) {
    case ErrorCode::kDiskError:
    case ErrorCode::kNoSpace:
    case ErrorCode::kMalformedFile: return static_cast<int16_t>(ErrorCode::kKafkaStorageError);
    case ErrorCode::kDeadlineExceeded: return static_cast<int16_t>(ErrorCode::kRequestTimedOut);
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kMalformedFrame: return static_cast<int16_t>(ErrorCode::kInvalidRequest);
    default: return static_cast<int16_t>(ErrorCode::kUnknownServerError);
  }
}

ErrorCode from_wire(int16_t number) {
  return number < kFirstOwnCode && find(number) != nullptr ? static_cast<ErrorCode>(number) : ErrorCode::kUnknownServerError;
}

std::string Error::describe() const {
  std::string text(name_of(code_));
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

Error Error::within(std::string_view context) const {
  std::string message(context);
  if (!message_.empty()) message.append(": ").append(message_);
  return Error(code_, std::move(message));
}

}  // namespace weir
