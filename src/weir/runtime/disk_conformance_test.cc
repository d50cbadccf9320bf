// What disk.h promises, on a real directory and on the simulated disk.
#include <gmock/gmock.h>

#include "weir/base/prng.h"
#include "weir/runtime/conformance_test.h"

namespace weir::runtime {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

class DiskConformance : public Conformance {};
INSTANTIATE_TEST_SUITE_P(Seams, DiskConformance, conformance_places(), conformance_name);

Bytes random_bytes(Prng& prng, size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

Task<std::unique_ptr<File>> must_open(Environment& env, std::string path, OpenMode mode) {
  Result<std::unique_ptr<File>> file = co_await env.disk.open(path, mode);
  EXPECT_TRUE(file) << file.error().describe();
  co_return std::move(*file);
}

Task<void> must_write(File& file, uint64_t position, ByteView bytes) {
  const Result<void> written = co_await file.write_at(position, {&bytes, 1});
  EXPECT_TRUE(written) << written.error().describe();
}

// Property: any mix of writes, truncations and syncs reads back as a plain array would.
TEST_P(DiskConformance, a_file_is_an_array) {
  run([](Environment env, std::string dir) -> Task<void> {
    const std::unique_ptr<File> file = co_await must_open(env, dir + "/array", OpenMode::kCreateNew);
    EXPECT_EQ(file->path(), dir + "/array");
    Prng prng(3);
    Bytes model;
    for (int step = 0; step < 120; ++step) {
      switch (prng.below(6)) {
        case 0: {
          const Result<void> synced = co_await file->sync_data();
          EXPECT_TRUE(synced);
          break;
        }
        case 1: {
          const uint64_t size = prng.below(50'000);
          const Result<void> truncated = co_await file->truncate(size);
          EXPECT_TRUE(truncated);
          model.resize(size);
          break;
        }
        default: {
          const uint64_t position = prng.below(40'000);
          const Bytes bytes = random_bytes(prng, prng.below(9000));
          const size_t cut = prng.below(bytes.size() + 1);
          const ByteView parts[] = {ByteView(bytes).first(cut), {}, ByteView(bytes).subspan(cut)};
          const Result<void> written = co_await file->write_at(position, parts);
          EXPECT_TRUE(written);
          if (!bytes.empty() && model.size() < position + bytes.size()) model.resize(position + bytes.size());
          std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<ptrdiff_t>(bytes.empty() ? 0 : position));
        }
      }
      EXPECT_EQ(file->size().value_or(UINT64_MAX), model.size());
      Bytes whole(model.size() + 10);
      const Result<size_t> count = co_await file->read_at(0, whole);
      whole.resize(count.value_or(0));
      EXPECT_TRUE(whole == model) << "step " << step;
      if (whole != model) co_return;
    }
  });
}

// Property: reads are short only at the end, and nothing is read beyond it.
TEST_P(DiskConformance, reads_at_the_end) {
  run([](Environment env, std::string dir) -> Task<void> {
    const std::unique_ptr<File> file = co_await must_open(env, dir + "/end", OpenMode::kCreate);
    co_await must_write(*file, 0, as_bytes("0123456789"));
    Bytes buffer(100);
    const Result<size_t> tail = co_await file->read_at(7, buffer);
    EXPECT_EQ(tail.value_or(99), 3u);
    const Result<size_t> end = co_await file->read_at(10, buffer);
    EXPECT_EQ(end.value_or(99), 0u);
    const Result<size_t> beyond = co_await file->read_at(1000, buffer);
    EXPECT_EQ(beyond.value_or(99), 0u);
    const Result<size_t> cached = file->read_cached(2, buffer);
    if (cached) {
      EXPECT_EQ(*cached, 8u);
    } else {
      EXPECT_EQ(cached.error().code(), ErrorCode::kUnavailable);
    }
  });
}

// Property: more parts than one system call takes arrive in order.
TEST_P(DiskConformance, thousands_of_parts) {
  run([](Environment env, std::string dir) -> Task<void> {
    const std::unique_ptr<File> file = co_await must_open(env, dir + "/parts", OpenMode::kCreate);
    Prng prng(5);
    const Bytes bytes = random_bytes(prng, 9000);
    std::vector<ByteView> parts;
    for (size_t i = 0; i < bytes.size(); i += 3) parts.push_back(ByteView(bytes).subspan(i, 3));
    const Result<void> written = co_await file->write_at(100, parts);
    EXPECT_TRUE(written);
    Bytes back(bytes.size());
    const Result<size_t> count = co_await file->read_at(100, back);
    EXPECT_EQ(count.value_or(0), bytes.size());
    EXPECT_TRUE(back == bytes);
  });
}

// Property: each mode of opening does what it says, and its errors carry the path.
TEST_P(DiskConformance, open_modes) {
  run([](Environment env, std::string dir) -> Task<void> {
    const std::string path = dir + "/file";
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite}) {
      const Result<std::unique_ptr<File>> missing = co_await env.disk.open(path, mode);
      EXPECT_FALSE(missing);
      EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
      EXPECT_THAT(missing.error().message(), HasSubstr(path));
    }
    const Result<std::unique_ptr<File>> no_parent = co_await env.disk.open(dir + "/none/file", OpenMode::kCreate);
    EXPECT_FALSE(no_parent);
    EXPECT_EQ(no_parent.error().code(), ErrorCode::kNotFound);
    {
      const std::unique_ptr<File> made = co_await must_open(env, path, OpenMode::kCreateNew);
      co_await must_write(*made, 0, as_bytes("kept"));
    }
    const Result<std::unique_ptr<File>> twice = co_await env.disk.open(path, OpenMode::kCreateNew);
    EXPECT_FALSE(twice);
    EXPECT_EQ(twice.error().code(), ErrorCode::kAlreadyExists);
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate}) {
      const std::unique_ptr<File> file = co_await must_open(env, path, mode);
      EXPECT_EQ(file->size().value_or(0), 4u);
    }
  });
}

