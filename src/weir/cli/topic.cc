// weir topic: list, describe, create, delete, alter.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/table.h"
#include "weir/cli/words.h"

namespace weir::cli {

using client::TopicPtr;

namespace {

std::string ids_text(const std::vector<BrokerId>& ids) {
  std::string text;
  for (const BrokerId id : ids) text += fmt::format("{}{}", text.empty() ? "" : ",", id);
  return text.empty() ? "-" : text;
}

size_t replicas_of(const client::Topic& topic) {
  size_t most = 0;
  for (const client::Partition& partition : topic.partitions) most = std::max(most, partition.replicas.size());
  return most;
}

Task<Result<void>> run_list(ClientContext& context, TopicArgs args) {
  WEIR_CO_TRY(const std::vector<TopicPtr> topics, co_await context.cluster.all_topics(context.patience()));
  Table table({"TOPIC", ">PARTITIONS", ">REPLICAS", "STATE"});
  for (const TopicPtr& topic : topics) {
    if (topic->is_internal && !args.all) continue;
    const auto sick = std::ranges::count_if(topic->partitions, [](const client::Partition& one) { return one.leader == kNoBroker; });
    const auto behind = std::ranges::count_if(topic->partitions, [](const client::Partition& one) { return one.isr.size() < one.replicas.size(); });
    if (args.cluster.json) {
      fmt::print("{{\"topic\":{},\"id\":\"{}\",\"partitions\":{},\"replicas\":{},\"internal\":{},\"offline\":{},\"under_replicated\":{}}}\n",
                 json_string(topic->name), topic->id, topic->partitions.size(), replicas_of(*topic), topic->is_internal, sick, behind);
      continue;
    }
    const std::string state = sick > 0 ? fmt::format("{} without leader", sick) : behind > 0 ? fmt::format("{} under-replicated", behind) : "ok";
    table.add({topic->name, fmt::to_string(topic->partitions.size()), fmt::to_string(replicas_of(*topic)), state});
  }
  if (!args.cluster.json) table.print();
  co_return Result<void>();
}

void print_description(const client::Topic& topic, const std::vector<client::PartitionOffset>& starts,
                       const std::vector<client::PartitionOffset>& ends, const std::vector<client::ConfigEntry>& configs) {
  fmt::print("topic {}\nid {}\n", topic.name, topic.id);
  for (const client::ConfigEntry& one : configs) {
    if (one.source == client::ConfigSource::kTopic) fmt::print("config {}={}\n", one.name, one.value.value_or(""));
  }
  Table table({">PARTITION", ">LEADER", ">EPOCH", ">START", ">END", "REPLICAS", "ISR"});
  const auto offset_of = [](const std::vector<client::PartitionOffset>& offsets, PartitionIndex index) {
    const auto found = std::ranges::find(offsets, index, &client::PartitionOffset::partition);
    return found == offsets.end() ? std::string("?") : fmt::to_string(found->offset);
  };
  for (const client::Partition& one : topic.partitions) {
    const std::string leader = one.leader == kNoBroker ? "none" : fmt::to_string(one.leader);
    table.add({fmt::to_string(one.index), leader, fmt::to_string(one.leader_epoch), offset_of(starts, one.index), offset_of(ends, one.index),
               ids_text(one.replicas), ids_text(one.isr)});
  }
  table.print();
}

void print_description_json(const client::Topic& topic, const std::vector<client::PartitionOffset>& starts,
                            const std::vector<client::PartitionOffset>& ends, const std::vector<client::ConfigEntry>& configs) {
  std::string config_text;
  for (const client::ConfigEntry& one : configs) {
    if (one.source != client::ConfigSource::kTopic) continue;
    config_text += fmt::format("{}{}:{}", config_text.empty() ? "" : ",", json_string(one.name), json_string(one.value.value_or("")));
  }
  std::string partitions;
  const auto offset_of = [](const std::vector<client::PartitionOffset>& offsets, PartitionIndex index) {
    const auto found = std::ranges::find(offsets, index, &client::PartitionOffset::partition);
    return found == offsets.end() ? std::string("null") : fmt::to_string(found->offset);
  };
  const auto list = [](const std::vector<BrokerId>& ids) { return ids.empty() ? std::string() : ids_text(ids); };
  for (const client::Partition& one : topic.partitions) {
    partitions += fmt::format("{}{{\"partition\":{},\"leader\":{},\"leader_epoch\":{},\"start\":{},\"end\":{},\"replicas\":[{}],\"isr\":[{}]}}",
                              partitions.empty() ? "" : ",", one.index, one.leader, one.leader_epoch, offset_of(starts, one.index),
                              offset_of(ends, one.index), list(one.replicas), list(one.isr));
  }
  fmt::print("{{\"topic\":{},\"id\":\"{}\",\"configs\":{{{}}},\"partitions\":[{}]}}\n", json_string(topic.name), topic.id, config_text, partitions);
}

Task<Result<void>> run_describe(ClientContext& context, TopicArgs args) {
  bool first = true;
  for (const std::string& name : args.names) {
    WEIR_CO_TRY(const TopicPtr topic, co_await find_topic(context, name));
    std::vector<PartitionIndex> led;
    for (const client::Partition& one : topic->partitions) {
      if (one.leader != kNoBroker) led.push_back(one.index);
    }
    std::vector<client::PartitionOffset> starts;
    std::vector<client::PartitionOffset> ends;
    if (!led.empty()) {
      WEIR_CO_TRY(starts, co_await context.admin.list_offsets(name, led, client::kEarliest, context.patience()));
      WEIR_CO_TRY(ends, co_await context.admin.list_offsets(name, led, client::kLatest, context.patience()));
    }
    const auto configs = co_await context.admin.describe_configs({client::ResourceType::kTopic, name}, context.patience());
    const auto& known = configs.value_or(std::vector<client::ConfigEntry>());
    if (args.cluster.json) {
      print_description_json(*topic, starts, ends, known);
    } else {
      if (!first) fmt::print("\n");
      print_description(*topic, starts, ends, known);
    }
    first = false;
  }
  co_return Result<void>();
}

Task<Result<void>> run_create(ClientContext& context, TopicArgs args) {
  for (const std::string& name : args.names) {
    client::NewTopic topic{.name = name, .partitions = args.partitions.value_or(-1), .replication_factor = args.replicas.value_or(-1)};
    for (const std::string& text : args.configs) {
      WEIR_CO_TRY(auto pair, parse_pair(text));
      topic.configs.push_back(std::move(pair));
    }
    const auto made = co_await context.admin.create_topic(std::move(topic), args.dry_run, context.patience());
    if (!made) {
      Error explained = co_await explain_topic_error(context, name, made.error());
      co_return fail(std::move(explained));
    }
    if (args.cluster.json) {
      fmt::print("{{\"topic\":{},\"id\":\"{}\",\"partitions\":{},\"replicas\":{}}}\n", json_string(name), made->id, made->partitions,
                 made->replication_factor);
    } else {
      fmt::print("{} topic {}", args.dry_run ? "would create" : "created", name);
      if (made->partitions >= 0) fmt::print(": {} partition{}, {} replica{}", made->partitions, made->partitions == 1 ? "" : "s",
                                            made->replication_factor, made->replication_factor == 1 ? "" : "s");
      fmt::print("\n");
    }
  }
  co_return Result<void>();
}

Task<Result<void>> run_delete(ClientContext& context, TopicArgs args) {
  for (const std::string& name : args.names) {
    const auto gone = co_await context.admin.delete_topic(name, context.patience());
    if (!gone) {
      Error explained = co_await explain_topic_error(context, name, gone.error());
      co_return fail(std::move(explained));
    }
    if (args.cluster.json) fmt::print("{{\"deleted\":{}}}\n", json_string(name));
    else fmt::print("deleted topic {}\n", name);
  }
  co_return Result<void>();
}

Task<Result<void>> run_alter(ClientContext& context, TopicArgs args) {
  const std::string& name = args.names.front();
  std::vector<client::ConfigChange> changes;
  for (const std::string& text : args.configs) {
    WEIR_CO_TRY(auto pair, parse_pair(text));
    changes.push_back({std::move(pair.first), std::move(pair.second)});
  }
  for (const std::string& key : args.resets) changes.push_back({key, std::nullopt});
  if (changes.empty() && !args.partitions) {
    co_return fail(ErrorCode::kInvalidArgument, "nothing to change: --partitions N, --config KEY=VALUE or --reset KEY");
  }
  WEIR_CO_CHECK(co_await find_topic(context, name));
  if (args.partitions) {
    const auto grown = co_await context.admin.create_partitions(name, *args.partitions, context.patience());
    if (!grown) {
      Error explained = co_await explain_topic_error(context, name, grown.error());
      co_return fail(std::move(explained));
    }
  }
  if (!changes.empty()) {
    const auto altered = co_await context.admin.alter_configs({client::ResourceType::kTopic, name}, std::move(changes), context.patience());
    if (!altered) {
      Error explained = co_await explain_topic_error(context, name, altered.error());
      co_return fail(std::move(explained));
    }
  }
  if (args.cluster.json) fmt::print("{{\"altered\":{}}}\n", json_string(name));
  else fmt::print("altered topic {}\n", name);
  co_return Result<void>();
}

}  // namespace

int topic_list(const TopicArgs& args) { return run_client(args, args.cluster, &run_list); }
int topic_describe(const TopicArgs& args) { return run_client(args, args.cluster, &run_describe); }
int topic_create(const TopicArgs& args) { return run_client(args, args.cluster, &run_create); }
int topic_delete(const TopicArgs& args) { return run_client(args, args.cluster, &run_delete); }
int topic_alter(const TopicArgs& args) { return run_client(args, args.cluster, &run_alter); }

}  // namespace weir::cli
