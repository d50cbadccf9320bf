#include "weir/runtime/sim/disk.h"

#include <algorithm>

#include "weir/runtime/sim/file.h"

namespace weir::runtime {

namespace {

constexpr uint64_t kBlockBytes = 4096;
constexpr unsigned kWritebackSectorPercent = 40;
constexpr Duration kPerMebibyte = 500us;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kPidBase = 1000;

Error no_such_file(std::string_view path) {
  return Error(ErrorCode::kNotFound, fmt::format("{}: no such file or directory", path));
}

uint64_t blocks_of(uint64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes; }

}  // namespace

class SimVolume final : public Volume {
 public:
  SimVolume(SimDisk& disk, std::string dir) : disk_(disk), dir_(std::move(dir)) {}

  Task<Result<void>> sync() override {
    SimDisk& disk = disk_;
    const uint64_t up_to = disk.tree_.last_operation();
    std::vector<std::pair<SimInodePtr, FileContent::Snapshot>> files;
    uint64_t bytes = 0;
    std::vector<SimInodePtr> directories{disk.tree_.find("/")};
    while (!directories.empty()) {
      const SimInodePtr directory = std::move(directories.back());
      directories.pop_back();
      for (const auto& [name, inode] : directory->entries) {
        if (inode->is_directory) {
          directories.push_back(inode);
        } else if (inode->content.is_dirty()) {
          files.emplace_back(inode, inode->content.begin_sync());
          bytes += files.back().second.bytes.size();
        }
      }
    }
    co_await SimDelay(disk.executor_, disk.how_long(SimDisk::Kind::kSync, bytes));
    Result<void> done = disk.outcome(SimDisk::Kind::kSync, dir_);
    for (size_t i = 0; done && i < files.size(); ++i) done = disk.claim(*files[i].first, files[i].first->content.size(), dir_);
    for (const auto& [inode, snapshot] : files) {
      if (done) inode->content.end_sync(snapshot);
      else inode->content.fail_sync();
    }
    if (!done) co_return done;
    disk.tree_.commit_through(up_to);
    disk.core_.note(SimEvent::kSyncDir, disk.executor_.node(), 0, static_cast<int64_t>(files.size()));
    co_return Result<void>();
  }

 private:
  SimDisk& disk_;
  std::string dir_;
};

class SimFileLock final : public FileLock {
 public:
  SimFileLock(SimDisk& disk, std::string path) : disk_(disk), path_(std::move(path)), generation_(disk.generation_) {}
  ~SimFileLock() override {
    if (generation_ == disk_.generation_) disk_.locks_.erase(path_);
  }

