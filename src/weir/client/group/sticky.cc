// The sticky assignment: keep what members own, hand out what nobody owns, then even out along paths.
//
// A path moves one partition from a member to a second, one from the second to a third, and so on: the first has one less,
// the last one more, all between as many as before. While a member can reach another that has at least two less, the
// shortest such path is taken. When there is none the loads are as even as the subscriptions allow.
#include <algorithm>
#include <deque>

#include "weir/base/assert.h"
#include "weir/client/group/assignor.h"

namespace weir::client::group {

namespace {

class Sticky {
 public:
  Sticky(std::vector<Candidate> members, const PartitionCounts& topics) : members_(std::move(members)), topics_(topics) {
    std::ranges::sort(members_, {}, &Candidate::member_id);
    for (const auto& [topic, partitions] : topics_) {
      std::vector<size_t>& readers = readers_[topic];
      for (size_t i = 0; i < members_.size(); ++i) {
        const auto& wanted = members_[i].subscription.topics;
        if (std::ranges::find(wanted, topic) != wanted.end()) readers.push_back(i);
      }
    }
    held_.resize(members_.size());
  }

  Assignment assign() {
    if (members_.empty()) return {};
    keep_owned();
    hand_out_the_rest();
    size_t moves = 0;
    while (even_out()) ++moves;
    WEIR_ASSERT(moves <= owner_.size() * (members_.size() + 1), moves, owner_.size());
    Assignment assignment;
    for (size_t i = 0; i < members_.size(); ++i) {
      PartitionSet& mine = assignment[members_[i].member_id];
      for (const auto& [topic, partitions] : held_[i].by_topic) {
        for (const PartitionIndex index : partitions) mine.insert({topic, index});
      }
    }
    return assignment;
  }

 private:
  struct Held {
    std::map<std::string, std::set<PartitionIndex>> by_topic;
    size_t count = 0;
  };

  bool reads(size_t member, const std::string& topic) const {
    const auto readers = readers_.find(topic);
    return readers != readers_.end() && std::ranges::binary_search(readers->second, member);
  }
  void give(size_t member, const PartitionKey& key) {
    held_[member].by_topic[key.topic].insert(key.index);
    ++held_[member].count;
    owner_[key] = member;
  }
  void take(size_t member, const PartitionKey& key) {
    const auto topic = held_[member].by_topic.find(key.topic);
    topic->second.erase(key.index);
    if (topic->second.empty()) held_[member].by_topic.erase(topic);
    --held_[member].count;
    owner_.erase(key);
  }

  // Of several that say they own a partition the one with the latest generation does; of two with the same, neither.
  void keep_owned() {
    struct Claim {
      size_t member;
      int32_t generation;
      bool disputed;
    };
    std::map<PartitionKey, Claim> claims;
    for (size_t i = 0; i < members_.size(); ++i) {
      const Subscription& subscription = members_[i].subscription;
      for (const PartitionKey& key : subscription.owned) {
        const auto topic = topics_.find(key.topic);
        if (topic == topics_.end() || key.index.value() < 0 || key.index.value() >= topic->second) continue;
        const auto [claim, first] = claims.try_emplace(key, Claim{i, subscription.generation, false});
        if (first) continue;
        if (claim->second.generation == subscription.generation) claim->second.disputed = true;
        else if (claim->second.generation < subscription.generation) claim->second = {i, subscription.generation, false};
      }
    }
    for (const auto& [key, claim] : claims) {
      if (!claim.disputed && reads(claim.member, key.topic)) give(claim.member, key);
    }
  }

  // Topics with few readers first: their partitions have least choice.
  void hand_out_the_rest() {
    std::vector<const std::string*> order;
    for (const auto& [topic, partitions] : topics_) order.push_back(&topic);
    std::ranges::sort(order, {}, [&](const std::string* topic) { return std::pair(readers_.at(*topic).size(), std::string_view(*topic)); });
    for (const std::string* topic : order) {
      const std::vector<size_t>& readers = readers_.at(*topic);
      if (readers.empty()) continue;
      for (int32_t index = 0; index < topics_.at(*topic); ++index) {
        const PartitionKey key{*topic, PartitionIndex(index)};
        if (owner_.contains(key)) continue;
        give(*std::ranges::min_element(readers, {}, [&](size_t member) { return held_[member].count; }), key);
      }
    }
  }

