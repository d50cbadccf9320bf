// A record of the metadata log, any of the types of Kafka 4.3, and its way to bytes and back.
#pragma once

#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/protocol/metadata_records.h"

namespace weir::metadata {

struct MetadataImage;

// A class of its own, so that headers can name it without the generated records.
struct MetadataRecord {
  template <typename T>
    requires(!std::same_as<std::remove_cvref_t<T>, MetadataRecord>)
  MetadataRecord(T&& record) : value(std::forward<T>(record)) {}
  protocol::MetadataRecord value;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
};

// The value of the record in the version that a cluster of `metadata_version` writes.
Result<Bytes> encode_record(const MetadataRecord& record, int16_t metadata_version);
Result<std::vector<Bytes>> encode_records(const std::vector<MetadataRecord>& records, int16_t metadata_version);
// Errors: kMalformedFile, kUnsupportedVersion (a type or version newer than Kafka 4.3's). Borrows from `value`.
Result<MetadataRecord> decode_record(ByteView value);

// The records that rebuild `image` from nothing, in Kafka's order: features first, then brokers, controllers, topics,
// configurations, quotas, producer ids, ACLs, credentials, tokens. What a snapshot holds. They say no more than the image's
// own metadata.version has a place for.
std::vector<MetadataRecord> records_of(const MetadataImage& image);

}  // namespace weir::metadata
