// A log against a simple model of it, through everything that may be done to a log, and through crashes.
#include <gtest/gtest.h>

#include <map>

#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

constexpr PartitionIndex kP0{0};
constexpr int kStepsMax = 400;   // of one life

struct Model {
  std::multimap<int64_t, Bytes> batches;   // by base offset: what may be read there
  int64_t durable_end = 0;                 // everything below must survive
  int64_t start = 0;                       // the log start asked for last; a crash may take it back
  Uuid topic_id{5, 6};
  bool flush_on_ack = false;
  std::string wrong;
  int steps = 0;

  void forget() {
    batches.clear();
    durable_end = start = 0;
    topic_id.low += 1;
  }
};

// Everything readable is what was appended there, without a gap, and reaches what must be there.
Task<void> compare(Log& log, Model& model, bool after_start) {
  const auto complain = [&](std::string what) {
    if (model.wrong.empty()) model.wrong = std::move(what);
  };
  const Offset end = log.written_end();
  if (end.value() < model.durable_end) complain(fmt::format("ends at {}, durable was {}", end, model.durable_end));
  if (after_start && log.end_offset() != end) complain("opened with something unwritten");
  if (log.start_offset().value() > std::max(model.start, model.durable_end)) {
    complain(fmt::format("starts at {}, asked was {}", log.start_offset(), model.start));
  }
  if (log.recovery_point() > log.durable_end()) complain("the recovery point is ahead");
  Offset at = log.start_offset();
  bool first = true;
  while (model.wrong.empty() && at < end) {
    const Result<ReadResult> read = co_await log.read(at, end, 1500, true);
    if (!read || read->bytes == 0) {
      complain(fmt::format("read at {} of [{}, {}): {}", at, log.start_offset(), end, read ? "nothing" : read.error().describe()));
      co_return;
    }
    const Bytes bytes = joined(*read);
    record::Batches batches(bytes);
    for (;;) {
      const auto batch = batches.next();
      if (!batch || !*batch) break;
      const record::BatchView& view = *(*batch)->v2();
      if (first ? view.base_offset() > at : view.base_offset() != at) complain(fmt::format("a gap before {}", view.base_offset()));
      first = false;
      const auto [begin, stop] = model.batches.equal_range(view.base_offset().value());
      if (std::none_of(begin, stop, [&](const auto& item) { return equal(item.second, view.bytes()); })) {
        complain(fmt::format("batch {} is not what was appended there", view.base_offset()));
      }
      at = view.next_offset();
    }
  }
  if (after_start && model.wrong.empty()) {
    model.batches.erase(model.batches.lower_bound(end.value()), model.batches.end());
    model.start = log.start_offset().value();
  }
}

Task<void> one_step(runtime::Environment* env, LogManager* manager, Log** log, Model* model, Prng* prng) {
  const LogOptions options{.segment_bytes = 3000, .index_interval_bytes = 250, .flush_on_ack = model->flush_on_ack,
                           .retention_bytes = 9000, .file_delete_delay_ms = 50};
  const auto fail_unless = [&](const Result<void>& done, std::string_view what) {
    if (!done && model->wrong.empty()) model->wrong = fmt::format("{}: {}", what, done.error().describe());
  };
  const uint64_t dice = prng->below(100);
  if (dice < 70) {
    const uint64_t count = prng->between(1, 6);
    for (uint64_t i = 0; i < count; ++i) {
      const SharedBytes batch = make_batch({.records = static_cast<int>(prng->between(1, 5)), .value_bytes = prng->below(400),
                                            .fill = static_cast<uint8_t>(prng->next())});
      const auto appended = (*log)->append(batch, client(static_cast<int32_t>(prng->below(2)) + model->steps / 50));
      if (!appended) {
        fail_unless(fail(appended.error()), "append");
        co_return;
      }
      model->batches.emplace(appended->base_offset.value(), Bytes(batch.view().begin(), batch.view().end()));
    }
  } else if (dice < 80) {
    const Offset end = (*log)->end_offset();
    const Result<void> durable = co_await (*log)->durable(end, Deadline::never());
    fail_unless(durable, "durable");
    model->durable_end = std::max(model->durable_end, end.value());
  } else if (dice < 84) {
    co_await compare(**log, *model, false);
  } else if (dice < 87) {
    const Offset wanted(prng->between((*log)->start_offset().value(), (*log)->end_offset().value()));
    model->durable_end = std::min(model->durable_end, wanted.value());
    // A batch that holds the offset goes as a whole.
    const auto holder = model->batches.upper_bound(wanted.value());
    if (holder != model->batches.begin()) model->durable_end = std::min(model->durable_end, std::prev(holder)->first);
    if (wanted.value() <= model->start) co_return;
    const Result<void> truncated = co_await (*log)->truncate_to(wanted);
    fail_unless(truncated, "truncate");
    model->batches.erase(model->batches.lower_bound((*log)->end_offset().value()), model->batches.end());
  } else if (dice < 90) {
    const Offset wanted(prng->between((*log)->start_offset().value(), (*log)->written_end().value()));
    model->start = std::max(model->start, wanted.value());
    const Result<void> moved = co_await (*log)->advance_start_offset(wanted, (*log)->written_end());
    fail_unless(moved, "advance");
  } else if (dice < 92) {
    model->start = std::max(model->start, (*log)->written_end().value());
    const auto removed = co_await (*log)->apply_retention((*log)->written_end(), 1'764'000'000'000);
    if (!removed) fail_unless(fail(removed.error()), "retention");
    model->start = (*log)->start_offset().value();
  } else if (dice < 94) {
    const Result<void> flushed = co_await (*log)->flush();
    fail_unless(flushed, "flush");
    if ((*log)->recovery_point() < (*log)->durable_end()) model->wrong = "flush left the recovery point behind";
  } else if (dice < 95) {
    model->forget();
    const Result<void> deleted = co_await manager->delete_log("orders", kP0);
    fail_unless(deleted, "delete");
    const auto created = co_await manager->create_log("orders", kP0, model->topic_id, options);
    if (!created) fail_unless(fail(created.error()), "create");
    else *log = *created;
  } else {
    const auto slept = co_await runtime::sleep_until(env->executor, env->executor.now() + Duration(prng->below(20'000'000)));
    EXPECT_TRUE(slept);
  }
}

