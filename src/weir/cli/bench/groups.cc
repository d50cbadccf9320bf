// weir bench groups: a join storm, then members that leave and join.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/bench/broker_watch.h"
#include "weir/cli/bench/group_member.h"
#include "weir/cli/bench/options.h"
#include "weir/cli/bench/summary.h"
#include "weir/cli/json_text.h"
#include "weir/cli/process_stats.h"
#include "weir/cli/progress.h"
#include "weir/cli/table.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

namespace {

constexpr Duration kPhaseMax = 10min;
constexpr size_t kMembersOpeningMax = 64;

struct Phase {
  std::string name;
  size_t members = 0;
  Duration took{0};
  Duration own{0};  // after the last member had asked to join
  uint64_t joins = 0;
  std::optional<double> cpu_seconds;
};

Task<Result<runtime::Endpoint>> await_coordinator(ClientContext& context, std::string group) {
  const client::Patience patience = context.patience();
  for (int attempt = 0;; ++attempt) {
    const auto found = co_await client::find_coordinator(context.cluster, group, context.cluster.one_attempt(patience));
    if (found || !client::is_coordinator_trouble(found.error().code())) co_return found;
    WEIR_CO_CHECK(co_await context.cluster.back_off(attempt, found.error(), patience));
  }
}

class GroupLoad {
 public:
  GroupLoad(ClientContext& context, BenchArgs args)
      : context_(context), args_(std::move(args)), executor_(context.env.executor), running_(executor_) {}

  Task<Result<void>> run() {
    board_.group = fmt::format("weir-bench-{:08x}", static_cast<uint32_t>(context_.env.random.word()));
    board_.heartbeat = Duration(args_.heartbeat_ms * 1'000'000);
    board_.session_ms = static_cast<int32_t>(args_.session_ms);
    WEIR_CO_TRY(coordinator_, co_await await_coordinator(context_, board_.group));
    WEIR_CO_TRY(watch_, BrokerWatch::find(args_.pid, {coordinator_}));
    Result<void> done = co_await run_phases();
    progress_.finish();
    const auto cost = watch_.end();
    stop_.request_stop();
    for (const auto& member : members_) member->leave();
    (void)co_await running_.join(Deadline::at(executor_.now() + 10s));
    co_await delete_group();
    if (!phases_.empty()) print(cost);
    co_return done;
  }

 private:
  Task<Result<void>> run_phases() {
    WEIR_CO_CHECK(co_await open_members(args_.members + args_.rounds));
    MonoTime began = begin_phase();
    for (size_t i = 0; i < args_.members; ++i) start(i);
    WEIR_CO_CHECK(co_await end_phase("all join", args_.members, began));
    for (uint32_t round = 0; round < args_.rounds && args_.members > 1; ++round) {
      began = begin_phase();
      members_[round]->leave();
      WEIR_CO_CHECK(co_await end_phase("one leaves", args_.members - 1, began));
      began = begin_phase();
      start(args_.members + round);
      WEIR_CO_CHECK(co_await end_phase("one joins", args_.members, began));
    }
    co_return Result<void>();
  }

