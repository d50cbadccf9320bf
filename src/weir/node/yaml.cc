// The only file that knows yaml-cpp, whose exceptions end here.
#include "weir/node/yaml.h"

#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace weir::node {
namespace {

constexpr size_t kPropertiesMax = 10'000;  // an alias may name a part that names another, and so on
constexpr int kDepthMax = 32;

std::unexpected<Error> wrong_at(const YAML::Mark& mark, std::string_view what) {
  return fail(ErrorCode::kMalformedFile, fmt::format("{}: {}", mark.line + 1, what));
}

Result<std::string> scalar_text(const YAML::Node& node, const std::string& name) {
  if (node.IsNull()) return std::string();
  if (!node.IsScalar()) return wrong_at(node.Mark(), fmt::format("{} is a list of more than plain values", name));
  return node.Scalar();
}

Result<void> gather(const YAML::Node& node, const std::string& name, int depth, std::vector<Property>& into) {
  if (depth > kDepthMax) return wrong_at(node.Mark(), fmt::format("{} is nested too deeply", name));
  if (node.IsMap()) {
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return wrong_at(entry.first.Mark(), "a key that is no plain text");
      const std::string& key = entry.first.Scalar();
      if (key.empty()) return wrong_at(entry.first.Mark(), "an empty key");
      WEIR_CHECK(gather(entry.second, name.empty() ? key : fmt::format("{}.{}", name, key), depth + 1, into));
    }
    return {};
  }
  if (name.empty()) return wrong_at(node.Mark(), "a configuration is made of keys and values (key: value)");
  if (into.size() >= kPropertiesMax) return wrong_at(node.Mark(), fmt::format("more than {} settings", kPropertiesMax));
  std::string value;
  if (node.IsSequence()) {
    for (bool is_first = true; const YAML::Node& part : node) {
      WEIR_TRY(const std::string text, scalar_text(part, name));
      if (!std::exchange(is_first, false)) value += ",";
      value += text;
    }
  } else {
    WEIR_TRY(value, scalar_text(node, name));
  }
  into.push_back({name, value, node.Mark().line + 1});
  return {};
}

// Where the document that was parsed last begins.
class DocumentStart final : public YAML::EventHandler {
 public:
  const YAML::Mark& mark() const { return mark_; }

  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_;
};

// YAML::LoadAll would do, but after some texts (",") it finds one empty document after another, for ever.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return start.mark();
}

}  // namespace

Result<std::vector<Property>> parse_yaml_lines(std::string_view text) {
  const std::string whole(text);
  std::vector<Property> properties;
  try {
    if (const auto mark = second_document(whole)) {
      return wrong_at(*mark, "what begins here is outside the document: a configuration is one document of keys and values");
    }
    const YAML::Node document = YAML::Load(whole);
    if (document.IsNull()) return properties;
    WEIR_CHECK(gather(document, "", 0, properties));
  } catch (const YAML::Exception& error) {
    return wrong_at(error.mark, error.msg);
  }
  return properties;
}

}  // namespace weir::node
