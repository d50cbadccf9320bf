#include "weir/metadata/controller/placement.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace weir::metadata {
namespace {

struct Slot {
  BrokerId id;
  bool fenced = false;
};

// All brokers in one order in which neighbours are of different racks as far as the racks' sizes allow, begun anywhere.
std::vector<Slot> striped(const std::vector<PlacementBroker>& brokers, runtime::Random& random) {
  std::map<std::string, std::vector<Slot>> racks;  // brokers without a rack form one of their own
  for (const PlacementBroker& broker : brokers) racks[broker.rack.value_or("")].push_back({broker.id, broker.fenced});
  std::vector<std::vector<Slot>> dealt;
  for (auto& entry : racks) {
    auto& rack = entry.second;
    std::ranges::rotate(rack, rack.begin() + static_cast<ptrdiff_t>(random.word() % rack.size()));
    dealt.push_back(std::move(rack));
  }
  std::ranges::rotate(dealt, dealt.begin() + static_cast<ptrdiff_t>(random.word() % dealt.size()));
  std::vector<Slot> order;
  for (size_t round = 0; order.size() < brokers.size(); ++round) {
    for (const auto& rack : dealt) {
      if (round < rack.size()) order.push_back(rack[round]);
    }
  }
  return order;
}

class Dealer {
 public:
  Dealer(std::vector<Slot> order, std::map<BrokerId, std::string> racks) : order_(std::move(order)), racks_(std::move(racks)) {}

  std::vector<BrokerId> deal(size_t replicas) {
    const size_t leader = next_leader();
    std::vector<BrokerId> chosen{order_[leader].id};
    // Brokers of racks not used yet first, then any; unfenced before fenced within each.
    for (const bool fenced : {false, true}) {
      for (const bool new_rack : {true, false}) fill(chosen, replicas, leader, fenced, new_rack);
    }
    return chosen;
  }

 private:
  // The next broker that is not fenced; there is one.
  size_t next_leader() {
    for (;;) {
      const size_t at = next_++ % order_.size();
      if (next_ % order_.size() == 0) ++shift_;
      if (!order_[at].fenced) return at;
    }
  }
  void fill(std::vector<BrokerId>& chosen, size_t replicas, size_t leader, bool fenced, bool new_rack) {
    const size_t brokers = order_.size();
    if (brokers < 2) return;
    for (size_t step = 0; step + 1 < brokers && chosen.size() < replicas; ++step) {
      const Slot& slot = order_[(leader + 1 + (shift_ + step) % (brokers - 1)) % brokers];
      if (slot.fenced != fenced || std::ranges::find(chosen, slot.id) != chosen.end()) continue;
      if (new_rack && rack_used(chosen, slot.id)) continue;
      chosen.push_back(slot.id);
    }
  }
  bool rack_used(const std::vector<BrokerId>& chosen, BrokerId id) const {
    return std::ranges::any_of(chosen, [&](BrokerId other) { return racks_.at(other) == racks_.at(id); });
  }

  std::vector<Slot> order_;
  std::map<BrokerId, std::string> racks_;
  size_t next_ = 0;
  size_t shift_ = 0;
};

}  // namespace

std::vector<PlacementBroker> placement_brokers(const MetadataImage& image) {
  std::vector<PlacementBroker> brokers;
  for (const auto& [id, broker] : image.brokers) {
    const auto& cordoned = broker->cordoned_log_dirs;
    const bool no_room = cordoned && !cordoned->empty() && !broker->log_dirs.empty() &&
                         std::ranges::all_of(broker->log_dirs, [&](const Uuid& dir) {
                           return std::ranges::find(*cordoned, dir) != cordoned->end();
                         });
    if (!no_room) brokers.push_back({id, broker->rack, broker->fenced});
  }
  return brokers;
}

Result<std::vector<std::vector<BrokerId>>> place_replicas(const std::vector<PlacementBroker>& brokers, int32_t count,
                                                          int16_t replication_factor, runtime::Random& random) {
  WEIR_ASSERT(count >= 0 && replication_factor > 0, count, replication_factor);
  if (brokers.size() < static_cast<size_t>(replication_factor)) {
    return fail(ErrorCode::kInvalidReplicationFactor,
                fmt::format("{} replicas need as many brokers, and {} {} registered with room for them", replication_factor,
                            brokers.size(), brokers.size() == 1 ? "is" : "are"));
  }
  if (std::ranges::all_of(brokers, &PlacementBroker::fenced)) {
    return fail(ErrorCode::kInvalidReplicationFactor, "all brokers are fenced");
  }
  std::map<BrokerId, std::string> racks;
  for (const PlacementBroker& broker : brokers) racks[broker.id] = broker.rack.value_or("");
  const bool one_rack = std::ranges::all_of(racks, [&](const auto& entry) { return entry.second == racks.begin()->second; });
  if (one_rack) {
    for (auto& [id, rack] : racks) rack = std::to_string(id.value());  // then racks say nothing
  }
  Dealer dealer(striped(brokers, random), std::move(racks));
  std::vector<std::vector<BrokerId>> placed;
  placed.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) placed.push_back(dealer.deal(static_cast<size_t>(replication_factor)));
  return placed;
}

Uuid default_directory(const MetadataImage& image, BrokerId broker) {
  const Broker* found = image.broker(broker);
  return found != nullptr && found->log_dirs.size() == 1 ? found->log_dirs.front() : kDirectoryUnassigned;
}

}  // namespace weir::metadata
