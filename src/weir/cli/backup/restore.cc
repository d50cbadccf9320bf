// weir restore: topics, records, options and positions of groups from a backup into a cluster that has none of them.
//
// Records go in the order of the backup and are numbered from 0: offsets stay the same where the log began at 0 and none is
// missing; else they move down, and the positions of groups move with them. Each partition's end in the cluster says how far
// it has come, so that an interrupted restore goes on (--resume).
//
// Several batches of a partition are under way at a time. They are an idempotent producer's, so that none is stored behind one
// that was refused, and none twice when it was sent again because its answer was lost, or when it comes in after all that
// (rewrite.h says what their sequences are). Of a producer that a leader does not know it takes any batch: the first goes alone.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/backup/batch_file.h"
#include "weir/cli/backup/rewrite.h"
#include "weir/cli/backup/run.h"
#include "weir/cli/backup/verify.h"
#include "weir/cli/json_text.h"
#include "weir/cli/progress.h"
#include "weir/cli/words.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

namespace {

constexpr size_t kPartitionsAtOnce = 8;
constexpr size_t kRequestsAhead = 5;  // under way for a partition: of so many a broker knows whether it has them
constexpr int kAttemptsMax = 10;      // without any progress

// What would delete records or overwrite their times while they come in is set when all are there.
constexpr std::string_view kSetAtTheEnd[] = {"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type"};

struct Job {
  const BackupTopic* topic;
  const BackupPartition* partition;
  OffsetMap map;
  int64_t records_in = 0;  // that the cluster is known to have
  bool is_begun = false;   // the leader has a batch of this run: only now it takes none but the next
};

class Restore {
 public:
  Restore(ClientContext& context, BackupArgs args) : context_(context), args_(std::move(args)), disk_(context.env.disk) {}

  Task<Result<void>> run() {
    WEIR_CO_TRY(manifest_, co_await read_manifest(disk_, args_.dir));
    WEIR_CO_CHECK(choose_topics());
    WEIR_CO_CHECK(co_await check_target());
    for (const BackupTopic& topic : manifest_.topics) {
      for (const BackupPartition& one : topic.partitions) jobs_.push_back({.topic = &topic, .partition = &one});
    }
    if (args_.dry_run) {
      fmt::print("would restore {}, {}, {}, positions of {}\n", counted(manifest_.topics.size(), "topic"), counted(manifest_.records(), "record"),
                 bytes_text(static_cast<double>(manifest_.bytes())), counted(manifest_.groups.size(), "group"));
      co_return Result<void>();
    }
    began_ = context_.env.executor.now();
    for (const BackupTopic& topic : manifest_.topics) WEIR_CO_CHECK(co_await make_topic(topic));
    WEIR_CO_TRY(producer_, co_await client::new_producer_identity(context_.cluster, context_.patience()));
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
      return fail(ErrorCode::kNotFound, fmt::format("topic \"{}\" is not in the backup{}", name, nearest_hint(name, names)));
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
      existing_.emplace(topic.name, (*found)->id);
      taken += fmt::format("{}\"{}\"", taken.empty() ? "" : ", ", topic.name);
    }
    if (existing_.empty() || args_.resume || args_.overwrite) co_return Result<void>();
    co_return fail(ErrorCode::kAlreadyExists, fmt::format("{} {} there already: nothing was changed\n--topic NAME restores only some, --resume goes on with a restore that "
                                                          "was interrupted,\n--overwrite deletes what is there first", existing_.size() == 1 ? "topic" : "topics", taken + (existing_.size() == 1 ? " is" : " are")));
  }

  Task<Result<void>> make_topic(const BackupTopic& topic) {
    const auto existing = existing_.find(topic.name);
    const bool exists = existing != existing_.end();
    if (exists && args_.resume) co_return Result<void>();
    if (exists) WEIR_CO_CHECK(co_await context_.admin.delete_topic(topic.name, context_.patience()));
    client::NewTopic wanted{.name = topic.name, .partitions = static_cast<int32_t>(topic.partitions.size())};
    const auto brokers = static_cast<int16_t>(context_.cluster.brokers().size());
    wanted.replication_factor = args_.replicas.value_or(std::min(topic.replication_factor, brokers));
    wanted.configs = {{"retention.ms", "-1"}, {"retention.bytes", "-1"}};
    for (const auto& pair : topic.configs) {
      if (std::ranges::find(kSetAtTheEnd, pair.first) == std::end(kSetAtTheEnd)) wanted.configs.push_back(pair);
    }
    const client::Patience patience = context_.patience();
    for (int attempt = 0;; ++attempt) {
      const auto made = co_await context_.admin.create_topic(wanted, false, patience);
      if (made) break;
      if (made.error().code() != ErrorCode::kTopicAlreadyExists) co_return fail(made.error().within(fmt::format("topic \"{}\"", topic.name)));
      // The one that was deleted a moment ago is still in the way; or this is ours, and the answer that said so was lost.
      WEIR_CO_TRY(const auto found, co_await context_.cluster.refresh({topic.name}, patience));
      if (!found.empty() && (!exists || found.front()->id != existing->second)) break;
      WEIR_CO_CHECK(co_await context_.cluster.back_off(attempt, made.error(), patience));
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
      WEIR_CO_TRY(const auto end, co_await context_.admin.list_offsets(job->topic->name, {PartitionIndex(job->partition->index)}, client::kLatest, context_.patience()));
      const int64_t there = end.empty() ? 0 : end.front().offset.value();
      if (there != before) attempt = 0;
      before = there;
      note_records_in(*job, there);
      const Result<void> done = co_await write_from(job, there);
      if (done || context_.stop.stop_requested()) co_return done;
      if (!is_passing(done.error())) co_return done;
      context_.cluster.forget(job->topic->name);
      WEIR_CO_CHECK(co_await context_.cluster.back_off(attempt, done.error(), context_.patience()));
    }
    co_return fail(ErrorCode::kUnavailable, "the broker takes no more records");
  }

