#include "weir/protocol/frame.h"

#include <fmt/core.h>

#include "weir/base/assert.h"
#include "weir/base/reader.h"

namespace weir::protocol {

Result<RequestHead> read_request_head(ByteView frame) {
  Reader in(frame);
  RequestHead head;
  head.api_key = in.i16();
  head.api_version = in.i16();
  head.correlation_id = in.i32();
  if (in.failed()) {
    return fail(ErrorCode::kMalformedFrame, fmt::format("a request of {} bytes ends inside its header", frame.size()));
  }
  head.body_at = in.position();
  head.api = find_api(head.api_key);
  if (head.api == nullptr) return head;
  WEIR_TRY(RequestHeader header,
           decode<RequestHeader>(frame, request_header_version(*head.api, head.api_version), &head.body_at));
  head.client_id = std::move(header.client_id);
  return head;
}

void begin_response(FrameWriter& out, const ApiInfo& api, int16_t version, int32_t correlation_id) {
  out.integer(int32_t{0});
  out.integer(correlation_id);
  if (response_header_version(api, version) >= ResponseHeader::kFlexibleFrom) out.unsigned_varint(0);  // no tagged fields
}

Result<void> begin_request(FrameWriter& out, const ApiInfo& api, int16_t version, int32_t correlation_id,
                           const std::optional<std::string>& client_id) {
  out.integer(int32_t{0});
  const RequestHeader header{.request_api_key = static_cast<int16_t>(api.key),
                       .request_api_version = version,
                       .correlation_id = correlation_id,
                       .client_id = client_id};
  return encode(out, header, request_header_version(api, version));
}

void finish_frame(FrameWriter& out) {
  WEIR_ASSERT(out.size() >= kFrameSizeBytes && out.size() - kFrameSizeBytes <= INT32_MAX, out.size());
  out.patch(0, static_cast<int32_t>(out.size() - kFrameSizeBytes));
}

Result<size_t> read_response_head(ByteView frame, const ApiInfo& api, int16_t version, int32_t& correlation_id) {
  size_t body_at = 0;
  WEIR_TRY(const ResponseHeader header, decode<ResponseHeader>(frame, response_header_version(api, version), &body_at));
  correlation_id = header.correlation_id;
  return body_at;
}

}  // namespace weir::protocol
