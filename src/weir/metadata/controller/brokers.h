// Registering brokers, fencing and unfencing them, and handing out producer ids.
#pragma once

#include "weir/metadata/controller/decision.h"
#include "weir/protocol/broker_registration.h"

namespace weir::metadata {

// The broker's epoch is the offset of its registration record. A broker that registers again under the same incarnation
// keeps its epoch's meaning: it is registered anew. It starts fenced.
// Errors: kInconsistentClusterId, kInvalidRegistration (no directories, one twice, or one of another broker),
// kUnsupportedVersion (a finalized feature outside what the broker supports).
Result<Decision<BrokerEpoch>> register_broker(const ControllerContext& context,
                                              const protocol::BrokerRegistrationRequest& request);

// All that is left to do, nothing when nothing is: a caller that could apply a part only asks again. Unfencing gives the broker
// the partitions without a leader that it is in sync with; fencing takes leadership from it where another in-sync replica is
// alive, else leaves the partition without a leader. Errors: kBrokerIdNotRegistered, kStaleBrokerEpoch.
Result<std::vector<MetadataRecord>> set_broker_fenced(const ControllerContext& context, BrokerId broker, BrokerEpoch epoch,
                                                      bool fenced);

// The next block. Errors: kBrokerIdNotRegistered, kStaleBrokerEpoch, kUnknownServerError (none left).
Result<Decision<ProducerIdBlock>> allocate_producer_ids(const ControllerContext& context, BrokerId broker, BrokerEpoch epoch);

}  // namespace weir::metadata