  // Takes the shortest path from the fullest member that has one. False when none has.
  bool even_out() {
    std::vector<size_t> fullest(members_.size());
    for (size_t i = 0; i < fullest.size(); ++i) fullest[i] = i;
    std::ranges::sort(fullest, [&](size_t a, size_t b) { return std::pair(held_[b].count, a) < std::pair(held_[a].count, b); });
    for (const size_t from : fullest) {
      if (held_[from].count < held_[fullest.back()].count + 2) return false;
      if (move_along_path(from)) return true;
    }
    return false;
  }

  struct Step {
    size_t from;
    const std::string* topic;
  };
  bool move_along_path(size_t from) {
    std::map<size_t, Step> came;
    std::deque<size_t> queue{from};
    std::set<const std::string*> crossed;  // a topic's readers are reached once
    while (!queue.empty()) {
      const size_t member = queue.front();
      queue.pop_front();
      size_t least = member;
      for (const auto& [topic, partitions] : held_[member].by_topic) {
        const auto readers = readers_.find(topic);
        if (!crossed.insert(&readers->first).second) continue;
        for (const size_t next : readers->second) {
          if (next == from || !came.try_emplace(next, Step{member, &readers->first}).second) continue;
          queue.push_back(next);
          if (least == member || held_[next].count < held_[least].count) least = next;
        }
      }
      if (least == member || held_[least].count + 2 > held_[from].count) continue;
      for (size_t at = least; at != from;) {
        const Step step = came.at(at);
        move_one(step.from, at, *step.topic);
        at = step.from;
      }
      return true;
    }
    return false;
  }

  void move_one(size_t from, size_t to, const std::string& topic) {
    const std::set<PartitionIndex>& held = held_[from].by_topic.at(topic);
    const auto fits = [&](PartitionIndex index) { return members_[to].subscription.owned.contains({topic, index}); };
    const auto not_owned = [&](PartitionIndex index) { return !members_[from].subscription.owned.contains({topic, index}); };
    // What goes back to its owner, else what is not owned where it is now, else the last.
    auto chosen = std::ranges::find_if(held, fits);
    if (chosen == held.end()) chosen = std::ranges::find_if(held, not_owned);
    if (chosen == held.end()) chosen = std::prev(held.end());
    const PartitionKey key{topic, *chosen};
    take(from, key);
    give(to, key);
  }

  std::vector<Candidate> members_;
  const PartitionCounts& topics_;
  std::map<std::string, std::vector<size_t>> readers_;  // ascending
  std::vector<Held> held_;
  std::map<PartitionKey, size_t> owner_;
};

}  // namespace

Assignment assign_sticky(std::vector<Candidate> members, const PartitionCounts& topics) {
  return Sticky(std::move(members), topics).assign();
}

Assignment assign_cooperative_sticky(std::vector<Candidate> members, const PartitionCounts& topics) {
  std::map<PartitionKey, std::vector<std::pair<int32_t, std::string>>> claims;  // generation and member
  for (const Candidate& member : members) {
    for (const PartitionKey& key : member.subscription.owned) claims[key].emplace_back(member.subscription.generation, member.member_id);
  }
  Assignment assignment = assign_sticky(std::move(members), topics);
  for (auto& [member, partitions] : assignment) {
    std::erase_if(partitions, [&](const PartitionKey& key) {
      const auto found = claims.find(key);
      if (found == claims.end()) return false;
      std::ranges::sort(found->second, std::greater<>());
      const auto& latest = found->second;
      const bool is_disputed = latest.size() > 1 && latest[0].first == latest[1].first;
      return is_disputed || latest.front().second != member;
    });
  }
  return assignment;
}

}  // namespace weir::client::group
