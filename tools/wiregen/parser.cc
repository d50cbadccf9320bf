#include "parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <fmt/core.h>

namespace wiregen {
namespace {

struct Failure {
  int line;
  std::string what;
};

constexpr std::array kWireTypes = {"bool",    "int8", "int16", "uint16", "int32", "uint32", "int64",
                                   "float64", "uuid", "error", "string", "bytes", "records"};
constexpr std::array<std::pair<const char*, const char*>, 7> kStrongTypes = {{{"Offset", "int64"},
                                                                              {"LeaderEpoch", "int32"},
                                                                              {"BrokerId", "int32"},
                                                                              {"BrokerEpoch", "int64"},
                                                                              {"PartitionIndex", "int32"},
                                                                              {"ProducerId", "int64"},
                                                                              {"ProducerEpoch", "int16"}}};
constexpr std::array<std::pair<const char*, Kind>, 7> kKinds = {{{"request", Kind::kRequest},
                                                                 {"response", Kind::kResponse},
                                                                 {"header", Kind::kHeader},
                                                                 {"data", Kind::kData},
                                                                 {"record", Kind::kRecord},
                                                                 {"key", Kind::kKey},
                                                                 {"value", Kind::kValue}}};

struct Line {
  int number;
  int indent;
  std::vector<std::string> words;
  size_t at = 0;

  bool done() const { return at == words.size(); }
  const std::string& peek() const { return words[at]; }
  std::string next(const char* wanted) {
    if (done()) throw Failure{number, fmt::format("{} is missing at the end of the line", wanted)};
    return words[at++];
  }
};

int number(const Line& line, std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Failure{line.number, fmt::format("\"{}\" is not a number", text)};
  }
  return value;
}

// "3", "3-7" or "3+", cut to what `within` allows.
Range range(const Line& line, std::string_view text, Range within) {
  Range versions;
  if (text.ends_with('+')) {
    versions = {number(line, text.substr(0, text.size() - 1)), within.last};
  } else if (const size_t dash = text.find('-'); dash != text.npos) {
    versions = {number(line, text.substr(0, dash)), number(line, text.substr(dash + 1))};
  } else {
    versions = {number(line, text), number(line, text)};
  }
  if (versions.empty() || !within.covers(versions)) {
    throw Failure{line.number, fmt::format("versions {} lie outside {}-{}", text, within.first, within.last)};
  }
  return versions;
}

bool is_range(std::string_view word) { return !word.empty() && word[0] >= '0' && word[0] <= '9'; }

class Parser {
 public:
  Parser(std::string_view file, std::string_view folder, std::string_view text) {
    page_.file = file;
    page_.folder = folder;
    std::string_view stem = file.substr(0, file.rfind('.'));
    if (is_range(stem)) stem.remove_prefix(stem.find('_') + 1);
    page_.stem = stem;
    split(text);
  }

  Page parse() {
    if (page_.opening.empty()) throw Failure{1, "a page opens with a sentence that says what it is for"};
    while (at_ < lines_.size()) message();
    if (page_.messages.empty()) throw Failure{1, "the page defines no message"};
    return std::move(page_);
  }

 private:
  void split(std::string_view text) {
    int line_number = 0;
    while (!text.empty()) {
      ++line_number;
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.starts_with('#')) {
        line.remove_prefix(line.starts_with("# ") ? 2 : 1);
        if (lines_.empty()) page_.opening.emplace_back(line);
        continue;
      }
      line = line.substr(0, line.find('#'));
      Line parsed{line_number, static_cast<int>(std::min(line.find_first_not_of(' '), line.size())), {}};
      while (!line.empty()) {
        const size_t from = line.find_first_not_of(' ');
        if (from == line.npos) break;
        line.remove_prefix(from);
        const size_t to = std::min(line.find(' '), line.size());
        parsed.words.emplace_back(line.substr(0, to));
        line.remove_prefix(to);
      }
      if (!parsed.words.empty()) lines_.push_back(std::move(parsed));
    }
  }

