// The levels of metadata.version: which of them Weir serves, and what a record may say in each.
//
// Format   docs/formats/metadata-log.md. The numbers are those of Apache Kafka 4.3's MetadataVersion.
#pragma once

#include <cstdint>

namespace weir::metadata {

inline constexpr int16_t kMetadataVersion = 30;    // of a fresh cluster: 4.3-IV0
inline constexpr int16_t kMetadataVersionMin = 7;  // 3.3-IV3, the oldest that Kafka 4.x reads

// Levels at which records gained fields, or were there at all.
inline constexpr int16_t kLevelControlledShutdown = 7;  // 3.3-IV3
inline constexpr int16_t kLevelZkMigration = 8;         // 3.4-IV0
inline constexpr int16_t kLevelControllers = 15;        // 3.7-IV0: registrations of controllers
inline constexpr int16_t kLevelDirectories = 17;        // 3.7-IV2: directory ids of brokers and replicas
inline constexpr int16_t kLevelElr = 23;                // 4.0-IV1
inline constexpr int16_t kLevelCordoned = 30;           // 4.3-IV0

// Whoever decides a record asks first: a record says nothing that the version it is written in has no place for.
constexpr bool has_directories(int16_t level) { return level >= kLevelDirectories; }

}  // namespace weir::metadata
