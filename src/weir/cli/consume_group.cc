// weir consume --group: records to standard output, as a member of a group.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "weir/cli/consume_group.h"
#include "weir/cli/record_filter.h"
#include "weir/cli/record_format.h"
#include "weir/client/group_consumer.h"

namespace weir::cli {

namespace {

// As a member of a group. A record is committed when it was printed, not before: nothing is left out, and what was
// printed just before a crash is printed again.
class GroupPrinter {
 public:
  GroupPrinter(ClientContext& context, ConsumeArgs args, RecordFormat format, RecordFilter filter)
      : context_(context), args_(std::move(args)), format_(std::move(format)), filter_(std::move(filter)) {}

  Task<Result<void>> run() {
    client::GroupOptions options;
    options.group = *args_.group;
    options.topics = {args_.topic};
    options.instance_id = args_.instance;
    if (!args_.assignors.empty()) options.assignors = args_.assignors;
    options.session_timeout = Duration(args_.session_ms * 1'000'000);
    options.heartbeat_interval = std::min(options.heartbeat_interval, options.session_timeout / 3);
    options.commits_by_itself = false;
    options.reset = args_.from == "end" ? client::Start::Kind::kEnd : client::Start::Kind::kBeginning;
    options.consumer.read_committed = args_.read_committed;
    WEIR_CO_CHECK(client::GroupConsumer::check(options));
    Committer committer(this);
    client::GroupConsumer consumer(context_.cluster, options, &committer);
    consumer_ = &consumer;
    const Result<void> done = co_await print_all();
    Result<void> committed;
    if (done || done.error().code() == ErrorCode::kCancelled) committed = co_await commit();
    // Also when the commit was refused: the group need not wait for a member that is gone.
    const Result<void> left = co_await consumer.close({Deadline::at(context_.env.executor.now() + kLeaveTimeout), {}});
    if (!done) co_return done;
    if (!committed) co_return committed;
    co_return left;
  }

 private:
  static constexpr Duration kLeaveTimeout = 10s;
  static constexpr Duration kCommitInterval = 1s;
  static constexpr Duration kGroupPollMax = 200ms;

  struct Committer final : client::RebalanceListener {
    explicit Committer(GroupPrinter* printer) : printer(printer) {}
    Task<void> assigned(std::vector<client::Assigned>) override { co_return; }
    Task<void> revoked(std::vector<client::PartitionKey> partitions) override {
      (void)co_await printer->commit();
      for (const client::PartitionKey& key : partitions) printer->printed_.erase(key);
    }
    Task<void> lost(std::vector<client::PartitionKey> partitions) override {
      for (const client::PartitionKey& key : partitions) printer->printed_.erase(key);
      co_return;
    }
    GroupPrinter* printer;
  };

  // A commit that comes too late is no failure: others read on from the one before. One that the coordinator did not take
  // yet is made again.
  Task<Result<void>> commit() {
    const client::CommittedOffsets offsets = std::exchange(printed_, {});
    next_commit_ = context_.env.executor.now() + kCommitInterval;
    const auto stored = co_await consumer_->commit(offsets, {Deadline::at(context_.env.executor.now() + kLeaveTimeout), {}});
    if (stored) co_return stored;
    const ErrorCode code = stored.error().code();
    if (code == ErrorCode::kIllegalGeneration || code == ErrorCode::kUnknownMemberId) co_return Result<void>();
    const bool is_later = code == ErrorCode::kRebalanceInProgress || client::is_coordinator_trouble(code);
    if (!is_later) co_return stored;
    printed_.insert(offsets.begin(), offsets.end());
    co_return Result<void>();
  }

  Task<Result<void>> print_all() {
    uint64_t count = 0;
    MonoTime last = context_.env.executor.now();
    const std::optional<Duration> idle = args_.idle_ms ? std::optional(Duration(*args_.idle_ms * 1'000'000)) : std::nullopt;
    for (;;) {
      const auto batch = co_await consumer_->poll({Deadline::at(context_.env.executor.now() + kGroupPollMax), context_.stop});
      if (!batch) co_return fail(batch.error());
      const MonoTime now = context_.env.executor.now();
      if (*batch) {
        last = now;
        const client::PartitionKey key{(*batch)->topic, (*batch)->partition};
        for (const record::Record& record : (*batch)->records) {
          printed_[key] = {record.offset.next(), (*batch)->leader_epoch, ""};
          if (!filter_.holds(key.index, record)) continue;
          format_.print(key.topic, key.index, record, out_);
          if (args_.max > 0 && ++count == args_.max) break;
        }
        const bool written = std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0;
        out_.clear();
        if (!written) {  // whoever read us has seen enough, and not this
          printed_.erase(key);
          co_return Result<void>();
        }
        if (args_.max > 0 && count == args_.max) co_return Result<void>();
      } else if (is_reader_gone(STDOUT_FILENO)) {
        co_return Result<void>();
      }
      if (now >= next_commit_) WEIR_CO_CHECK(co_await commit());
      if (idle && now - last >= *idle && consumer_->member().is_stable()) co_return Result<void>();
    }
  }

  ClientContext& context_;
  ConsumeArgs args_;
  RecordFormat format_;
  RecordFilter filter_;
  client::GroupConsumer* consumer_ = nullptr;
  client::CommittedOffsets printed_;  // and not committed
  MonoTime next_commit_;
  std::string out_;
};

Result<void> check_group_args(const ConsumeArgs& args) {
  if (!args.partitions.empty()) return fail(ErrorCode::kInvalidArgument, "--partition and --group: a group shares the partitions out itself");
  if (args.from && args.from != "beginning" && args.from != "end") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--from \"{}\" with --group: beginning or end, for partitions without a position\n"
                            "weir group reset sets where a group goes on",
                            *args.from));
  }
  if (args.until) return fail(ErrorCode::kInvalidArgument, "--until and --group: a group goes on with what comes; --idle or --max ends it");
  return {};
}

}  // namespace

Task<Result<void>> run_consume_group(ClientContext& context, ConsumeArgs args) {
  WEIR_CO_CHECK(check_group_args(args));
  WEIR_CO_TRY(RecordFormat format, RecordFormat::parse(args.cluster.json ? "json" : args.format.value_or("plain")));
  WEIR_CO_TRY(RecordFilter filter, RecordFilter::parse(args.where, context.env.clock.wall_ms()));
  WEIR_CO_CHECK(co_await find_topic(context, args.topic));
  GroupPrinter printer(context, std::move(args), std::move(format), std::move(filter));
  co_return co_await printer.run();
}

}  // namespace weir::cli
