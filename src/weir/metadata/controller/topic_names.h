// Which topic names are legal, and which cannot stand beside each other.
#pragma once

#include <string_view>

#include "weir/base/error.h"
#include "weir/metadata/image.h"

namespace weir::metadata {

// Errors: kInvalidTopicException with the reason.
Result<void> check_topic_name(std::string_view name);

// Metric names replace '.' by '_': topics that differ in nothing else collide.
bool topic_names_collide(std::string_view a, std::string_view b);
// A topic of the image that collides with `name` (not `name` itself), or nullptr.
const Topic* colliding_topic(const MetadataImage& image, std::string_view name);

}  // namespace weir::metadata
