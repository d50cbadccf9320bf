// From one image to the next: applies metadata records, and remembers what they touched.
//
// Owner    MetadataService makes one per published step; subscribers read it during the call they get it in.
// Holds    - every name in a change set differs, or may differ, between before() and after(); nothing else does
#pragma once

#include <memory>
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
  // The image is then as it was before the record. All 26 record types of Kafka 4.3 are applied.
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
  std::set<Uuid> deleted_topics() const;  // look them up in before()
  const std::set<Uuid>& touched_topics() const { return changes_.topics; }
  const std::set<std::pair<Uuid, PartitionIndex>>& changed_partitions() const { return changes_.partitions; }  // created ones too
  const std::set<BrokerId>& changed_brokers() const { return changes_.brokers; }
  const std::set<ConfigResource>& changed_configs() const { return changes_.configs; }
  bool features_changed() const { return changes_.features; }
  bool acls_changed() const { return changes_.acls; }
  bool scram_changed() const { return changes_.scram; }
  bool quotas_changed() const { return changes_.quotas; }
  bool tokens_changed() const { return changes_.tokens; }
  bool empty() const;
  // Between the records that begin and end a metadata transaction (KIP-868): such a delta must not be published yet.
  bool in_transaction() const { return saved_ != nullptr; }

 private:
  struct Applier;
  struct Changes {
    std::set<Uuid> topics;
    std::set<std::pair<Uuid, PartitionIndex>> partitions;
    std::set<BrokerId> brokers;
    std::set<ConfigResource> configs;
    bool features = false;
    bool acls = false;
    bool scram = false;
    bool quotas = false;
    bool tokens = false;
  };
  struct Saved {  // what an aborted transaction returns to
    MetadataImage after;
    Changes changes;
  };

  ImageRef before_;
  MetadataImage after_;
  Changes changes_;
  std::unique_ptr<Saved> saved_;
};

}  // namespace weir::metadata
