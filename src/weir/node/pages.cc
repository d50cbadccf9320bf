#include "weir/node/pages.h"

#include <map>

#include <fmt/format.h>

#include "weir/node/version.h"

namespace weir::node {
namespace {

// One metric family in Prometheus text; values with labels follow.
class MetricFamily {
 public:
  MetricFamily(std::string& text, std::string_view name, std::string_view type, std::string_view help)
      : text_(text), name_(name) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <typename T>
  void add(T value) {
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name_, value);
  }
  template <typename T>
  void add(std::string_view labels, T value) {
    fmt::format_to(std::back_inserter(text_), "{}{{{}}} {}\n", name_, labels, value);
  }

 private:
  std::string& text_;
  std::string_view name_;
};

template <typename T>
void one(std::string& text, std::string_view name, std::string_view type, std::string_view help, T value) {
  MetricFamily(text, name, type, help).add(value);
}

void add_process(std::string& text, const ProcessStats& stats) {
  one(text, "process_cpu_seconds_total", "counter", "CPU time of this process, user and system.", stats.cpu_seconds);
  one(text, "process_resident_memory_bytes", "gauge", "Resident memory.", stats.resident_bytes);
  one(text, "process_virtual_memory_bytes", "gauge", "Virtual memory.", stats.virtual_bytes);
  one(text, "process_open_fds", "gauge", "Open descriptors.", stats.open_descriptors);
  one(text, "process_max_fds", "gauge", "Most descriptors this process may have open.", stats.descriptors_max);
  one(text, "process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.", stats.start_unix_seconds);
  one(text, "weir_loop_turns_total", "counter", "Turns of the event loop.", stats.loop_turns);
  one(text, "weir_loop_stalls_total", "counter", "Turns of the event loop longer than 10 ms.", stats.loop_stalls);
  one(text, "weir_loop_longest_turn_seconds", "gauge", "Longest turn of the event loop.", stats.longest_turn_seconds);
}

std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '"' || c == '\\') value += '\\';
    if (c == '\n') value += "\\n";
    else value += c;
  }
  return value;
}

// Of the broker, as Kafka has it, without a label; then by topic. Topic names are [a-zA-Z0-9._-]: no escapes needed in labels.
void add_topics(std::string& text, const replication::PartitionManager& partitions) {
  std::map<std::string, replication::PartitionTraffic> topics;
  partitions.for_each([&](const replication::Partition& partition) {
    topics[partition.name().topic] += partition.traffic();
  });
  const replication::PartitionTraffic broker = partitions.traffic();
  const auto family = [&](std::string_view name, std::string_view help, uint64_t replication::PartitionTraffic::* field) {
    MetricFamily rows(text, name, "counter", help);
    rows.add(broker.*field);
    for (const auto& [topic, traffic] : topics) rows.add(fmt::format("topic=\"{}\"", topic), traffic.*field);
  };
  family("kafka_server_brokertopicmetrics_messagesin_total", "Records taken from producers.",
         &replication::PartitionTraffic::records_in);
  family("kafka_server_brokertopicmetrics_bytesin_total", "Bytes taken from producers.",
         &replication::PartitionTraffic::bytes_in);
  family("kafka_server_brokertopicmetrics_bytesout_total", "Bytes given to consumers.",
         &replication::PartitionTraffic::bytes_out);
}

void add_recovery(std::string& text, const storage::LogManager& logs) {
  const std::vector<storage::DirectoryInfo> directories = logs.directories();
  const std::vector<storage::RecoveryLeft> left = logs.recovery_left();
  const auto family = [&](std::string_view name, std::string_view help, auto value) {
    MetricFamily rows(text, name, "gauge", help);
    for (size_t i = 0; i < left.size(); ++i) rows.add(fmt::format("dir=\"{}\"", label_value(directories[i].path)), value(left[i]));
  };
  using Left = const storage::RecoveryLeft&;
  family("kafka_log_logmanager_remaininglogstorecover", "Logs still to be recovered after an unclean stop.", [](Left l) { return l.logs; });
  family("kafka_log_logmanager_remainingsegmentstorecover", "Segments still to be recovered.", [](Left l) { return l.segments; });
  family("weir_log_remaining_bytes_to_recover", "Bytes still to be looked through.", [](Left l) { return l.bytes; });
}

