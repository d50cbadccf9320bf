// Every file of a partition cut at every byte, and with a bit flipped in every byte: what is wrong is found and made anew, or
// refused with a sentence, and never served as if it were right. The last batch: log_crash_test.cc as well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/checkpoint_file.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/segment_files.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using ::testing::AnyOf;
using ::testing::Eq;
using runtime::SimWorld;

constexpr TimestampMs kFirst = 1'764'000'000'000;
constexpr LogOptions kDamageOptions{.segment_bytes = 1500, .index_interval_bytes = 150};

using Files = std::map<std::string, Bytes>;

Task<Files> all_files(runtime::Environment& env) {
  Files files;
  const auto listed = co_await env.disk.list(std::string(kLogPath));
  EXPECT_TRUE(listed);
  if (!listed) co_return files;
  for (const runtime::DirEntry& entry : *listed) {
    const auto content = co_await runtime::read_file(env.disk, fmt::format("{}/{}", kLogPath, entry.name), 1 << 20);
    EXPECT_TRUE(content);
    if (content) files[entry.name] = *content;
  }
  co_return files;
}

Task<void> put_files(runtime::Environment& env, const Files& files) {
  EXPECT_TRUE(co_await env.disk.remove_all(std::string(kLogPath)));
  EXPECT_TRUE(co_await env.disk.create_directories(std::string(kLogPath)));
  for (const auto& [name, content] : files) {
    const auto file = co_await env.disk.open(fmt::format("{}/{}", kLogPath, name), runtime::OpenMode::kCreate);
    EXPECT_TRUE(file);
    if (!file) co_return;
    const ByteView part(content);
    if (!content.empty()) EXPECT_TRUE(co_await (*file)->write_at(0, {&part, 1}));
    EXPECT_TRUE(co_await (*file)->sync_data());
  }
  EXPECT_TRUE(co_await env.disk.sync_directory(std::string(kLogPath)));
}

// What the log holds, as it was when nothing was damaged.
struct Truth {
  Files files;
  std::vector<Bytes> batches;                          // in order
  std::vector<std::pair<int64_t, int64_t>> offsets;    // of each batch
  Offset end;
};

Task<Truth> write_truth(runtime::Environment& env) {
  Truth truth;
  {
    LogKit kit(env);
    auto log = co_await kit.open(kDamageOptions);
    EXPECT_TRUE(log);
    const ProducerId producer(5);
    for (int32_t i = 0; i < 30; ++i) {
      SharedBytes batch = make_batch({.records = 1 + i % 2, .value_bytes = 60, .timestamp = kFirst + i * 1000, .producer_id = producer,
                                      .producer_epoch = ProducerEpoch(0), .base_sequence = i / 2 * 2});
      if (i % 2 == 0) batch = make_batch({.value_bytes = 60, .timestamp = kFirst + i * 1000});
      const Result<AppendResult> appended = (*log)->append(batch, client(i / 12));
      EXPECT_TRUE(appended) << appended.error().describe();
      if (!appended) co_return truth;
      truth.batches.emplace_back(batch.view().begin(), batch.view().end());
      truth.offsets.emplace_back(appended->base_offset.value(), appended->last_offset.value());
    }
    truth.end = (*log)->end_offset();
    EXPECT_TRUE(co_await (*log)->close());
  }
  truth.files = co_await all_files(env);
  EXPECT_GE(std::ranges::count_if(truth.files, [](const auto& file) { return file.first.ends_with(".log"); }), 3);
  co_return truth;
}

