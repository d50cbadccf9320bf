#include "weir/protocol/random.h"

#include <limits>

#include "weir/protocol/walk.h"

namespace weir::protocol {
namespace {

constexpr unsigned kNullPercent = 25;
constexpr unsigned kEdgePercent = 20;
constexpr uint64_t kElementsBound = 4;    // lists have fewer
constexpr uint64_t kLengthBound = 24;     // strings and bytes have fewer
constexpr uint64_t kRecordsBound = 1500;  // reaches both sides of the sharing threshold

constexpr ErrorCode kSomeErrors[] = {ErrorCode::kNone, ErrorCode::kUnknownServerError, ErrorCode::kOffsetOutOfRange,
                                     ErrorCode::kNotLeaderOrFollower, ErrorCode::kUnknownTopicId};

class Randomizer {
 public:
  Randomizer(Prng& prng, int16_t version) : prng_(prng), version_(version) {}

  void fill(const Struct& type, std::byte* instance) {
    for (const Field& field : type.fields) {
      if (field.versions.has(version_)) fill_field(field, instance + field.offset);
    }
  }

 private:
  void fill_field(const Field& field, std::byte* member) {
    const bool null = field.nullable.has(version_) && prng_.chance(kNullPercent);
    if (field.sequence != nullptr) {
      if (null) {
        field.sequence->make_null(member);
        return;
      }
      const size_t count = field.is_array ? prng_.below(kElementsBound) : 1;
      std::byte* elements = field.sequence->resize(member, count);
      for (size_t i = 0; i < count; ++i) {
        std::byte* element = elements + i * field.sequence->stride;
        field.kind == Kind::kStruct ? fill(*field.type, element) : fill_value(field.kind, element);
      }
    } else if (field.kind == Kind::kStruct) {
      fill(*field.type, member);
    } else if (field.kind == Kind::kRecords && null) {
      *reinterpret_cast<Records*>(member) = Records::null();
    } else if (!field.is_optional) {
      fill_value(field.kind, member);
    } else if (field.kind == Kind::kString) {
      fill_optional<std::string>(field, member, null);
    } else {
      fill_optional<SharedBytes>(field, member, null);
    }
  }

  template <typename T>
  void fill_optional(const Field& field, std::byte* member, bool null) {
    auto& optional = *reinterpret_cast<std::optional<T>*>(member);
    optional.reset();
    if (!null) fill_value(field.kind, reinterpret_cast<std::byte*>(&optional.emplace()));
  }

  void fill_value(Kind kind, std::byte* member) {
    visit_value(kind, member, [&]<typename T>(T& value) {
      if constexpr (std::is_same_v<T, std::string>) {
        value = std::string(prng_.below(kLengthBound), 'a');
        for (char& c : value) c = static_cast<char>('a' + prng_.below(26));
      } else if constexpr (std::is_same_v<T, SharedBytes>) {
        value = some_bytes(kLengthBound);
      } else if constexpr (std::is_same_v<T, Records>) {
        value = Records(some_bytes(kRecordsBound));
        if (prng_.chance(50)) value.add(some_bytes(kRecordsBound));
      } else if constexpr (std::is_same_v<T, Uuid>) {
        value = {prng_.next(), prng_.next()};
      } else if constexpr (std::is_same_v<T, bool>) {
        value = prng_.chance(50);
      } else if constexpr (std::is_same_v<T, ErrorCode>) {
        value = kSomeErrors[prng_.below(std::size(kSomeErrors))];
      } else if constexpr (std::is_same_v<T, double>) {
        value = prng_.unit();
      } else {
        value = static_cast<T>(prng_.next());
        if (prng_.chance(kEdgePercent)) value = prng_.chance(50) ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
      }
    });
  }

  SharedBytes some_bytes(uint64_t bound) {
    SharedBytes bytes = SharedBytes::allocate(prng_.below(bound));
    for (std::byte& byte : bytes.mutable_view()) byte = static_cast<std::byte>(prng_.next());
    return bytes;
  }

  Prng& prng_;
  int16_t version_;
};

}  // namespace

void randomize(const Message& message, int16_t version, Prng& prng, void* instance) {
  Randomizer(prng, version).fill(*message.root, static_cast<std::byte*>(instance));
}

}  // namespace weir::protocol