void add_logs(std::string& text, const replication::PartitionManager& partitions) {
  const auto family = [&](std::string_view name, std::string_view help, auto value) {
    MetricFamily rows(text, name, "gauge", help);
    partitions.for_each([&](const replication::Partition& partition) {
      rows.add(fmt::format("topic=\"{}\",partition=\"{}\"", partition.name().topic, partition.name().partition),
               value(partition));
    });
  };
  family("kafka_log_log_size", "Bytes of the partition's segments.", [](const auto& p) { return p.log().size_bytes(); });
  family("kafka_log_log_logstartoffset", "First offset that can be read.", [](const auto& p) { return p.log_start_offset(); });
  family("kafka_log_log_logendoffset", "Offset the next record gets.", [](const auto& p) { return p.log_end_offset(); });
}

}  // namespace

runtime::Task<http::Response> Pages::handle(http::Request request) {
  http::Response response;
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.fields.push_back({"Allow", "GET, HEAD"});
    response.body = "only GET and HEAD are answered here\n";
  } else if (request.path() == "/metrics") {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_text();
  } else if (request.path() == "/healthz") {
    response.body = "alive\n";
  } else if (request.path() == "/readyz") {
    response.status = ready_.is_set() ? 200 : 503;
    response.body = ready_.is_set() ? "ready\n" : "not serving\n";
  } else if (request.path() == "/") {
    co_return front_page();
  } else {
    response.status = 404;
    response.body = "not found; / lists what is here\n";
  }
  co_return response;
}

http::Response Pages::front_page() const {
  const metadata::MetadataImage& image = *metadata_.image();
  http::Response response;
  std::string clients;
  for (size_t i = 0; i < options_.advertised.size(); ++i) {
    if (!options_.server.listeners[i].serves_controller) clients += (clients.empty() ? "" : ", ") + options_.advertised[i].text();
  }
  response.body = fmt::format(
      "weir {} ({}), node {} of cluster {}\n"
      "{} topics, {} partitions; Kafka clients connect to {}\n"
      "\n"
      "/metrics   counters and gauges for Prometheus\n"
      "/healthz   200 while the process is alive\n"
      "/readyz    200 while it serves, else 503\n",
      kVersion, built_commit(), options_.server.node_id, options_.server.cluster_id, image.topics_by_name.size(), partitions_.size(), clients);
  return response;
}

std::string Pages::metrics_text() const {
  const metadata::MetadataImage& image = *metadata_.image();
  std::string text = metrics_.prometheus_text();
  size_t all_partitions = 0;
  size_t without_leader = 0;
  for (const auto& [name, topic] : image.topics_by_name) {
    for (const auto& [index, partition] : topic->partitions) {
      ++all_partitions;
      if (partition->leader == kNoBroker) ++without_leader;
    }
  }
  size_t offline = 0;
  partitions_.for_each(
      [&](const replication::Partition& partition) { offline += partition.log().failure().has_value() ? 1 : 0; });
  if (options_.process != nullptr) add_process(text, options_.process->stats());
  one(text, "kafka_server_replicamanager_partitioncount", "gauge", "Partitions on this broker.", partitions_.size());
  one(text, "kafka_server_replicamanager_leadercount", "gauge", "Partitions this broker leads.", partitions_.leaders());
  one(text, "kafka_server_replicamanager_underreplicatedpartitions", "gauge", "Partitions with replicas out of sync.", 0);
  one(text, "kafka_server_replicamanager_offlinereplicacount", "gauge", "Partitions whose log failed.", offline);
  one(text, "kafka_controller_kafkacontroller_activecontrollercount", "gauge", "1 on the active controller.",
      image.controller_id == options_.server.node_id ? 1 : 0);
  one(text, "kafka_controller_kafkacontroller_globaltopiccount", "gauge", "Topics of the cluster.", image.topics_by_name.size());
  one(text, "kafka_controller_kafkacontroller_globalpartitioncount", "gauge", "Partitions of the cluster.", all_partitions);
  one(text, "kafka_controller_kafkacontroller_offlinepartitionscount", "gauge", "Partitions without a leader.", without_leader);
  one(text, "kafka_controller_kafkacontroller_lastappliedrecordoffset", "gauge", "Last metadata record applied.", image.offset);
  add_topics(text, partitions_);
  add_logs(text, partitions_);
  add_recovery(text, partitions_.logs());
  return text;
}

}  // namespace weir::node
