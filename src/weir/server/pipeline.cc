#include "weir/server/pipeline.h"

#include "weir/protocol/frame.h"
#include "weir/server/context.h"
#include "weir/server/handler_table.h"

namespace weir::server {

Result<Request> read_request(SharedBytes frame, const ListenerOptions& listener) {
  WEIR_TRY(protocol::RequestHead head, protocol::read_request_head(frame));
  Request request;
  request.info.api_key = head.api_key;
  request.info.version = head.api_version;
  request.info.client_id = std::move(head.client_id);
  request.info.listener = &listener;
  request.correlation_id = head.correlation_id;
  request.handler = find_handler(head.api_key);
  if (head.api == nullptr || request.handler == nullptr) {
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("API {} is not served", head.api_key));
  }
  if (!head.api->served.has(head.api_version)) {
    if (head.api->key != protocol::ApiKey::kApiVersions) {
      return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} version {} is not served; {} to {} are", head.api->name, head.api_version,
                                                              head.api->served.first, head.api->served.last));
    }
    // A client newer than we are asks what we have: answer in version 0, whatever its body says.
    request.info.version = 0;
    request.info.is_version_unknown = true;
    return request;
  }
  request.body = frame.slice(head.body_at, frame.size() - head.body_at);
  return request;
}

Task<Result<Answer>> answer_request(Services& services, const Request& request) {
  WEIR_ASSERT(request.handler != nullptr, request.info.api_key);
  HandlerContext context(services, request.info);
  note_event("request: api key, correlation id", request.info.api_key, request.correlation_id);
  const MonoTime started = services.environment.executor.now();
  Result<Answer> answer = co_await request.handler->serve(context, request);
  services.request_metrics.count(request.info.api_key, services.environment.executor.now() - started);
  co_return answer;
}

}  // namespace weir::server
