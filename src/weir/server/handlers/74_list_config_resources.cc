// ListConfigResources 0-1: what can carry configuration. Version 0: client metrics subscriptions only. 1+: the types asked
// for, none meaning all; a type that does not exist is UNSUPPORTED_VERSION.
#include <algorithm>

#include "weir/protocol/list_config_resources.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using metadata::ConfigResourceType;
using protocol::ListConfigResourcesResponse;

constexpr ConfigResourceType kTypes[] = {ConfigResourceType::kTopic, ConfigResourceType::kBroker, ConfigResourceType::kBrokerLogger,
                                         ConfigResourceType::kClientMetrics, ConfigResourceType::kGroup};

void list(const metadata::MetadataImage& image, ConfigResourceType type, ListConfigResourcesResponse& response) {
  const auto add = [&](std::string name) {
    response.config_resources.push_back({.resource_name = std::move(name), .resource_type = static_cast<int8_t>(type)});
  };
  switch (type) {
    case ConfigResourceType::kTopic:
      for (const auto& [name, topic] : image.topics_by_name) add(name);
      return;
    case ConfigResourceType::kBroker:
    case ConfigResourceType::kBrokerLogger:
      for (const auto& [id, broker] : image.brokers) add(fmt::format("{}", id));
      return;
    case ConfigResourceType::kClientMetrics:
    case ConfigResourceType::kGroup:
      for (const auto& [resource, config] : image.configs) {
        if (resource.type == type) add(resource.name);
      }
      return;
  }
}

}  // namespace

Task<ListConfigResourcesResponse> list_config_resources(HandlerContext& context, const protocol::ListConfigResourcesRequest& request) {
  ListConfigResourcesResponse response;
  if (context.version() == 0) {
    list(context.image(), ConfigResourceType::kClientMetrics, response);
    co_return response;
  }
  for (const int8_t type : request.resource_types) {
    if (std::ranges::find(kTypes, static_cast<ConfigResourceType>(type)) == std::end(kTypes)) {
      response.error_code = ErrorCode::kUnsupportedVersion;
      co_return response;
    }
  }
  for (const ConfigResourceType type : kTypes) {
    const bool wanted = request.resource_types.empty() || std::ranges::find(request.resource_types, static_cast<int8_t>(type)) != request.resource_types.end();
    if (wanted) list(context.image(), type, response);
  }
  co_return response;
}

}  // namespace weir::server