 private:
  SimDisk& disk_;
  std::string path_;
  int64_t generation_;
};

SimDisk::SimDisk(SimCore& core, SimExecutor& executor, std::string_view name)
    : core_(core),
      executor_(executor),
      options_(core.options.disk),
      times_(core.stream(name, "disk time")),
      slowness_(core.stream(name, "disk slow")),
      faults_(core.stream(name, "disk fault")),
      placing_(core.stream(name, "disk place")),
      caching_(core.stream(name, "disk cache")),
      writeback_(core.stream(name, "disk writeback")),
      losses_(core.stream(name, "disk loss")),
      rot_(core.stream(name, "disk rot")) {}

Duration SimDisk::how_long(Kind kind, uint64_t bytes) {
  if (chance_ppm(slowness_, options_.slow_ppm)) return Duration(slowness_.between(1, options_.slow_max.count()));
  const bool can_be_inline = kind == Kind::kRead || kind == Kind::kWrite;
  if (can_be_inline && times_.chance(options_.inline_percent)) return 0ns;
  const Duration transfer = kPerMebibyte * static_cast<int64_t>(bytes >> 10) / 1024;
  if (kind == Kind::kSync) return transfer + sample_delay(times_, options_.sync_min, options_.sync_mean);
  return transfer + sample_delay(times_, options_.access_min, options_.access_mean);
}

Result<void> SimDisk::outcome(Kind kind, std::string_view path) {
  const uint32_t ppm = kind == Kind::kRead   ? options_.read_error_ppm
                       : kind == Kind::kSync ? options_.sync_error_ppm
                                             : options_.write_error_ppm;
  if (!broken_ && !chance_ppm(faults_, ppm)) return {};
  core_.note(SimEvent::kDiskFault, executor_.node(), static_cast<int64_t>(kind));
  return fail(ErrorCode::kDiskError, fmt::format("{}: input/output error", path));
}

int64_t SimDisk::now_ms() const { return core_.options.wall_start_ms + core_.now.ns / kNanosPerMilli; }

Result<void> SimDisk::claim(SimInode& inode, uint64_t size, std::string_view path) {
  const uint64_t wanted = used_ - blocks_of(inode.claimed) + blocks_of(size);
  if (wanted > options_.capacity_bytes && size > inode.claimed) {
    core_.note(SimEvent::kDiskFault, executor_.node(), -1);
    return fail(ErrorCode::kNoSpace, fmt::format("{}: no space left on device", path));
  }
  used_ = wanted;
  inode.claimed = size;
  return {};
}

void SimDisk::release(SimInode& inode) {
  used_ -= blocks_of(inode.claimed);
  inode.claimed = 0;
  for (const auto& [name, child] : inode.entries) release(*child);
}

Result<void> SimDisk::apply_write(SimInode& inode, std::string_view path, uint64_t position, std::span<const ByteView> parts) {
  Bytes joined;
  ByteView bytes = parts.size() == 1 ? parts[0] : ByteView();
  if (parts.size() != 1) {
    for (const ByteView part : parts) joined.insert(joined.end(), part.begin(), part.end());
    bytes = joined;
  }
  Result<void> result = outcome(Kind::kWrite, path);
  if (!result) {
    bytes = bytes.first(faults_.below(bytes.size() + 1));
  } else if (!options_.no_space_at_sync) {
    const uint64_t end = position + bytes.size();
    if (end > inode.claimed) result = claim(inode, end, path);
    if (!result) {
      const uint64_t free = options_.capacity_bytes - std::min(options_.capacity_bytes, used_);
      const uint64_t room = blocks_of(inode.claimed) + free / kBlockBytes * kBlockBytes;
      bytes = bytes.first(std::min<uint64_t>(bytes.size(), room > position ? room - position : 0));
      if (!bytes.empty()) WEIR_CHECK(claim(inode, position + bytes.size(), path));
    }
  }
  inode.content.write(position, bytes);
  inode.modified_ms = now_ms();
  if (writeback_.chance(options_.writeback_percent)) {
    inode.content.write_back(writeback_, kWritebackSectorPercent);
    if (tree_.pending() > 0) tree_.commit_oldest(writeback_.below(tree_.pending() + 1));
  }
  return result;
}

Task<Result<std::unique_ptr<File>>> SimDisk::open(std::string path, OpenMode mode) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kRead, path));
  SimInodePtr inode = tree_.find(path);
  if (inode != nullptr && mode == OpenMode::kCreateNew)
    co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: already exists", path));
  if (inode != nullptr && inode->is_directory)
    co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: is a directory", path));
  if (inode == nullptr) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) co_return fail(no_such_file(path));
    WEIR_CO_TRY(const SimTree::Spot spot, tree_.spot(path));
    inode = tree_.create(spot, false, now_ms());
    core_.note(SimEvent::kMetadata, executor_.node(), static_cast<int64_t>(inode->id), 1);
  }
  co_return std::make_unique<SimFile>(*this, std::move(inode), std::move(path), mode != OpenMode::kRead);
}

Task<Result<std::vector<DirEntry>>> SimDisk::list(std::string dir) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kRead, dir));
  const SimInodePtr inode = tree_.find(dir);
  if (inode == nullptr) co_return fail(no_such_file(dir));
  if (!inode->is_directory) co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: not a directory", dir));
  std::vector<DirEntry> entries;
  for (const auto& [name, child] : inode->entries) {
    entries.push_back({name, child->is_directory, child->content.size(), child->modified_ms});
  }
  co_return entries;
}

