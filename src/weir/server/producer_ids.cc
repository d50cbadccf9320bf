#include "weir/server/producer_ids.h"

namespace weir::server {

runtime::Task<Result<ProducerId>> ProducerIds::next(Deadline deadline) {
  if (left_ == 0) {
    const Result<void> turn = co_await allocating_.acquire(environment_.executor, 1, deadline);
    if (!turn) co_return fail(ErrorCode::kRequestTimedOut);
    if (left_ == 0) {
      const metadata::Broker* broker = metadata_.image()->broker(self_);
      const BrokerEpoch epoch = broker == nullptr ? kNoBrokerEpoch : broker->epoch;
      const Result<metadata::ProducerIdBlock> block = co_await metadata_.allocate_producer_ids(self_, epoch);
      if (!block) {
        allocating_.release();
        co_return fail(block.error());
      }
      next_ = block->first;
      left_ = metadata::ProducerIdBlock::kCount;
    }
    allocating_.release();
  }
  WEIR_ASSERT(left_ > 0, left_);
  --left_;
  const ProducerId id = next_;
  next_ = next_.next();
  co_return id;
}

}  // namespace weir::server
