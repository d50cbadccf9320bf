// weir consume: records to standard output.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/client/consumer.h"

namespace weir::cli {

namespace {

constexpr std::string_view kPlainFormat = "%v\\n";

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// beginning, end, an offset, -N (the last N), @MS (milliseconds since 1970).
struct From {
  client::Start start;
  int64_t last = 0;
};
Result<From> parse_from(std::string_view text) {
  using Kind = client::Start::Kind;
  if (text == "beginning") return From{{Kind::kBeginning, 0}};
  if (text == "end") return From{{Kind::kEnd, 0}};
  if (text.starts_with('@')) {
    if (const auto ms = parse_number(text.substr(1)); ms && *ms >= 0) return From{{Kind::kTimestamp, *ms}};
  } else if (const auto number = parse_number(text)) {
    if (*number >= 0) return From{{Kind::kOffset, *number}};
    if (*number > INT64_MIN) return From{{Kind::kEnd, 0}, -*number};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--from \"{}\" is none of: beginning, end, an offset, -N for the last N, @MILLISECONDS since 1970", text));
}

// A printf-like format, taken apart once.
class Format {
 public:
  static Result<Format> parse(std::string_view text) {
    Format format;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool last = i + 1 == text.size();
      if (text[i] == '\\' && !last) {
        const char c = text[++i];
        format.literal(c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c);
      } else if (text[i] == '%') {
        const char c = last ? ' ' : text[++i];
        if (c == '%') format.literal('%');
        else if (std::string_view("kvoptTshKV").find(c) != std::string_view::npos) format.parts_.push_back({c, {}});
        else return fail(ErrorCode::kInvalidArgument, fmt::format("--format: \"%{}\" is none of %k %v %o %p %t %T %h %K %V %%", c));
      } else {
        format.literal(text[i]);
      }
    }
    return format;
  }
  void print(const client::ConsumedBatch& batch, const record::Record& record, std::string& out) const {
    const auto bytes = [&](const std::optional<ByteView>& some) { out += some ? as_text(*some) : std::string_view(); };
    for (const Part& part : parts_) {
      switch (part.what) {
        case 'k': bytes(record.key); break;
        case 'v':
        case 's': bytes(record.value); break;
        case 'o': fmt::format_to(std::back_inserter(out), "{}", record.offset); break;
        case 'p': fmt::format_to(std::back_inserter(out), "{}", batch.partition); break;
        case 't': out += batch.topic; break;
        case 'T': fmt::format_to(std::back_inserter(out), "{}", record.timestamp); break;
        case 'K': fmt::format_to(std::back_inserter(out), "{}", record.key ? static_cast<int64_t>(record.key->size()) : -1); break;
        case 'V': fmt::format_to(std::back_inserter(out), "{}", record.value ? static_cast<int64_t>(record.value->size()) : -1); break;
        case 'h': {
          bool first = true;
          for (const record::Header& header : record.headers.list()) {
            if (!first) out += ',';
            first = false;
            out += header.key;
            out += '=';
            bytes(header.value);
          }
          break;
        }
        default: out += part.text;
      }
    }
  }

 private:
  struct Part {
    char what;  // 0: text
    std::string text;
  };
  void literal(char c) {
    if (parts_.empty() || parts_.back().what != 0) parts_.push_back({0, {}});
    parts_.back().text += c;
  }
  std::vector<Part> parts_;
};

void print_json(const client::ConsumedBatch& batch, const record::Record& record, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"topic\":{},\"partition\":{},\"offset\":{},\"timestamp\":{},{},{}", json_string(batch.topic),
                 batch.partition, record.offset, record.timestamp, json_bytes_field("key", record.key), json_bytes_field("value", record.value));
  if (!record.headers.empty()) {
    out += ",\"headers\":[";
    bool first = true;
    for (const record::Header& header : record.headers.list()) {
      fmt::format_to(std::back_inserter(out), "{}{{{},{}}}", first ? "" : ",", json_bytes_field("key", as_bytes(header.key)),
                     json_bytes_field("value", header.value));
      first = false;
    }
    out += "]";
  }
  out += "}\n";
}

class Printer {
 public:
  Printer(ClientContext& context, ConsumeArgs args, std::optional<Format> format)
      : context_(context), args_(std::move(args)), format_(std::move(format)), consumer_(context.cluster, options()) {}

