#include "weir/cli/client_command.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

namespace weir::cli {

namespace {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& words) {
  std::string nearest;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    const size_t far = distance(word, candidate);
    if (far >= least) continue;
    least = far;
    nearest = candidate;
  }
  return nearest;
}

Task<Error> explain_topic_error(ClientContext& context, std::string name, Error error) {
  if (error.code() != ErrorCode::kUnknownTopicOrPartition) {
    const std::string what = error.message().empty() ? std::string(name_of(error.code())) : error.message();
    co_return Error(error.code(), fmt::format("topic \"{}\": {}", name, what));
  }
  std::string sentence = fmt::format("topic \"{}\" does not exist on {}", name, context.bootstrap);
  const auto topics = co_await context.cluster.all_topics(context.patience());
  std::vector<std::string> names;
  if (topics) for (const client::TopicPtr& topic : *topics) names.push_back(topic->name);
  const std::string nearest = nearest_word(name, names);
  if (!nearest.empty()) {
    const auto found = std::ranges::find(*topics, nearest, [](const client::TopicPtr& topic) { return topic->name; });
    const size_t count = (*found)->partitions.size();
    sentence += fmt::format("; nearest: \"{}\" ({} partition{})", nearest, count, count == 1 ? "" : "s");
  } else {
    sentence += fmt::format("\nweir topic list shows what there is, weir topic create {} makes it", name);
  }
  co_return Error(error.code(), sentence);
}

Task<Result<client::TopicPtr>> find_topic(ClientContext& context, std::string name) {
  auto topic = co_await context.cluster.topic(name, context.patience());
  if (topic) co_return topic;
  if (topic.error().code() != ErrorCode::kUnknownTopicOrPartition) co_return topic;
  Error explained = co_await explain_topic_error(context, name, topic.error());
  co_return fail(std::move(explained));
}

Result<std::pair<std::string, std::string>> parse_pair(std::string_view text) {
  const size_t mark = text.find('=');
  if (mark == std::string_view::npos || mark == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not of the form key=value", text));
  }
  return std::pair(std::string(text.substr(0, mark)), std::string(text.substr(mark + 1)));
}

Task<void> watch_interrupts(runtime::Signals* signals, runtime::StopSource* stop) {
  for (;;) {
    const Result<int> signal = co_await signals->next();
    if (!signal) co_return;
    if (stop->stop_requested()) _exit(128 + *signal);
    stop->request_stop();
  }
}

Task<Result<void>> first_contact(ClientContext& context) {
  const Deadline soon = Deadline::at(context.env.executor.now() + kFirstContactTimeout);
  const auto connection = co_await context.cluster.any_broker({soon, context.stop});
  if (connection) co_return Result<void>();
  if (context.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
  const std::string what = connection.error().message().empty() ? connection.error().describe() : connection.error().message();
  co_return fail(connection.error().code(), what + "\n--bootstrap-server HOST:PORT names another broker; weir serve starts one here");
}

}  // namespace weir::cli
