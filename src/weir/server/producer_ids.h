// Hands out producer ids one by one from blocks that the controller allocates; an id is never given twice.
//
// Owner    node. Shard    the broker shard.
// Format   ProducerIdsRecord in the metadata log (KIP-730).
#pragma once

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/metadata/service.h"
#include "weir/runtime/semaphore.h"

namespace weir::server {

class ProducerIds {
 public:
  ProducerIds(runtime::Environment& environment, metadata::MetadataService& metadata, BrokerId self)
      : environment_(environment), metadata_(metadata), self_(self) {}

  // Errors: kRequestTimedOut, and what the controller answers.
  runtime::Task<Result<ProducerId>> next(Deadline deadline);

 private:
  runtime::Environment& environment_;
  metadata::MetadataService& metadata_;
  BrokerId self_;
  runtime::Semaphore allocating_{1};
  ProducerId next_{0};
  int32_t left_ = 0;
};

}  // namespace weir::server
