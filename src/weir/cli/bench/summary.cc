#include "weir/cli/bench/summary.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/json_text.h"

namespace weir::cli {

namespace {

constexpr double kPercents[] = {50, 90, 99, 99.9, 99.99};
constexpr double kGiB = 1024.0 * 1024 * 1024;

std::string ns_text(uint64_t ns) { return duration_text(Duration(static_cast<int64_t>(ns))); }

void line(std::string& out, std::string_view name, std::string_view text) { fmt::format_to(std::back_inserter(out), "{:<13} {}\n", name, text); }

double per(double amount, double count) { return count > 0 ? amount / count : 0; }

}  // namespace

std::string summary_text(const BenchSummary& summary) {
  const LoadStats& stats = summary.stats;
  const auto records = static_cast<double>(stats.records);
  const auto bytes = static_cast<double>(stats.bytes);
  std::string out = summary.title + "\n";
  line(out, "work", fmt::format("{} records, {} in {:.2f} s", count_text(stats.records), bytes_text(bytes), summary.seconds));
  line(out, "throughput", fmt::format("{} records/s, {}/s", count_text(static_cast<uint64_t>(per(records, summary.seconds))),
                                      bytes_text(per(bytes, summary.seconds))));
  const Histogram& latency = stats.latency_ns;
  if (latency.count() > 0) {
    line(out, summary.latency_of, fmt::format("p50 {}   p90 {}   p99 {}   p99.9 {}   max {}", ns_text(latency.percentile(50)), ns_text(latency.percentile(90)),
                                     ns_text(latency.percentile(99)), ns_text(latency.percentile(99.9)), ns_text(latency.max())));
  }
  if (stats.requests > 0) {
    line(out, "requests", fmt::format("{}, {:.1f} records each", count_text(stats.requests), per(records, static_cast<double>(stats.requests))));
  }
  for (const auto& [name, text] : summary.more) line(out, name, text);
  if (summary.broker) {
    const BrokerCost& cost = *summary.broker;
    std::string text = fmt::format("{}: {:.2f} s CPU", cost.name, cost.cpu_seconds);
    if (stats.bytes > 0) text += fmt::format(" = {:.3f} s per GiB, {:.2f} s per million records", per(cost.cpu_seconds * kGiB, bytes), per(cost.cpu_seconds * 1e6, records));
    if (stats.requests > 0) text += fmt::format(", {:.1f} us per request", per(cost.cpu_seconds * 1e6, static_cast<double>(stats.requests)));
    line(out, "broker", text);
    line(out, "memory", fmt::format("{} resident, at most {} in this run, {} since it began", bytes_text(static_cast<double>(cost.resident_bytes)),
                                    bytes_text(static_cast<double>(cost.resident_max)), bytes_text(static_cast<double>(cost.peak_bytes))));
  } else if (!summary.no_broker.empty()) {
    line(out, "broker", summary.no_broker);
  }
  line(out, "client", fmt::format("{:.2f} s CPU", summary.own_cpu_seconds));
  if (stats.errors > 0) {
    const std::string why = stats.first_error ? stats.first_error->describe() : "";
    line(out, "refused", fmt::format("{} records; the first: {}", count_text(stats.errors), why));
  }
  if (summary.verdict) {
    const Ledger::Verdict& verdict = *summary.verdict;
    std::string text = fmt::format("{} acknowledged, each read once", count_text(verdict.acknowledged));
    if (!verdict.holds()) text = fmt::format("{} acknowledged, {} LOST, {} read more than once", count_text(verdict.acknowledged), count_text(verdict.lost), count_text(verdict.repeated));
    if (verdict.unasked > 0) text += fmt::format("; {} stored that were not acknowledged", count_text(verdict.unasked));
    line(out, "verified", text);
  }
  return out;
}

std::string summary_json(const BenchSummary& summary, std::string_view command) {
  const LoadStats& stats = summary.stats;
  const auto records = static_cast<double>(stats.records);
  const auto bytes = static_cast<double>(stats.bytes);
  std::string out = fmt::format("{{\"command\":{},\"seconds\":{:.4f},\"records\":{},\"bytes\":{},\"requests\":{},\"records_per_second\":{:.1f},\"mib_per_second\":{:.3f},\"refused\":{}",
                                json_string(command), summary.seconds, stats.records, stats.bytes, stats.requests, per(records, summary.seconds),
                                per(bytes, summary.seconds) / (1 << 20), stats.errors);
  if (stats.first_error) out += fmt::format(",\"first_error\":{}", json_string(stats.first_error->describe()));
  const Histogram& latency = stats.latency_ns;
  if (latency.count() > 0) {
    out += fmt::format(",\"latency_us\":{{\"count\":{},\"mean\":{:.1f}", latency.count(), static_cast<double>(latency.sum()) / static_cast<double>(latency.count()) / 1e3);
    for (const double percent : kPercents) out += fmt::format(",\"p{}\":{:.1f}", percent, static_cast<double>(latency.percentile(percent)) / 1e3);
    out += fmt::format(",\"max\":{:.1f}}}", static_cast<double>(latency.max()) / 1e3);
  }
  if (summary.broker) {
    const BrokerCost& cost = *summary.broker;
    out += fmt::format(",\"broker\":{{\"process\":{},\"cpu_seconds\":{:.2f},\"cpu_seconds_per_gib\":{:.4f},\"cpu_seconds_per_million_records\":{:.4f},\"cpu_us_per_request\":{:.2f},"
                       "\"resident_bytes\":{},\"resident_max_bytes\":{},\"peak_bytes\":{},\"descriptors\":{}}}",
                       json_string(cost.name), cost.cpu_seconds, per(cost.cpu_seconds * kGiB, bytes), per(cost.cpu_seconds * 1e6, records),
                       per(cost.cpu_seconds * 1e6, static_cast<double>(stats.requests)), cost.resident_bytes, cost.resident_max, cost.peak_bytes, cost.descriptors);
  }
  out += fmt::format(",\"client_cpu_seconds\":{:.2f}", summary.own_cpu_seconds);
  if (summary.verdict) {
    const Ledger::Verdict& verdict = *summary.verdict;
    out += fmt::format(",\"verified\":{{\"acknowledged\":{},\"lost\":{},\"repeated\":{},\"not_acknowledged\":{}}}", verdict.acknowledged, verdict.lost,
                       verdict.repeated, verdict.unasked);
  }
  for (const auto& [name, text] : summary.more_json) out += fmt::format(",\"{}\":{}", name, text);
  return out + "}\n";
}

}  // namespace weir::cli
