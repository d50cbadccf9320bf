// weir bench.
#include "weir/cli/args_app.h"
#include "weir/cli/bench/options.h"
#include "weir/cli/help_bench.h"

namespace weir::cli {

namespace {

constexpr uint64_t kBenchBytesMax = 1 << 30;  // a batch is smaller than 2 GiB

void add_common(CLI::App& command, BenchArgs& args) {
  command.add_option("--pid", args.pid)->check(CLI::PositiveNumber);
  command.add_option("topic", args.topic);
}

void add_load(CLI::App& command, BenchArgs& args) {
  command.add_option("--partitions", args.partitions)->check(CLI::Range(1, 1'000'000));
  command.add_option("--replicas", args.replicas)->check(CLI::Range(1, 32767));
  add_many(command, "--config", args.configs);
  command.add_flag("--keep", args.keep);
  command.add_option("--rate", args.rate)->check(CLI::NonNegativeNumber);
  add_bytes(command, "--record-size", args.record_bytes, kBenchBytesMax);
  add_bytes(command, "--batch-size", args.batch_bytes, kBenchBytesMax);
  command.add_option("--linger-ms", args.linger_ms)->check(CLI::Range(0.0, 60'000.0));
  command.add_option("--keys", args.keys)->check(CLI::Range(0u, 1'000'000u));
  add_compression(command, args.compression);
  command.add_option("--acks", args.acks)->check(CLI::IsMember({"all", "1", "0"}));
  command.add_option("--in-flight", args.in_flight)->check(CLI::Range(1u, 250u));
  command.add_option("--connections", args.connections)->check(CLI::Range(1u, 10'000u));
  command.add_option("--count", args.count);
  add_duration(command, "--duration", args.duration_ms);
  add_duration(command, "--warm-up", args.warm_up_ms);
}

void add_fetch(CLI::App& command, BenchArgs& args) {
  command.add_option("--fan-out", args.fan_out)->check(CLI::Range(1u, 1000u));
  add_bytes(command, "--fetch-size", args.fetch_bytes);
  add_duration(command, "--wait", args.wait_ms, INT32_MAX);
  add_bytes(command, "--min-bytes", args.bytes_min);
}

}  // namespace

void add_bench_commands(CLI::App& app, Commands& commands) {
  CLI::App* bench = add_command(app, "bench", help::kBench);
  bench->require_subcommand(1);

  const auto produce = std::make_shared<BenchArgs>();
  CLI::App* command = add_client_command(*bench, "produce", help::kBenchProduce, produce->cluster);
  add_common(*command, *produce);
  add_load(*command, *produce);
  command->add_flag("--verify", produce->verify);
  commands.add(command, [produce] { return bench_produce(*produce); });

  const auto consume = std::make_shared<BenchArgs>();
  command = add_client_command(*bench, "consume", help::kBenchConsume, consume->cluster);
  add_common(*command, *consume);
  add_fetch(*command, *consume);
  command->add_option("--from", consume->from)->check(CLI::IsMember({"beginning", "end"}));
  command->add_option("--connections", consume->connections)->check(CLI::Range(1u, 10'000u));
  command->add_option("--count", consume->count);
  add_duration(*command, "--duration", consume->duration_ms);
  add_duration(*command, "--warm-up", consume->warm_up_ms);
  commands.add(command, [consume] { return bench_consume(*consume); });

  const auto e2e = std::make_shared<BenchArgs>();
  e2e->rate = 10'000;
  e2e->record_bytes = 100;
  e2e->linger_ms = 0;
  command = add_client_command(*bench, "e2e", help::kBenchE2e, e2e->cluster);
  add_common(*command, *e2e);
  add_load(*command, *e2e);
  add_fetch(*command, *e2e);
  commands.add(command, [e2e] { return bench_e2e(*e2e); });

  const auto connections = std::make_shared<BenchArgs>();
  command = add_client_command(*bench, "connections", help::kBenchConnections, connections->cluster);
  command->add_option("count", connections->idle_count)->check(CLI::Range(1u, 1'000'000u));
  command->add_option("--pid", connections->pid)->check(CLI::PositiveNumber);
  add_duration(*command, "--hold", connections->hold_ms);
  commands.add(command, [connections] { return bench_connections(*connections); });

  const auto groups = std::make_shared<BenchArgs>();
  command = add_client_command(*bench, "groups", help::kBenchGroups, groups->cluster);
  command->add_option("--members", groups->members)->check(CLI::Range(1u, 100'000u));
  command->add_option("--pid", groups->pid)->check(CLI::PositiveNumber);
  command->add_option("--rounds", groups->rounds)->check(CLI::Range(1u, 1000u));
  add_duration(*command, "--heartbeat", groups->heartbeat_ms);
  add_duration(*command, "--session", groups->session_ms, INT32_MAX);
  commands.add(command, [groups] { return bench_groups(*groups); });
}

}  // namespace weir::cli
