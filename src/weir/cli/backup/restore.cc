// weir restore: topics, records, options and positions of groups from a backup into a cluster that has none of them.
//
// Records go in the order of the backup and are numbered from 0: offsets stay the same where the log began at 0 and none is
// missing; else they move down, and the positions of groups move with them. Each partition's end in the cluster says how far
// it has come, so that an interrupted restore goes on (--resume), and an answer that was lost does no harm.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/backup/batch_file.h"
#include "weir/cli/backup/options.h"
#include "weir/cli/backup/rewrite.h"
#include "weir/cli/backup/verify.h"
#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/progress.h"
#include "weir/client/coordinator.h"
#include "weir/protocol/produce.h"

namespace weir::cli {

namespace {

constexpr size_t kPartitionsAtOnce = 8;
constexpr size_t kRequestsAhead = 8;  // under way for a partition
constexpr int kAttemptsMax = 10;      // without any progress
constexpr int16_t kRestoreTopicIdVersion = 13;

// What would delete records or overwrite their times while they come in is set when all are there.
constexpr std::string_view kSetAtTheEnd[] = {"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type"};

struct Job {
  const BackupTopic* topic;
  const BackupPartition* partition;
  OffsetMap map;
};

class Restore {
 public:
  Restore(ClientContext& context, BackupArgs args) : context_(context), args_(std::move(args)), disk_(context.env.disk) {}

  Task<Result<void>> run() {
    WEIR_CO_TRY(manifest_, co_await read_manifest(disk_, args_.dir));
    WEIR_CO_CHECK(choose_topics());
    WEIR_CO_CHECK(co_await check_target());
    for (const BackupTopic& topic : manifest_.topics) {
      for (const BackupPartition& one : topic.partitions) jobs_.push_back({&topic, &one, {}});
    }
    if (args_.dry_run) {
      fmt::print("would restore {}, {}, {}, positions of {}\n", counted(manifest_.topics.size(), "topic"), counted(manifest_.records(), "record"),
                 bytes_text(static_cast<double>(manifest_.bytes())), counted(manifest_.groups.size(), "group"));
      co_return Result<void>();
    }
    began_ = context_.env.executor.now();
    for (const BackupTopic& topic : manifest_.topics) WEIR_CO_CHECK(co_await make_topic(topic));
    Result<void> done = co_await write_records();
    progress_.finish();
    if (!done) {
      report(fmt::format("the restore is not finished: {} of {} records are in\nweir restore {} --resume goes on where it stopped", count_text(records_),
                         count_text(manifest_.records()), args_.dir));
      co_return done;
    }
    for (const BackupTopic& topic : manifest_.topics) WEIR_CO_CHECK(co_await set_options_at_the_end(topic));
    WEIR_CO_CHECK(co_await set_positions());
    report_restored();
    co_return Result<void>();
  }

 private:
  Result<void> choose_topics() {
    for (const std::string& name : args_.topics) {
      std::vector<std::string> names;
      for (const BackupTopic& topic : manifest_.topics) names.push_back(topic.name);
      if (std::ranges::find(names, name) != names.end()) continue;
      const std::string nearest = nearest_word(name, names);
      return fail(ErrorCode::kNotFound, fmt::format("topic \"{}\" is not in the backup{}", name, nearest.empty() ? "" : fmt::format("; nearest: \"{}\"", nearest)));
    }
    const auto is_chosen = [&](const std::string& name) { return args_.topics.empty() || std::ranges::find(args_.topics, name) != args_.topics.end(); };
    std::erase_if(manifest_.topics, [&](const BackupTopic& topic) { return !is_chosen(topic.name); });
    for (BackupGroup& group : manifest_.groups) std::erase_if(group.positions, [&](const BackupPosition& one) { return !is_chosen(one.topic); });
    std::erase_if(manifest_.groups, [&](const BackupGroup& group) { return group.positions.empty() || args_.no_groups; });
    return {};
  }

