#include "weir/node/pages.h"

#include <fmt/format.h>

#include "weir/base/metric_text.h"
#include "weir/metadata/metrics.h"
#include "weir/node/version.h"
#include "weir/replication/metrics.h"
#include "weir/storage/recovery_metrics.h"

namespace weir::node {
namespace {

void add_process(std::string& text, const ProcessStats& stats) {
  add_metric(text, "process_cpu_seconds_total", "counter", "CPU time of this process, user and system.", stats.cpu_seconds);
  add_metric(text, "process_resident_memory_bytes", "gauge", "Resident memory.", stats.resident_bytes);
  add_metric(text, "process_virtual_memory_bytes", "gauge", "Virtual memory.", stats.virtual_bytes);
  add_metric(text, "process_open_fds", "gauge", "Open descriptors.", stats.open_descriptors);
  add_metric(text, "process_max_fds", "gauge", "Most descriptors this process may have open.", stats.descriptors_max);
  add_metric(text, "process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.", stats.start_unix_seconds);
  add_metric(text, "weir_loop_turns_total", "counter", "Turns of the event loop.", stats.loop_turns);
  add_metric(text, "weir_loop_stalls_total", "counter", "Turns of the event loop longer than 10 ms.", stats.loop_stalls);
  add_metric(text, "weir_loop_longest_turn_seconds", "gauge", "Longest turn of the event loop.", stats.longest_turn_seconds);
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
  std::string text = metrics_.prometheus_text();
  if (options_.process != nullptr) add_process(text, options_.process->stats());
  replication::add_metrics(text, partitions_);
  metadata::add_metrics(text, *metadata_.image(), options_.server.node_id);
  storage::add_recovery_metrics(text, partitions_.logs());
  return text;
}

}  // namespace weir::node
