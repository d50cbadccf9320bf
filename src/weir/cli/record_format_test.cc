#include "weir/cli/record_format.h"

#include <gtest/gtest.h>

#include "weir/cli/produce_line.h"
#include "weir/record/builder.h"

namespace weir::cli {
namespace {

// Property: what consume writes as JSON is read back as the same record. Fails when bytes that are no text are lost, or null
// and empty are the same.
TEST(RecordFormat, json_there_and_back) {
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
TEST(RecordFormat, letters) {
  codec::Codecs codecs;
  record::BatchBuilder builder({});
  builder.add(1000, std::nullopt, as_bytes("va"));
  const Bytes bytes = std::move(builder).build(codecs).value();
  Bytes scratch;
  const auto records = record::read_records(record::BatchView::parse(bytes).value(), codecs, 1 << 20, scratch).value();
  std::string out;
  RecordFormat::parse("%t/%p/%o %T %D [%k] %K %v %V %v{hex} %v{base64} %v{json}%%\\t\\x41\\n").value().print("t", PartitionIndex(1), records[0], out);
  EXPECT_EQ(out, "t/1/0 1000 1970-01-01T00:00:01.000Z [] -1 va 2 7661 dmE= \"va\"%\tA\n");
  for (const char* wrong : {"jsn", "%q", "%v{bin}", "%o{hex}", "%v{hex"}) EXPECT_FALSE(RecordFormat::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::cli
