// Segments (*.log) and snapshots of the metadata log (*.checkpoint): their batches, and the records of each.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "weir/cli/dump/files.h"
#include "weir/cli/json_text.h"
#include "weir/cli/report.h"
#include "weir/codec/compression.h"
#include "weir/protocol/decode.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/internal/kraft_version.h"
#include "weir/protocol/internal/leader_change.h"
#include "weir/protocol/internal/snapshot_footer.h"
#include "weir/protocol/internal/snapshot_header.h"
#include "weir/protocol/internal/voters.h"
#include "weir/protocol/metadata_codec.h"
#include "weir/record/batches.h"
#include "weir/record/control.h"
#include "weir/record/record.h"

namespace weir::cli {
namespace {

constexpr size_t kRecordBytesMax = size_t{1} << 30;  // of one batch, decompressed
constexpr int kWide = -20;

// A file read piece by piece, wherever it is; also one that grows.
class FileReader {
 public:
  explicit FileReader(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), error_(fd_ < 0 ? errno : 0) {
    struct stat about;
    if (fd_ >= 0 && ::fstat(fd_, &about) == 0) size_ = static_cast<uint64_t>(about.st_size);
  }
  ~FileReader() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  int error() const { return error_; }
  uint64_t size() const { return size_; }
  // Fewer bytes only at the end; an error of the disk reads as the end and is kept.
  size_t read(uint64_t position, MutableBytes into) {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(position + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) error_ = errno;
      if (count <= 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

 private:
  int fd_;
  int error_;
  uint64_t size_ = 0;
};

std::string_view name_of_control(record::ControlType type) {
  switch (type) {
    case record::ControlType::kAbort: return "ABORT";
    case record::ControlType::kCommit: return "COMMIT";
    case record::ControlType::kLeaderChange: return "LEADER_CHANGE";
    case record::ControlType::kSnapshotHeader: return "SNAPSHOT_HEADER";
    case record::ControlType::kSnapshotFooter: return "SNAPSHOT_FOOTER";
    case record::ControlType::kKraftVersion: return "KRAFT_VERSION";
    case record::ControlType::kVoters: return "VOTERS";
    case record::ControlType::kUnknown: break;
  }
  return "UNKNOWN";
}

// The body's version is its first field.
template <protocol::WireMessage T>
std::string described_body(ByteView value) {
  if (value.size() < 2) return "too short for a version";
  const auto body = protocol::decode<T>(value, load_be<int16_t>(value.data()));
  return body ? protocol::describe(*body) : body.error().describe();
}

std::string described_control(record::ControlType type, ByteView value) {
  switch (type) {
    case record::ControlType::kAbort:
    case record::ControlType::kCommit: {
      const auto marker = record::parse_end_txn_marker(value);
      return marker ? fmt::format("{{coordinator_epoch={}}}", marker->coordinator_epoch) : marker.error().describe();
    }
    case record::ControlType::kLeaderChange: return described_body<protocol::LeaderChangeMessage>(value);
    case record::ControlType::kSnapshotHeader: return described_body<protocol::SnapshotHeaderRecord>(value);
    case record::ControlType::kSnapshotFooter: return described_body<protocol::SnapshotFooterRecord>(value);
    case record::ControlType::kKraftVersion: return described_body<protocol::KRaftVersionRecord>(value);
    case record::ControlType::kVoters: return described_body<protocol::VotersRecord>(value);
    case record::ControlType::kUnknown: break;
  }
  return fmt::format("{} bytes", value.size());
}

std::string flags_of(const record::BatchHeader& batch) {
  std::string flags;
  const auto add = [&](bool is_set, std::string_view name) {
    if (is_set) flags.append(flags.empty() ? "" : " ").append(name);
  };
  add(batch.is_control(), "control");
  add(batch.is_transactional(), "transactional");
  add(batch.timestamp_type() == record::TimestampType::kLogAppendTime, "append-time");
  add(batch.has_delete_horizon(), "delete-horizon");
  return flags;
}

class SegmentDump {
 public:
  SegmentDump(const DumpOptions& options, bool is_metadata, DumpOutput& output)
      : options_(options), is_metadata_(is_metadata), output_(output) {}

  void run(FileReader& file) {
    uint64_t position = 0;
    while (position < file.size() && !output_.is_closed()) {
      const size_t size = read_batch(file, position);
      if (size == 0) break;
      show(position);
      position += size;
      ++batches_;
    }
    if (!output_.is_json()) {
      output_.note(batches_ == 0 ? std::string("no batches") : fmt::format("{} batches, {} records", batches_, records_));
    }
  }

 private:
  // The next whole batch into bytes_, or 0 with the reason told.
  size_t read_batch(FileReader& file, uint64_t position) {
    bytes_.resize(record::kPrefixBytes);
    bytes_.resize(file.read(position, bytes_));
    const auto size = record::peek_size(bytes_);
    if (!size) {
      output_.problem(position,
                      fmt::format("{}; {} bytes from here on are not shown", size.error().message(), file.size() - position));
      return 0;
    }
    const uint64_t left = file.size() - position;
    if (!*size || **size > left) {
      output_.problem(position, *size ? fmt::format("a batch of {} bytes is cut short: only {} are there", **size, left)
                                      : fmt::format("{} bytes are too few for a batch", left));
      return 0;
    }
    bytes_.resize(**size);
    if (file.read(position, bytes_) < bytes_.size()) {
      output_.problem(position, "the file became shorter while it was read");
      return 0;
    }
    return bytes_.size();
  }

  void show(uint64_t position) {
    record::Batches batches(bytes_);
    const auto batch = batches.next();
    if (!batch || !*batch) {
      output_.problem(position, batch ? "no batch" : batch.error().message());
      return;
    }
    if ((*batch)->v2() != nullptr)
      show_v2(position, *(*batch)->v2());
    else
      show_legacy(position, *(*batch)->legacy());
  }

  void show_v2(uint64_t position, const record::BatchView& batch) {
    const bool has_producer = batch.has_producer_id();
    const std::string offsets = fmt::format("{}..{}", batch.base_offset(), batch.last_offset());
    const std::string producer = has_producer ? fmt::format("{}/{}", batch.producer_id(), batch.producer_epoch()) : "-";
    const std::string sequences =
        has_producer && batch.base_sequence() >= 0 ? fmt::format("{}..{}", batch.base_sequence(), batch.last_sequence()) : "-";
    const std::string flags = flags_of(batch);
    records_ += static_cast<uint64_t>(batch.record_count());
    if (output_.is_json()) {
      output_.row(
          "batch",
          {number_cell("position", position, 0), number_cell("bytes", batch.size_bytes(), 0),
           number_cell("base_offset", batch.base_offset(), 0), number_cell("last_offset", batch.last_offset(), 0),
           number_cell("records", batch.record_count(), 0), number_cell("leader_epoch", batch.leader_epoch(), 0),
           number_cell("magic", static_cast<int>(batch.magic()), 0), text_cell("codec", codec::name_of(batch.compression()), 0),
           number_cell("base_timestamp", batch.base_timestamp(), 0), number_cell("max_timestamp", batch.max_timestamp(), 0),
           number_cell("producer_id", batch.producer_id(), 0), number_cell("producer_epoch", batch.producer_epoch(), 0),
           number_cell("base_sequence", batch.base_sequence(), 0), text_cell("flags", flags, 0),
           number_cell("crc", batch.crc(), 0), number_cell("crc_ok", batch.crc_matches(), 0)});
    } else {
      output_.row("batch",
                  {number_cell("position", position, 11), number_cell("bytes", batch.size_bytes(), 8),
                   text_cell("offsets", offsets, kWide), number_cell("records", batch.record_count(), 7),
                   number_cell("epoch", batch.leader_epoch(), 5), text_cell("codec", codec::name_of(batch.compression()), -6),
                   text_cell("producer", producer, -10), text_cell("sequences", sequences, -14),
                   time_cell("largest timestamp", batch.max_timestamp()), text_cell("flags", flags, 0)});
    }
    if (!batch.crc_matches()) {
      output_.problem(position, fmt::format("the checksum does not match: {:#010x} is written, the bytes give {:#010x}",
                                            batch.crc(), record::compute_crc(batch.bytes())));
    } else if (options_.records) {
      show_records(position, batch);
    }
  }

  void show_legacy(uint64_t position, const record::LegacyView& message) {
    output_.row("legacy message",
                {number_cell("position", position, 11), number_cell("bytes", message.size_bytes(), 8),
                 number_cell("offset", message.offset(), 12), number_cell("magic", static_cast<int>(message.magic()), 5),
                 text_cell("codec", codec::name_of(message.compression()), -6), time_cell("timestamp", message.timestamp())});
    if (!message.crc_matches()) return output_.problem(position, "the checksum does not match");
    if (!options_.records) {
      ++records_;
      return;
    }
    const auto records = record::read_legacy_records(message, codecs_, kRecordBytesMax, scratch_);
    if (!records) return output_.problem(position, records.error().message());
    for (const record::Record& record : *records) show_record(record);
    records_ += records->size();
  }

  void show_records(uint64_t position, const record::BatchView& batch) {
    auto records = record::Records::open(batch, codecs_, kRecordBytesMax, scratch_);
    if (!records) return output_.problem(position, records.error().message());
    for (;;) {
      const auto record = records->next();
      if (!record) return output_.problem(position, record.error().message());
      if (!*record || output_.is_closed()) return;
      if (batch.is_control())
        show_control(**record);
      else if (is_metadata_)
        show_metadata(position, **record);
      else
        show_record(**record);
    }
  }

  void show_record(const record::Record& record) {
    std::vector<Cell> cells = {number_cell("offset", record.offset, 0), time_cell("timestamp", record.timestamp)};
    cells.push_back(record.key ? bytes_cell("key", "key_hex", *record.key) : Cell{"key", "null"});
    cells.push_back(record.value ? bytes_cell("value", "value_hex", *record.value) : Cell{"value", "null"});
    if (!record.headers.empty()) {
      std::string json = "[";
      std::string text;
      for (const record::Header& header : record.headers.list()) {
        const Cell value = header.value ? bytes_cell("value", "value_hex", *header.value) : Cell{"value", "null"};
        fmt::format_to(std::back_inserter(json), "{}{{\"key\":{},{}:{}}}", json.size() == 1 ? "" : ",", json_string(header.key),
                       json_string(value.name), value.quoted ? json_string(value.value) : value.value);
        fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? "" : ", ", header.key,
                       value.shown.empty() ? value.value : value.shown);
      }
      cells.push_back({"headers", json + "]", false, 0, "{" + text + "}"});
    }
    output_.detail("record", cells);
  }

  void show_control(const record::Record& record) {
    const auto type = record::parse_control_key(record.key.value_or(ByteView()));
    const std::string body = type ? described_control(*type, record.value.value_or(ByteView())) : type.error().describe();
    output_.detail("control record", {number_cell("offset", record.offset, 0),
                                      {"control", std::string(type ? name_of_control(*type) : "?"), true},
                                      {"body", body, true}});
  }

  void show_metadata(uint64_t position, const record::Record& record) {
    const auto decoded = protocol::decode_metadata_record(record.value.value_or(ByteView()));
    if (!decoded) return output_.problem(position, fmt::format("offset {}: {}", record.offset, decoded.error().describe()));
    output_.detail("metadata record", {number_cell("offset", record.offset, 0), {"record", protocol::describe(*decoded), true}});
  }

  const DumpOptions& options_;
  bool is_metadata_;
  DumpOutput& output_;
  codec::Codecs codecs_;
  Bytes bytes_;
  Bytes scratch_;
  uint64_t batches_ = 0;
  uint64_t records_ = 0;
};

}  // namespace

bool dump_segment(const std::string& path, const DumpOptions& options, bool is_metadata, DumpOutput& output) {
  FileReader file(path);
  if (file.error() != 0) {
    report(fmt::format("cannot read {}: {}", path, std::generic_category().message(file.error())));
    return false;
  }
  output.begin_file(path, is_metadata ? "metadata records" : "segment", file.size());
  SegmentDump(options, is_metadata, output).run(file);
  if (file.error() == 0) return true;
  report(fmt::format("cannot read {}: {}", path, std::generic_category().message(file.error())));
  return false;
}

}  // namespace weir::cli