  Task<Result<void>> run(client::TopicPtr topic, From from) {
    std::vector<PartitionIndex> partitions;
    for (const int32_t index : args_.partitions) {
      if (index < 0 || static_cast<size_t>(index) >= topic->partitions.size()) {
        co_return fail(ErrorCode::kInvalidArgument, fmt::format("topic \"{}\" has {} partition{}: there is no partition {}", topic->name,
                                                                topic->partitions.size(), topic->partitions.size() == 1 ? "" : "s", index));
      }
      partitions.push_back(PartitionIndex(index));
    }
    for (const client::Partition& one : topic->partitions) {
      if (args_.partitions.empty()) partitions.push_back(one.index);
    }
    const int8_t isolation = args_.read_committed ? 1 : 0;
    WEIR_CO_TRY(ends_, co_await context_.admin.list_offsets(topic->name, partitions, client::kLatest, isolation, context_.patience()));
    WEIR_CO_TRY(const auto starts, co_await context_.admin.list_offsets(topic->name, partitions, client::kEarliest, isolation, context_.patience()));
    for (size_t i = 0; i < ends_.size(); ++i) {
      client::Start start = from.start;
      const Offset first = i < starts.size() ? starts[i].offset : Offset(0);
      if (from.last > 0) start = {client::Start::Kind::kOffset, std::max(first.value(), ends_[i].offset.value() - from.last)};
      if (start.kind == client::Start::Kind::kEnd) start = {client::Start::Kind::kOffset, ends_[i].offset.value()};
      if (start.kind == client::Start::Kind::kBeginning) start = {client::Start::Kind::kOffset, first.value()};
      consumer_.assign(topic->name, ends_[i].partition, start);
    }
    const Result<void> done = co_await print_all();
    co_await consumer_.close();
    co_return done;
  }

 private:
  client::ConsumerOptions options() const {
    client::ConsumerOptions options;
    options.read_committed = args_.read_committed;
    return options;
  }
  bool is_at_end() {
    if (args_.follow) return false;
    std::erase_if(ends_, [&](const client::PartitionOffset& end) {
      const auto position = consumer_.position(args_.topic, end.partition);
      const bool reached = position && *position >= end.offset;
      if (reached) consumer_.unassign(args_.topic, end.partition);
      return reached;
    });
    return ends_.empty();
  }
  bool write_out() {
    const bool written = out_.empty() || (std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0);
    out_.clear();
    return written;
  }

  Task<Result<void>> print_all() {
    uint64_t printed = 0;
    while (!is_at_end()) {
      const auto batch = co_await consumer_.poll({Deadline::at(context_.env.executor.now() + 200ms), {}});
      if (!batch) {
        (void)write_out();
        co_return fail(batch.error());
      }
      if (!*batch) continue;
      const auto end = std::ranges::find((ends_), (*batch)->partition, &client::PartitionOffset::partition);
      for (const record::Record& record : (*batch)->records) {
        // What came after the command began is not asked for.
        if (!args_.follow && end != ends_.end() && record.offset >= end->offset) break;
        if (format_) format_->print(**batch, record, out_);
        else print_json(**batch, record, out_);
        if (args_.max > 0 && ++printed == args_.max) {
          (void)write_out();
          co_return Result<void>();
        }
      }
      if (!write_out()) break;  // whoever read us has seen enough
    }
    co_return Result<void>();
  }

  ClientContext& context_;
  ConsumeArgs args_;
  std::optional<Format> format_;  // none: JSON
  client::Consumer consumer_;
  std::vector<client::PartitionOffset> ends_;
  std::string out_;
};

Task<Result<void>> run_consume(ClientContext& context, ConsumeArgs args) {
  WEIR_CO_TRY(const From from, parse_from(args.from.value_or(args.follow ? "end" : "beginning")));
  std::optional<Format> format;
  const bool json = args.cluster.json || args.format == "json";
  if (!json) {
    WEIR_CO_TRY(format, Format::parse(!args.format || args.format == "plain" ? kPlainFormat : std::string_view(*args.format)));
  }
  WEIR_CO_TRY(const client::TopicPtr topic, co_await find_topic(context, args.topic));
  Printer printer(context, std::move(args), std::move(format));
  co_return co_await printer.run(topic, from);
}

}  // namespace

int consume(const ConsumeArgs& args) { return run_client(args, args.cluster, &run_consume); }

}  // namespace weir::cli
