// What /metrics says of the cluster, as its controller sees it.
#pragma once

#include <string>

#include "weir/metadata/image.h"

namespace weir::metadata {

// Appends the rows of `image`, on node `self`.
void add_metrics(std::string& text, const MetadataImage& image, BrokerId self);

}  // namespace weir::metadata
