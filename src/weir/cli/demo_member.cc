// weir demo member: one of a group that keeps the shop's numbers, until Ctrl-C. See shop_state.h for how they last.
#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/demo_args.h"
#include "weir/cli/shop_state.h"
#include "weir/client/group_consumer.h"
#include "weir/client/producer.h"

namespace weir::cli {

namespace {

constexpr Duration kCheckpointInterval = 500ms;
constexpr Duration kMemberPollMax = 100ms;
constexpr Duration kGoodbyeTimeout = 20s;

class ShopMember final : public client::RebalanceListener {
 public:
  ShopMember(ClientContext& context, DemoShopArgs args)
      : context_(context), args_(std::move(args)), executor_(context.env.executor), states_(context.cluster, {.linger = 0ms}) {}

  Task<Result<void>> run() {
    client::GroupOptions options;
    options.group = args_.group;
    options.topics = {args_.topic};
    options.session_timeout = Duration(args_.session_ms * 1'000'000);
    options.heartbeat_interval = options.session_timeout / 4;
    options.commits_by_itself = false;
    options.reset = client::Start::Kind::kBeginning;
    options.consumer.wait_max = 100ms;
    WEIR_CO_CHECK(client::GroupConsumer::check(options));
    client::GroupConsumer consumer(context_.cluster, options, this);
    consumer_ = &consumer;
    const Result<void> done = co_await count_events();
    const Result<void> left = co_await consumer.close({Deadline::at(executor_.now() + kGoodbyeTimeout), {}});
    co_await states_.close();
    if (!done && done.error().code() != ErrorCode::kCancelled) co_return done;
    if (broken_) co_return fail(*broken_);
    co_return left;
  }

  Task<void> assigned(std::vector<client::Assigned> partitions) override {
    for (const client::Assigned& one : partitions) {
      Kept& kept = kept_[one.partition.index];
      kept = {};
      if (!one.committed) continue;
      kept.position = *one.committed;
      for (int attempt = 0;; ++attempt) {  // while the broker is away
        auto tally = co_await read_state(context_.cluster, args_.state_topic, one.partition.index, *one.committed, soon());
        if (tally) {
          kept.tally = std::move(*tally);
          break;
        }
        const bool is_final = context_.stop.stop_requested() || attempt >= kRestoreAttemptsMax || client::reaction_to(tally.error().code()) == client::Reaction::kFail;
        if (is_final) {
          broken_ = tally.error();
          break;
        }
        (void)co_await sleep_until(executor_, executor_.now() + kMemberPollMax, context_.stop);
      }
    }
  }
  Task<void> revoked(std::vector<client::PartitionKey> partitions) override {
    const Result<void> kept = co_await checkpoint();
    if (!kept) report_warning(fmt::format("{}: not kept before a rebalance, the next owner counts again: {}", args_.cluster.client_id, kept.error().describe()));
    for (const client::PartitionKey& key : partitions) kept_.erase(key.index);
  }
  Task<void> lost(std::vector<client::PartitionKey> partitions) override {
    for (const client::PartitionKey& key : partitions) kept_.erase(key.index);
    co_return;
  }

 private:
  static constexpr int kRestoreAttemptsMax = 100;
  struct Kept {
    ShopTally tally;
    client::Committed position;
    bool is_dirty = false;
  };

  client::Patience soon() const { return {Deadline::at(executor_.now() + kGoodbyeTimeout), {}}; }

  Task<Result<void>> count_events() {
    MonoTime next = executor_.now() + kCheckpointInterval;
    while (!broken_) {
      const auto batch = co_await consumer_->poll({Deadline::at(executor_.now() + kMemberPollMax), context_.stop});
      if (!batch) co_return fail(batch.error());
      if (*batch) {
        Kept& kept = kept_[(*batch)->partition];
        for (const record::Record& record : (*batch)->records) {
          WEIR_CO_TRY(const ShopEvent event, parse_event(record.value ? as_text(*record.value) : ""));
          kept.tally.apply(event);
          kept.position = {record.offset.next(), (*batch)->leader_epoch, ""};
        }
        kept.is_dirty = true;
      }
      if (executor_.now() < next) continue;
      next = executor_.now() + kCheckpointInterval;
      const Result<void> stored = co_await checkpoint();
      // A rebalance comes first; the next time is early enough.
      if (!stored) context_.env.log.info("not kept: {}", stored.error().describe());
    }
    co_return fail(*broken_);
  }

  // Tallies first, then one commit that refers to them.
  Task<Result<void>> checkpoint() {
    std::map<PartitionIndex, std::string> texts;
    std::map<PartitionIndex, client::Committed> positions;
    for (const auto& [index, kept] : kept_) {
      if (!kept.is_dirty) continue;
      texts[index] = kept.tally.text();
      positions[index] = kept.position;
    }
    std::vector<std::pair<PartitionIndex, client::Delivery>> deliveries;
    for (const auto& [index, text] : texts) {
      client::OutRecord record{.topic = args_.state_topic, .partition = index, .value = as_bytes(text)};
      WEIR_CO_TRY(client::Delivery delivery, co_await states_.send(record, soon()));
      deliveries.emplace_back(index, std::move(delivery));
    }
    client::CommittedOffsets offsets;
    for (auto& [index, delivery] : deliveries) {
      WEIR_CO_TRY(const client::Stored stored, co_await delivery.wait(executor_, soon()));
      client::Committed& committed = offsets[{args_.topic, index}];
      committed = positions[index];
      committed.metadata = state_reference(stored.offset);
    }
    WEIR_CO_CHECK(co_await consumer_->commit(offsets, soon()));
    for (const auto& [index, position] : positions) {
      const auto kept = kept_.find(index);
      if (kept != kept_.end()) kept->second.is_dirty = kept->second.position.offset != position.offset;
    }
    co_return Result<void>();
  }

  ClientContext& context_;
  DemoShopArgs args_;
  runtime::Executor& executor_;
  client::Producer states_;
  client::GroupConsumer* consumer_ = nullptr;
  std::map<PartitionIndex, Kept> kept_;
  std::optional<Error> broken_;
};

Task<Result<void>> run_demo_member(ClientContext& context, DemoShopArgs args) {
  ShopMember member(context, std::move(args));
  co_return co_await member.run();
}

}  // namespace

int demo_member(const DemoShopArgs& args) { return run_client(args, args.cluster, &run_demo_member, OnInterrupt::kStop); }

}  // namespace weir::cli
