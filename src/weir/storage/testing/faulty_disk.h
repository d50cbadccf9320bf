// A disk in front of the simulated one that refuses chosen operations: what the simulator's own accidents do not reach.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "weir/runtime/environment.h"
#include "weir/runtime/wait_queue.h"

namespace weir::storage::testing {

using runtime::Task;

enum class DiskOperation { kOpen, kTruncate, kSyncDirectory };

struct DiskFault {
  DiskOperation operation;
  std::string_view path_ends_with;
  ErrorCode code;
  int times_max = 1'000'000;
};

class FaultyDisk final : public runtime::Disk {
 public:
  explicit FaultyDisk(runtime::Disk& below) : below_(below) {}

  std::optional<DiskFault> fault;
  int times = 0;   // that it happened
  // Removals of files marked as deleted take so long, on this executor, when it is set.
  runtime::Executor* executor = nullptr;
  Duration removal_time{};
  int removing = 0;
  int removals = 0;
  int removing_max = 0;   // that were under way at once
  // Renames to what ends so take so long, on this executor, when it is set.
  std::string_view slow_rename_to_ends_with = "?";
  Duration rename_time{};

  Task<Result<std::unique_ptr<runtime::File>>> open(std::string path, runtime::OpenMode mode) override {
    WEIR_CO_CHECK(allowed(DiskOperation::kOpen, path));
    WEIR_CO_TRY(std::unique_ptr<runtime::File> file, co_await below_.open(std::move(path), mode));
    co_return std::make_unique<FaultyFile>(*this, std::move(file));
  }
  Task<Result<void>> sync_directory(std::string dir) override {
    WEIR_CO_CHECK(allowed(DiskOperation::kSyncDirectory, dir));
    co_return co_await below_.sync_directory(std::move(dir));
  }
  Task<Result<std::vector<runtime::DirEntry>>> list(std::string dir) override { return below_.list(std::move(dir)); }
  Task<Result<void>> create_directories(std::string dir) override { return below_.create_directories(std::move(dir)); }
  Task<Result<void>> create_directory(std::string dir) override { return below_.create_directory(std::move(dir)); }
  Task<Result<void>> rename(std::string from, std::string to) override {
    if (executor != nullptr && to.ends_with(slow_rename_to_ends_with)) {
      WEIR_CO_CHECK(co_await runtime::sleep_until(*executor, executor->now() + rename_time));
    }
    co_return co_await below_.rename(std::move(from), std::move(to));
  }
  Task<Result<void>> remove(std::string path) override {
    const bool is_counted = executor != nullptr && path.ends_with(".deleted");
    if (is_counted) {
      removing_max = std::max(removing_max, ++removing);
      ++removals;
      WEIR_CO_CHECK(co_await runtime::sleep_until(*executor, executor->now() + removal_time));
      --removing;
    }
    co_return co_await below_.remove(std::move(path));
  }
  Task<Result<void>> remove_all(std::string dir) override { return below_.remove_all(std::move(dir)); }
  Task<Result<std::unique_ptr<runtime::Volume>>> volume(std::string dir) override { return below_.volume(std::move(dir)); }
  Task<Result<runtime::DirEntry>> stat(std::string path) override { return below_.stat(std::move(path)); }
  Task<Result<runtime::DiskSpace>> space(std::string path) override { return below_.space(std::move(path)); }
  Task<Result<std::unique_ptr<runtime::FileLock>>> lock(std::string path) override { return below_.lock(std::move(path)); }

 private:
  class FaultyFile final : public runtime::File {
   public:
    FaultyFile(FaultyDisk& disk, std::unique_ptr<runtime::File> below) : disk_(disk), below_(std::move(below)) {}
    Task<Result<size_t>> read_at(uint64_t position, MutableBytes into) override { return below_->read_at(position, into); }
    Result<size_t> read_cached(uint64_t position, MutableBytes into) override { return below_->read_cached(position, into); }
    Task<Result<void>> write_at(uint64_t position, std::span<const ByteView> parts) override { return below_->write_at(position, parts); }
    Task<Result<void>> sync_data() override { return below_->sync_data(); }
    Task<Result<void>> truncate(uint64_t size) override {
      WEIR_CO_CHECK(disk_.allowed(DiskOperation::kTruncate, path()));
      co_return co_await below_->truncate(size);
    }
    Result<uint64_t> size() const override { return below_->size(); }
    const std::string& path() const override { return below_->path(); }

   private:
    FaultyDisk& disk_;
    std::unique_ptr<runtime::File> below_;
  };

  Result<void> allowed(DiskOperation operation, const std::string& path) {
    if (!fault || fault->operation != operation || !path.ends_with(fault->path_ends_with) || times >= fault->times_max) return {};
    ++times;
    return fail(fault->code, "as the test wants it");
  }

  runtime::Disk& below_;
};

// `environment` with `disk` in place of its own.
inline runtime::Environment with_disk(const runtime::Environment& environment, runtime::Disk& disk) {
  return {environment.executor, environment.clock, environment.random, environment.network, disk, environment.offload, environment.log};
}

}  // namespace weir::storage::testing
