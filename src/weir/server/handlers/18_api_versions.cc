// ApiVersions 0-4: what this listener serves. Answered before anything else, in any state of the connection.
//   A version from the future is answered in version 0 with UNSUPPORTED_VERSION and the range of this API alone.
//   3+: a client software name or version with characters outside [a-zA-Z0-9.-] is INVALID_REQUEST.
//   Produce is announced from 0 although 0-2 are refused: old librdkafka gives up compression otherwise (KAFKA-18659).
//   Features are announced only when they are fully served; one whose least level is 0 appears from version 4 (KAFKA-17011).
#include "weir/metadata/controller/features.h"
#include "weir/protocol/api_versions.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::ApiVersionsResponse;

constexpr int16_t kFirstVersionWithSoftware = 3;
constexpr int16_t kFirstVersionWithZeroLevels = 4;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?  (KIP-511)
bool is_legal_software_text(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  for (const char c : text) {
    if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
  }
  return true;
}

void add_apis(const HandlerContext& context, ApiVersionsResponse& response) {
  const bool on_controller = context.request().listener->serves_controller;
  for (const protocol::ApiInfo& api : protocol::kApis) {
    const auto key = static_cast<int16_t>(api.key);
    if (api.served.empty() || !(on_controller ? api.on_controller : api.on_broker)) continue;
    const int16_t first = api.key == protocol::ApiKey::kProduce ? int16_t{0} : api.served.first;
    response.api_keys.push_back({.api_key = key, .min_version = first, .max_version = api.served.last});
  }
}

void add_features(const HandlerContext& context, ApiVersionsResponse& response) {
  const auto support = [&](std::string_view name, int16_t min, int16_t max) {
    if (min == 0 && context.version() < kFirstVersionWithZeroLevels) return;
    response.supported_features.push_back({.name = std::string(name), .min_version = min, .max_version = max});
  };
  for (const metadata::SupportedFeature& feature : metadata::supported_features()) support(feature.name, feature.min, feature.max);
  const metadata::MetadataImage& image = context.image();
  for (const auto& [name, level] : image.features) {
    response.finalized_features.push_back({.name = name, .max_version_level = level, .min_version_level = level});
  }
  // Not a record of the metadata log: the quorum itself carries it. A quorum with a fixed voter set has none.
  const int16_t kraft_version = context.services().metadata.quorum().kraft_version;
  if (kraft_version > 0) {
    response.finalized_features.push_back({.name = "kraft.version", .max_version_level = kraft_version, .min_version_level = kraft_version});
  }
  response.finalized_features_epoch = image.offset.value();
}

}  // namespace

Task<ApiVersionsResponse> api_versions(HandlerContext& context, const protocol::ApiVersionsRequest& request) {
  ApiVersionsResponse response;
  if (context.request().is_version_unknown) {
    const protocol::ApiInfo& self = protocol::api_info(protocol::ApiKey::kApiVersions);
    response.error_code = ErrorCode::kUnsupportedVersion;
    response.api_keys.push_back({.api_key = context.request().api_key, .min_version = self.served.first, .max_version = self.served.last});
    co_return response;
  }
  if (context.version() >= kFirstVersionWithSoftware &&
      (!is_legal_software_text(request.client_software_name) || !is_legal_software_text(request.client_software_version))) {
    response.error_code = ErrorCode::kInvalidRequest;
    co_return response;
  }
  add_apis(context, response);
  add_features(context, response);
  co_return response;
}

}  // namespace weir::server