  void message() {
    Line& line = lines_[at_++];
    const std::string word = line.next("request, response, header, data, record, key or value");
    const auto kind = std::ranges::find_if(kKinds, [&](const auto& row) { return word == row.first; });
    if (line.indent != 0 || kind == kKinds.end()) {
      throw Failure{line.number, fmt::format("expected request, response, header, data, record, key or value, not \"{}\"", word)};
    }
    Message message;
    message.kind = kind->second;
    message.versions = {0, kOpenEnd};
    if (message.kind == Kind::kResponse) {
      if (page_.messages.empty() || page_.messages.back().kind != Kind::kRequest) {
        throw Failure{line.number, "a response follows its request"};
      }
      const Message& request = page_.messages.back();
      message = request;
      message.kind = Kind::kResponse;
      message.name = request.api + "Response";
      message.structs.clear();
    } else {
      if (!line.done() && is_range(line.peek())) message.key = number(line, line.next("key"));
      message.name = line.next("the message's name");
      if (message.kind == Kind::kRequest) {
        message.api = message.name;
        message.name += "Request";
      }
    }
    head(line, message);
    message_ = &message;
    structs_.clear();
    done_.clear();
    Struct root{message.name, message.versions, {}, line.number};
    fields(root, 2, message.versions);
    std::vector<Struct> common;
    while (at_ < lines_.size() && lines_[at_].words[0] == "struct") {
      Line& start = lines_[at_++];
      start.next("struct");
      Struct block{start.next("the struct's name"), message.versions, {}, start.number};
      if (!start.done() && start.peek() == "versions") {
        start.next("versions");
        block.versions = range(start, start.next("versions"), message.versions);
      }
      if (!start.done()) throw Failure{start.number, fmt::format("unexpected \"{}\"", start.peek())};
      fields(block, 2, block.versions);
      define(std::move(block));
    }
    // Depth first from the root, so that each struct comes after those it holds.
    for (const Field& field : root.fields) place(field, 0);
    for (const auto& [name, block] : structs_) {
      if (!done_.contains(name)) throw Failure{block.line, fmt::format("struct {} is not used", name)};
    }
    message.structs.push_back(std::move(root));
    page_.messages.push_back(std::move(message));
  }

  void head(Line& line, Message& message) {
    bool said_versions = message.kind == Kind::kResponse;
    while (!line.done()) {
      const std::string word = line.next("");
      if (word == "versions") {
        message.versions = range(line, line.next("versions"), {0, kOpenEnd});
        message.stable = message.versions;
        said_versions = true;
      } else if (word == "stable") {
        message.stable = range(line, line.next("versions"), message.versions);
      } else if (word == "flexible") {
        message.flexible_from = range(line, line.next("versions"), message.versions).first;
      } else if (word == "listeners") {
        while (!line.done() && (line.peek() == "broker" || line.peek() == "controller")) {
          (line.next("") == "broker" ? message.on_broker : message.on_controller) = true;
        }
      } else if (word == "marks") {
        while (!line.done() && (line.peek() == "forwardable" || line.peek() == "cluster_action")) {
          (line.next("") == "forwardable" ? message.forwardable : message.cluster_action) = true;
        }
      } else {
        throw Failure{line.number, fmt::format("unexpected \"{}\"", word)};
      }
    }
    if (!said_versions) throw Failure{line.number, "versions are missing"};
    if (message.kind == Kind::kRequest && (message.key < 0 || (!message.on_broker && !message.on_controller))) {
      throw Failure{line.number, "a request has a key and at least one listener"};
    }
  }

  void fields(Struct& into, int indent, Range within) {
    std::set<std::string> names;
    std::set<int> tags;
    while (at_ < lines_.size() && lines_[at_].indent >= indent) {
      Line& line = lines_[at_];
      if (line.indent != indent) throw Failure{line.number, fmt::format("indent by {} spaces, not {}", indent, line.indent)};
      ++at_;
      Field field = parse_field(line, within);
      if (!names.insert(field.name).second) throw Failure{line.number, fmt::format("{} is there twice", field.name)};
      if (field.tag >= 0 && !tags.insert(field.tag).second)
        throw Failure{line.number, fmt::format("tag {} is there twice", field.tag)};
      const bool has_block = at_ < lines_.size() && lines_[at_].indent > indent && lines_[at_].words[0] != "errors";
      if (has_block) {
        if (!field.is_struct) throw Failure{lines_[at_].number, fmt::format("{} is not a struct", field.base)};
        Struct block{field.base, field.versions, {}, line.number};
        fields(block, indent + 2, field.versions);
        define(std::move(block));
      }
      into.fields.push_back(std::move(field));
      // Errors of a field stand one level deeper than the field.
      while (at_ < lines_.size() && lines_[at_].words[0] == "errors" && lines_[at_].indent == indent + 2) {
        lines_[at_].indent = indent;
        Line& errors = lines_[at_++];
        if (into.fields.back().base != "error") throw Failure{errors.number, "errors belong below a field of type error"};
        into.fields.back().errors.insert(into.fields.back().errors.end(), errors.words.begin() + 1, errors.words.end());
      }
    }
    if (into.fields.empty() && into.name != message_->name) throw Failure{into.line, fmt::format("{} has no fields", into.name)};
  }