Task<void> live(runtime::Environment* env, Model* model, uint64_t seed) {
  Prng prng(seed);
  LogManagerOptions options{.dirs = {"/d"}, .cluster_id = "c", .node_id = BrokerId(1)};
  options.defaults = {.segment_bytes = 3000, .index_interval_bytes = 250, .flush_on_ack = model->flush_on_ack, .retention_bytes = 9000,
                      .file_delete_delay_ms = 50};
  options.tail_cache_bytes = prng.chance(50) ? 3000 : 1 << 20;
  options.open_files_max = prng.chance(50) ? 2 : 100;
  options.recovery_point_checkpoint_ms = 15;
  options.high_watermark_checkpoint_ms = 25;
  const auto formatted = co_await read_meta_properties(env->disk, "/d");
  if (!formatted || !*formatted) {
    const auto made = co_await env->disk.create_directories("/d");
    const auto written = co_await write_meta_properties(env->disk, "/d", {1, "c", BrokerId(1), Uuid{3, 4}});
    if (!made || !written) co_return;
  }
  auto manager = co_await LogManager::open(*env, options);
  if (!manager) {
    model->wrong = manager.error().describe();
    co_return;
  }
  const auto loaded = co_await (*manager)->load();
  // A crash inside a deletion and creation: whichever of the two topics is there, its records are the model's or none.
  Log* log = (*manager)->find("orders", kP0);
  if (log != nullptr && (*manager)->topic_id("orders", kP0) != model->topic_id) {
    const auto deleted = co_await (*manager)->delete_log("orders", kP0);
    EXPECT_TRUE(deleted);
    log = nullptr;
  }
  if (log == nullptr) {
    const auto created = co_await (*manager)->create_log("orders", kP0, model->topic_id, options.defaults);
    if (!loaded || !created) model->wrong = created ? loaded.error().describe() : created.error().describe();
    else log = *created;
  }
  if (log != nullptr) co_await compare(*log, *model, true);
  for (int i = 0; log != nullptr && i < kStepsMax && model->wrong.empty(); ++i) {
    ++model->steps;
    co_await one_step(env, manager->get(), &log, model, &prng);
  }
  if (log != nullptr && model->wrong.empty()) {
    model->durable_end = log->end_offset().value();
  }
  const auto closed = co_await (*manager)->close(BrokerEpoch(1));
  if (!closed && model->wrong.empty()) model->wrong = closed.error().describe();
}

// Property: through appends, flushes, truncations, moves of the start, retention, deletion and re-creation, in flush mode and
// without, every read gives what was appended there, without a gap, and what was durable survives every crash. Fails when a
// truncated batch comes back, when a new topic of an old name trusts the old one's recovery point, when a read meets a segment
// that is being removed, when a descriptor that was closed for want of room is missed.
TEST(LogModel, every_life_reads_what_was_appended) {
  int steps = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimWorld world(seed);
    runtime::SimNode& node = world.add_node("broker");
    runtime::Environment environment = node.environment();
    Prng prng = world.stream("test", "lives");
    node.disk().options().writeback_percent = static_cast<unsigned>(prng.below(60));
    Model model;
    model.flush_on_ack = prng.chance(50);
    for (int life = 0; life < 6; ++life) {
      node.spawn(&live, &environment, &model, seed * 100 + static_cast<uint64_t>(life));
      const Duration length = prng.chance(30) ? Duration(600s) : Duration(prng.between(100'000, 300'000'000));
      world.run_until_true([&] { return node.tasks() == 0; }, length);
      world.crash(node, runtime::LoseUnsynced::kBySeed);
      ASSERT_EQ(model.wrong, "") << "seed " << seed << " life " << life << " step " << model.steps;
      world.restart(node);
    }
    steps += model.steps;
  }
  EXPECT_GT(steps, 5'000);
}

}  // namespace
}  // namespace weir::storage
