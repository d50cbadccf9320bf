#include "journal.h"

#include <cstring>

#include "weir/base/crc32c.h"

namespace weir::sim {

using runtime::Environment;
using runtime::File;
using runtime::OpenMode;
using runtime::Task;

namespace {

constexpr const char* kDirectory = "/journal";
constexpr int64_t kSegmentEntries = static_cast<int64_t>(Journal::kSegmentEntriesMax);

std::string segment_path(size_t index) { return fmt::format("{}/{:06}", kDirectory, index); }

void put_entry(Bytes& out, ValueId value) {
  std::byte entry[Journal::kEntryBytes];
  std::memcpy(entry + 4, &value.writer, 4);
  std::memcpy(entry + 8, &value.number, 4);
  const uint32_t crc = crc32c(ByteView(entry).subspan(4));
  std::memcpy(entry, &crc, 4);
  out.insert(out.end(), std::begin(entry), std::end(entry));
}

// Nothing when the bytes are no entry: a tail that was torn, or zeros where none was written.
std::optional<ValueId> entry_at(ByteView bytes) {
  if (bytes.size() < Journal::kEntryBytes) return std::nullopt;
  uint32_t crc;
  ValueId value;
  std::memcpy(&crc, bytes.data(), 4);
  std::memcpy(&value.writer, bytes.data() + 4, 4);
  std::memcpy(&value.number, bytes.data() + 8, 4);
  if (crc != crc32c(bytes.subspan(4, 8))) return std::nullopt;
  return value;
}

}  // namespace

Task<Result<void>> Journal::open() {
  WEIR_CO_CHECK(co_await env_.disk.create_directories(kDirectory));
  WEIR_CO_TRY(const auto segments, co_await env_.disk.list(kDirectory));
  for (size_t index = 0; index < segments.size(); ++index) {
    WEIR_CO_CHECK(co_await read_segment(index));
  }
  if (segments.empty()) WEIR_CO_CHECK(co_await open_segment(0));
  // What was read may so far lie in the page cache only.
  WEIR_CO_CHECK(co_await file_->sync_data());
  WEIR_CO_CHECK(co_await env_.disk.sync_directory(kDirectory));
  synced_ = static_cast<int64_t>(entries_.size());
  co_return Result<void>();
}

Task<Result<void>> Journal::read_segment(size_t index) {
  WEIR_CO_TRY(file_, co_await env_.disk.open(segment_path(index), OpenMode::kReadWrite));
  first_in_file_ = static_cast<int64_t>(entries_.size());
  WEIR_CO_TRY(const uint64_t size, file_->size());
  Bytes content(size);
  WEIR_CO_TRY(const size_t count, co_await file_->read_at(0, content));
  size_t at = 0;
  for (std::optional<ValueId> value; at < count && (value = entry_at(ByteView(content).subspan(at))); at += kEntryBytes) {
    offsets_[value->writer][value->number] = static_cast<int64_t>(entries_.size());
    entries_.push_back(*value);
  }
  if (at < size) {
    env_.log.info("segment {}: cut from {} to {} bytes", index, size, at);
    WEIR_CO_CHECK(co_await file_->truncate(at));
  }
  co_return Result<void>();
}

Task<Result<void>> Journal::open_segment(size_t index) {
  WEIR_CO_TRY(file_, co_await env_.disk.open(segment_path(index), OpenMode::kCreateNew));
  first_in_file_ = synced_;
  if (!bugs_.no_directory_sync) WEIR_CO_CHECK(co_await env_.disk.sync_directory(kDirectory));
  co_return Result<void>();
}

int64_t Journal::append(ValueId value) {
  const int64_t next = static_cast<int64_t>(entries_.size());
  const auto [at, is_new] = offsets_[value.writer].try_emplace(value.number, next);
  if (is_new) {
    entries_.push_back(value);
    appended_.set();
  }
  return at->second;
}

Task<Result<void>> Journal::durable(int64_t offset) {
  while (synced_ < offset) {
    if (!health_) co_return health_;
    if (bugs_.ack_before_sync) co_return Result<void>();
    const Result<void> woken = co_await syncs_.wait(env_.executor);
    WEIR_ASSERT(woken.has_value());
  }
  co_return Result<void>();
}

Task<Result<void>> Journal::flush_once() {
  if (synced_ - first_in_file_ >= kSegmentEntries) {
    WEIR_CO_CHECK(co_await open_segment(static_cast<size_t>(first_in_file_ / kSegmentEntries) + 1));
  }
  const int64_t end = std::min(static_cast<int64_t>(entries_.size()), first_in_file_ + kSegmentEntries);
  Bytes bytes;
  for (int64_t i = synced_; i < end; ++i) put_entry(bytes, entries_[static_cast<size_t>(i)]);
  const ByteView part(bytes);
  const uint64_t position = static_cast<uint64_t>(synced_ - first_in_file_) * kEntryBytes;
  WEIR_CO_CHECK(co_await file_->write_at(position, {&part, 1}));
  WEIR_CO_CHECK(co_await file_->sync_data());
  synced_ = end;
  syncs_.notify_all();
  co_return Result<void>();
}

Task<Result<void>> Journal::flush_loop() {
  for (;;) {
    const Result<void> woken = co_await appended_.wait(env_.executor);
    WEIR_ASSERT(woken.has_value());
    appended_.reset();
    while (synced_ < static_cast<int64_t>(entries_.size())) {
      health_ = co_await flush_once();
      if (health_) continue;
      syncs_.notify_all();
      co_return health_;
    }
  }
}

namespace {

Task<void> serve_client(Environment env, std::unique_ptr<runtime::Stream> stream, Journal* journal) {
  for (;;) {
    std::byte request[kJournalRequestBytes];
    for (size_t got = 0; got < sizeof request;) {
      const Result<size_t> count = co_await stream->read_some(MutableBytes(request).subspan(got));
      if (!count || *count == 0) co_return;
      got += *count;
    }
    ValueId value;
    std::memcpy(&value.writer, request, 4);
    std::memcpy(&value.number, request + 4, 4);
    const int64_t offset = journal->append(value);
    const Result<void> durable = co_await journal->durable(offset + 1);
    if (!durable) co_return;
    std::byte answer[kJournalAnswerBytes];
    std::memcpy(answer, &offset, sizeof answer);
    const ByteView part(answer);
    const Result<void> sent = co_await stream->write_all({&part, 1});
    if (!sent) co_return;
  }
}

Task<void> flush_until_failure(Journal* journal, runtime::Event* failed) {
  const Result<void> result = co_await journal->flush_loop();
  WEIR_ASSERT(!result.has_value());
  failed->set();
}

}  // namespace

Task<void> serve_journal(Environment env, uint16_t port, JournalBugs bugs, runtime::Event* failed) {
  Journal journal(env, bugs);
  runtime::TaskGroup tasks(env.executor);
  const Result<void> opened = co_await journal.open();
  if (!opened) {
    env.log.error("cannot open the journal: {}", opened.error().describe());
    failed->set();
    co_return;
  }
  tasks.spawn(&flush_until_failure, &journal, failed);
  auto listener = co_await env.network.listen({"", port});
  WEIR_ASSERT(listener.has_value());
  for (;;) {
    auto stream = co_await (*listener)->accept();
    if (stream) {
      tasks.spawn(&serve_client, env, std::move(*stream), &journal);
    } else {
      WEIR_ASSERT(stream.error().code() == ErrorCode::kUnavailable);
      const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + 10ms);
      WEIR_ASSERT(slept.has_value());
    }
  }
}

}  // namespace weir::sim
