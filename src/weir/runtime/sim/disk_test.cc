// Property: what was synced survives every kind of power cut; what was not may or may not, by sectors, never as a third thing.
// Fails when a sync covers too little (lost), when a crash mode never loses anything (a test of it would prove nothing), or
// when lost bytes come back later.
#include "weir/runtime/sim/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "weir/runtime/sim/world.h"

namespace weir::runtime {
namespace {

using testing::ElementsAre;

constexpr LoseUnsynced kCuts[] = {LoseUnsynced::kAll, LoseUnsynced::kRandomSubset, LoseUnsynced::kPrefix, LoseUnsynced::kTorn,
                                  LoseUnsynced::kZeroExtended};

Bytes filled(size_t size, char with) { return Bytes(size, static_cast<std::byte>(with)); }

Task<Result<void>> write_bytes(Disk& disk, std::string path, uint64_t position, Bytes bytes, bool sync) {
  WEIR_CO_TRY(const std::unique_ptr<File> file, co_await disk.open(path, OpenMode::kCreate));
  const ByteView part(bytes);
  WEIR_CO_CHECK(co_await file->write_at(position, {&part, 1}));
  if (sync) WEIR_CO_CHECK(co_await file->sync_data());
  co_return Result<void>();
}

struct DiskTest : testing::Test {
  explicit DiskTest(uint64_t seed = 1) : world(seed), node(world.add_node("n")) {}
  void write(const std::string& path, uint64_t position, Bytes bytes, bool sync) {
    const Result<void> done = world.run(node, write_bytes(node.disk(), path, position, std::move(bytes), sync));
    ASSERT_TRUE(done) << done.error().describe();
  }
  Result<Bytes> read(const std::string& path) { return world.run(node, read_file(node.disk(), path, 1 << 20)); }
  std::vector<std::string> names(const std::string& dir) {
    auto entries = world.run(node, node.disk().list(dir));
    std::vector<std::string> out;
    if (entries) {
      for (const DirEntry& entry : *entries) out.push_back(entry.name);
    }
    return out;
  }
  void sync_dir(const std::string& dir) { ASSERT_TRUE(world.run(node, node.disk().sync_directory(dir))); }

  SimWorld world;
  SimNode& node;
};

// A world of another seed, for tests that look at many.
struct World1 : DiskTest {
  World1(uint64_t seed) : DiskTest(seed) {}
  void TestBody() override {}
};

// Property: synced bytes are whole after any cut; of later ones each is there, zero or gone.
TEST_F(DiskTest, synced_bytes_survive_every_cut) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (const LoseUnsynced mode : kCuts) {
      World1 t(seed);
      t.write("/f", 0, filled(5000, 'a'), true);
      t.sync_dir("/");
      t.write("/f", 5000, filled(3000, 'b'), false);
      t.world.power_cycle(t.node, mode);
      const Result<Bytes> left = t.read("/f");
      ASSERT_TRUE(left) << name_of(mode);
      ASSERT_GE(left->size(), 5000u);
      EXPECT_TRUE(equal(ByteView(*left).first(5000), filled(5000, 'a'))) << name_of(mode) << seed;
      for (size_t i = 5000; i < left->size(); ++i) {
        ASSERT_TRUE((*left)[i] == std::byte{'b'} || (*left)[i] == std::byte{0}) << name_of(mode) << i;
      }
    }
  }
}

// Property: each mode shows what it is for at least once in 40 seeds, or a crash test that uses it proves nothing.
TEST_F(DiskTest, every_cut_does_what_it_says) {
  for (const LoseUnsynced mode : kCuts) {
    std::set<std::string> shapes;
    for (uint64_t seed = 0; seed < 40; ++seed) {
      World1 t(seed);
      t.write("/f", 0, filled(512, 'a'), true);
      t.sync_dir("/");
      t.node.disk().options().writeback_percent = 0;
      t.write("/f", 512, filled(1024, 'b'), false);
      t.write("/f", 1536, filled(1024, 'c'), false);
      t.world.power_cycle(t.node, mode);
      const Result<Bytes> left = t.read("/f");
      ASSERT_TRUE(left);
      std::string shape;
      for (size_t i = 0; i < left->size(); i += 512) shape += (*left)[i] == std::byte{0} ? '0' : static_cast<char>((*left)[i]);
      shapes.insert(shape);
    }
    switch (mode) {
      case LoseUnsynced::kAll: EXPECT_THAT(shapes, ElementsAre("a")); break;
      case LoseUnsynced::kZeroExtended: EXPECT_THAT(shapes, ElementsAre("a0000")); break;
      case LoseUnsynced::kPrefix: EXPECT_TRUE(shapes.contains("a") && shapes.contains("abb") && shapes.contains("abbcc")); break;
      case LoseUnsynced::kTorn: EXPECT_TRUE(shapes.contains("ab") || shapes.contains("abbc")); break;
      case LoseUnsynced::kRandomSubset: EXPECT_GT(shapes.size(), 8u); break;
      default: break;
    }
  }
}

