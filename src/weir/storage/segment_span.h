// How long a batch is and where it ends, by its first bytes: all that stepping over it needs.
#pragma once

#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"

namespace weir::storage {

struct BatchSpan {
  size_t bytes = 0;
  Offset last_offset;
};

// nullopt when fewer bytes are there than the header of its magic. Errors: kCorruptMessage.
Result<std::optional<BatchSpan>> peek_span(ByteView bytes);

}  // namespace weir::storage
