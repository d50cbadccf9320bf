#include "weir/cli/client_command.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/words.h"

namespace weir::cli {

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
