// Compares every page with Kafka's own definitions, which its jars carry. `./dev compat` unpacks them
// (`tests/peers/kafka definitions DIR`) and names the folder in WEIR_KAFKA_DEFINITIONS.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "weir/protocol/api_keys.h"
#include "weir/protocol/definition_json_test.h"
#include "weir/protocol/wire.h"

namespace weir::protocol {
namespace {

using test::Json;
using test::JsonReader;
namespace fs = std::filesystem;

std::string snake(std::string name) {
  if (const size_t at = name.find("KRaft"); at != name.npos) name.replace(at, 5, "Kraft");
  if (const size_t at = name.find("Enable2Pc"); at != name.npos) name.replace(at, 9, "Enable_2pc");
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto upper = [&](size_t at) { return at < name.size() && name[at] >= 'A' && name[at] <= 'Z'; };
    const bool after_other = i > 0 && !upper(i - 1) && name[i - 1] != '_';
    const bool before_lower = i > 0 && upper(i - 1) && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (upper(i) && (after_other || before_lower)) out += '_';
    out += upper(i) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return out;
}

VersionRange range(const std::string& text, VersionRange within) {
  if (text.empty() || text == "none") return {};
  int first = 0;
  int last = 0;
  if (text.ends_with('+')) {
    first = std::stoi(text);
    last = within.last;
  } else if (const size_t dash = text.find('-'); dash != text.npos) {
    first = std::stoi(text);
    last = std::stoi(text.substr(dash + 1));
  } else {
    first = last = std::stoi(text);
  }
  const VersionRange cut{std::max(static_cast<int16_t>(first), within.first), std::min(static_cast<int16_t>(last), within.last)};
  return cut.empty() ? VersionRange{} : cut;
}

std::string text(VersionRange versions) {
  return versions.empty() ? "none" : fmt::format("{}-{}", versions.first, versions.last);
}

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"bool", Kind::kBool},   {"int8", Kind::kInt8},     {"int16", Kind::kInt16}, {"uint16", Kind::kUint16},
    {"int32", Kind::kInt32}, {"uint32", Kind::kUint32}, {"int64", Kind::kInt64}, {"float64", Kind::kFloat64},
    {"uuid", Kind::kUuid},   {"string", Kind::kString}, {"bytes", Kind::kBytes}, {"records", Kind::kRecords}};

// Collects what differs between one definition and one message.
class Comparison {
 public:
  static std::vector<std::string> run(const Json& definition, const Message& message) {
    Comparison comparison(definition, message);
    comparison.compare();
    return std::move(comparison.differences_);
  }

 private:
  Comparison(const Json& definition, const Message& message) : definition_(definition), message_(message) {
    for (const Json& block : definition.list_of("commonStructs")) common_[block.text_of("name")] = &block;
  }

  void expect(const std::string& where, std::string_view what, const std::string& ours, const std::string& theirs) {
    if (ours != theirs)
      differences_.push_back(fmt::format("{}{}: {} is {}, Kafka has {}", message_.name, where, what, ours, theirs));
  }

  void compare() {
    versions_ = range(definition_.text_of("validVersions"), {0, kNever});
    expect("", "versions", text(message_.versions), text(versions_));
    const VersionRange flexible = range(definition_.text_of("flexibleVersions"), versions_);
    expect("", "flexible from", message_.flexible_from == kNever ? "never" : std::to_string(message_.flexible_from),
           flexible.empty() ? "never" : std::to_string(flexible.first));
    expect("", "key", std::to_string(message_.key), definition_.text_of("apiKey", "-1"));
    constexpr std::string_view kKindNames[] = {"request",  "response",        "header",           "data",
                                               "metadata", "coordinator-key", "coordinator-value"};
    expect("", "kind", std::string(kKindNames[static_cast<size_t>(message_.kind)]), definition_.text_of("type"));
    if (message_.kind == MessageKind::kRequest) compare_api();
    compare_fields("", *message_.root, definition_.list_of("fields"), versions_);
  }

