#include "weir/metadata/image_publisher.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/records.h"

namespace weir::metadata {

using runtime::Task;

namespace {

ImageRef empty_image(std::string cluster_id, BrokerId controller) {
  MetadataImage empty;
  empty.cluster_id = std::move(cluster_id);
  empty.controller_id = controller;
  return std::make_shared<const MetadataImage>(std::move(empty));
}

}  // namespace

ImagePublisher::ImagePublisher(runtime::Executor& executor, std::string cluster_id, BrokerId controller)
    : executor_(executor),
      published_(empty_image(std::move(cluster_id), controller)),
      delta_(std::make_unique<MetadataDelta>(published_)) {}

Task<void> ImagePublisher::publish_through(Offset offset) {
  const Result<void> mine = co_await publishing_.acquire(executor_);
  WEIR_ASSERT(mine.has_value());
  if (published_->offset < offset && !delta_->in_transaction()) {
    const std::unique_ptr<MetadataDelta> delta = std::move(delta_);
    WEIR_ASSERT(delta->after().offset >= offset, delta->after().offset, offset);
    published_ = delta->finish();
    const ImageRef image = published_;
    delta_ = std::make_unique<MetadataDelta>(image);
    const std::vector<MetadataSubscriber*> subscribers = subscribers_;
    for (MetadataSubscriber* subscriber : subscribers) {
      // It may have left while another one was told.
      if (std::ranges::find(subscribers_, subscriber) != subscribers_.end()) co_await subscriber->on_metadata(*delta, image);
    }
  }
  publishing_.release();
}

Task<void> ImagePublisher::subscribe(MetadataSubscriber& subscriber) {
  WEIR_ASSERT(subscribers_.size() < kSubscribersMax);
  const Result<void> mine = co_await publishing_.acquire(executor_);
  WEIR_ASSERT(mine.has_value());
  const ImageRef image = published_;
  MetadataDelta whole(empty_image(image->cluster_id, image->controller_id));
  for (const MetadataRecord& record : records_of(*image)) {
    const Result<void> applied = whole.apply(record, image->offset);
    WEIR_ASSERT(applied.has_value());
  }
  if (image->offset > kNoOffset) whole.advance(image->offset, image->epoch, image->timestamp);
  subscribers_.push_back(&subscriber);
  co_await subscriber.on_metadata(whole, image);
  publishing_.release();
}

void ImagePublisher::unsubscribe(MetadataSubscriber& subscriber) { std::erase(subscribers_, &subscriber); }

Result<void> ImagePublisher::begin_snapshot(raft::SnapshotId id, TimestampMs last_timestamp) {
  delta_->reset();
  replayed_ = id;
  replayed_timestamp_ = last_timestamp;
  return {};
}

Result<void> ImagePublisher::apply_snapshot(const std::vector<ByteView>& values) {
  for (const ByteView value : values) WEIR_CHECK(apply_value(value, replayed_.end));
  return {};
}

Result<void> ImagePublisher::end_snapshot() {
  delta_->advance(replayed_.end.prev(), replayed_.epoch, replayed_timestamp_);
  return {};
}

Result<void> ImagePublisher::apply(const raft::CommittedBatch& batch) {
  Offset offset = batch.base_offset;
  for (const ByteView value : batch.values) {
    WEIR_CHECK(apply_value(value, offset));
    offset = offset.next();
  }
  const Offset last = batch.values.empty() ? batch.base_offset : offset.prev();
  delta_->advance(last, batch.epoch, batch.timestamp);
  return {};
}

Result<void> ImagePublisher::apply_value(ByteView value, Offset offset) {
  const Result<MetadataRecord> record = decode_record(value);
  if (!record) {
    return fail(
        ErrorCode::kUnsupportedFeature,
        fmt::format("the metadata record at offset {} cannot be read ({}): it was written by a newer server, or is damaged; "
                    "start the server that wrote it",
                    offset, record.error().message()));
  }
  return delta_->apply(*record, offset);
}

}  // namespace weir::metadata
