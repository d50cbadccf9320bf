#include "weir/metadata/controller/features.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/format.h"

namespace weir::metadata {
namespace {

constexpr SupportedFeature kSupported[] = {
    {"kraft.version", 0, kKraftVersion},
    {"metadata.version", kMetadataVersionMin, kMetadataVersion},
};

}  // namespace

std::span<const SupportedFeature> supported_features() { return kSupported; }

Result<void> check_features(const MetadataImage& image) {
  for (const auto& [name, level] : image.features) {
    const auto* known = std::ranges::find(kSupported, std::string_view(name), &SupportedFeature::name);
    if (known == std::end(kSupported)) {
      return fail(ErrorCode::kUnsupportedFeature,
                  fmt::format("this cluster has the feature {0} at level {1}, which this version of Weir does not serve; "
                              "set it to level 0 with the server that made the cluster (kafka-features.sh downgrade --feature "
                              "{0}=0), or keep that server",
                              name, level));
    }
    if (level < known->min || level > known->max) {
      return fail(
          ErrorCode::kUnsupportedFeature,
          fmt::format("this cluster has {} {}, and this version of Weir serves {} to {}; {}", name, level, known->min, known->max,
                      level > known->max ? "start it with a newer version of Weir, or keep the server that made it"
                                         : "raise it first with the server that made it (kafka-features.sh upgrade)"));
    }
  }
  return {};
}

}  // namespace weir::metadata