  void compare_api() {
    const ApiInfo* api = find_api(message_.key);
    ASSERT_NE(api, nullptr);
    VersionRange stable = versions_;
    if (definition_.text_of("latestVersionUnstable") == "true") --stable.last;
    expect("", "stable", text(api->stable), text(stable));
    std::set<std::string> listeners;
    for (const Json& listener : definition_.list_of("listeners")) listeners.insert(listener.text);
    expect("", "on_broker", api->on_broker ? "true" : "false", listeners.contains("broker") ? "true" : "false");
    expect("", "on_controller", api->on_controller ? "true" : "false", listeners.contains("controller") ? "true" : "false");
  }

  void compare_fields(const std::string& where, const Struct& ours, const std::vector<Json>& theirs, VersionRange within) {
    size_t at = 0;
    for (const Json& definition : theirs) {
      // Without versions a field has those of its tag.
      const VersionRange versions = range(definition.text_of("versions", definition.text_of("taggedVersions")), within);
      if (versions.empty()) continue;  // only in versions that are gone
      const std::string path = where + "." + snake(definition.text_of("name"));
      if (at >= ours.fields.size()) {
        differences_.push_back(fmt::format("{}{}: is missing", message_.name, path));
        continue;
      }
      compare_field(path, ours.fields[at++], definition, versions);
    }
    for (; at < ours.fields.size(); ++at) {
      differences_.push_back(fmt::format("{}{}.{}: Kafka has no such field", message_.name, where, ours.fields[at].name));
    }
  }

  void compare_field(const std::string& path, const Field& ours, const Json& theirs, VersionRange versions) {
    expect(path, "name", std::string(ours.name), path.substr(path.rfind('.') + 1));
    expect(path, "versions", text(ours.versions), text(versions));
    expect(path, "nullable", text(ours.nullable), text(range(theirs.text_of("nullableVersions"), versions)));
    expect(path, "tag", std::to_string(ours.tag), theirs.text_of("tag", "-1"));
    expect(path, "tagged", text(ours.tagged), text(range(theirs.text_of("taggedVersions"), versions)));
    expect(path, "key", ours.is_key ? "true" : "false", theirs.text_of("mapKey", "false"));
    expect(path, "fixed", ours.fixed ? "true" : "false", theirs.text_of("flexibleVersions") == "none" ? "true" : "false");
    if (versions != versions_) expect(path, "ignorable", ours.ignorable ? "true" : "false", theirs.text_of("ignorable", "false"));
    std::string type = theirs.text_of("type");
    const bool is_array = type.starts_with("[]");
    if (is_array) type.erase(0, 2);
    expect(path, "is a list", ours.is_array ? "true" : "false", is_array ? "true" : "false");
    compare_default(path, ours, theirs);
    const auto* kind = std::ranges::find(kKinds, type, [](const auto& row) { return row.first; });
    if (kind != std::end(kKinds)) {
      const Kind held = ours.kind == Kind::kError ? Kind::kInt16 : ours.kind;
      if (held != kind->second) differences_.push_back(fmt::format("{}{}: is not a {}", message_.name, path, type));
      return;
    }
    if (ours.kind != Kind::kStruct) {
      differences_.push_back(fmt::format("{}{}: is not a struct {}", message_.name, path, type));
      return;
    }
    expect(path, "struct", std::string(ours.type->name), type);
    if (const auto common = common_.find(type); common != common_.end()) {
      compare_fields(path, *ours.type, common->second->list_of("fields"),
                     range(common->second->text_of("versions", "0+"), versions_));
    } else {
      compare_fields(path, *ours.type, theirs.list_of("fields"), versions);
    }
  }

  void compare_default(const std::string& path, const Field& ours, const Json& theirs) {
    // A default of the text "null" is null; a JSON null is no default at all, so that the field starts empty.
    const Json* given = theirs.find("default");
    const bool nothing = given == nullptr || (given->type == Json::Type::kLiteral && given->text == "null");
    const std::string value = nothing ? "" : given->text;
    const bool null = value == "null";
    expect(path, "null by default", ours.default_null ? "true" : "false", null ? "true" : "false");
    int64_t number = 0;
    if (!value.empty() && !null) {
      number = value == "true" || value == "True" ? 1 : value == "false" || value == "False" ? 0 : std::stoll(value, nullptr, 0);
    }
    expect(path, "default", std::to_string(ours.default_value), std::to_string(number));
  }

