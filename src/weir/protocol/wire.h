// The tables that describe every message: which field lies where in the struct and when it lies on the wire.
//
// wiregen writes one table for each struct of each page (`T::kWire`) and one row for each message (`T::kMessage`). One
// interpreter each for decode, encode, size, equality, description and random instances walks them (decode.cc, encode.cc,
// describe.cc, random.cc), so that no message has code of its own. Handlers never need this header's details: use
// decode.h and encode.h.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/protocol/records.h"
#include "weir/protocol/version_range.h"

namespace weir::protocol {

enum class Kind : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kFloat64,
  kUuid,
  kError,
  kString,
  kBytes,
  kRecords,
  kStruct,
};

// The elements of a list (or of a nullable struct: none or one).
struct Elements {
  const std::byte* first = nullptr;
  size_t count = 0;
  bool is_null = false;
};

// How to reach the elements behind a member whose C++ type the interpreter does not know.
struct Sequence {
  Elements (*view)(const void* member);
  // Makes the member hold `count` elements, new ones default, and returns the first.
  std::byte* (*resize)(void* member, size_t count);
  void (*make_null)(void* member);  // null when the member cannot be null
  uint32_t stride;
};

struct Struct;

struct Field {
  std::string_view name;
  uint32_t offset = 0;  // in the struct
  Kind kind = Kind::kBool;
  bool is_array = false;
  bool is_optional = false;  // the member is a std::optional
  bool ignorable = false;
  bool fixed = false;  // never compact
  bool secret = false;
  bool is_key = false;
  bool default_null = false;
  int16_t tag = -1;
  VersionRange versions;
  VersionRange nullable = {};
  VersionRange tagged = {};      // versions in which it lies in the tagged section
  int64_t default_value = 0;     // of an integer or bool
  const Struct* type = nullptr;  // of a struct, or of an array's elements
  const Sequence* sequence = nullptr;
};

struct Struct {
  std::string_view name;
  std::span<const Field> fields;
  std::span<const uint8_t> by_tag;  // indexes of tagged fields, ascending by tag
  uint32_t size_min = 1;            // least bytes on the wire in any version
  uint32_t stride = 0;              // sizeof
};

enum class MessageKind : uint8_t { kRequest, kResponse, kHeader, kData, kRecord, kKey, kValue };

struct Message {
  std::string_view name;  // "FetchRequest"
  std::string_view page;  // "schema/01_fetch.wire"
  MessageKind kind;
  int16_t key;  // api key or record type; -1: none
  VersionRange versions;
  int16_t flexible_from;  // kNever: in no version
  const Struct* root;
  void* (*make)();  // a default instance
  void (*destroy)(void*);

  constexpr bool flexible(int16_t version) const { return version >= flexible_from; }
};

// Any struct of any page, and any whole message.
template <typename T>
concept WireStruct = requires { requires std::same_as<std::remove_cvref_t<decltype(T::kWire)>, Struct>; };
template <typename T>
concept WireMessage = WireStruct<T> && requires { requires std::same_as<std::remove_cvref_t<decltype(T::kMessage)>, Message>; };

// A message whose type is known only at run time.
class AnyMessage {
 public:
  explicit AnyMessage(const Message& message) : message_(&message), instance_(message.make(), message.destroy) {}
  const Message& message() const { return *message_; }
  void* instance() { return instance_.get(); }
  const void* instance() const { return instance_.get(); }

 private:
  const Message* message_;
  std::unique_ptr<void, void (*)(void*)> instance_;
};

// Every message of every page, in the order of the pages. Generated.
std::span<const Message* const> all_messages();

// Whether two instances hold the same values (walks the table).
bool equal_values(const Struct& type, const void* a, const void* b);
// Whether the member that `field` describes holds its default; `member` points at it.
bool is_default(const Field& field, const void* member);

template <WireStruct T>
bool operator==(const T& a, const T& b) {
  return equal_values(T::kWire, &a, &b);
}

namespace detail {

template <typename Member>
struct SequenceOf;

template <typename T>
struct SequenceOf<std::vector<T>> {
  static Elements view(const void* member) {
    const auto& list = *static_cast<const std::vector<T>*>(member);
    return {reinterpret_cast<const std::byte*>(list.data()), list.size(), false};
  }
  static std::byte* resize(void* member, size_t count) {
    auto& list = *static_cast<std::vector<T>*>(member);
    list.resize(count);
    return reinterpret_cast<std::byte*>(list.data());
  }
  static constexpr Sequence kSequence{view, resize, nullptr, sizeof(T)};
};

template <typename T>
struct SequenceOf<std::optional<T>> {
  static Elements view(const void* member) {
    const auto& value = *static_cast<const std::optional<T>*>(member);
    if (!value) return {nullptr, 0, true};
    return {reinterpret_cast<const std::byte*>(&*value), 1, false};
  }
  static std::byte* resize(void* member, size_t) {
    auto& value = *static_cast<std::optional<T>*>(member);
    if (!value) value.emplace();
    return reinterpret_cast<std::byte*>(&*value);
  }
  static void make_null(void* member) { static_cast<std::optional<T>*>(member)->reset(); }
  static constexpr Sequence kSequence{view, resize, make_null, sizeof(T)};
};

template <typename T>
struct SequenceOf<std::optional<std::vector<T>>> {
  using Optional = std::optional<std::vector<T>>;
  static Elements view(const void* member) {
    const auto& list = *static_cast<const Optional*>(member);
    if (!list) return {nullptr, 0, true};
    return {reinterpret_cast<const std::byte*>(list->data()), list->size(), false};
  }
  static std::byte* resize(void* member, size_t count) {
    auto& list = *static_cast<Optional*>(member);
    if (!list) list.emplace();
    list->resize(count);
    return reinterpret_cast<std::byte*>(list->data());
  }
  static void make_null(void* member) { static_cast<Optional*>(member)->reset(); }
  static constexpr Sequence kSequence{view, resize, make_null, sizeof(T)};
};

template <typename T>
void* make_instance() {
  return new T();
}
template <typename T>
void destroy_instance(void* instance) {
  delete static_cast<T*>(instance);
}

}  // namespace detail

}  // namespace weir::protocol
