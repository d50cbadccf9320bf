#include "weir/metadata/config_table.h"

#include <algorithm>

#include "weir/metadata/config_rows_broker.h"
#include "weir/metadata/config_rows_client_metrics.h"
#include "weir/metadata/config_rows_group.h"
#include "weir/metadata/config_rows_topic.h"

namespace weir::metadata {
namespace {

constexpr bool rows_are_sorted(std::span<const ConfigOption> rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i - 1].name >= rows[i].name) return false;
  }
  return true;
}
static_assert(rows_are_sorted(config_rows::kBrokerRows));
static_assert(rows_are_sorted(config_rows::kTopicRows));
static_assert(rows_are_sorted(config_rows::kGroupRows));
static_assert(rows_are_sorted(config_rows::kClientMetricsRows));

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 3'600'000;

// Sorted by topic option; the order within one is the order of precedence.
constexpr BrokerSynonym kBrokerSynonyms[] = {
    {"cleanup.policy", "log.cleanup.policy"},
    {"compression.gzip.level", "compression.gzip.level"},
    {"compression.lz4.level", "compression.lz4.level"},
    {"compression.type", "compression.type"},
    {"compression.zstd.level", "compression.zstd.level"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"flush.ms", "log.flush.interval.ms"},
    {"flush.ms", "log.flush.scheduler.interval.ms"},
    {"index.interval.bytes", "log.index.interval.bytes"},
    {"local.retention.bytes", "log.local.retention.bytes"},
    {"local.retention.ms", "log.local.retention.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"},
    {"message.timestamp.type", "log.message.timestamp.type"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"preallocate", "log.preallocate"},
    {"retention.bytes", "log.retention.bytes"},
    {"retention.ms", "log.retention.ms"},
    {"retention.ms", "log.retention.minutes", kMinuteMs},
    {"retention.ms", "log.retention.hours", kHourMs},
    {"segment.bytes", "log.segment.bytes"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"segment.jitter.ms", "log.roll.jitter.ms"},
    {"segment.jitter.ms", "log.roll.jitter.hours", kHourMs},
    {"segment.ms", "log.roll.ms"},
    {"segment.ms", "log.roll.hours", kHourMs},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
    {"weir.flush.on.ack", "weir.flush.on.ack"},
};

// Levenshtein distance, for short names.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

ConfigStatus status_of(ConfigEffect effect) {
  if (effect == ConfigEffect::kHonoured) return ConfigStatus::kHonoured;
  return effect >= ConfigEffect::kRefusedPlugin ? ConfigStatus::kRefused : ConfigStatus::kAccepted;
}

std::string_view reason_of(ConfigEffect effect) {
  switch (effect) {
    case ConfigEffect::kHonoured: return "";
    case ConfigEffect::kNoCompaction: return "compaction is not served yet";
    case ConfigEffect::kNoConsumerGroups: return "groups of the protocol of KIP-848 are not served yet";
    case ConfigEffect::kNoShareGroups: return "share groups are not served yet";
    case ConfigEffect::kNoStreamsGroups: return "streams groups are not served yet";
    case ConfigEffect::kNoTransactions: return "transactions are not served yet";
    case ConfigEffect::kNoTelemetry: return "client telemetry is not served yet";
    case ConfigEffect::kOneNode: return "a cluster of one node has no use for it";
    case ConfigEffect::kNoTiering: return "tiered storage is not served yet";
    case ConfigEffect::kNoTls: return "TLS is not served yet";
    case ConfigEffect::kNoSasl: return "SASL is not served yet";
    case ConfigEffect::kNoTokens: return "delegation tokens are not served yet";
    case ConfigEffect::kNoQuotas: return "quotas are not served yet";
    case ConfigEffect::kNoLogMoves: return "moving replicas between log directories is not served yet";
    case ConfigEffect::kNoConnectionLimits: return "exceptions by address are not served yet";
    case ConfigEffect::kJvmOnly: return "it configures the Java virtual machine or Java classes";
    case ConfigEffect::kOwnThreads: return "Weir sizes its threads by the machine";
    case ConfigEffect::kNoPreallocation: return "files grow with what is written; no space is reserved for a segment";
    case ConfigEffect::kNoPurgatory: return "a wait is forgotten when it ends; there is nothing to sweep";
    case ConfigEffect::kMetadataRolls: return "metadata segments are begun by size alone; snapshots bound what is kept";
    case ConfigEffect::kRequestsByBytes: return "requests are bounded by their bytes, not by their number";
    case ConfigEffect::kNoCordon: return "a new log goes to the directory with the fewest; none can be closed to them yet";
    case ConfigEffect::kNoAuthorizer: return "there is no authorisation to wait for yet";
    case ConfigEffect::kDoneOtherwise: return "Weir does this in another way";
    case ConfigEffect::kRefusedPlugin: return "Java classes cannot be loaded";
    case ConfigEffect::kRefusedAuthorizer: return "authorisation is not served yet, and ignoring this would open the cluster";
    case ConfigEffect::kRefusedTiering: return "tiered storage is not served yet";
  }
  return "";
}

std::span<const ConfigOption> options_of(ConfigScope scope) {
  switch (scope) {
    case ConfigScope::kTopic: return config_rows::kTopicRows;
    case ConfigScope::kBroker: return config_rows::kBrokerRows;
    case ConfigScope::kGroup: return config_rows::kGroupRows;
    case ConfigScope::kClientMetrics: return config_rows::kClientMetricsRows;
  }
  return {};
}

const ConfigOption* find_option(ConfigScope scope, std::string_view name) {
  const std::span<const ConfigOption> rows = options_of(scope);
  const auto found = std::ranges::lower_bound(rows, name, {}, &ConfigOption::name);
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

std::string_view nearest_option(ConfigScope scope, std::string_view name) {
  constexpr size_t kNameLengthMax = 200;
  if (name.size() > kNameLengthMax) return {};
  size_t best = name.size() / 3 + 1;  // farther than a third of the letters is another word
  std::string_view nearest;
  for (const ConfigOption& option : options_of(scope)) {
    const size_t distance = edit_distance(name, option.name);
    if (distance < best) {
      best = distance;
      nearest = option.name;
    }
  }
  return nearest;
}

std::span<const BrokerSynonym> broker_synonyms(std::string_view topic_option) {
  const auto range = std::ranges::equal_range(kBrokerSynonyms, topic_option, {}, &BrokerSynonym::topic_option);
  return {range.begin(), range.end()};
}

}  // namespace weir::metadata
