#include "weir/client/fetch_session.h"

#include <algorithm>

namespace weir::client {

void FetchSession::name(const Wanted& wanted, int16_t version, std::string& topic, Uuid& topic_id) {
  if (version >= kTopicIdVersion) topic_id = wanted.topic_id;
  else topic = wanted.key.topic;
}

void FetchSession::fill(protocol::FetchRequest& request, const std::vector<Wanted>& wanted, int16_t version) {
  const bool has_sessions = version >= kSessionVersion;
  const bool is_full = !has_sessions || id_ == 0;
  request.session_id = id_;
  request.session_epoch = !has_sessions ? -1 : is_full ? 0 : epoch_;
  const std::string* last = nullptr;
  for (const Wanted& one : wanted) {
    const auto before = known_.find(one.key);
    const bool changed = before == known_.end() || before->second.topic_id != one.topic_id || !(before->second.partition == one.partition);
    if (!is_full && !changed) continue;
    if (last == nullptr || *last != one.key.topic) name(one, version, request.topics.emplace_back().topic, request.topics.back().topic_id);
    last = &one.key.topic;
    request.topics.back().partitions.push_back(one.partition);
  }
  if (!is_full) {
    const std::string* forgotten = nullptr;
    for (const auto& [key, one] : known_) {
      const auto still = std::ranges::lower_bound(wanted, key, {}, &Wanted::key);
      if (still != wanted.end() && still->key == key && still->topic_id == one.topic_id) continue;
      if (forgotten == nullptr || *forgotten != key.topic) {
        auto& topic = request.forgotten_topics_data.emplace_back();
        name(one, version, topic.topic, topic.topic_id);
      }
      forgotten = &key.topic;
      request.forgotten_topics_data.back().partitions.push_back(key.index);
    }
  }
  known_.clear();
  for (const Wanted& one : wanted) known_.emplace(one.key, one);
}

void FetchSession::accept(const protocol::FetchResponse& response) {
  id_ = response.session_id;
  if (id_ == 0) return reset();
  epoch_ = epoch_ == INT32_MAX ? 1 : epoch_ + 1;
}

void FetchSession::reset() {
  id_ = 0;
  epoch_ = 0;
  known_.clear();
}

}  // namespace weir::client
