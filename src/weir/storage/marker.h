// What a control batch says about transactions.
#pragma once

#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/record/control.h"

namespace weir::storage {

struct Marker {
  record::ControlType type;
  record::EndTxnMarker marker;
};

// The marker in the whole control batch `bytes`, which is never compressed; nullopt for control records of another kind.
// Errors: kCorruptMessage.
Result<std::optional<Marker>> parse_marker(ByteView bytes);

}  // namespace weir::storage
