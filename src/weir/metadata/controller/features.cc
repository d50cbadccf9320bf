#include "weir/metadata/controller/features.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/metadata_version.h"
#include "weir/raft/quorum.h"

namespace weir::metadata {
namespace {

constexpr SupportedFeature kSupported[] = {
    {"kraft.version", 0, raft::kKraftVersionMax},
    {"metadata.version", kMetadataVersionMin, kMetadataVersion},
};

}  // namespace

std::span<const SupportedFeature> supported_features() { return kSupported; }

Result<void> check_features(const MetadataImage& image) {
  std::string unknown;
  std::string downgrades;
  for (const auto& [name, level] : image.features) {
    const auto* known = std::ranges::find(kSupported, std::string_view(name), &SupportedFeature::name);
    if (known == std::end(kSupported)) {
      unknown += fmt::format("{}{} {}", unknown.empty() ? "" : ", ", name, level);
      downgrades += fmt::format(" --feature {}=0", name);
      continue;
    }
    if (level < known->min || level > known->max) {
      return fail(
          ErrorCode::kUnsupportedFeature,
          fmt::format("this cluster has {} {}, and this version of Weir serves {} to {}\n{}", name, level, known->min, known->max,
                      level > known->max ? "start it with a newer version of Weir, or keep the server that made it"
                                         : "raise it first with the server that made it (kafka-features.sh upgrade)"));
    }
  }
  if (unknown.empty()) return {};
  return fail(ErrorCode::kUnsupportedFeature,
              fmt::format("this cluster has finalized features that this version of Weir does not serve: {}\n"
                          "set them to level 0 with the server that made the cluster, or keep that server:\n"
                          "kafka-features.sh --bootstrap-server HOST:PORT downgrade{}",
                          unknown, downgrades));
}

}  // namespace weir::metadata