  Task<Result<void>> check_target() {
    WEIR_CO_TRY(const auto there, co_await context_.cluster.all_topics(context_.patience()));
    std::string taken;
    for (const BackupTopic& topic : manifest_.topics) {
      const auto found = std::ranges::find(there, topic.name, [](const client::TopicPtr& one) { return one->name; });
      if (found == there.end()) continue;
      if (args_.resume && (*found)->partitions.size() != topic.partitions.size()) {
        co_return fail(ErrorCode::kAlreadyExists, fmt::format("topic \"{}\" has {} partitions there and {} in the backup: this is not where a restore stopped",
                                                              topic.name, (*found)->partitions.size(), topic.partitions.size()));
      }
      existing_.push_back(topic.name);
      taken += fmt::format("{}\"{}\"", taken.empty() ? "" : ", ", topic.name);
    }
    if (existing_.empty() || args_.resume || args_.overwrite) co_return Result<void>();
    co_return fail(ErrorCode::kAlreadyExists, fmt::format("{} {} there already: nothing was changed\n--topic NAME restores only some, --resume goes on with a restore that "
                                                          "was interrupted,\n--overwrite deletes what is there first", existing_.size() == 1 ? "topic" : "topics", taken + (existing_.size() == 1 ? " is" : " are")));
  }

  Task<Result<void>> make_topic(const BackupTopic& topic) {
    const bool exists = std::ranges::find(existing_, topic.name) != existing_.end();
    if (exists && args_.resume) co_return Result<void>();
    if (exists) WEIR_CO_CHECK(co_await context_.admin.delete_topic(topic.name, context_.patience()));
    client::NewTopic wanted{.name = topic.name, .partitions = static_cast<int32_t>(topic.partitions.size())};
    const auto brokers = static_cast<int16_t>(context_.cluster.brokers().size());
    wanted.replication_factor = args_.replicas.value_or(std::min(topic.replication_factor, brokers));
    wanted.configs = {{"retention.ms", "-1"}, {"retention.bytes", "-1"}};
    for (const auto& pair : topic.configs) {
      if (std::ranges::find(kSetAtTheEnd, pair.first) == std::end(kSetAtTheEnd)) wanted.configs.push_back(pair);
    }
    // A topic deleted a moment ago may still be in the way.
    for (int attempt = 0;; ++attempt) {
      const auto made = co_await context_.admin.create_topic(wanted, false, context_.patience());
      if (made) break;
      if (!exists || made.error().code() != ErrorCode::kTopicAlreadyExists) co_return fail(made.error().within(fmt::format("topic \"{}\"", topic.name)));
      WEIR_CO_CHECK(co_await context_.cluster.back_off(attempt, made.error(), context_.patience()));
    }
    co_return Result<void>();
  }

  Task<Result<void>> write_records() {
    runtime::TaskGroup workers(context_.env.executor);
    for (size_t i = 0; i < std::min(kPartitionsAtOnce, jobs_.size()); ++i) workers.spawn(&work, this);
    while (!workers.empty()) {
      const MonoTime now = context_.env.executor.now();
      progress_.show({.what = "restore", .done = records_, .total = manifest_.records(), .elapsed = now - began_}, now);
      (void)co_await workers.join(Deadline::at(now + 100ms));
    }
    if (error_) co_return fail(*error_);
    if (context_.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
    co_return Result<void>();
  }

  static Task<void> work(Restore* self) {
    while (self->next_job_ < self->jobs_.size() && !self->error_ && !self->context_.stop.stop_requested()) {
      Job& job = self->jobs_[self->next_job_++];
      const Result<void> done = co_await self->restore_partition(&job);
      if (!done && !self->error_) self->error_ = done.error().within(fmt::format("{}-{}", job.topic->name, job.partition->index));
    }
  }

  Task<Result<void>> restore_partition(Job* job) {
    if (job->partition->file.empty()) co_return Result<void>();
    int64_t before = -1;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      // Where it stands: after an answer that was lost, only the log knows.
      WEIR_CO_TRY(const auto end, co_await context_.admin.list_offsets(job->topic->name, {PartitionIndex(job->partition->index)}, client::kLatest, 0, context_.patience()));
      const int64_t there = end.empty() ? 0 : end.front().offset.value();
      if (there != before) attempt = 0;
      if (before < 0) records_ += static_cast<uint64_t>(there);
      before = there;
      const Result<void> done = co_await write_from(job, there);
      if (done || context_.stop.stop_requested()) co_return done;
      if (!client::Cluster::is_transport_failure(done.error()) && client::reaction_to(done.error().code()) == client::Reaction::kFail) co_return done;
      context_.cluster.forget(job->topic->name);
      WEIR_CO_CHECK(co_await context_.cluster.back_off(attempt, done.error(), context_.patience()));
    }
    co_return fail(ErrorCode::kUnavailable, "the broker takes no more records");
  }

