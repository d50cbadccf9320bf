#include "weir/replication/metrics.h"

#include <map>

#include "weir/base/metric_text.h"

namespace weir::replication {
namespace {

// Of the broker, as Kafka has it, without a label; then by topic. Topic names are [a-zA-Z0-9._-]: no escapes needed in labels.
void add_traffic(std::string& text, const PartitionManager& partitions) {
  std::map<std::string, PartitionTraffic> topics;
  partitions.for_each([&](const Partition& partition) { topics[partition.name().topic] += partition.traffic(); });
  const PartitionTraffic broker = partitions.traffic();
  const auto family = [&](std::string_view name, std::string_view help, uint64_t PartitionTraffic::* field) {
    MetricRows rows(text, name, "counter", help);
    rows.add(broker.*field);
    for (const auto& [topic, traffic] : topics) rows.add(fmt::format("topic=\"{}\"", topic), traffic.*field);
  };
  family("kafka_server_brokertopicmetrics_messagesin_total", "Records taken from producers.", &PartitionTraffic::records_in);
  family("kafka_server_brokertopicmetrics_bytesin_total", "Bytes taken from producers.", &PartitionTraffic::bytes_in);
  family("kafka_server_brokertopicmetrics_bytesout_total", "Bytes given to consumers.", &PartitionTraffic::bytes_out);
}

void add_logs(std::string& text, const PartitionManager& partitions) {
  const auto family = [&](std::string_view name, std::string_view help, auto value) {
    MetricRows rows(text, name, "gauge", help);
    partitions.for_each([&](const Partition& partition) {
      rows.add(fmt::format("topic=\"{}\",partition=\"{}\"", partition.name().topic, partition.name().partition), value(partition));
    });
  };
  family("kafka_log_log_size", "Bytes of the partition's segments.", [](const Partition& p) { return p.log().size_bytes(); });
  family("kafka_log_log_logstartoffset", "First offset that can be read.", [](const Partition& p) { return p.log_start_offset(); });
  family("kafka_log_log_logendoffset", "Offset the next record gets.", [](const Partition& p) { return p.log_end_offset(); });
}

}  // namespace

void add_metrics(std::string& text, const PartitionManager& partitions) {
  size_t offline = 0;
  partitions.for_each([&](const Partition& partition) { offline += partition.log().failure().has_value() ? 1 : 0; });
  add_metric(text, "kafka_server_replicamanager_partitioncount", "gauge", "Partitions on this broker.", partitions.size());
  add_metric(text, "kafka_server_replicamanager_leadercount", "gauge", "Partitions this broker leads.", partitions.leaders());
  add_metric(text, "kafka_server_replicamanager_underreplicatedpartitions", "gauge", "Partitions with replicas out of sync.", 0);
  add_metric(text, "kafka_server_replicamanager_offlinereplicacount", "gauge", "Partitions whose log failed.", offline);
  add_traffic(text, partitions);
  add_logs(text, partitions);
}

}  // namespace weir::replication
