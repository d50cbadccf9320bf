#include "weir/client/bootstrap.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace weir::client {

namespace {

constexpr uint16_t kDefaultPort = 9092;

// "host:port"; the port may be left out.
Result<runtime::Endpoint> parse_broker(std::string_view text) {
  std::optional<runtime::Endpoint> endpoint = runtime::Endpoint::parse(text);
  if (!endpoint) endpoint = runtime::Endpoint::parse(fmt::format("{}:{}", text, kDefaultPort));
  if (!endpoint || endpoint->host.empty() || endpoint->port == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not of the form host:port", text));
  }
  return std::move(*endpoint);
}

}  // namespace

Result<std::vector<runtime::Endpoint>> parse_bootstrap(std::string_view text) {
  std::vector<runtime::Endpoint> endpoints;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) {
      WEIR_TRY(runtime::Endpoint endpoint, parse_broker(text.substr(0, comma)));
      endpoints.push_back(std::move(endpoint));
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (endpoints.empty()) return fail(ErrorCode::kInvalidArgument, "no broker is named: host:port[,host:port...]");
  return endpoints;
}

}  // namespace weir::client