  static Task<void> open_some(GroupLoad* self, size_t* next) {
    while (*next < self->members_.size() && !self->board_.error && !self->context_.stop.stop_requested()) {
      BenchMember& member = *self->members_[(*next)++];
      const Result<void> opened = co_await member.open();
      if (!opened && !self->board_.error) self->board_.error = opened.error();
      ++self->opened_;
    }
  }
  Task<Result<void>> open_members(size_t count) {
    for (size_t i = 0; i < count; ++i) members_.push_back(std::make_unique<BenchMember>(context_, board_, coordinator_));
    size_t next = 0;
    runtime::TaskGroup opening(executor_);
    for (size_t i = 0; i < kMembersOpeningMax; ++i) opening.spawn(&open_some, this, &next);
    while (!opening.empty()) {
      progress_.show({.what = "connections", .done = opened_, .total = count}, executor_.now());
      (void)co_await opening.join(Deadline::at(executor_.now() + 100ms));
    }
    if (board_.error) co_return fail(*board_.error);
    if (context_.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
    co_return Result<void>();
  }
  void start(size_t index) { running_.spawn(&BenchMember::run, members_[index].get(), stop_.token()); }

  MonoTime begin_phase() {
    watch_.begin();
    joins_before_ = board_.joins;
    generation_before_ = board_.generation;
    return executor_.now();
  }
  Task<Result<void>> end_phase(std::string name, size_t members, MonoTime began) {
    const Deadline deadline = Deadline::at(began + kPhaseMax);
    while (!(board_.generation > generation_before_ && board_.leader_size == members && board_.stable == members)) {
      if (board_.error) co_return fail(*board_.error);
      progress_.show_text(fmt::format("{}: {} of {} have an assignment  {}", name, board_.generation > generation_before_ ? board_.stable : 0, members,
                                      duration_text(executor_.now() - began)), executor_.now());
      const Deadline look = Deadline::at(std::min(deadline.when, executor_.now() + 100ms));
      const Result<void> woken = co_await board_.news.wait(executor_, look, context_.stop);
      if (!woken && woken.error().code() == ErrorCode::kCancelled) co_return fail(ErrorCode::kCancelled);
      if (executor_.now() >= deadline.when) {
        co_return fail(ErrorCode::kDeadlineExceeded, fmt::format("{}: {} of {} members had an assignment after {}", name, board_.stable, members, duration_text(kPhaseMax)));
      }
    }
    Phase phase{std::move(name), members, board_.last_stable - began, board_.last_stable - board_.last_asked, board_.joins - joins_before_, std::nullopt};
    if (const auto cost = watch_.end()) phase.cpu_seconds = cost->cpu_seconds;
    phases_.push_back(std::move(phase));
    co_return Result<void>();
  }

  Task<void> delete_group() {
    client::GroupAdmin groups(context_.cluster);
    (void)co_await groups.remove(board_.group, {Deadline::at(executor_.now() + 5s), {}});
  }

  void print(const std::optional<BrokerCost>& cost) const {
    const auto ms = [](Duration duration) { return static_cast<double>(duration.count()) * 1e-6; };
    if (args_.cluster.json) {
      std::string text;
      for (const Phase& phase : phases_) {
        text += fmt::format("{}{{\"phase\":{},\"members\":{},\"ms\":{:.2f},\"broker_ms\":{:.2f},\"joins\":{}", text.empty() ? "" : ",", json_string(phase.name),
                            phase.members, ms(phase.took), ms(phase.own), phase.joins);
        if (phase.cpu_seconds) text += fmt::format(",\"cpu_seconds\":{:.2f}", *phase.cpu_seconds);
        text += "}";
      }
      fmt::print("{{\"command\":\"groups\",\"members\":{},\"heartbeat_ms\":{},\"phases\":[{}]", args_.members, args_.heartbeat_ms, text);
      if (cost) {
        fmt::print(",\"broker\":{{\"process\":{},\"resident_bytes\":{},\"peak_bytes\":{}}}", json_string(cost->name), cost->resident_bytes, cost->peak_bytes);
      }
      fmt::print("}}\n");
      return;
    }
    fmt::print("groups: {} members on {}, heartbeats every {}\n", args_.members, context_.bootstrap, duration_text(board_.heartbeat));
    Table table({"REBALANCE", ">MEMBERS", ">TIME", ">OF IT AFTER THE LAST JOIN", ">JOINS", ">BROKER CPU"});
    for (const Phase& phase : phases_) {
      table.add({phase.name, fmt::to_string(phase.members), duration_text(phase.took), duration_text(phase.own), fmt::to_string(phase.joins),
                 phase.cpu_seconds ? fmt::format("{:.2f} s", *phase.cpu_seconds) : "-"});
    }
    table.print();
    if (cost) fmt::print("broker {}: {} resident\n", cost->name, bytes_text(static_cast<double>(cost->resident_bytes)));
    else fmt::print("broker: {}\n", watch_.why());
  }

  ClientContext& context_;
  BenchArgs args_;
  runtime::Executor& executor_;
  runtime::Endpoint coordinator_;
  BrokerWatch watch_;
  GroupBoard board_;
  std::vector<std::unique_ptr<BenchMember>> members_;
  size_t opened_ = 0;
  uint64_t joins_before_ = 0;
  int32_t generation_before_ = -1;
  std::vector<Phase> phases_;
  Progress progress_;
  runtime::StopSource stop_;
  runtime::TaskGroup running_;
};

Task<Result<void>> run_bench_groups(ClientContext& context, BenchArgs args) {
  WEIR_CO_CHECK(co_await context.cluster.all_topics(context.patience()));
  GroupLoad load(context, std::move(args));
  co_return co_await load.run();
}

}  // namespace

int bench_groups(const BenchArgs& args) {
  const Result<void> room = make_room_for_connections(uint64_t{args.members} + args.rounds);
  if (!room) {
    report(room.error());
    return kUsage;
  }
  return run_client(args, args.cluster, &run_bench_groups, OnInterrupt::kStop);
}

}  // namespace weir::cli
