// The only file that knows yaml-cpp, whose exceptions end here.
#include "weir/node/yaml.h"

#include <utility>

#include <fmt/format.h>
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

}  // namespace

Result<std::vector<Property>> parse_yaml_lines(std::string_view text) {
  std::vector<Property> properties;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) return wrong_at(documents[1].Mark(), "a second document begins: a configuration is one");
    if (documents.empty() || documents.front().IsNull()) return properties;
    WEIR_CHECK(gather(documents.front(), "", 0, properties));
  } catch (const YAML::Exception& error) {
    return wrong_at(error.mark, error.msg);
  }
  return properties;
}

}  // namespace weir::node
