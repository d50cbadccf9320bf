// weir consume: records to standard output.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/consume_group.h"
#include "weir/cli/partition_list.h"
#include "weir/cli/record_filter.h"
#include "weir/cli/record_format.h"
#include "weir/cli/when.h"
#include "weir/client/consumer.h"

namespace weir::cli {

namespace {

// What is wanted of each partition: offsets from `first` to before `end`.
struct Stretch {
  PartitionIndex partition;
  Offset first;
  Offset end;
};

class Printer {
 public:
  Printer(ClientContext& context, ConsumeArgs args, RecordFormat format, RecordFilter filter)
      : context_(context), args_(std::move(args)), format_(std::move(format)), filter_(std::move(filter)), consumer_(context.cluster, options()) {}

  Task<Result<void>> run(client::TopicPtr topic, When from, std::optional<When> until) {
    WEIR_CO_TRY(const std::vector<PartitionIndex> partitions, parse_partitions(args_.partitions, *topic));
    Result<void> done = co_await find_stretches(topic->name, partitions, from, until);
    for (const Stretch& one : stretches_) consumer_.assign(topic->name, one.partition, {client::Start::Kind::kOffset, one.first.value()});
    if (done) done = co_await print_all();
    co_await consumer_.close();
    co_return done;
  }

 private:
  client::ConsumerOptions options() const {
    client::ConsumerOptions options;
    options.read_committed = args_.read_committed;
    return options;
  }

  Task<Result<void>> find_stretches(std::string name, std::vector<PartitionIndex> partitions, When from, std::optional<When> until) {
    const auto isolation = args_.read_committed ? client::Isolation::kReadCommitted : client::Isolation::kReadUncommitted;
    WEIR_CO_TRY(const auto ends, co_await context_.admin.list_offsets(name, partitions, client::kLatest, context_.patience(), isolation));
    WEIR_CO_TRY(const auto starts, co_await context_.admin.list_offsets(name, partitions, client::kEarliest, context_.patience(), isolation));
    std::vector<client::PartitionOffset> first_at = starts;
    std::vector<client::PartitionOffset> end_at = ends;
    if (from.kind == When::Kind::kTime) {
      WEIR_CO_TRY(first_at, co_await context_.admin.list_offsets(name, partitions, from.value, context_.patience(), isolation));
    }
    if (until && until->kind == When::Kind::kTime) {
      WEIR_CO_TRY(end_at, co_await context_.admin.list_offsets(name, partitions, until->value, context_.patience(), isolation));
    }
    if (starts.size() != ends.size() || first_at.size() != ends.size() || end_at.size() != ends.size()) {
      co_return fail(ErrorCode::kLeaderNotAvailable, fmt::format("topic \"{}\": not every partition has answered", name));
    }
    for (size_t i = 0; i < ends.size(); ++i) {
      const Offset last = ends[i].offset;
      Stretch one{ends[i].partition, starts[i].offset, last};
      switch (from.kind) {
        case When::Kind::kBeginning: break;
        case When::Kind::kEnd: one.first = last; break;
        case When::Kind::kOffset: one.first = std::max(one.first, Offset(from.value)); break;
        case When::Kind::kLast: one.first = std::max(one.first, Offset(last.value() - std::min(last.value(), from.value))); break;
        case When::Kind::kTime: one.first = first_at[i].offset < Offset(0) ? last : first_at[i].offset; break;
      }
      if (args_.follow) one.end = Offset(INT64_MAX);
      if (until && until->kind == When::Kind::kOffset) one.end = std::min(last, Offset(until->value));
      if (until && until->kind == When::Kind::kTime && end_at[i].offset >= Offset(0)) one.end = end_at[i].offset;
      if (one.first < one.end) stretches_.push_back(one);
    }
    co_return Result<void>();
  }

  bool is_at_end() {
    if (args_.follow) return false;
    std::erase_if(stretches_, [&](const Stretch& one) {
      const auto position = consumer_.position(args_.topic, one.partition);
      const bool reached = position && *position >= one.end;
      if (reached) consumer_.unassign(args_.topic, one.partition);
      return reached;
    });
    return stretches_.empty();
  }
  bool write_out() {
    const bool written = out_.empty() || (std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0);
    out_.clear();
    return written;
  }

  Task<Result<void>> print_all() {
    uint64_t printed = 0;
    while (!is_at_end()) {
      const auto batch = co_await consumer_.poll({Deadline::at(context_.env.executor.now() + 200ms), {}});
      if (!batch) {
        (void)write_out();
        co_return fail(batch.error());
      }
      if (!*batch) {
        // A reader that is gone is noticed without news too.
        if (is_reader_gone(STDOUT_FILENO)) break;
        continue;
      }
      const auto stretch = std::ranges::find(stretches_, (*batch)->partition, &Stretch::partition);
      for (const record::Record& record : (*batch)->records) {
        if (stretch != stretches_.end() && record.offset >= stretch->end) break;
        if (!filter_.holds((*batch)->partition, record)) continue;
        format_.print((*batch)->topic, (*batch)->partition, record, out_);
        if (args_.max > 0 && ++printed == args_.max) {
          (void)write_out();
          co_return Result<void>();
        }
      }
      if (!write_out()) break;  // whoever read us has seen enough
    }
    co_return Result<void>();
  }

  ClientContext& context_;
  ConsumeArgs args_;
  RecordFormat format_;
  RecordFilter filter_;
  client::Consumer consumer_;
  std::vector<Stretch> stretches_;
  std::string out_;
};

Task<Result<void>> run_consume(ClientContext& context, ConsumeArgs args) {
  const TimestampMs now = context.env.clock.wall_ms();
  WEIR_CO_TRY(const When from, parse_when("--from", args.from.value_or(args.follow ? "end" : "beginning"), now));
  std::optional<When> until;
  if (args.until) {
    if (args.follow) co_return fail(ErrorCode::kInvalidArgument, "--follow goes on without end: it has no --until");
    WEIR_CO_TRY(until, parse_when("--until", *args.until, now));
    if (until->kind == When::Kind::kBeginning || until->kind == When::Kind::kLast) {
      co_return fail(ErrorCode::kInvalidArgument, "--until takes end, an offset or a time");
    }
  }
  WEIR_CO_TRY(RecordFormat format, RecordFormat::parse(args.cluster.json ? "json" : args.format.value_or("plain")));
  WEIR_CO_TRY(RecordFilter filter, RecordFilter::parse(args.where, now));
  WEIR_CO_TRY(const client::TopicPtr topic, co_await find_topic(context, args.topic));
  Printer printer(context, std::move(args), std::move(format), std::move(filter));
  co_return co_await printer.run(topic, from, until);
}

}  // namespace

int consume(const ConsumeArgs& args) {
  if (args.group) return run_client(args, args.cluster, &run_consume_group, OnInterrupt::kStop);
  return run_client(args, args.cluster, &run_consume);
}

}  // namespace weir::cli