  Field parse_field(Line& line, Range within) {
    Field field;
    field.line = line.number;
    field.name = line.next("the field's name");
    std::string type = line.next("the field's type");
    std::string nullable;
    bool may_be_null = false;
    if (const size_t mark = type.find('?'); mark != type.npos) {
      may_be_null = true;
      nullable = type.substr(mark + 1);
      type.resize(mark);
    }
    if (type.starts_with("[]")) {
      field.is_array = true;
      type.erase(0, 2);
    }
    field.base = type;
    field.is_struct = !type.empty() && type[0] >= 'A' && type[0] <= 'Z';
    if (!field.is_struct && std::ranges::find(kWireTypes, type) == kWireTypes.end()) {
      throw Failure{line.number, fmt::format("\"{}\" is not a type", type)};
    }
    field.versions = !line.done() && is_range(line.peek()) ? range(line, line.next("versions"), within) : within;
    if (may_be_null) field.nullable = nullable.empty() ? field.versions : range(line, nullable, field.versions);
    attributes(line, field);
    check(line, field);
    return field;
  }

  static void attributes(Line& line, Field& field) {
    while (!line.done()) {
      const std::string word = line.next("");
      if (word == "=") {
        field.has_default = true;
        field.default_value = line.next("the default");
      } else if (word == "tag") {
        field.tag = number(line, line.next("the tag's number"));
        field.tagged =
            !line.done() && is_range(line.peek()) ? range(line, line.next("versions"), field.versions) : field.versions;
      } else if (word == "type") {
        field.strong = line.next("a type");
      } else if (word == "ignorable") {
        field.ignorable = true;
      } else if (word == "key") {
        field.is_key = true;
      } else if (word == "fixed") {
        field.fixed = true;
      } else if (word == "secret") {
        field.secret = true;
      } else {
        throw Failure{line.number, fmt::format("unexpected \"{}\"", word)};
      }
    }
  }

  void check(const Line& line, const Field& field) const {
    const bool can_be_null =
        field.is_array || field.is_struct || field.base == "string" || field.base == "bytes" || field.base == "records";
    if (!field.nullable.empty() && !can_be_null) throw Failure{line.number, fmt::format("{} cannot be null", field.base)};
    if (field.is_array && (field.base == "bool" || field.base == "records" || field.base == "bytes" || field.base == "error")) {
      throw Failure{line.number, fmt::format("lists of {} are not supported", field.base)};
    }
    if (field.has_default && field.default_value == "null" && field.nullable != field.versions) {
      throw Failure{line.number, "a field that defaults to null may be null in all its versions"};
    }
    if (field.has_default && field.default_value != "null" && can_be_null) {
      throw Failure{line.number, "the default of a list, struct, string or bytes is null or nothing"};
    }
    if (!field.strong.empty()) {
      const auto row = std::ranges::find_if(kStrongTypes, [&](const auto& r) { return field.strong == r.first; });
      if (row == kStrongTypes.end()) throw Failure{line.number, fmt::format("\"{}\" is not a known type", field.strong)};
      if (field.base != row->second)
        throw Failure{line.number, fmt::format("{} is an {}, not {}", field.strong, row->second, field.base)};
    }
    if (field.tag >= 0 && field.tagged.first < message_->flexible_from) {
      throw Failure{line.number, "tagged fields need a flexible version"};
    }
  }

  void define(Struct block) {
    const std::string name = block.name;
    const int line = block.line;
    if (name == message_->name || !structs_.emplace(name, std::move(block)).second) {
      throw Failure{line, fmt::format("struct {} is there twice", name)};
    }
  }

  void place(const Field& field, int depth) {
    constexpr int kDepthMax = 12;
    if (!field.is_struct || done_.contains(field.base)) return;
    const auto found = structs_.find(field.base);
    if (found == structs_.end()) throw Failure{field.line, fmt::format("struct {} is not defined", field.base)};
    if (depth > kDepthMax) throw Failure{field.line, fmt::format("struct {} holds itself", field.base)};
    for (const Field& inner : found->second.fields) place(inner, depth + 1);
    done_.insert(field.base);
    message_->structs.push_back(found->second);
  }

  Page page_;
  std::vector<Line> lines_;
  size_t at_ = 0;
  Message* message_ = nullptr;
  std::map<std::string, Struct> structs_;  // of the message being read, by name
  std::set<std::string> done_;             // already in message_->structs
};

}  // namespace

std::variant<Page, ParseError> parse_page(std::string_view file, std::string_view folder, std::string_view text) {
  try {
    return Parser(file, folder, text).parse();
  } catch (const Failure& failure) {
    return ParseError{fmt::format("{}:{}: {}", file, failure.line, failure.what)};
  }
}

}  // namespace wiregen
