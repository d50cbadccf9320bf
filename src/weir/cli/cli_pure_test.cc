// The pure parts of the command line: texts in, decisions out.
#include <algorithm>

#include <gtest/gtest.h>

#include "weir/cli/backup/manifest.h"
#include "weir/cli/backup/rewrite.h"
#include "weir/cli/bench/load.h"
#include "weir/cli/bench/payload.h"
#include "weir/cli/doctor/findings.h"
#include "weir/cli/produce_line.h"
#include "weir/cli/progress.h"
#include "weir/cli/record_filter.h"
#include "weir/cli/record_format.h"
#include "weir/cli/table.h"
#include "weir/cli/text_width.h"
#include "weir/record/builder.h"

namespace weir::cli {
namespace {

Bytes batch_of(std::initializer_list<std::pair<int32_t, const char*>> records, record::BatchOptions options = {}) {
  codec::Codecs codecs;
  record::BatchBuilder builder(options);
  for (const auto& [delta, value] : records) builder.add_at(delta, 1000 + delta, std::nullopt, as_bytes(value));
  return std::move(builder).build(codecs).value();
}

// Property: wide characters take two columns, combining ones none, and a cut never leaves half a character or a wider line.
// Fails when bytes or code points are counted instead of columns.
TEST(CliText, columns) {
  EXPECT_EQ(columns_of("clicks"), 6u);
  EXPECT_EQ(columns_of("日本"), 4u);
  EXPECT_EQ(columns_of("e\xcc\x81t\xc3\xa9"), 3u);
  EXPECT_EQ(columns_of("\xff\xfe"), 2u);
  EXPECT_EQ(cut_columns("日本語のトピック", 8), "日本...");
  for (size_t width = 1; width < 20; ++width) EXPECT_LE(columns_of(cut_columns("日本語のトピックです", width)), width);
  EXPECT_EQ(printable("a\x1b[31mb\n\xff"), "a\\x1b[31mb\\n\\xff");
}

// Property: no line of a table is wider than asked, and numbers stay whole while text can give way.
// Fails when a long name pushes the other columns out.
TEST(CliText, tables_fit) {
  Table table({"TOPIC", ">PARTITIONS", "STATE"});
  table.add({std::string(200, 'x'), "123456", "ok"});
  table.add({"日本語のトピック", "1", "under-replicated"});
  for (const size_t width : {40, 80, 120, 200}) {
    const std::string text = table.text(width);
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      EXPECT_LE(columns_of(text.substr(at, end - at)), width);
      at = end + 1;
    }
    EXPECT_NE(text.find("123456"), std::string::npos) << width;
  }
  EXPECT_NE(table.text(0).find(std::string(200, 'x')), std::string::npos);
}

// Property: a line of progress fits, and says how much of how much. Fails when the bar takes the room of the numbers.
TEST(CliText, progress_fits) {
  for (const size_t width : {20, 40, 80, 200}) {
    const std::string text = progress_text({.what = "backup", .done = 512 << 20, .total = 1 << 30, .counts_bytes = true, .elapsed = 4s}, width);
    EXPECT_LE(columns_of(text), width) << text;
    if (width >= 80) EXPECT_NE(text.find("50 %"), std::string::npos) << text;
  }
  EXPECT_EQ(count_text(1234567), "1,234,567");
}

// Property: conditions select exactly the records they describe. Fails when a missing value counts as an empty text.
TEST(CliFilter, conditions) {
  codec::Codecs codecs;
  record::BatchBuilder builder({.base_offset = Offset(10)});
  const record::Header header{"trace", as_bytes("7")};
  builder.add(1000, as_bytes("user-4"), as_bytes("purchase of tea"), {&header, 1});
  builder.add(2000, std::nullopt, std::nullopt);
  const Bytes bytes = std::move(builder).build(codecs).value();
  Bytes scratch;
  const auto records = record::read_records(record::BatchView::parse(bytes).value(), codecs, 1 << 20, scratch).value();
  const auto which = [&](std::vector<std::string> conditions) {
    const auto filter = RecordFilter::parse(conditions, 0);
    EXPECT_TRUE(filter.has_value()) << conditions.front();
    return std::pair(filter->holds(PartitionIndex(3), records[0]), filter->holds(PartitionIndex(3), records[1]));
  };
  const std::pair first(true, false);
  const std::pair second(false, true);
  EXPECT_EQ(which({"key=user-4"}), first);
  EXPECT_EQ(which({"key!=user-4"}), second);
  EXPECT_EQ(which({"value~of t"}), first);
  EXPECT_EQ(which({"value!~tea"}), second);
  EXPECT_EQ(which({"key^=user-"}), first);
  EXPECT_EQ(which({"value$=tea"}), first);
  EXPECT_EQ(which({"header.trace=7"}), first);
  EXPECT_EQ(which({"!value"}), second);
  EXPECT_EQ(which({"value"}), first);
  EXPECT_EQ(which({"offset>10"}), second);
  EXPECT_EQ(which({"timestamp<=@1000"}), first);
  EXPECT_EQ(which({"partition=3", "size>=0"}), first);
  EXPECT_EQ(which({"partition=4"}), std::pair(false, false));
  for (const char* wrong : {"", "=", "kee=1", "key>1", "offset~1", "offset=x", "!key=1", "header.=1"}) EXPECT_FALSE(RecordFilter::parse({wrong}, 0)) << wrong;
}

// Property: what consume writes as JSON is read back as the same record. Fails when bytes that are no text are lost, or null
// and empty are the same.
TEST(CliFormat, json_there_and_back) {
  codec::Codecs codecs;
  record::BatchBuilder builder({});
  const record::Header header{"h\"", as_bytes("\xff\x00z")};
  builder.add(5, as_bytes("k\n"), as_bytes("\x80\x81"), {&header, 1});
  builder.add(6, as_bytes(""), std::nullopt);
  const Bytes bytes = std::move(builder).build(codecs).value();
  Bytes scratch;
  const auto records = record::read_records(record::BatchView::parse(bytes).value(), codecs, 1 << 20, scratch).value();
  const RecordFormat format = RecordFormat::parse("json").value();
  for (const record::Record& one : records) {
    std::string line;
    format.print("t", PartitionIndex(2), one, line);
    const auto back = parse_line(line, {.json = true, .keeps_partition = true});
    ASSERT_TRUE(back.has_value()) << back.error().describe();
    EXPECT_EQ(back->key, one.key ? std::optional<std::string>(as_text(*one.key)) : std::nullopt);
    EXPECT_EQ(back->value, one.value ? std::optional<std::string>(as_text(*one.value)) : std::nullopt);
    EXPECT_EQ(back->timestamp, one.timestamp);
    EXPECT_EQ(back->partition, 2);
    ASSERT_EQ(back->headers.size(), one.headers.count());
    if (!back->headers.empty()) EXPECT_EQ(back->headers.front().second, std::string(as_text(*one.headers.list().front().value)));
  }
  for (const char* wrong : {"", "[]", "{", "{\"key\":1}", "{\"value\":1}x", "{\"value_base64\":\"a\"}", "{\"value\":1,\"timestamp\":\"x\"}"}) {
    EXPECT_FALSE(parse_line(wrong, {.json = true})) << wrong;
  }
}

// Property: formats print what their letters say; a word that is no format is refused. Fails when an escape or a letter is
// taken for another.
TEST(CliFormat, letters) {
  const Bytes bytes = batch_of({{0, "va"}});
  codec::Codecs codecs;
  Bytes scratch;
  const auto records = record::read_records(record::BatchView::parse(bytes).value(), codecs, 1 << 20, scratch).value();
  std::string out;
  RecordFormat::parse("%t/%p/%o %T %D [%k] %K %v %V %v{hex} %v{base64} %v{json}%%\\t\\x41\\n").value().print("t", PartitionIndex(1), records[0], out);
  EXPECT_EQ(out, "t/1/0 1000 1970-01-01T00:00:01.000Z [] -1 va 2 7661 dmE= \"va\"%\tA\n");
  for (const char* wrong : {"jsn", "%q", "%v{bin}", "%o{hex}", "%v{hex"}) EXPECT_FALSE(RecordFormat::parse(wrong)) << wrong;
}

// Property: a batch goes as it is but for producer and transaction; one with missing offsets is built anew without them; the map
// says where each old offset went. Fails when an offset in a gap goes to the record before it.
TEST(CliRestore, batches_and_offsets) {
  codec::Codecs codecs;
  OffsetMap map;
  const Bytes dense = batch_of({{0, "a"}, {1, "b"}}, {.base_offset = Offset(100), .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(1), .base_sequence = 5, .is_transactional = true});
  const auto first = rewrite_batch(record::BatchView::parse(dense).value(), 100, 0, codecs, map).value();
  const auto sent = record::BatchView::parse(first.bytes.view()).value();
  EXPECT_TRUE(sent.crc_matches());
  EXPECT_FALSE(sent.has_producer_id());
  EXPECT_FALSE(sent.is_transactional());
  EXPECT_EQ(sent.record_count(), 2);
  EXPECT_TRUE(equal(sent.body(), record::BatchView::parse(dense).value().body()));
  const Bytes sparse = batch_of({{0, "c"}, {5, "d"}}, {.base_offset = Offset(110)});
  const auto second = rewrite_batch(record::BatchView::parse(sparse).value(), 100, 2, codecs, map).value();
  EXPECT_EQ(second.records, 2);
  EXPECT_EQ(record::BatchView::parse(second.bytes.view()).value().last_offset_delta(), 1);
  const Bytes cut = batch_of({{0, "e"}, {1, "f"}}, {.base_offset = Offset(120)});
  EXPECT_EQ(rewrite_batch(record::BatchView::parse(cut).value(), 121, 4, codecs, map).value().records, 1);
  EXPECT_EQ(map.to_new(50), 0);
  EXPECT_EQ(map.to_new(101), 1);
  EXPECT_EQ(map.to_new(105), 2);  // between batches: the next record
  EXPECT_EQ(map.to_new(110), 2);
  EXPECT_EQ(map.to_new(112), 3);  // in a gap inside a batch
  EXPECT_EQ(map.to_new(115), 3);
  EXPECT_EQ(map.to_new(121), 4);
  EXPECT_EQ(map.to_new(122), 5);  // the end
  EXPECT_FALSE(map.is_identity());
}

// Property: a manifest is read as it was written, and one that is not ours, or points outside, is refused.
TEST(CliRestore, manifest) {
  Manifest manifest{"id", "2026-11-28T00:00:00.000Z", {}, {}};
  manifest.topics.push_back({"t\"", 3, {{"a", "b\n"}}, {{.index = 0, .file = "topics/t/0/x.log", .start = 1, .end = 5, .records = 4, .bytes = 99, .crc = 0xabc}}});
  manifest.groups.push_back({"g", {{"t", 0, 4, "m"}}});
  const std::string text = manifest_text(manifest);
  const auto back = parse_manifest(text);
  ASSERT_TRUE(back.has_value()) << back.error().describe();
  EXPECT_EQ(manifest_text(*back), text);
  const auto with = [&](std::string_view old, std::string_view fresh) {
    std::string changed = text;
    changed.replace(changed.find(old), old.size(), fresh);
    return parse_manifest(changed);
  };
  EXPECT_FALSE(with("weir-backup", "tar"));
  EXPECT_FALSE(with("\"version\": 1", "\"version\": 2"));
  EXPECT_FALSE(with("topics/t/0", "../../etc"));
  EXPECT_FALSE(with("\"start\": 1", "\"start\": -1"));
  for (size_t cut = 0; cut + 2 < text.size(); cut += 7) EXPECT_FALSE(parse_manifest(std::string_view(text).substr(0, cut))) << cut;
}

// Property: a batch of a load is valid, has the records asked for, and its marks come back. Fails when a patched header or CRC
// does not fit the records.
TEST(CliBench, batches_are_valid) {
  for (const auto compression : {record::Compression::kNone, record::Compression::kLz4}) {
    Payload payload({.run = 99, .record_bytes = 100, .batch_bytes = 4096, .marks = true, .keys = 5, .compression = compression});
    ASSERT_GT(payload.records_per_batch(), 10u);
    for (const size_t count : {size_t{1}, size_t{7}, payload.records_per_batch()}) {
      std::vector<PendingRecord> pending;
      for (size_t i = 0; i < count; ++i) pending.push_back({1000 + i, MonoTime{static_cast<int64_t>(i) * 3}});
      const SharedBytes bytes = payload.batch(pending, 123456);
      const auto batch = record::BatchView::parse(bytes.view());
      ASSERT_TRUE(batch.has_value() && batch->crc_matches());
      codec::Codecs codecs;
      Bytes scratch;
      const auto records = record::read_records(*batch, codecs, 1 << 20, scratch).value();
      ASSERT_EQ(records.size(), count);
      for (size_t i = 0; i < count; ++i) {
        const auto mark = read_mark(*records[i].value);
        ASSERT_TRUE(mark && mark->run == 99 && mark->number == 1000 + i && mark->due.ns == static_cast<int64_t>(i) * 3);
        EXPECT_EQ(as_text(*records[i].key), Payload::key_text(payload.key_of(1000 + i)));
        EXPECT_EQ(records[i].timestamp, 123456);
      }
    }
  }
}

// Property: the ledger tells lost records from repeated ones. Fails when a record read before its acknowledgement counts as lost.
TEST(CliBench, ledger) {
  Ledger ledger;
  ledger.read(0);
  ledger.acknowledge(0);
  ledger.acknowledge(1);
  ledger.acknowledge(2);
  ledger.read(2);
  ledger.read(2);
  ledger.read(3);
  EXPECT_EQ(ledger.unread(), 1u);
  const Ledger::Verdict verdict = ledger.verdict();
  EXPECT_EQ(verdict.acknowledged, 3u);
  EXPECT_EQ(verdict.lost, 1u);
  EXPECT_EQ(verdict.repeated, 1u);
  EXPECT_EQ(verdict.unasked, 1u);
  EXPECT_FALSE(verdict.holds());
}

size_t count_of(const Findings& findings, Severity severity) {
  return static_cast<size_t>(std::ranges::count(findings, severity, &FindingOf::severity));
}

// Property: each risky thing is found, a sound cluster gives no finding. Fails when a listener that asks for a password counts as open.
TEST(CliDoctor, findings) {
  const auto risks = [](Options options, size_t brokers) {
    Findings findings;
    check_options("broker 1", options, brokers, findings);
    return count_of(findings, Severity::kWarning);
  };
  EXPECT_EQ(risks({{"listeners", "PLAINTEXT://localhost:9092,CONTROLLER://:9093"}, {"controller.listener.names", "CONTROLLER"}}, 1), 0u);
  EXPECT_EQ(risks({{"listeners", "PLAINTEXT://:9092"}}, 1), 1u);
  EXPECT_EQ(risks({{"listeners", "OUT://0.0.0.0:9092"}, {"listener.security.protocol.map", "OUT:SASL_SSL"}}, 1), 0u);
  EXPECT_EQ(risks({{"listeners", "OUT://0.0.0.0:9092"}, {"listener.security.protocol.map", "OUT:SSL"}}, 1), 1u);
  EXPECT_EQ(risks({{"unclean.leader.election.enable", "true"}}, 1), 1u);
  EXPECT_EQ(risks({{"default.replication.factor", "1"}}, 1), 0u);
  EXPECT_EQ(risks({{"default.replication.factor", "1"}}, 3), 1u);
  const auto disk = [](int64_t usable) {
    Findings findings;
    check_disk("broker 1", "/data", false, 100ll << 30, usable, findings);
    return findings.front().severity;
  };
  EXPECT_EQ(disk(50ll << 30), Severity::kOk);
  EXPECT_EQ(disk(5ll << 30), Severity::kWarning);
  EXPECT_EQ(disk(1ll << 30), Severity::kError);
  Findings findings;
  check_timestamp("t", 1'000'000, 990'000, findings);
  EXPECT_TRUE(findings.empty());
  check_timestamp("t", 1'000'000, 900'000, findings);
  EXPECT_EQ(count_of(findings, Severity::kWarning), 1u);
  client::Topic topic{.name = "t", .partitions = {{.index = PartitionIndex(0), .leader = BrokerId(1), .replicas = {BrokerId(1)}, .isr = {BrokerId(1)}}}};
  const auto of_topic = [&](Options options, Severity severity) {
    Findings found;
    check_topic_options(topic, options, found);
    return count_of(found, severity);
  };
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "true"}, {"min.insync.replicas", "1"}}, Severity::kWarning), 0u);
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "false"}}, Severity::kWarning), 1u);
  EXPECT_EQ(of_topic({{"flush.messages", "9223372036854775807"}}, Severity::kWarning), 1u);
  EXPECT_EQ(of_topic({{"weir.flush.on.ack", "true"}, {"min.insync.replicas", "2"}}, Severity::kError), 1u);
}

}  // namespace
}  // namespace weir::cli
