// How a partition of __consumer_offsets is loaded when this broker begins to lead it.
#include "weir/coordinator/group_coordinator.h"
#include "weir/coordinator/replay.h"
#include "weir/record/control.h"

namespace weir::coordinator {
// What records say, in the order of the log; the later one wins.
class GroupCoordinator::Replay final : public ReplayListener {
 public:
  Replay(GroupCoordinator& owner, Home& home) : owner_(owner), home_(home) {}

  bool is_over() const override { return home_.gone; }
  void on_record(const record::BatchView& batch, const record::Record& one) override {
    if (batch.is_control()) return end_transaction(batch.producer_id(), one);
    Result<LoggedRecord> read = read_record(one);
    if (!read) {
      owner_.environment_.log.error("{}-{}: {}", kOffsetsTopic, home_.partition, read.error().describe());
    } else if (auto* offset = std::get_if<OffsetRecord>(&*read)) {
      if (batch.is_transactional()) undecided_[batch.producer_id()].push_back(std::move(*offset));
      else apply(*offset);
    } else if (auto* group = std::get_if<GroupRecord>(&*read)) {
      entry_of(group->group).state =
          group->value ? group::from_record(group->group, *group->value, owner_.now()) : group::GroupState{.id = group->group};
    } else {
      ++unknown_;
    }
  }
  void end() const {
    if (unknown_ == 0) return;
    owner_.environment_.log.warning("{}-{}: {} records of unknown types passed over", kOffsetsTopic, home_.partition, unknown_);
  }

 private:
  void end_transaction(ProducerId producer, const record::Record& marker) {
    const auto type = marker.key ? record::parse_control_key(*marker.key) : record::ControlType::kUnknown;
    if (!type || (*type != record::ControlType::kCommit && *type != record::ControlType::kAbort)) return;
    const auto found = undecided_.find(producer);
    if (found == undecided_.end()) return;
    if (*type == record::ControlType::kCommit) {
      for (const OffsetRecord& read : found->second) apply(read);
    }
    undecided_.erase(found);
  }
  void apply(const OffsetRecord& read) {
    Offsets& offsets = entry_of(read.group).offsets;
    const PlantedBugs& planted = owner_.options_.planted;
    if (planted.reload_keeps_first && offsets.find(read.change.place.topic, read.change.place.partition)) return;
    offsets.apply(read.change);
  }
  // Records of one group mostly follow one another.
  GroupEntry& entry_of(const std::string& group) {
    if (last_ == nullptr || last_->state.id != group) last_ = &owner_.entry(home_, group);
    return *last_;
  }

  GroupCoordinator& owner_;
  Home& home_;
  std::map<ProducerId, std::vector<OffsetRecord>> undecided_;  // positions of transactions whose marker has not come
  GroupEntry* last_ = nullptr;
  size_t unknown_ = 0;
};

Task<void> GroupCoordinator::load(GroupCoordinator* self, std::shared_ptr<Home> home) {
  const MonoTime began = self->environment_.executor.now();
  Replay records(*self, *home);
  const Result<void> replayed = co_await replay({.environment = self->environment_,
                                                 .partitions = self->partitions_,
                                                 .codecs = self->codecs_,
                                                 .partition = {std::string(kOffsetsTopic), home->partition},
                                                 .epoch = home->epoch,
                                                 .read_bytes = static_cast<size_t>(self->options_.load_bytes)},
                                                records);
  if (home->gone) co_return;
  if (!replayed) {
    self->environment_.log.error("{}-{} could not be loaded: {}", kOffsetsTopic, home->partition, replayed.error().describe());
    self->give_up_home(home->partition);
    co_return;
  }
  records.end();
  std::erase_if(home->groups, [](const auto& row) { return !row.second->state.protocol_type && row.second->offsets.empty(); });
  home->loaded = true;
  for (const auto& [id, entry] : home->groups) self->arm(*entry);
  for (const DeletedTopic& topic : std::exchange(home->deleted_meanwhile, {})) self->forget_topic(*home, topic);
  const auto took_ms = (self->environment_.executor.now() - began).count() / 1'000'000;
  self->metrics_.load_ms.record(took_ms);
  if (home->groups.empty()) co_return;
  self->environment_.log.info("loaded {} groups of {}-{} in {} ms", home->groups.size(), kOffsetsTopic, home->partition, took_ms);
}

}  // namespace weir::coordinator
