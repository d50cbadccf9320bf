// One request on its way through the server, and its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/protocol/frame_writer.h"
#include "weir/runtime/network.h"
#include "weir/runtime/stop.h"
#include "weir/server/options.h"

namespace weir::server {

struct HandlerRow;

// Who asks, and how; lives as long as the request.
struct RequestInfo {
  int16_t api_key = 0;
  int16_t version = 0;
  bool is_version_unknown = false;   // an ApiVersions of a version we do not have: its body was not read
  std::optional<std::string> client_id;
  const ListenerOptions* listener = nullptr;
  const runtime::Endpoint* peer = nullptr;
  runtime::StopToken stop;           // the connection is ending: nobody will read the answer
};

// A request whose header was read.
struct Request {
  RequestInfo info;
  const HandlerRow* handler = nullptr;   // of its API
  int32_t correlation_id = 0;
  SharedBytes body;                      // behind the header
};

// The answer to one request; no parts when the client asked for none.
struct Answer {
  std::vector<protocol::FramePart> parts;   // the whole frame with its length
  size_t bytes_in_memory = 0;               // of the parts that are not in files
  bool close_connection = false;            // after sending
};

}  // namespace weir::server
