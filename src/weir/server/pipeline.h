// From a request frame to its answer: read the header, find the handler in the table (handler_table.h), run its row, count.
//
// The one place that knows which versions are served. What cannot be understood closes the connection without an answer, as
// Kafka does, except ApiVersions, which is answered in its version 0.
#pragma once

#include "weir/base/error.h"
#include "weir/runtime/task.h"
#include "weir/server/request.h"

namespace weir::server {

using runtime::Task;

struct Services;

// Reads the header. Errors: kMalformedFrame, kUnsupportedVersion (an API or version not served on this listener): close.
Result<Request> read_request(SharedBytes frame, const ListenerOptions& listener);

// Runs the handler. Errors: kMalformedFrame (the body cannot be read), and those of encoding the answer: close.
// `request` must outlive the await.
Task<Result<Answer>> answer_request(Services& services, const Request& request);

}  // namespace weir::server
