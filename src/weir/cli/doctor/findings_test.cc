#include "weir/cli/doctor/findings.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

size_t count_of(const Findings& findings, Severity severity) {
  return static_cast<size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

// Property: each risky thing is found, a sound cluster gives no finding. Fails when a listener that asks for a
// password counts as open, or one that asks for none is taken for it; or when writes are said to stop where they do not.
TEST(Doctor, findings) {
  const auto risks = [](Options options, size_t brokers) {
    Findings findings;
    check_options("broker 1", options, brokers, findings);
    return count_of(findings, Severity::kWarning);
  };
  EXPECT_EQ(risks({{"listeners", "PLAINTEXT://localhost:9092,CONTROLLER://:9093"}, {"controller.listener.names", "CONTROLLER"}}, 1), 0u);
  EXPECT_EQ(risks({{"listeners", "PLAINTEXT://:9092"}}, 1), 1u);
  EXPECT_EQ(risks({{"listeners", "OUT://0.0.0.0:9092"}, {"listener.security.protocol.map", "OUT:SASL_SSL"}}, 1), 0u);
  EXPECT_EQ(risks({{"listeners", "OUT://0.0.0.0:9092"}, {"listener.security.protocol.map", "OUT:SSL"}}, 1), 1u);
  EXPECT_EQ(risks({{"listeners", "OUT://0.0.0.0:9092"}, {"listener.security.protocol.map", "ABOUT:SASL_SSL,OUT:PLAINTEXT"}}, 1), 1u);
  EXPECT_EQ(risks({{"listeners", "PLAINTEXT://[::1]:9092"}}, 1), 0u);
  EXPECT_EQ(risks({{"unclean.leader.election.enable", "true"}}, 1), 1u);
  EXPECT_EQ(risks({{"default.replication.factor", "1"}}, 1), 0u);
  EXPECT_EQ(risks({{"default.replication.factor", "1"}}, 3), 1u);
  const auto disk = [](int64_t total, int64_t usable, const Options& of) {
    Findings findings;
    check_disk("broker 1", {.path = "/data", .total_bytes = total, .usable_bytes = usable}, of, findings);
    return findings.front().severity;
  };
  const Options weir{{"weir.disk.reserve.bytes.max", "-1"}};
  EXPECT_EQ(disk(100ll << 30, 50ll << 30, weir), Severity::kOk);
  EXPECT_EQ(disk(100ll << 30, 5ll << 30, weir), Severity::kWarning);
  EXPECT_EQ(disk(100ll << 30, 1ll << 30, weir), Severity::kError);
  EXPECT_EQ(disk(16ll << 40, 100ll << 30, weir), Severity::kWarning);  // at most 8 GiB are kept free
  EXPECT_EQ(disk(1ll << 30, 140ll << 20, weir), Severity::kOk);        // at most an eighth
  EXPECT_EQ(disk(100ll << 30, 1ll << 30, {{"weir.disk.reserve.bytes.max", "1000"}}), Severity::kWarning);  // as it was told
  EXPECT_EQ(disk(100ll << 30, 1ll << 30, {}), Severity::kWarning);     // another broker keeps nothing
  Findings findings;
  check_timestamp("t", 1'000'000, 990'000, findings);
  EXPECT_TRUE(findings.empty());
  check_timestamp("t", 1'000'000, 900'000, findings);
  EXPECT_EQ(count_of(findings, Severity::kWarning), 1u);
  client::Topic topic{.name = "t", .partitions = {{.index = PartitionIndex(0), .leader = BrokerId(1), .replicas = {BrokerId(1)}, .isr = {BrokerId(1)}}}};
  const auto of_topic = [&](Options options, Severity severity) {
    Findings found;
    check_topic_options(topic, options, found);
    return count_of(found, severity);
  };
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "true"}, {"min.insync.replicas", "1"}}, Severity::kWarning), 0u);
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "false"}}, Severity::kWarning), 1u);
  EXPECT_EQ(of_topic({{"flush.messages", "9223372036854775807"}}, Severity::kWarning), 1u);
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "true"}, {"min.insync.replicas", "2"}}, Severity::kError), 1u);
}

}  // namespace
}  // namespace weir::cli
