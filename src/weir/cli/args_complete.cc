// What may come next on a command line, from the same table that parses it: `weir __complete` for the shells' scripts.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/args_app.h"
#include "weir/cli/complete.h"

namespace weir::cli {

namespace {

// Words of a line as a shell would cut it, roughly: quotes group, a backslash takes the next character.
std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  bool has_word = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      has_word = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      has_word = true;
    } else if (c == ' ' || c == '\t') {
      if (has_word) words.push_back(std::exchange(word, {}));
      has_word = false;
    } else {
      word += c;
      has_word = true;
    }
  }
  words.push_back(word);  // the one under the cursor, perhaps empty
  return words;
}

// What a choice of words admits: CLI11 keeps them in the text of its check, "TEXT:{none,gzip}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}', open);
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) return choices;
  for (size_t at = open + 1; at < close;) {
    const size_t comma = std::min(type.find(',', at), close);
    choices.push_back(type.substr(at, comma - at));
    at = comma + 1;
  }
  return choices;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// A command line up to the cursor, read with the table.
struct Typed {
  const CLI::App* app;
  const CLI::Option* value_of = nullptr;  // the option whose value is under the cursor
  std::vector<std::string> positional;    // before the cursor
  std::string bootstrap = "localhost:9092";
  std::string current;
};

const CLI::Option* option_named(const CLI::App& app, std::string_view name) {
  return app.get_option_no_throw(std::string(name.substr(0, name.find('='))));
}

Typed read_typed(const CLI::App& root, const std::vector<std::string>& words) {
  Typed typed{&root, nullptr, {}, "localhost:9092", words.empty() ? "" : words.back()};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.starts_with('-') && word.size() > 1) {
      const CLI::Option* option = option_named(*typed.app, word);
      if (option == nullptr || !takes_value(*option)) continue;
      const size_t mark = word.find('=');
      const bool is_bootstrap = word.starts_with("--bootstrap-server");
      if (mark != std::string::npos) {
        if (is_bootstrap) typed.bootstrap = word.substr(mark + 1);
      } else if (i + 2 == words.size()) {
        typed.value_of = option;
      } else {
        ++i;
        if (is_bootstrap) typed.bootstrap = words[i];
      }
      continue;
    }
    const CLI::App* below = nullptr;
    for (const CLI::App* one : typed.app->get_subcommands([](const CLI::App*) { return true; })) {
      if (one->get_name() == word) below = one;
    }
    if (below != nullptr && typed.positional.empty()) typed.app = below;
    else typed.positional.push_back(word);
  }
  return typed;
}

// The option that takes the next word without a name; the last one when it takes many.
const CLI::Option* next_positional(const CLI::App& app, size_t already) {
  const CLI::Option* last = nullptr;
  size_t room = 0;
  for (const CLI::Option* one : app.get_options([](const CLI::Option* option) { return option->get_positional(); })) {
    last = one;
    room += static_cast<size_t>(std::max(1, one->get_expected_max()));
    if (already < room) return one;
  }
  return last != nullptr && last->get_expected_max() > 1 ? last : nullptr;
}

struct Candidates {
  std::vector<std::string> words;
  bool wants_files = false;
  bool is_open_ended = false;  // something goes on behind the word: no space
};

Candidates values_of(const Typed& typed, const CLI::Option& option) {
  Candidates found;
  found.words = choices_of(option);
  if (!found.words.empty()) return found;
  const std::string name = option.get_name(true);
  const std::string long_name = option.get_lnames().empty() ? "" : option.get_lnames().front();
  const std::string path = command_path(typed.app);
  const bool makes_new = path == "weir topic create";
  const bool is_config = path.starts_with("weir config ");
  const std::string type = typed.positional.empty() ? "" : typed.positional.front();
  if ((name == "topic" || name == "topics" || name == "names" || (name == "name" && !is_config) || long_name == "topic") && !makes_new) {
    found.words = names_of_cluster(typed.bootstrap, ClusterNames::kTopics, "");
  } else if (name == "group" || name == "groups" || long_name == "group") {
    found.words = names_of_cluster(typed.bootstrap, ClusterNames::kGroups, "");
  } else if (is_config && name == "name") {
    const auto kind = type == "topic" ? ClusterNames::kTopics : type == "group" ? ClusterNames::kGroups : ClusterNames::kBrokers;
    found.words = names_of_cluster(typed.bootstrap, kind, "");
  } else if ((is_config && name == "words") || long_name == "reset" || (long_name == "config" && path.starts_with("weir topic"))) {
    const bool is_topic = path.starts_with("weir topic") || type == "topic";
    const std::string resource = path.starts_with("weir topic") ? type : typed.positional.size() > 1 ? typed.positional[1] : "";
    found.words = names_of_cluster(typed.bootstrap, is_topic ? ClusterNames::kTopicOptions : ClusterNames::kBrokerOptions, resource);
    found.is_open_ended = (is_config && path.ends_with(" set") && long_name != "reset") || long_name == "config";
    if (found.is_open_ended) for (std::string& word : found.words) word += '=';
  } else if (name == "file" || name == "files" || name == "paths" || name == "dir" || long_name.ends_with("dir") || long_name == "file" || long_name == "to" ||
             long_name == "input" || long_name == "check") {
    found.wants_files = true;
  }
  return found;
}

Candidates candidates(const CLI::App& root, const std::vector<std::string>& words) {
  const Typed typed = read_typed(root, words);
  Candidates found;
  if (typed.value_of != nullptr) return values_of(typed, *typed.value_of);
  if (typed.current.starts_with('-')) {
    const size_t mark = typed.current.find('=');
    const CLI::Option* option = mark == std::string::npos ? nullptr : option_named(*typed.app, typed.current);
    if (option != nullptr) {
      found = values_of(typed, *option);
      for (std::string& word : found.words) word = typed.current.substr(0, mark + 1) + word;
      return found;
    }
    found.words = option_names(*typed.app);
    std::erase_if(found.words, [&](const std::string& name) { return typed.current.starts_with("--") != name.starts_with("--") && typed.current != "-"; });
    return found;
  }
  if (typed.positional.empty()) found.words = command_names(*typed.app);
  if (!found.words.empty()) return found;
  const CLI::Option* next = next_positional(*typed.app, typed.positional.size());
  return next == nullptr ? Candidates() : values_of(typed, *next);
}

}  // namespace

int print_completions(const CLI::App& root, std::vector<std::string> words) {
  if (words.size() == 2 && words[0] == "--line") {
    words = split_line(words[1]);
    words.erase(words.begin());  // the program's own name
  }
  const std::string current = words.empty() ? "" : words.back();
  Candidates found = candidates(root, words);
  std::ranges::sort(found.words);
  for (const std::string& word : found.words) {
    if (word.starts_with(current)) fmt::print("{}\n", word);
  }
  if (found.wants_files) fmt::print(":files\n");
  if (found.is_open_ended) fmt::print(":nospace\n");
  return 0;
}

}  // namespace weir::cli
