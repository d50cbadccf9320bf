// From one image to the next: applies metadata records, and remembers what they touched.
//
// Owner    MetadataService makes one per published step; subscribers read it during the call they get it in.
// Holds    - every name in a change set differs, or may differ, between before() and after(); nothing else does
#pragma once

#include <set>
#include <utility>

#include "weir/base/error.h"
#include "weir/metadata/image.h"

namespace weir::metadata {

struct MetadataRecord;  // records.h

class MetadataDelta {
 public:
  explicit MetadataDelta(ImageRef before) : before_(std::move(before)), after_(*before_) {}

  // Errors: kInternal with a sentence, when the record cannot follow on the image (a partition of an unknown topic).
  // The image is then as it was before the record.
  Result<void> apply(const MetadataRecord& record, Offset offset);
  // Notes where the log stands after the records applied.
  void advance(Offset offset, LeaderEpoch epoch, TimestampMs timestamp);
  void set_controller(BrokerId leader) { after_.controller_id = leader; }
  // Starts from nothing (a snapshot follows); every topic of before() that is not in the snapshot counts as deleted.
  void reset();

  const MetadataImage& before() const { return *before_; }
  const MetadataImage& after() const { return after_; }
  // The finished image.
  ImageRef finish() const { return std::make_shared<const MetadataImage>(after_); }

  // What changed. A topic created and deleted within one delta is in neither set.
  std::set<Uuid> created_topics() const;
  std::set<Uuid> deleted_topics() const;                   // look them up in before()
  const std::set<Uuid>& touched_topics() const { return topics_; }
  const std::set<std::pair<Uuid, PartitionIndex>>& changed_partitions() const { return partitions_; }  // created ones too
  const std::set<BrokerId>& changed_brokers() const { return brokers_; }
  const std::set<ConfigResource>& changed_configs() const { return configs_; }
  bool features_changed() const { return features_changed_; }
  bool acls_changed() const { return acls_changed_; }
  bool scram_changed() const { return scram_changed_; }
  bool quotas_changed() const { return quotas_changed_; }
  bool tokens_changed() const { return tokens_changed_; }
  bool empty() const;

 private:
  struct Applier;

  ImageRef before_;
  MetadataImage after_;
  std::set<Uuid> topics_;
  std::set<std::pair<Uuid, PartitionIndex>> partitions_;
  std::set<BrokerId> brokers_;
  std::set<ConfigResource> configs_;
  bool features_changed_ = false;
  bool acls_changed_ = false;
  bool scram_changed_ = false;
  bool quotas_changed_ = false;
  bool tokens_changed_ = false;
};

}  // namespace weir::metadata