  const Json& definition_;
  const Message& message_;
  VersionRange versions_;
  std::map<std::string, const Json*> common_;
  std::vector<std::string> differences_;
};

std::map<std::string, std::string> read_definitions(const fs::path& folder) {
  std::map<std::string, std::string> texts;  // by message name
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto json = JsonReader::read(content);
    EXPECT_TRUE(json.has_value()) << entry.path();
    if (json) texts[json->text_of("name")] = std::move(content);
  }
  return texts;
}

const char* definitions_folder() { return std::getenv("WEIR_KAFKA_DEFINITIONS"); }

#define SKIP_WITHOUT_DEFINITIONS()                                                                                              \
  if (definitions_folder() == nullptr) {                                                                                        \
    GTEST_SKIP() << "NOT COMPARED with Kafka: set WEIR_KAFKA_DEFINITIONS to the output of `tests/peers/kafka definitions DIR`"; \
  }

// Property: every page says what Kafka's definition says, and neither side has a message that the other lacks. Fails when
// any field, version, nullability, tag, default, type, key or order differs.
TEST(Definitions, pages_agree_with_kafka) {
  SKIP_WITHOUT_DEFINITIONS();
  const auto definitions = read_definitions(definitions_folder());
  ASSERT_GE(definitions.size(), 270u);
  size_t compared = 0;
  std::set<std::string> seen;
  for (const Message* message : all_messages()) {
    seen.emplace(message->name);
    const auto found = definitions.find(std::string(message->name));
    if (found == definitions.end()) {
      ADD_FAILURE() << message->name << " is not among Kafka's definitions";
      continue;
    }
    for (const std::string& difference : Comparison::run(*JsonReader::read(found->second), *message)) ADD_FAILURE() << difference;
    ++compared;
  }
  for (const auto& [name, content] : definitions) {
    const bool live = JsonReader::read(content)->text_of("validVersions") != "none";
    EXPECT_EQ(seen.contains(name), live) << name;
  }
  fmt::print("compared {} messages with Kafka's definitions\n", compared);
}

// Property: the comparison notices a change of any kind (a test of the test).
TEST(Definitions, a_changed_definition_is_noticed) {
  SKIP_WITHOUT_DEFINITIONS();
  const auto definitions = read_definitions(definitions_folder());
  const Message* fetch = nullptr;
  for (const Message* message : all_messages()) {
    if (message->name == "FetchRequest") fetch = message;
  }
  ASSERT_NE(fetch, nullptr);
  const std::string& original = definitions.at("FetchRequest");
  EXPECT_TRUE(Comparison::run(*JsonReader::read(original), *fetch).empty());
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"\"apiKey\": 1", "\"apiKey\": 2"},
      {"\"flexibleVersions\": \"12+\"", "\"flexibleVersions\": \"13+\""},
      {"\"validVersions\": \"4-18\"", "\"validVersions\": \"4-19\""},
      {"\"name\": \"MaxWaitMs\", \"type\": \"int32\"", "\"name\": \"MaxWaitMs\", \"type\": \"int64\""},
      {"\"name\": \"MinBytes\"", "\"name\": \"MostBytes\""},
      {"\"nullableVersions\": \"12+\"", "\"nullableVersions\": \"13+\""},
      {"\"default\": \"0x7fffffff\"", "\"default\": \"7\""},
      {"\"tag\": 1", "\"tag\": 5"},
      {"\"versions\": \"7-12\"", "\"versions\": \"7-11\""},
      {"\"type\": \"[]FetchTopic\"", "\"type\": \"[]OtherTopic\""},
      {"\"versions\": \"11+\", \"default\": \"\", \"ignorable\": true",
       "\"versions\": \"11+\", \"default\": \"\", \"ignorable\": false"},
      {"[\"broker\", \"controller\"]", "[\"broker\"]"},
  };
  for (const auto& [from, to] : changes) {
    std::string changed = original;
    const size_t at = changed.find(from);
    ASSERT_NE(at, changed.npos) << from;
    changed.replace(at, from.size(), to);
    EXPECT_FALSE(Comparison::run(*JsonReader::read(changed), *fetch).empty()) << to << " was not noticed";
  }
}

}  // namespace
}  // namespace weir::protocol
