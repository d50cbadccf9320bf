// From a request frame to its answer: read the header, find the handler, decode, run it, encode.
//
// The one place that knows versions. Handlers are found by table (handler_table.h); what cannot be understood closes the
// connection without an answer, as Kafka does, except ApiVersions, which is answered in its version 0.
#pragma once

#include <optional>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/protocol/frame_writer.h"
#include "weir/server/context.h"

namespace weir::server {

// A request whose header was read.
struct Request {
  RequestInfo info;
  int32_t correlation_id = 0;
  SharedBytes body;             // behind the header
};

// The answer to one request; no slices when the client asked for none.
struct Answer {
  std::vector<protocol::FramePart> parts;   // the whole frame with its length
  size_t bytes_in_memory = 0;
  bool close_connection = false;     // after sending
};

// Reads the header. Errors: kMalformedFrame, kUnsupportedVersion (an API or version not served on this listener): close.
Result<Request> read_request(SharedBytes frame, const ListenerOptions& listener);

// Runs the handler. Errors: kMalformedFrame (the body cannot be read): close.
// `request` must outlive the await.
Task<Result<Answer>> answer_request(Services& services, const Request& request);

}  // namespace weir::server
