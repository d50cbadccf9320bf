// The finalized features this program fully serves, and the sentence for a cluster that has others.
#pragma once

#include <span>
#include <string_view>

#include "weir/base/error.h"
#include "weir/metadata/image.h"

namespace weir::metadata {

struct SupportedFeature {
  std::string_view name;
  int16_t min = 0;
  int16_t max = 0;
};

// What a registration of ours lists and what ApiVersions may offer: only what is fully served.
std::span<const SupportedFeature> supported_features();

// Errors: kUnsupportedFeature with a sentence that names the feature, its level and the way out.
Result<void> check_features(const MetadataImage& image);

}  // namespace weir::metadata
