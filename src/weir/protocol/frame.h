// Requests and responses with their headers.
//
// Format   request:  int32 size | RequestHeader v1 or v2 | body
//          response: int32 size | ResponseHeader v0 or v1 | body
#pragma once

#include "weir/protocol/api_keys.h"
#include "weir/protocol/decode.h"
#include "weir/protocol/encode.h"
#include "weir/protocol/request_header.h"
#include "weir/protocol/response_header.h"

namespace weir::protocol {

inline constexpr size_t kFrameSizeBytes = 4;

// What is known of a request before its body is read.
struct RequestHead {
  int16_t api_key = -1;  // as received; `api` is null when Kafka has no such key
  int16_t api_version = -1;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id;  // none when `api` is null: the rest of the header cannot be read
  const ApiInfo* api = nullptr;
  size_t body_at = 0;  // where the body begins in the frame

  bool version_known() const { return api != nullptr && api->versions.has(api_version); }
};

// Reads the header of a request frame, given without its size. A version that the API lacks is read by the rule for known
// ones, so that ApiVersions can be answered whatever version the client asks with. Errors: kMalformedFrame.
Result<RequestHead> read_request_head(ByteView frame);

// Begins a response: size (patched by `finish_frame`) and header.
void begin_response(FrameWriter& out, const ApiInfo& api, int16_t version, int32_t correlation_id);
// Begins a request: size and header. A client's half. Errors: kInvalidArgument, a client id above 32,767 bytes.
Result<void> begin_request(FrameWriter& out, const ApiInfo& api, int16_t version, int32_t correlation_id,
                           const std::optional<std::string>& client_id);
// Writes the size of everything after it into the frame's first four bytes.
void finish_frame(FrameWriter& out);
// Reads a response's header; returns where the body begins. `frame` is without its size. Errors: kMalformedFrame.
Result<size_t> read_response_head(ByteView frame, const ApiInfo& api, int16_t version, int32_t& correlation_id);

// A whole response frame, size and header included. Errors: those of `encode`.
template <WireMessage T>
Result<FrameWriter> write_response(const T& response, int16_t version, int32_t correlation_id) {
  FrameWriter out;
  begin_response(out, api_info(T::kApiKey), version, correlation_id);
  WEIR_CHECK(encode(out, response, version));
  finish_frame(out);
  return out;
}
// The same, ready to be sent in order; of a response without files.
template <WireMessage T>
Result<std::vector<SharedBytes>> response_frame(const T& response, int16_t version, int32_t correlation_id) {
  WEIR_TRY(FrameWriter out, write_response(response, version, correlation_id));
  return std::move(out).take();
}

// A whole request frame, ready to be sent in order. Errors: those of `encode` and `begin_request`.
template <WireMessage T>
Result<std::vector<SharedBytes>> request_frame(const T& request, int16_t version, int32_t correlation_id,
                                               const std::optional<std::string>& client_id) {
  FrameWriter out;
  WEIR_CHECK(begin_request(out, api_info(T::kApiKey), version, correlation_id, client_id));
  WEIR_CHECK(encode(out, request, version));
  finish_frame(out);
  return std::move(out).take();
}

}  // namespace weir::protocol