// Property: a process that is killed loses nothing that it wrote: the page cache is the machine's.
TEST_F(DiskTest, a_killed_process_loses_nothing) {
  write("/f", 0, filled(100, 'a'), false);
  world.power_cycle(node, LoseUnsynced::kNothing);
  const Result<Bytes> left = read("/f");
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, filled(100, 'a'));
}

// Property: a creation, a rename and a removal come undone by a cut unless their directory was synced; create_directories syncs.
TEST_F(DiskTest, names_need_a_directory_sync) {
  node.disk().options().writeback_percent = 0;
  write("/f", 0, filled(100, 'a'), true);
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_THAT(names("/"), ElementsAre());
  write("/f", 0, filled(100, 'a'), true);
  sync_dir("/");
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_THAT(names("/"), ElementsAre("f"));
  ASSERT_TRUE(world.run(node, node.disk().rename("/f", "/g")));
  ASSERT_TRUE(world.run(node, node.disk().remove("/absent")));
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_THAT(names("/"), ElementsAre("f"));
  ASSERT_TRUE(world.run(node, node.disk().remove("/f")));
  EXPECT_THAT(names("/"), ElementsAre());
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_THAT(names("/"), ElementsAre("f"));
  ASSERT_TRUE(world.run(node, node.disk().create_directories("/a/b/c")));
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_THAT(names("/a/b"), ElementsAre("c"));
}

// Property: a volume's sync makes every byte and name from before it durable, and nothing from after it.
// Fails when it forgets a file, a name, or covers what was written while it lasted.
TEST_F(DiskTest, a_volume_sync_covers_everything) {
  node.disk().options().writeback_percent = 0;
  auto volume = world.run(node, node.disk().volume("/"));
  ASSERT_TRUE(volume);
  ASSERT_TRUE(world.run(node, node.disk().create_directory("/d")));
  EXPECT_EQ(world.run(node, node.disk().create_directory("/d")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(world.run(node, node.disk().create_directory("/no/d")).error().code(), ErrorCode::kNotFound);
  write("/d/f", 0, filled(700, 'a'), false);
  write("/g", 0, filled(100, 'b'), false);
  ASSERT_TRUE(world.run(node, (*volume)->sync()));
  write("/d/f", 700, filled(100, 'c'), false);
  write("/d/h", 0, filled(100, 'd'), false);
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_EQ(*read("/d/f"), filled(700, 'a'));
  EXPECT_EQ(*read("/g"), filled(100, 'b'));
  EXPECT_THAT(names("/d"), ElementsAre("f"));
  node.disk().options().sync_error_ppm = 1'000'000;
  EXPECT_EQ(world.run(node, (*volume)->sync()).error().code(), ErrorCode::kDiskError);
}

// Property: in any mode either the old or the new content is there, whole, whenever the power goes.
TEST_F(DiskTest, atomic_replacement_is_atomic) {
  bool old_seen = false;
  bool new_seen = false;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    World1 t(seed);
    ASSERT_TRUE(t.world.run(t.node, write_file_atomically(t.node.disk(), "/d", filled(700, 'a'))));
    bool over = false;
    t.world.at(Duration(t.world.stream("test", "when").between(0, 8'000'000)), [&] {
      if (!over) t.world.crash(t.node);
    });
    const auto done = t.world.try_run(t.node, write_file_atomically(t.node.disk(), "/d", filled(900, 'b')));
    over = true;
    t.world.crash(t.node);
    t.world.restart(t.node);
    const Result<Bytes> left = t.read("/d");
    ASSERT_TRUE(left) << seed;
    ASSERT_TRUE(*left == filled(700, 'a') || *left == filled(900, 'b')) << seed;
    if (done) {
      EXPECT_EQ(*left, filled(900, 'b')) << seed;
    }
    (*left == filled(700, 'a') ? old_seen : new_seen) = true;
  }
  EXPECT_TRUE(old_seen && new_seen);
}

// Property: fsyncgate: after a failed sync the next one says yes, and the bytes are lost all the same.
TEST_F(DiskTest, a_failed_sync_lies_afterwards) {
  write("/f", 0, filled(100, 'a'), true);
  sync_dir("/");
  node.disk().options().writeback_percent = 0;
  node.disk().options().sync_error_ppm = 1'000'000;
  const Result<void> failed = world.run(node, write_bytes(node.disk(), "/f", 0, filled(100, 'b'), true));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kDiskError);
  node.disk().options().sync_error_ppm = 0;
  write("/f", 4096, filled(1, 'c'), true);
  Result<Bytes> seen = read("/f");
  ASSERT_TRUE(seen);
  EXPECT_EQ((*seen)[0], std::byte{'b'});
  world.power_cycle(node, LoseUnsynced::kAll);
  seen = read("/f");
  ASSERT_TRUE(seen);
  EXPECT_EQ((*seen)[0], std::byte{'a'});
}