// Whether what the log serves is what was written: every record from the start to `truth.end`, or up to where it was cut with the
// reader told so. A batch whose CRC does not match tells the reader itself.
Task<std::string> check_reads(Log& log, const Truth& truth, bool may_be_cut) {
  const Offset end = log.end_offset();
  if (end > truth.end) co_return fmt::format("the log ends at {}, beyond {}", end, truth.end);
  if (end < truth.end && !may_be_cut) co_return fmt::format("the log ends at {} instead of {}", end, truth.end);
  for (size_t i = 0; i < truth.batches.size(); ++i) {
    const auto [base, last] = truth.offsets[i];
    if (Offset(last) >= end) break;
    for (const int64_t from : {base, last}) {
      const Result<ReadResult> read = co_await log.read(Offset(from), end, 1, true);
      if (!read) {
        if (read.error().describe().empty()) co_return "an error without a sentence";
        continue;
      }
      const Bytes got = joined(*read);
      if (equal(got, truth.batches[i])) continue;
      const auto batch = record::BatchView::parse(got);
      if (batch && !batch->crc_matches()) continue;
      co_return fmt::format("offset {} is served as something else ({} bytes)", from, got.size());
    }
  }
  codec::Codecs codecs;
  for (size_t i = 0; i < truth.batches.size(); i += 3) {
    if (Offset(truth.offsets[i].second) >= end) break;
    const TimestampMs target = kFirst + static_cast<int64_t>(i) * 1000;
    const auto found = co_await log.offset_for_timestamp(target, end, codecs);
    if (!found) continue;
    if (!*found) co_return fmt::format("nothing is found at timestamp {}", target);
    if ((*found)->offset != Offset(truth.offsets[i].first)) co_return fmt::format("timestamp {} is found at {} instead of {}", target, (*found)->offset, truth.offsets[i].first);
  }
  const auto newest = co_await log.max_timestamp(codecs, Deadline::never());
  if (newest && *newest && end == truth.end && (*newest)->timestamp < kFirst + 29'000) co_return "the largest timestamp is too small";
  co_return "";
}

enum class Damage { kCut, kFlip };

// Damages `name` at every byte, one after another, and opens the log after a clean stop and after a crash.
Task<void> damage_file(runtime::Environment& env, const Truth& truth, std::string name, Damage damage, bool& stop) {
  const Bytes& good = truth.files.at(name);
  const bool is_log = name.ends_with(".log");
  for (size_t at = 0; at < good.size() && !stop; ++at) {
    // Outside the CRC, in Kafka's format as well: the base offset and the leader epoch of a batch. See docs/internals/storage.md.
    for (const bool clean : {true, false}) {
      Files files = truth.files;
      Bytes& bad = files[name];
      if (damage == Damage::kCut) bad.resize(at);
      else bad[at] ^= static_cast<std::byte>(1u << (at % 8));
      co_await put_files(env, files);
      LogKit kit(env, 1);   // nothing is served from memory
      const LogRecovery recovery{.clean = clean, .recovery_point = Offset(0)};
      auto log = co_await kit.open(kDamageOptions, recovery);
      std::string wrong;
      if (!log) {
        if (log.error().message().empty()) wrong = "refused without a sentence";
      } else {
        wrong = co_await check_reads(**log, truth, is_log);
        // A second time, when what was found has been mended, and it takes appends.
        if (wrong.empty()) {
          auto slept = co_await runtime::sleep_until(env.executor, env.executor.now() + 1s);
          EXPECT_TRUE(slept);
          wrong = co_await check_reads(**log, truth, is_log);
        }
        if (wrong.empty() && (*log)->end_offset() == truth.end) {
          auto appended = (*log)->append(make_batch({.timestamp = kFirst + 40'000}), client(9));
          if (!appended) wrong = fmt::format("append: {}", appended.error().describe());
          else if (appended->base_offset != truth.end) wrong = "an append gets a wrong offset";
        }
        const Result<void> closed = co_await (*log)->close();
        if (wrong.empty() && !closed && closed.error().message().empty()) wrong = "closed without a sentence";
      }
      if (!wrong.empty()) {
        ADD_FAILURE() << name << (damage == Damage::kCut ? " cut at " : " flipped at ") << at << " of " << good.size() << (clean ? " clean: " : " crashed: ") << wrong;
        stop = true;
        co_return;
      }
    }
  }
}

Task<void> damage_all(runtime::Environment& env, std::string suffix, Damage damage) {
  const Truth truth = co_await write_truth(env);
  bool stop = false;
  int count = 0;
  for (const auto& [name, content] : truth.files) {
    if (!name.ends_with(suffix) || content.empty()) continue;
    ++count;
    co_await damage_file(env, truth, name, damage, stop);
    if (stop) co_return;
  }
  EXPECT_GT(count, 0) << suffix;
}

void with_damage(std::string suffix, Damage damage) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, damage_all(environment, std::move(suffix), damage));
}

// Property: no cut and no flipped bit of an offset index makes a reader skip a record or get another one; the index is made anew.
// Fails when an entry is believed without a look at the batch it names.
TEST(LogDamage, offset_index_flipped) { with_damage(".index", Damage::kFlip); }
TEST(LogDamage, offset_index_cut) { with_damage(".index", Damage::kCut); }

// Property: the same for the time index, and what is found by timestamp; retention does not take a segment for older than it is.
TEST(LogDamage, time_index_flipped) { with_damage(".timeindex", Damage::kFlip); }
TEST(LogDamage, time_index_cut) { with_damage(".timeindex", Damage::kCut); }

// Property: a producer snapshot that is damaged is not believed: producers are what the log says. Fails when its CRC is not looked at.
TEST(LogDamage, producer_snapshot_flipped) { with_damage(".snapshot", Damage::kFlip); }
TEST(LogDamage, producer_snapshot_cut) { with_damage(".snapshot", Damage::kCut); }

// Five segments, a producer in all but the last. Retention takes those before the last while its snapshot has not reached the disk,
// and a power cut brings an older snapshot back: what is left is a log at 8 with a torn snapshot, and one of before batches that are gone.
Task<void> stale_snapshot(runtime::Environment& env) {
  const LogOptions options{.segment_bytes = 200};   // two batches
  const auto from_producer = [](int32_t sequence) {
    return make_batch({.producer_id = ProducerId(5), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence});
  };
  {
    LogKit kit(env);
    auto log = co_await kit.open(options);
    for (int32_t i = 0; i < 8; ++i) EXPECT_TRUE((*log)->append(from_producer(i), client()));
    for (int32_t i = 0; i < 2; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->close());
  }
  Files files = co_await all_files(env);
  std::erase_if(files, [](const auto& file) {
    const auto name = parse_segment_file_name(file.first);
    return name && !(name->suffix == kSnapshotSuffix ? name->base == Offset(4) || name->base == Offset(8) : name->base == Offset(8));
  });
  EXPECT_TRUE(files.contains("00000000000000000004.snapshot") && files.contains("00000000000000000008.log"));
  files["00000000000000000008.snapshot"].clear();
  for (const bool clean : {true, false}) {
    co_await put_files(env, files);
    LogKit kit(env);
    auto log = co_await kit.open(options, {.clean = clean, .recovery_point = Offset(8)});
    EXPECT_TRUE(log) << log.error().describe();
    if (!log) co_return;
    EXPECT_EQ((*log)->end_offset(), Offset(10));
    EXPECT_FALSE((co_await all_files(env)).contains("00000000000000000004.snapshot"));
    const Result<AppendResult> appended = (*log)->append(from_producer(8), client());
    EXPECT_TRUE(appended) << appended.error().describe();
    EXPECT_TRUE(co_await (*log)->close());
  }
}

// Property: a producer whose last sequence number is known no more goes on. Fails when a snapshot is believed though batches after
// it are gone: the next batch is out of order, and stays so (simulator, broker seed 401101).
TEST(LogDamage, a_snapshot_of_before_the_first_segment_is_not_believed) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, stale_snapshot(environment));
}

// Property: a damaged leader-epoch-checkpoint is refused with a sentence or harms no record.
TEST(LogDamage, leader_epochs_flipped) { with_damage("leader-epoch-checkpoint", Damage::kFlip); }
TEST(LogDamage, leader_epochs_cut) { with_damage("leader-epoch-checkpoint", Damage::kCut); }

}  // namespace
}  // namespace weir::storage