  // What does not pass is told. A batch is out of order behind one that was refused: that one says why, unless its answer was
  // lost.
  static bool is_passing(const Error& error) {
    return client::is_transport_failure(error.code()) || error.code() == ErrorCode::kOutOfOrderSequenceNumber ||
           client::reaction_to(error.code()) != client::Reaction::kFail;
  }
  void note_records_in(Job& job, int64_t records) {
    records_ += static_cast<uint64_t>(records - job.records_in);
    job.records_in = records;
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
      auto rewritten = rewrite_batch(**batch, job->partition->start, next, producer_, codecs_, job->map);
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
      while (flight.under_way >= (job->is_begun ? kRequestsAhead : 1) && !flight.error) {
        (void)co_await flight.landed.wait(context_.env.executor, Deadline::at(context_.env.executor.now() + kCommandTimeout));
      }
      if (flight.error) break;
      ++flight.under_way;
      flying.spawn(&send, this, &flight, job, connection, topic, std::move(*rewritten), base);
    }
    (void)co_await flying.join();
    if (!done) co_return done;
    if (flight.error) co_return fail(*flight.error);
    if (context_.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
    if (next < there) co_return fail(ErrorCode::kInvalidRequest, fmt::format("ends at offset {} in the cluster and at {} in the backup", there, next));
    co_return Result<void>();
  }

  static Task<void> send(Restore* self, Flight* flight, Job* job, client::ConnectionPtr connection, client::TopicPtr topic, Rewritten batch, int64_t base) {
    // Not called off by Ctrl-C: what is under way is let in.
    const client::Patience patience{Deadline::at(self->context_.env.executor.now() + kCommandTimeout), {}};
    std::vector<client::ReadyBatch> batches;
    batches.push_back({PartitionIndex(job->partition->index), std::move(batch.bytes)});
    const auto told = co_await client::produce(std::move(connection), std::move(topic), std::move(batches), -1, patience);
    std::optional<Error> error;
    if (!told) {
      error = told.error();
    } else {
      const client::ProducedPartition& row = told->front();
      if (row.error_code != ErrorCode::kNone) {
        error = Error(row.error_code, row.error_message.value_or(std::string(name_of(row.error_code))));
      } else if (row.base_offset.value() != base) {
        error = Error(ErrorCode::kInvalidRequest, fmt::format("a batch went to offset {} instead of {}: somebody else writes to it\n--overwrite begins anew", row.base_offset, base));
      }
    }
    if (error && !flight->error) flight->error = std::move(error);
    if (!flight->error) {
      job->is_begun = true;
      self->note_records_in(*job, base + batch.records);
    }
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
    client::GroupAdmin groups(context_.cluster);
    for (const BackupGroup& group : manifest_.groups) {
      client::CommittedOffsets offsets;
      for (const BackupPosition& one : group.positions) {
        offsets[{one.topic, PartitionIndex(one.partition)}] = {.offset = Offset(translated(one)), .metadata = one.metadata};
      }
      const auto done = co_await groups.set_offsets(group.name, std::move(offsets), context_.patience());
      if (!done) co_return fail(done.error().within(fmt::format("positions of group \"{}\"", group.name)));
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
  std::map<std::string, Uuid> existing_;  // topics of the backup that were there already
  std::vector<Job> jobs_;
  size_t next_job_ = 0;
  client::ProducerIdentity producer_;
  uint64_t records_ = 0;  // of all jobs: records_in
  std::optional<Error> error_;
  codec::Codecs codecs_;
  Progress progress_;
  MonoTime began_;
};

}  // namespace

Task<Result<void>> run_restore(ClientContext& context, BackupArgs args) {
  Restore restore(context, std::move(args));
  co_return co_await restore.run();
}

int restore(const BackupArgs& args) { return run_client(args, args.cluster, &run_restore, OnInterrupt::kStop); }

}  // namespace weir::cli