// Property: beyond its capacity a disk says kNoSpace, and takes as much again as was removed.
TEST_F(DiskTest, a_full_disk_says_so_and_can_be_emptied) {
  node.disk().options().capacity_bytes = 16 << 10;
  write("/a", 0, filled(8 << 10, 'a'), true);
  const Result<void> full = world.run(node, write_bytes(node.disk(), "/b", 0, filled(9 << 10, 'b'), false));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(world.run(node, node.disk().space("/"))->usable_bytes, 0u);
  ASSERT_TRUE(world.run(node, node.disk().remove("/a")));
  EXPECT_EQ(world.run(node, node.disk().space("/"))->usable_bytes, 8u << 10);
  write("/b", 0, filled(9 << 10, 'b'), true);
}

// Property: writes made while a sync lasts are not covered by it.
TEST_F(DiskTest, a_sync_covers_what_was_written_before_it) {
  FileContent content;
  content.write(0, filled(600, 'a'));
  const FileContent::Snapshot snapshot = content.begin_sync();
  content.write(100, filled(100, 'b'));
  content.write(600, filled(100, 'b'));
  content.end_sync(snapshot);
  Prng prng(1);
  EXPECT_TRUE(content.lose(LoseUnsynced::kAll, prng));
  EXPECT_EQ(content.size(), 600u);
  Bytes back(600);
  EXPECT_EQ(content.read(0, back), 600u);
  EXPECT_EQ(back, filled(600, 'a'));
}

// Property: a truncation comes undone by a cut unless it was synced; after it old bytes do not come back, not even under a hole.
TEST_F(DiskTest, truncation_is_synced_too) {
  write("/f", 0, filled(2000, 'a'), true);
  sync_dir("/");
  const auto shorten = [](Disk& disk, bool sync) -> Task<Result<void>> {
    WEIR_CO_TRY(const std::unique_ptr<File> file, co_await disk.open("/f", OpenMode::kReadWrite));
    WEIR_CO_CHECK(co_await file->truncate(700));
    if (sync) WEIR_CO_CHECK(co_await file->sync_data());
    co_return Result<void>();
  };
  ASSERT_TRUE(world.run(node, shorten(node.disk(), false)));
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_EQ(*read("/f"), filled(2000, 'a'));
  ASSERT_TRUE(world.run(node, shorten(node.disk(), true)));
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_EQ(*read("/f"), filled(700, 'a'));
  write("/f", 1000, filled(10, 'b'), true);
  Bytes expected = filled(700, 'a');
  expected.resize(1000);
  expected.resize(1010, std::byte{'b'});
  world.power_cycle(node, LoseUnsynced::kAll);
  EXPECT_EQ(*read("/f"), expected);
}

// Property: a lock is exclusive, ends with the crash of its holder, and the dead holder's handle does not release the next one's.
TEST_F(DiskTest, locks_end_with_their_holder) {
  auto held = world.run(node, node.disk().lock("/.lock"));
  ASSERT_TRUE(held);
  const auto second = world.run(node, node.disk().lock("/.lock"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kLocked);
  world.power_cycle(node);
  auto next = world.run(node, node.disk().lock("/.lock"));
  ASSERT_TRUE(next);
  held->reset();  // of the former life: must not release the new one
  EXPECT_FALSE(world.run(node, node.disk().lock("/.lock")));
  next->reset();
  EXPECT_TRUE(world.run(node, node.disk().lock("/.lock")));
}

// Property: a flipped bit is what is read. Fails when bit rot is a fault that nobody can see.
TEST_F(DiskTest, a_flipped_bit_is_read_back) {
  write("/f", 0, filled(100, 'a'), true);
  ASSERT_TRUE(node.disk().flip_random_bit("/f"));
  EXPECT_NE(*read("/f"), filled(100, 'a'));
}

}  // namespace
}  // namespace weir::runtime