Task<Result<void>> SimDisk::create_directories(std::string dir) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  SimInodePtr at = tree_.find("/");
  for (const std::string& name : SimTree::split(dir)) {
    const auto entry = at->entries.find(name);
    if (entry != at->entries.end()) {
      if (!entry->second->is_directory) co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: {} is a file", dir, name));
      at = SimInodePtr(entry->second);
      continue;
    }
    WEIR_CO_CHECK(outcome(Kind::kMetadata, dir));
    SimInodePtr made = tree_.create({at, name}, true, now_ms());
    core_.note(SimEvent::kMetadata, executor_.node(), static_cast<int64_t>(made->id), 2);
    const uint64_t up_to = tree_.last_operation();
    co_await SimDelay(executor_, how_long(Kind::kSync, 0));
    WEIR_CO_CHECK(outcome(Kind::kSync, dir));
    tree_.sync(at, up_to);
    at = std::move(made);
  }
  co_return Result<void>();
}

Task<Result<void>> SimDisk::create_directory(std::string dir) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kMetadata, dir));
  if (tree_.find(dir) != nullptr) co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: already exists", dir));
  WEIR_CO_TRY(const SimTree::Spot spot, tree_.spot(dir));
  const SimInodePtr made = tree_.create(spot, true, now_ms());
  core_.note(SimEvent::kMetadata, executor_.node(), static_cast<int64_t>(made->id), 2);
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Volume>>> SimDisk::volume(std::string dir) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kRead, dir));
  if (tree_.find(dir) == nullptr) co_return fail(no_such_file(dir));
  co_return std::make_unique<SimVolume>(*this, std::move(dir));
}

Task<Result<void>> SimDisk::rename(std::string from, std::string to) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kMetadata, from));
  const SimInodePtr inode = tree_.find(from);
  if (inode == nullptr) co_return fail(no_such_file(from));
  WEIR_CO_TRY(const SimTree::Spot source, tree_.spot(from));
  WEIR_CO_TRY(const SimTree::Spot target, tree_.spot(to));
  const SimInodePtr replaced = tree_.find(to);
  if (replaced == inode) co_return Result<void>();
  if (replaced != nullptr) {
    if (replaced->is_directory && !inode->is_directory)
      co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: is a directory", to));
    if (replaced->is_directory && !replaced->entries.empty()) {
      co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: directory not empty", to));
    }
    if (!replaced->is_directory && inode->is_directory)
      co_return fail(ErrorCode::kAlreadyExists, fmt::format("{}: not a directory", to));
    release(*replaced);
  }
  tree_.rename(source, target);
  core_.note(SimEvent::kMetadata, executor_.node(), static_cast<int64_t>(inode->id), 3);
  co_return Result<void>();
}

void SimDisk::remove_spot(const SimTree::Spot& at) {
  const SimInodePtr inode = at.directory->entries.find(at.name)->second;
  core_.note(SimEvent::kMetadata, executor_.node(), static_cast<int64_t>(inode->id), 4);
  release(*inode);
  tree_.remove(at);
}

Task<Result<void>> SimDisk::remove(std::string path) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kMetadata, path));
  const SimInodePtr inode = tree_.find(path);
  if (inode == nullptr) co_return Result<void>();
  if (inode->is_directory) co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: is a directory", path));
  WEIR_CO_TRY(const SimTree::Spot spot, tree_.spot(path));
  remove_spot(spot);
  co_return Result<void>();
}

Task<Result<void>> SimDisk::remove_all(std::string dir) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  // Children first, each a step of its own, so that a cut may leave any of them.
  for (;;) {
    WEIR_CO_CHECK(outcome(Kind::kMetadata, dir));
    std::string path = dir;
    SimInodePtr inode = tree_.find(path);
    if (inode == nullptr) co_return Result<void>();
    while (!inode->entries.empty()) {
      path += '/';
      path += inode->entries.begin()->first;
      inode = SimInodePtr(inode->entries.begin()->second);
    }
    WEIR_CO_TRY(const SimTree::Spot spot, tree_.spot(path));
    remove_spot(spot);
    co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  }
}

