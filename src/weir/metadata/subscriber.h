// Who follows the metadata image.
#pragma once

#include "weir/metadata/delta.h"
#include "weir/metadata/image.h"
#include "weir/runtime/task.h"

namespace weir::metadata {

// Sees each new image before the change that made it is answered: creates and deletes logs, takes up groups.
class MetadataSubscriber {
 public:
  virtual ~MetadataSubscriber() = default;
  // `image` is delta.after(). Called one at a time. Must not wait for a change of the MetadataService.
  virtual runtime::Task<void> on_metadata(const MetadataDelta& delta, ImageRef image) = 0;
};

}  // namespace weir::metadata