// Property: list is sorted and whole; stat tells files from directories.
TEST_P(DiskConformance, directories) {
  run([](Environment env, std::string dir) -> Task<void> {
    const Result<void> made = co_await env.disk.create_directories(dir + "/b/deep/down");
    EXPECT_TRUE(made) << made.error().describe();
    const Result<void> again = co_await env.disk.create_directories(dir + "/b/deep/down");
    EXPECT_TRUE(again);
    for (const std::string name : {"/c", "/a"}) {
      const std::unique_ptr<File> file = co_await must_open(env, dir + name, OpenMode::kCreateNew);
      co_await must_write(*file, 0, as_bytes("12345"));
    }
    const Result<std::vector<DirEntry>> entries = co_await env.disk.list(dir);
    EXPECT_TRUE(entries);
    std::vector<std::string> names;
    for (const DirEntry& entry : *entries) names.push_back(fmt::format("{}{} {}", entry.name, entry.is_directory ? "/" : "", entry.size));
    EXPECT_THAT(names, ElementsAre("a 5", "b/ 0", "c 5"));
    const Result<DirEntry> about = co_await env.disk.stat(dir + "/b");
    EXPECT_TRUE(about && about->is_directory && about->name == "b");
    const Result<DirEntry> nothing = co_await env.disk.stat(dir + "/none");
    EXPECT_EQ(nothing.error().code(), ErrorCode::kNotFound);
    const Result<std::vector<DirEntry>> no_list = co_await env.disk.list(dir + "/none");
    EXPECT_EQ(no_list.error().code(), ErrorCode::kNotFound);
    const Result<void> over_file = co_await env.disk.create_directories(dir + "/a/below");
    EXPECT_FALSE(over_file);
    const Result<void> synced = co_await env.disk.sync_directory(dir);
    EXPECT_TRUE(synced);
    const Result<void> not_synced = co_await env.disk.sync_directory(dir + "/none");
    EXPECT_FALSE(not_synced);
    const Result<void> single = co_await env.disk.create_directory(dir + "/single");
    EXPECT_TRUE(single);
    const Result<void> second = co_await env.disk.create_directory(dir + "/single");
    EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
    const Result<void> no_parent = co_await env.disk.create_directory(dir + "/none/single");
    EXPECT_EQ(no_parent.error().code(), ErrorCode::kNotFound);
    const Result<std::unique_ptr<Volume>> volume = co_await env.disk.volume(dir);
    EXPECT_TRUE(volume);
    if (!volume) co_return;
    const Result<void> all_synced = co_await (*volume)->sync();
    EXPECT_TRUE(all_synced);
    const Result<std::unique_ptr<Volume>> no_volume = co_await env.disk.volume(dir + "/none");
    EXPECT_FALSE(no_volume);
  });
}

