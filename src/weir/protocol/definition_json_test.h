// A small reader of JSON as Kafka's message definitions use it: // and /* */ comments allowed. For tests only.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::protocol::test {

// Numbers and literals keep their text: definitions give versions and defaults as text as well.
struct Json {
  enum class Type { kText, kLiteral, kList, kObject };
  Type type = Type::kLiteral;
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json, std::less<>> object;

  const Json* find(std::string_view key) const {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &found->second;
  }
  std::string text_of(std::string_view key, std::string_view otherwise = "") const {
    const Json* value = find(key);
    return value == nullptr ? std::string(otherwise) : value->text;
  }
  const std::vector<Json>& list_of(std::string_view key) const {
    static const std::vector<Json> kNone;
    const Json* value = find(key);
    return value == nullptr ? kNone : value->list;
  }
};

class JsonReader {
 public:
  static std::optional<Json> read(std::string_view text) {
    JsonReader reader(text);
    Json value = reader.value(0);
    reader.space();
    if (reader.bad_ || reader.at_ != text.size()) return std::nullopt;
    return value;
  }

 private:
  explicit JsonReader(std::string_view text) : text_(text) {}

  void space() {
    while (at_ < text_.size()) {
      if (std::string_view(" \t\r\n").contains(text_[at_])) {
        ++at_;
      } else if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        const size_t end = text_.find("*/", at_);
        at_ = end == text_.npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Json value(int depth) {
    Json json;
    if (depth > 50) bad_ = true;
    if (bad_) return json;
    if (take('{')) {
      json.type = Json::Type::kObject;
      while (!bad_ && !take('}')) {
        Json key = value(depth + 1);
        if (key.type != Json::Type::kText || !take(':')) bad_ = true;
        json.object[key.text] = value(depth + 1);
        if (!take(',')) {
          if (!take('}')) bad_ = true;
          break;
        }
      }
    } else if (take('[')) {
      json.type = Json::Type::kList;
      while (!bad_ && !take(']')) {
        json.list.push_back(value(depth + 1));
        if (!take(',')) {
          if (!take(']')) bad_ = true;
          break;
        }
      }
    } else if (take('"')) {
      json.type = Json::Type::kText;
      for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\') ++at_;
        if (at_ < text_.size()) json.text += text_[at_];
      }
      if (at_++ >= text_.size()) bad_ = true;
    } else {
      space();
      while (at_ < text_.size() &&
             (std::isalnum(static_cast<unsigned char>(text_[at_])) || std::string_view("+-.").contains(text_[at_]))) {
        json.text += text_[at_++];
      }
      if (json.text.empty()) bad_ = true;
    }
    return json;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool bad_ = false;
};

}  // namespace weir::protocol::test