Task<Result<void>> SimDisk::sync_directory(std::string dir) {
  const uint64_t up_to = tree_.last_operation();
  co_await SimDelay(executor_, how_long(Kind::kSync, 0));
  WEIR_CO_CHECK(outcome(Kind::kSync, dir));
  const SimInodePtr inode = tree_.find(dir);
  if (inode == nullptr) co_return fail(no_such_file(dir));
  if (!inode->is_directory) co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: not a directory", dir));
  const size_t count = tree_.sync(inode, up_to);
  core_.note(SimEvent::kSyncDir, executor_.node(), static_cast<int64_t>(inode->id), static_cast<int64_t>(count));
  co_return Result<void>();
}

Task<Result<DirEntry>> SimDisk::stat(std::string path) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kRead, path));
  const SimInodePtr inode = tree_.find(path);
  if (inode == nullptr) co_return fail(no_such_file(path));
  std::vector<std::string> names = SimTree::split(path);
  co_return DirEntry{names.empty() ? "/" : std::move(names.back()), inode->is_directory, inode->content.size(),
                     inode->modified_ms};
}

Task<Result<DiskSpace>> SimDisk::space(std::string path) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kRead, path));
  if (tree_.find(path) == nullptr) co_return fail(no_such_file(path));
  co_return DiskSpace{options_.capacity_bytes, options_.capacity_bytes - std::min(options_.capacity_bytes, used_)};
}

Task<Result<std::unique_ptr<FileLock>>> SimDisk::lock(std::string path) {
  co_await SimDelay(executor_, how_long(Kind::kMetadata, 0));
  WEIR_CO_CHECK(outcome(Kind::kMetadata, path));
  std::string key;
  for (const std::string& name : SimTree::split(path)) key += '/' + name;
  const auto held = locks_.find(key);
  if (held != locks_.end()) co_return fail(ErrorCode::kLocked, fmt::format("{}: in use by process {}", path, held->second));
  SimInodePtr inode = tree_.find(path);
  if (inode == nullptr) {
    WEIR_CO_TRY(const SimTree::Spot spot, tree_.spot(path));
    inode = tree_.create(spot, false, now_ms());
  }
  if (inode->is_directory) co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: is a directory", path));
  locks_[key] = kPidBase * (executor_.node() + 1) + generation_;
  co_return std::make_unique<SimFileLock>(*this, std::move(key));
}

LoseUnsynced SimDisk::lose_unsynced(LoseUnsynced mode) {
  locks_.clear();
  ++generation_;
  if (mode == LoseUnsynced::kBySeed) {
    constexpr LoseUnsynced kModes[] = {LoseUnsynced::kAll, LoseUnsynced::kRandomSubset, LoseUnsynced::kPrefix,
                                       LoseUnsynced::kTorn, LoseUnsynced::kZeroExtended};
    mode = kModes[losses_.below(std::size(kModes))];
  }
  if (mode == LoseUnsynced::kNothing) return mode;
  if (tree_.lose(mode, losses_)) core_.reached(fmt::format("disk: a crash lost unsynced bytes or names ({})", name_of(mode)));
  used_ = 0;
  std::vector<SimInodePtr> left{tree_.find("/")};
  while (!left.empty()) {
    const SimInodePtr inode = std::move(left.back());
    left.pop_back();
    inode->claimed = inode->content.size();
    used_ += blocks_of(inode->claimed);
    for (const auto& [name, child] : inode->entries) left.push_back(child);
  }
  return mode;
}

void SimDisk::replace() {
  tree_ = SimTree();
  used_ = 0;
  broken_ = false;
  locks_.clear();
  ++generation_;
}

bool SimDisk::flip_random_bit(std::string_view path) {
  const SimInodePtr inode = tree_.find(path);
  if (inode == nullptr || inode->content.size() == 0) return false;
  const uint64_t position = rot_.below(inode->content.size());
  inode->content.flip_bit(position, static_cast<unsigned>(rot_.below(8)));
  core_.note(SimEvent::kDiskFault, executor_.node(), -2, static_cast<int64_t>(position));
  return true;
}

}  // namespace weir::runtime
