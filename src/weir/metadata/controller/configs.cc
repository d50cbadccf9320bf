#include "weir/metadata/controller/configs.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "weir/metadata/controller/config_resources.h"

namespace weir::metadata {
namespace {

enum class Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

struct Change {
  std::string key;
  Operation operation;
  std::optional<std::string> value;
};

std::vector<std::string> list_of(const ConfigOption& option, const std::string& text) {
  Result<ConfigValue> parsed = parse_value(option, text);
  if (parsed && std::holds_alternative<std::vector<std::string>>(*parsed)) return std::get<std::vector<std::string>>(*parsed);
  return {};
}

// The list that an APPEND or SUBTRACT makes of the present one.
Result<std::string> edited_list(const ControllerContext& context, const ConfigResource& resource, const ConfigMap& now,
                                const Change& change) {
  const ConfigOption* option = option_for(resource, change.key);
  if (option == nullptr || option->type != ConfigType::kList) {
    return fail(ErrorCode::kInvalidConfig, fmt::format("{} is not a list: it can be set, not appended to", change.key));
  }
  std::optional<std::string> present;
  if (const std::string* set = now.find(change.key)) {
    present = *set;
  } else if (resource.type == ConfigResourceType::kTopic) {
    present = effective_topic_value(context.configs(), now, *option);
  } else if (resource.type == ConfigResourceType::kBroker) {
    present = effective_broker_value(context.configs(), change.key);
  }
  std::vector<std::string> parts = list_of(*option, present.value_or(""));
  WEIR_TRY(const ConfigValue edit, parse_value(*option, *change.value));
  for (const std::string& part : std::get<std::vector<std::string>>(edit)) {
    const auto at = std::ranges::find(parts, part);
    if (change.operation == Operation::kAppend && at == parts.end()) parts.push_back(part);
    if (change.operation == Operation::kSubtract && at != parts.end()) parts.erase(at);
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

Result<void> apply_change(const ControllerContext& context, const ConfigResource& resource, const Change& change,
                          ConfigMap& values) {
  WEIR_CHECK(check_key_may_change(resource, change.key));
  if (change.operation == Operation::kDelete) {
    values.erase(change.key);
    return {};
  }
  if (!change.value) return fail(ErrorCode::kInvalidRequest, fmt::format("{} has no value", change.key));
  std::string value = *change.value;
  if (change.operation != Operation::kSet) {
    WEIR_TRY(value, edited_list(context, resource, values, change));
  }
  WEIR_CHECK(check_new_value(context, resource, change.key, value));
  values.set(change.key, std::move(value));
  return {};
}

// One record for each key that differs.
void add_differences(const ConfigResource& resource, const ConfigMap& before, const ConfigMap& after,
                     std::vector<MetadataRecord>& records) {
  const auto type = static_cast<int8_t>(resource.type);
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) records.emplace_back(protocol::ConfigRecord{type, resource.name, key, std::nullopt});
  }
  for (const auto& [key, value] : after) {
    const std::string* old = before.find(key);
    if (old == nullptr || *old != value) records.emplace_back(protocol::ConfigRecord{type, resource.name, key, value});
  }
}

Result<std::vector<MetadataRecord>> change_resource(const ControllerContext& context, int8_t type, const std::string& name,
                                                    const std::vector<Change>& changes, bool replace_all) {
  WEIR_TRY(const ConfigResource resource, find_config_resource(context, type, name));
  std::set<std::string_view> keys;
  for (const Change& change : changes) {
    if (!keys.insert(change.key).second) {
      return fail(ErrorCode::kInvalidRequest, fmt::format("the request names {} twice", change.key));
    }
  }
  const ConfigMap before = context.image.config(resource);
  ConfigMap after = replace_all ? ConfigMap() : before;
  for (const Change& change : changes) WEIR_CHECK(apply_change(context, resource, change, after));
  WEIR_CHECK(check_together(context, resource, after));
  std::vector<MetadataRecord> records;
  add_differences(resource, before, after, records);
  return records;
}

Result<Operation> operation_of(int8_t number) {
  if (number < 0 || number > 3)
    return fail(ErrorCode::kInvalidRequest, fmt::format("unknown operation {} on a configuration", number));
  return static_cast<Operation>(number);
}

Result<std::vector<Change>> changes_of(const protocol::IncrementalAlterConfigsRequest::AlterConfigsResource& asked) {
  std::vector<Change> changes;
  for (const auto& config : asked.configs) {
    WEIR_TRY(const Operation operation, operation_of(config.config_operation));
    changes.push_back({config.name, operation, config.value});
  }
  return changes;
}
Result<std::vector<Change>> changes_of(const protocol::AlterConfigsRequest::AlterConfigsResource& asked) {
  std::vector<Change> changes;
  for (const auto& config : asked.configs) changes.push_back({config.name, Operation::kSet, config.value});
  return changes;
}

template <typename Request, typename Response>
Decision<Response> decide(const ControllerContext& context, const Request& request, bool replace_all) {
  Decision<Response> decision;
  Mentions<std::pair<int8_t, std::string_view>> mentions;
  for (const auto& asked : request.resources) mentions.count({asked.resource_type, asked.resource_name});
  for (const auto& asked : request.resources) {
    const Mention mention = mentions.next({asked.resource_type, asked.resource_name});
    if (mention == Mention::kRepeated) continue;
    typename Response::AlterConfigsResourceResponse result;
    result.resource_type = asked.resource_type;
    result.resource_name = asked.resource_name;
    result.error_message.reset();
    Result<std::vector<MetadataRecord>> records = std::vector<MetadataRecord>();
    if (mention == Mention::kFirstOfMany) {
      records = fail(ErrorCode::kInvalidRequest, "the request names this resource twice");
    } else if (const auto changes = changes_of(asked); !changes) {
      records = fail(changes.error());
    } else {
      records = change_resource(context, asked.resource_type, asked.resource_name, *changes, replace_all);
    }
    if (records && decision.records.size() + records->size() > kRecordsPerChangeMax) {
      records = fail(ErrorCode::kPolicyViolation, "the request changes more values than one request may");
    }
    if (records) {
      std::ranges::move(*records, std::back_inserter(decision.records));
    } else {
      set_error(result, records.error());
    }
    decision.response.responses.push_back(std::move(result));
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace

Result<void> check_topic_overrides(const ControllerContext& context, const ConfigMap& overrides) {
  const ConfigResource resource{ConfigResourceType::kTopic, ""};
  for (const auto& [key, value] : overrides) WEIR_CHECK(check_new_value(context, resource, key, value));
  return check_together(context, resource, overrides);
}

Decision<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const ControllerContext& context, const protocol::IncrementalAlterConfigsRequest& request) {
  return decide<protocol::IncrementalAlterConfigsRequest, protocol::IncrementalAlterConfigsResponse>(context, request, false);
}

Decision<protocol::AlterConfigsResponse> alter_configs(const ControllerContext& context,
                                                       const protocol::AlterConfigsRequest& request) {
  return decide<protocol::AlterConfigsRequest, protocol::AlterConfigsResponse>(context, request, true);
}

}  // namespace weir::metadata