  struct Flight {
    size_t under_way = 0;
    std::optional<Error> error;
    runtime::WaitQueue landed;
  };

  // Sends the batches whose records get `there` and higher offsets.
  Task<Result<void>> write_from(Job* job, int64_t there) {
    WEIR_CO_TRY(const client::TopicPtr topic, co_await context_.cluster.topic(job->topic->name, context_.patience()));
    const auto place = std::ranges::find(topic->partitions, PartitionIndex(job->partition->index), &client::Partition::index);
    if (place == topic->partitions.end() || place->leader == kNoBroker) co_return fail(ErrorCode::kLeaderNotAvailable, "has no leader");
    WEIR_CO_TRY(const auto connection, co_await context_.cluster.broker(place->leader, rpc::Lane::kQuick, context_.patience()));
    WEIR_CO_TRY(BatchFile file, co_await BatchFile::open(disk_, fmt::format("{}/{}", args_.dir, job->partition->file)));
    job->map = OffsetMap();
    Flight flight;
    runtime::TaskGroup flying(context_.env.executor);
    Result<void> done;
    int64_t next = 0;
    while (!flight.error && !context_.stop.stop_requested()) {
      const auto batch = co_await file.next();
      if (!batch) done = fail(batch.error());
      if (!batch || !*batch) break;
      auto rewritten = rewrite_batch(**batch, job->partition->start, next, codecs_, job->map);
      if (!rewritten) {
        done = fail(rewritten.error());
        break;
      }
      const int64_t base = next;
      next += rewritten->records;
      if (rewritten->records == 0 || next <= there) continue;
      if (base < there) {
        done = fail(ErrorCode::kInvalidRequest, fmt::format("ends at offset {} in the cluster, inside a batch of the backup: it was not this backup that was restored there", there));
        break;
      }
      while (flight.under_way >= kRequestsAhead && !flight.error) {
        (void)co_await flight.landed.wait(context_.env.executor, Deadline::at(context_.env.executor.now() + kCommandTimeout));
      }
      if (flight.error) break;
      ++flight.under_way;
      flying.spawn(&send, this, &flight, connection, topic, job->partition->index, std::move(rewritten->bytes), base, rewritten->records);
    }
    (void)co_await flying.join();
    if (!done) co_return done;
    if (flight.error) co_return fail(*flight.error);
    if (context_.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
    if (next < there) co_return fail(ErrorCode::kInvalidRequest, fmt::format("ends at offset {} in the cluster and at {} in the backup", there, next));
    co_return Result<void>();
  }

  static Task<void> send(Restore* self, Flight* flight, client::ConnectionPtr connection, client::TopicPtr topic, int32_t partition, SharedBytes bytes, int64_t base,
                         int32_t records) {
    const int16_t version_max = topic->id.is_zero() ? kRestoreTopicIdVersion - 1 : INT16_MAX;
    const auto version = connection->version_of(protocol::ApiKey::kProduce, version_max);
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30'000;
    auto& of = request.topic_data.emplace_back();
    if (version && *version >= kRestoreTopicIdVersion) of.topic_id = topic->id;
    else of.name = topic->name;
    of.partition_data.push_back({.index = PartitionIndex(partition), .records = protocol::Records(std::move(bytes))});
    // Not called off by Ctrl-C: what is under way is let in.
    const client::Patience patience{Deadline::at(self->context_.env.executor.now() + kCommandTimeout), {}};
    const auto answer = co_await connection->call(std::move(request), patience, version_max);
    std::optional<Error> error;
    if (!answer) {
      error = answer.error();
    } else if (answer->responses.empty() || answer->responses.front().partition_responses.empty()) {
      error = Error(ErrorCode::kMalformedFrame, "the broker did not answer for the partition");
    } else {
      const auto& row = answer->responses.front().partition_responses.front();
      if (row.error_code != ErrorCode::kNone) {
        error = Error(row.error_code, row.error_message.value_or(std::string(name_of(row.error_code))));
      } else if (row.base_offset.value() != base) {
        error = Error(ErrorCode::kInvalidRequest, fmt::format("a batch went to offset {} instead of {}: somebody else writes to it\n--overwrite begins anew", row.base_offset, base));
      }
    }
    if (error && !flight->error) flight->error = std::move(error);
    if (!flight->error) self->records_ += static_cast<uint64_t>(records);
    --flight->under_way;
    flight->landed.notify_all();
  }

  Task<Result<void>> set_options_at_the_end(const BackupTopic& topic) {
    std::vector<client::ConfigChange> changes;
    for (const std::string_view name : kSetAtTheEnd) {
      const auto found = std::ranges::find(topic.configs, name, [](const auto& pair) { return std::string_view(pair.first); });
      const bool was_set = name == "retention.ms" || name == "retention.bytes";
      if (found != topic.configs.end()) changes.push_back({std::string(name), found->second});
      else if (was_set) changes.push_back({std::string(name), std::nullopt});
    }
    const auto done = co_await context_.admin.alter_configs({client::ResourceType::kTopic, topic.name}, std::move(changes), context_.patience());
    if (!done) co_return fail(done.error().within(fmt::format("options of topic \"{}\"", topic.name)));
    co_return Result<void>();
  }

  int64_t translated(const BackupPosition& position) const {
    for (const Job& job : jobs_) {
      if (job.topic->name == position.topic && job.partition->index == position.partition) return job.map.to_new(position.offset);
    }
    return 0;
  }

  Task<Result<void>> set_positions() {
    for (const BackupGroup& group : manifest_.groups) {
      client::CommittedOffsets offsets;
      for (const BackupPosition& one : group.positions) {
        offsets[{one.topic, PartitionIndex(one.partition)}] = {.offset = Offset(translated(one)), .metadata = one.metadata};
      }
      for (int attempt = 0;; ++attempt) {
        Error last(ErrorCode::kCoordinatorNotAvailable);
        const auto where = co_await client::find_coordinator(context_.cluster, group.name, context_.cluster.one_attempt(context_.patience()));
        if (where) {
          const auto connection = co_await context_.cluster.connection(*where, rpc::Lane::kQuick, context_.patience());
          const auto done = connection ? co_await client::commit_offsets(*connection, {.group = group.name}, offsets, context_.patience()) : Result<void>(fail(connection.error()));
          if (done) break;
          last = done.error();
        } else {
          last = where.error();
        }
        if (!client::is_coordinator_trouble(last.code())) co_return fail(last.within(fmt::format("positions of group \"{}\"", group.name)));
        WEIR_CO_CHECK(co_await context_.cluster.back_off(attempt, last, context_.patience()));
      }
    }
    co_return Result<void>();
  }

  void report_restored() const {
    const Duration took = context_.env.executor.now() - began_;
    size_t moved = 0;
    for (const Job& job : jobs_) moved += job.map.is_identity() ? 0 : 1;
    if (args_.cluster.json) {
      fmt::print("{{\"restored\":{},\"topics\":{},\"records\":{},\"groups\":{},\"partitions_with_moved_offsets\":{},\"seconds\":{:.2f}}}\n", json_string(args_.dir),
                 manifest_.topics.size(), records_, manifest_.groups.size(), moved, static_cast<double>(took.count()) * 1e-9);
      return;
    }
    fmt::print("restored {}, {}, positions of {}, in {}\n", counted(manifest_.topics.size(), "topic"), counted(records_, "record"),
               counted(manifest_.groups.size(), "group"), duration_text(took));
    if (moved > 0) {
      fmt::print("offsets moved down in {} partition{}: the log did not begin at 0, or offsets were missing in it (compaction, transactions);\n"
                 "the positions of groups were moved with them, so that each goes on with the same record\n", moved, moved == 1 ? "" : "s");
    }
  }

  ClientContext& context_;
  BackupArgs args_;
  runtime::Disk& disk_;
  Manifest manifest_;
  std::vector<std::string> existing_;
  std::vector<Job> jobs_;
  size_t next_job_ = 0;
  uint64_t records_ = 0;
  std::optional<Error> error_;
  codec::Codecs codecs_;
  Progress progress_;
  MonoTime began_;
};

Task<Result<void>> run_restore(ClientContext& context, BackupArgs args) {
  Restore restore(context, std::move(args));
  co_return co_await restore.run();
}

}  // namespace

int restore(const BackupArgs& args) { return run_client(args, args.cluster, &run_restore, OnInterrupt::kStop); }

}  // namespace weir::cli
