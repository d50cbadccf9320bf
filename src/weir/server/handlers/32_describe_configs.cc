// DescribeConfigs 1-4: every option of a resource, with its value, where it comes from, and on request its synonyms (in order
// of precedence) and documentation (3+).
//   Topics, this broker, the default of all brokers (name ""), groups, client metrics. A broker answers for itself only.
//   Null or empty keys: all; otherwise those named, unknown ones left out. Sensitive values are null.
//   A request of a few bytes a resource may not have an answer of gigabytes: resources beyond kRowsMax are INVALID_REQUEST.
#include <algorithm>
#include <charconv>

#include "weir/base/topic_name.h"
#include "weir/metadata/describe_configs.h"
#include "weir/protocol/describe_configs.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using metadata::ConfigResourceType;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using ResourceAnswer = DescribeConfigsResponse::DescribeConfigsResult;

constexpr size_t kRowsMax = 1'000'000;  // options and synonyms in one answer

// The options of one resource. Errors: kUnknownTopicOrPartition, kInvalidTopicException, kInvalidRequest.
Result<std::vector<metadata::DescribedConfig>> describe(const HandlerContext& context, int8_t type, const std::string& name) {
  const BrokerId self = context.self();
  const metadata::ConfigContext config = context.config();
  switch (static_cast<ConfigResourceType>(type)) {
    case ConfigResourceType::kTopic:
      if (!is_topic_name(name)) return fail(ErrorCode::kInvalidTopicException, fmt::format("\"{}\" cannot be the name of a topic", name));
      if (context.image().topic(name) == nullptr) return fail(ErrorCode::kUnknownTopicOrPartition);
      return describe_topic_config(config, context.image().topic_config(name));
    case ConfigResourceType::kBroker:
      if (name.empty()) return describe_broker_defaults(config);
      if (name == fmt::format("{}", self)) return describe_broker_config(config);
      return fail(ErrorCode::kInvalidRequest, fmt::format("this is broker {}; ask broker \"{}\" itself, or \"\" for the default of all brokers", self, name));
    case ConfigResourceType::kGroup:
      if (name.empty()) return fail(ErrorCode::kInvalidRequest, "the name of the group is empty");
      return describe_group_config(config, name);
    case ConfigResourceType::kClientMetrics:
      if (name.empty()) return fail(ErrorCode::kInvalidRequest, "the name of the client metrics subscription is empty");
      return describe_client_metrics_config(config, name);
    case ConfigResourceType::kBrokerLogger:
      return fail(ErrorCode::kInvalidRequest, "loggers cannot be described here; the log level is set when the broker starts");
  }
  return fail(ErrorCode::kInvalidRequest, fmt::format("resource type {} has no configuration", type));
}

DescribeConfigsResponse::DescribeConfigsResourceResult row_of(const metadata::DescribedConfig& option, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse::DescribeConfigsResourceResult row;
  row.name = option.name;
  row.value = option.value;
  row.read_only = option.read_only;
  row.config_source = static_cast<int8_t>(option.source);
  row.is_sensitive = option.sensitive;
  row.config_type = static_cast<int8_t>(option.type);
  row.documentation.reset();
  if (request.include_documentation) row.documentation = std::string(option.doc);
  if (request.include_synonyms) {
    for (const metadata::ConfigSynonym& synonym : option.synonyms) {
      row.synonyms.push_back({.name = synonym.name, .value = synonym.value, .source = static_cast<int8_t>(synonym.source)});
    }
  }
  return row;
}

}  // namespace

Task<DescribeConfigsResponse> describe_configs(HandlerContext& context, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  size_t rows = 0;
  for (const auto& resource : request.resources) {
    ResourceAnswer& answer = response.results.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    answer.error_message.reset();
    if (rows > kRowsMax) {
      answer.error_code = ErrorCode::kInvalidRequest;
      answer.error_message = "too many options for one answer: ask for fewer resources at once";
      continue;
    }
    const auto options = describe(context, resource.resource_type, resource.resource_name);
    if (!options) {
      answer.error_code = options.error().code();
      answer.error_message = options.error().message();
      continue;
    }
    for (const metadata::DescribedConfig& option : *options) {
      const auto& keys = resource.configuration_keys;
      if (keys && !keys->empty() && std::ranges::find(*keys, option.name) == keys->end()) continue;
      answer.configs.push_back(row_of(option, request));
      rows += 1 + answer.configs.back().synonyms.size();
    }
  }
  co_return response;
}

}  // namespace weir::server