// Property: rename replaces, also directories by name; removing what is gone succeeds; an open file outlives its name.
TEST_P(DiskConformance, rename_and_remove) {
  run([](Environment env, std::string dir) -> Task<void> {
    const Result<void> old = co_await write_file_atomically(env.disk, dir + "/old", to_bytes("old"));
    EXPECT_TRUE(old);
    const Result<void> young = co_await write_file_atomically(env.disk, dir + "/new", to_bytes("new"));
    EXPECT_TRUE(young);
    const std::unique_ptr<File> held = co_await must_open(env, dir + "/old", OpenMode::kRead);
    const Result<void> renamed = co_await env.disk.rename(dir + "/new", dir + "/old");
    EXPECT_TRUE(renamed);
    const Result<Bytes> now = co_await read_file(env.disk, dir + "/old", 100);
    EXPECT_TRUE(now && as_text(*now) == "new");
    Bytes buffer(10);
    const Result<size_t> before = co_await held->read_at(0, buffer);
    EXPECT_TRUE(before && as_text(ByteView(buffer).first(*before)) == "old");
    const Result<void> missing = co_await env.disk.rename(dir + "/none", dir + "/other");
    EXPECT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);

    const Result<void> made = co_await env.disk.create_directories(dir + "/tree/inner");
    EXPECT_TRUE(made);
    const Result<void> leaf = co_await write_file_atomically(env.disk, dir + "/tree/inner/leaf", to_bytes("x"));
    EXPECT_TRUE(leaf);
    const Result<void> moved = co_await env.disk.rename(dir + "/tree", dir + "/moved");
    EXPECT_TRUE(moved);
    const Result<Bytes> inside = co_await read_file(env.disk, dir + "/moved/inner/leaf", 100);
    EXPECT_TRUE(inside);
    const Result<void> removed = co_await env.disk.remove_all(dir + "/moved");
    EXPECT_TRUE(removed) << removed.error().describe();
    const Result<void> removed_again = co_await env.disk.remove_all(dir + "/moved");
    EXPECT_TRUE(removed_again);
    for (int i = 0; i < 2; ++i) {
      const Result<void> file_removed = co_await env.disk.remove(dir + "/old");
      EXPECT_TRUE(file_removed);
    }
    const Result<std::vector<DirEntry>> left = co_await env.disk.list(dir);
    EXPECT_TRUE(left && left->empty());
  });
}

// Property: a lock is exclusive, also within one process, names the holder, leaves the file empty, and ends with its owner.
TEST_P(DiskConformance, locks) {
  run([](Environment env, std::string dir) -> Task<void> {
    {
      const Result<std::unique_ptr<FileLock>> held = co_await env.disk.lock(dir + "/.lock");
      EXPECT_TRUE(held) << held.error().describe();
      for (int i = 0; i < 2; ++i) {
        const Result<std::unique_ptr<FileLock>> second = co_await env.disk.lock(dir + "/.lock");
        EXPECT_FALSE(second);
        EXPECT_EQ(second.error().code(), ErrorCode::kLocked);
        EXPECT_THAT(second.error().message(), HasSubstr(dir + "/.lock"));
        EXPECT_THAT(second.error().message(), ContainsRegex("(pid|process) [0-9]+"));
      }
    }
    const Result<std::unique_ptr<FileLock>> free_again = co_await env.disk.lock(dir + "/.lock");
    EXPECT_TRUE(free_again) << free_again.error().describe();
    const Result<DirEntry> about = co_await env.disk.stat(dir + "/.lock");
    EXPECT_TRUE(about && about->size == 0);
  });
}

// Property: helpers refuse what is too large, and the space of a disk is a plausible pair.
TEST_P(DiskConformance, limits_and_space) {
  run([](Environment env, std::string dir) -> Task<void> {
    const Result<void> written = co_await write_file_atomically(env.disk, dir + "/ten", to_bytes("0123456789"));
    EXPECT_TRUE(written);
    const Result<Bytes> fits = co_await read_file(env.disk, dir + "/ten", 10);
    EXPECT_TRUE(fits);
    const Result<Bytes> large = co_await read_file(env.disk, dir + "/ten", 9);
    EXPECT_FALSE(large);
    EXPECT_EQ(large.error().code(), ErrorCode::kOutputTooLarge);
    const Result<DiskSpace> space = co_await env.disk.space(dir);
    EXPECT_TRUE(space && space->total_bytes > 0 && space->usable_bytes <= space->total_bytes);
  });
}

}  // namespace
}  // namespace weir::runtime
