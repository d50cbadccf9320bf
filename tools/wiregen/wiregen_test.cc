#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "emit.h"
#include "parser.h"

namespace wiregen {
namespace {

using testing::HasSubstr;

constexpr const char* kPage =
    "# 7 Sample: shows every kind of field. KIP-0.\n"
    "request 7 Sample  versions 1-4  flexible 3+  stable 1-3  listeners broker controller  marks forwardable\n"
    "  id        int64      = -1  type ProducerId\n"
    "  label     string?2+  2+  ignorable  secret\n"
    "  topics    []Topic?   = null\n"
    "    name    string     key\n"
    "    parts   []int32    2-3  type PartitionIndex\n"
    "  extra     Extra      3+  tag 0\n"
    "response\n"
    "  error_code  error\n"
    "    errors NOT_COORDINATOR REQUEST_TIMED_OUT\n"
    "  list        []Shared\n"
    "struct Shared\n"
    "  value  bytes?  = null\n"
    "";

Page parse(std::string text) {
  auto result = parse_page("07_sample.wire", "", text);
  if (auto* error = std::get_if<ParseError>(&result)) ADD_FAILURE() << error->message;
  return std::holds_alternative<Page>(result) ? std::get<Page>(result) : Page{};
}

std::string error_of(std::string text) {
  auto result = parse_page("07_sample.wire", "", text);
  auto* error = std::get_if<ParseError>(&result);
  return error == nullptr ? "no error" : error->message;
}

std::string with_extra(std::string page) { return page.replace(page.find("response"), 0, "struct Extra\n  depth  int32\n"); }

// Property: a page means what it says. Fails when an attribute is lost or given to the wrong field.
TEST(Parser, reads_every_attribute) {
  const Page page = parse(with_extra(kPage));
  ASSERT_EQ(page.messages.size(), 2u);
  const Message& request = page.messages[0];
  EXPECT_EQ(page.stem, "sample");
  EXPECT_EQ(request.name, "SampleRequest");
  EXPECT_EQ(request.key, 7);
  EXPECT_EQ(request.versions, (Range{1, 4}));
  EXPECT_EQ(request.stable, (Range{1, 3}));
  EXPECT_EQ(request.flexible_from, 3);
  EXPECT_TRUE(request.on_broker && request.on_controller && request.forwardable && !request.cluster_action);
  const auto& fields = request.root().fields;
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[0].strong, "ProducerId");
  EXPECT_EQ(fields[0].default_value, "-1");
  EXPECT_EQ(fields[1].versions, (Range{2, 4}));
  EXPECT_EQ(fields[1].nullable, (Range{2, 4}));
  EXPECT_TRUE(fields[1].ignorable && fields[1].secret);
  EXPECT_TRUE(fields[2].is_array && fields[2].is_struct);
  EXPECT_EQ(fields[3].tagged, (Range{3, 4}));
  ASSERT_EQ(request.structs.size(), 3u);
  EXPECT_EQ(request.structs[0].fields[1].versions, (Range{2, 3}));
  const Message& response = page.messages[1];
  EXPECT_EQ(response.root().fields[0].errors, (std::vector<std::string>{"NOT_COORDINATOR", "REQUEST_TIMED_OUT"}));
  EXPECT_EQ(response.structs[0].name, "Shared");
}

// Property: a wrong page is refused with the line and a reason. Fails when a check is dropped.
TEST(Parser, refuses_what_the_emitters_cannot_write) {
  const std::string head = "# S.\ndata Sample  versions 0-2  flexible 1+\n";
  EXPECT_EQ(error_of("data Sample  versions 0\n"), "07_sample.wire:1: a page opens with a sentence that says what it is for");
  EXPECT_THAT(error_of(head + "  a  int33\n"), HasSubstr(":3: \"int33\" is not a type"));
  EXPECT_THAT(error_of(head + "  a  int32  3+\n"), HasSubstr(":3: versions 3+ lie outside 0-2"));
  EXPECT_THAT(error_of(head + "  a  int32?\n"), HasSubstr("cannot be null"));
  EXPECT_THAT(error_of(head + "  a  int32  tag 0\n"), HasSubstr("flexible"));
  EXPECT_THAT(error_of(head + "  a  int32  1+  tag 0\n  b  int32  1+  tag 0\n"), HasSubstr(":4: tag 0 is there twice"));
  EXPECT_THAT(error_of(head + "  a  int32\n  a  int32\n"), HasSubstr("twice"));
  EXPECT_THAT(error_of(head + "  a  int32  type Offset\n"), HasSubstr("Offset is an int64"));
  EXPECT_THAT(error_of(head + "  a  Other\n"), HasSubstr("struct Other is not defined"));
  EXPECT_THAT(error_of(head + "  a  []Loop\nstruct Loop\n  b  []Loop\n"), HasSubstr("holds itself"));
  EXPECT_THAT(error_of(head + "  a  int32\nstruct Idle\n  b  int32\n"), HasSubstr("Idle is not used"));
  EXPECT_THAT(error_of(head + "  a  string?1+  = null\n"), HasSubstr("defaults to null"));
  EXPECT_THAT(error_of(head + "   a  int32\n"), HasSubstr("indent"));
  EXPECT_THAT(error_of(head + "  a  int32  sideways\n"), HasSubstr("unexpected \"sideways\""));
}

// Property: the least size of an element, which bounds what a list may claim, is never above the true one.
TEST(Emit, least_size_is_the_smallest_version) {
  const std::string source = emit_source(parse(with_extra(kPage)));
  // Topic: version 4 has a compact name and tags only; version 1 a name alone.
  EXPECT_THAT(source,
              HasSubstr("SampleRequest::Topic::kWire{.name = \"Topic\", .fields = kSampleRequest_TopicFields, .size_min = 2"));
}

// Property: members carry type, nullability and default.
TEST(Emit, members_have_their_types) {
  const std::string header = emit_header(parse(with_extra(kPage)));
  EXPECT_THAT(header, HasSubstr("ProducerId id{-1};"));
  EXPECT_THAT(header, HasSubstr("std::optional<std::string> label = std::string();"));
  EXPECT_THAT(header, HasSubstr("std::optional<std::vector<Topic>> topics;"));
  EXPECT_THAT(header, HasSubstr("std::optional<SharedBytes> value;"));
  EXPECT_THAT(header, HasSubstr("ErrorCode error_code = ErrorCode::kNone;"));
  EXPECT_THAT(header, HasSubstr("using Response = SampleResponse;"));
}

// Property: the lists follow the pages and the served list.
TEST(Emit, lists_follow_the_pages) {
  const std::vector<Page> pages = {parse(with_extra(kPage))};
  const std::string keys = emit_api_keys(pages, {{7, Range{1, 2}}});
  EXPECT_THAT(keys, HasSubstr("kSample = 7"));
  EXPECT_THAT(keys, HasSubstr("kApiKeysEnd = 8"));
  EXPECT_THAT(keys, HasSubstr("{ApiKey::kSample, \"Sample\", {1, 4}, {1, 3}, {1, 2}, 3, true, true, true, false}"));
  EXPECT_THAT(emit_docs(pages, {{7, Range{1, 2}}}),
              HasSubstr("| 7 | Sample | 1-4 (stable 1-3) | 3+ | 1-2 | BC | f | shows every kind"));
  EXPECT_THAT(emit_docs(pages, {}), HasSubstr("| Sample | error_code | NOT_COORDINATOR, REQUEST_TIMED_OUT |"));
  EXPECT_THAT(emit_registry(pages), HasSubstr("&SampleResponse::kMessage"));
  EXPECT_THAT(emit_registry(pages), HasSubstr("ErrorCode::kNotCoordinator"));
}

}  // namespace
}  // namespace wiregen
