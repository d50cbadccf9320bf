// All handlers, one row each, indexed by API key. A row appears when the API is served in full.
//
// Adding an API: write handlers/NN_name.cc, declare it in handlers/handlers.h, add its row in handler_table.cc, and list its
// versions in src/weir/protocol/served.txt (which feeds ApiVersions and docs/protocol.md). A row or a line alone does not compile.
#pragma once

#include "weir/base/error.h"
#include "weir/runtime/task.h"
#include "weir/server/request.h"

namespace weir::server {

class HandlerContext;

struct HandlerRow {
  // Decodes, handles, encodes. Errors: kMalformedFrame; those of encoding.
  runtime::Task<Result<Answer>> (*serve)(HandlerContext& context, const Request& request);
};

// nullptr when the API is not served.
const HandlerRow* find_handler(int16_t api_key);

}  // namespace weir::server
