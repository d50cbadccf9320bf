// What the controller's functions share: they look at the pending image and a request, and say which records to append and
// what to answer. They read no clock, hold no state and touch nothing: every answer can be tested by calling a function.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/error.h"
#include "weir/metadata/image.h"
#include "weir/metadata/records.h"
#include "weir/metadata/topic_config.h"
#include "weir/runtime/random.h"

namespace weir::metadata {

// Records of one change, as in Kafka: they must fit one atomic batch.
inline constexpr size_t kRecordsPerChangeMax = 10'000;

struct ControllerContext {
  const MetadataImage& image;  // with every change decided before this one
  const StaticConfig& fixed;
  BrokerId node;  // whose static configuration `fixed` is
  runtime::Random& random;
  Offset next_offset;  // of the first record decided here

  ConfigContext configs() const { return {image, fixed, node}; }
};

// `records` are empty when nothing changes (all items failed, or validate_only).
template <typename Response>
struct Decision {
  std::vector<MetadataRecord> records;
  Response response;
};

// A request that names a thing more than once gets one refusal for it, where it is named first.
enum class Mention : uint8_t { kOnly, kFirstOfMany, kRepeated };

template <typename Key>
class Mentions {
 public:
  void count(Key key) { ++times_[std::move(key)]; }
  // Of the next mention, in the order of the request.
  Mention next(const Key& key) {
    int& times = times_.at(key);
    if (times == 0) return Mention::kRepeated;
    return std::exchange(times, 0) > 1 ? Mention::kFirstOfMany : Mention::kOnly;
  }

 private:
  std::map<Key, int> times_;  // 0: answered
};

// An item's failure as responses carry it: code and a sentence.
template <typename Item>
void set_error(Item& item, const Error& error) {
  item.error_code = error.code();
  if (error.message().empty()) {
    item.error_message.reset();
  } else {
    item.error_message = error.message();
  }
}

}  // namespace weir::metadata
