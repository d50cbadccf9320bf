#include "weir/protocol/decode.h"

#include <algorithm>
#include <bit>

#include <fmt/core.h>

#include "weir/base/reader.h"

namespace weir::protocol {
namespace {

constexpr size_t kStringBytesMax = INT16_MAX;
constexpr int64_t kNullLength = -1;
// An element of three bytes may be a struct of a hundred: lists in lists would make gigabytes of one frame.
constexpr size_t kElementBytesMax = size_t{256} << 20;

class Decoder {
 public:
  Decoder(ByteView body, const SharedBytes* owner, int16_t version, bool flexible)
      : in_(body), owner_(owner), version_(version), flexible_(flexible) {}

  bool read_struct(const Struct& type, std::byte* into) {
    for (const Field& field : type.fields) {
      if (!field.versions.has(version_) || field.tagged.has(version_)) continue;
      if (!read_field(field, into + field.offset)) [[unlikely]]
        return within(field.name);
    }
    return !flexible_ || read_tagged(type, into);
  }

  size_t position() const { return in_.position(); }
  std::string failure(const Message& message) const {
    return fmt::format("{} v{}: {}: {}, at byte {}", message.name, version_, path_.empty() ? "body" : path_, why_, failed_at_);
  }

 private:
  template <typename T>
  bool scalar(void* member, T value, size_t at) {
    if (in_.failed()) [[unlikely]]
      return broken(at, "the frame ends inside it");
    std::memcpy(member, &value, sizeof value);
    return true;
  }

  bool read_field(const Field& field, std::byte* member) {
    if (field.is_array) return read_array(field, member);
    if (field.kind == Kind::kStruct) {
      if (!field.is_optional) return read_struct(*field.type, member);
      if (!field.nullable.has(version_)) return read_struct(*field.type, field.sequence->resize(member, 1));
      // Before the struct stands a byte, -1 for null; in the tagged section an unsigned varint, 0 for null.
      const size_t at = in_.position();
      const bool null = field.tagged.has(version_) ? in_.unsigned_varint() == 0 : in_.i8() < 0;
      if (in_.failed()) return broken(at, "the frame ends inside it");
      if (null) {
        field.sequence->make_null(member);
        return true;
      }
      return read_struct(*field.type, field.sequence->resize(member, 1));
    }
    return read_value(field, member, field.is_optional, field.nullable.has(version_));
  }

  // One value that is neither list nor struct; also an element of a list.
  bool read_value(const Field& field, std::byte* member, bool is_optional, bool may_be_null) {
    const size_t at = in_.position();
    switch (field.kind) {
      case Kind::kBool: return scalar(member, in_.i8() != 0, at);
      case Kind::kInt8: return scalar(member, in_.i8(), at);
      case Kind::kInt16: return scalar(member, in_.i16(), at);
      case Kind::kUint16: return scalar(member, in_.u16(), at);
      case Kind::kInt32: return scalar(member, in_.i32(), at);
      case Kind::kUint32: return scalar(member, in_.u32(), at);
      case Kind::kInt64: return scalar(member, in_.i64(), at);
      case Kind::kFloat64: return scalar(member, in_.f64(), at);
      case Kind::kUuid: {
        const auto high = in_.integer<uint64_t>();
        return scalar(member, Uuid{high, in_.integer<uint64_t>()}, at);
      }
      case Kind::kError: {
        const int16_t number = in_.i16();
        return scalar(member, number == 0 ? ErrorCode::kNone : from_wire(number), at);
      }
      case Kind::kString: {
        const int64_t length = flexible_ && !field.fixed ? compact_length() : in_.i16();
        ByteView view;
        if (!read_view(length, at, may_be_null, kStringBytesMax, view)) return false;
        auto* optional = is_optional ? reinterpret_cast<std::optional<std::string>*>(member) : nullptr;
        if (length < 0) {
          optional->reset();
          return true;
        }
        std::string& text = optional == nullptr ? *reinterpret_cast<std::string*>(member) : optional->emplace();
        text.assign(as_text(view));
        return true;
      }
      case Kind::kBytes: {
        const int64_t length = flexible_ ? compact_length() : in_.i32();
        ByteView view;
        if (!read_view(length, at, may_be_null, SIZE_MAX, view)) return false;
        if (!is_optional) {
          *reinterpret_cast<SharedBytes*>(member) = slice(view);
        } else if (auto& optional = *reinterpret_cast<std::optional<SharedBytes>*>(member); length < 0) {
          optional.reset();
        } else {
          optional = slice(view);
        }
        return true;
      }
      case Kind::kRecords: {
        const int64_t length = flexible_ ? compact_length() : in_.i32();
        ByteView view;
        if (!read_view(length, at, may_be_null, SIZE_MAX, view)) return false;
        *reinterpret_cast<Records*>(member) = length < 0 ? Records::null() : Records(slice(view));
        return true;
      }
      case Kind::kStruct: return read_struct(*field.type, member);
    }
    return false;
  }

  bool read_array(const Field& field, std::byte* member) {
    const size_t at = in_.position();
    const int64_t length = flexible_ ? compact_length() : in_.i32();
    if (in_.failed()) return broken(at, "the frame ends inside it");
    if (length < 0) {
      if (!field.nullable.has(version_)) return broken(at, "is null but may not be");
      field.sequence->make_null(member);
      return true;
    }
    const auto count = static_cast<size_t>(length);
    const size_t element_min = field.kind == Kind::kStruct ? field.type->size_min : 1;
    if (count > kListLengthMax || count > in_.remaining() / element_min) {
      return broken(at, fmt::format("a list of {} cannot lie in {} bytes", count, in_.remaining()));
    }
    const uint32_t stride = field.sequence->stride;
    element_bytes_ += count * stride;
    if (element_bytes_ > kElementBytesMax) return broken(at, fmt::format("its lists take more than {} bytes of memory", kElementBytesMax));
    size_t room = std::min(count, kElementsUpFront);
    std::byte* elements = field.sequence->resize(member, room);
    for (size_t i = 0; i < count; ++i) {
      if (i == room) {
        room = std::min(count, room * 2);
        elements = field.sequence->resize(member, room);
      }
      const bool good = field.kind == Kind::kStruct ? read_struct(*field.type, elements + i * stride)
                                                    : read_value(field, elements + i * stride, false, false);
      if (!good) return at_index(i);
    }
    return true;
  }

  bool read_tagged(const Struct& type, std::byte* into) {
    const size_t at = in_.position();
    const uint32_t count = in_.unsigned_varint();
    if (in_.failed()) return broken(at, "the frame ends inside the tagged fields");
    if (count == 0) [[likely]]
      return true;
    if (count > kTaggedFieldsMax || count > in_.remaining() / 2) {
      return broken(at, fmt::format("{} tagged fields cannot lie in {} bytes", count, in_.remaining()));
    }
    for (uint32_t i = 0; i < count; ++i) {
      const size_t start = in_.position();
      const uint32_t tag = in_.unsigned_varint();
      const uint32_t size = in_.unsigned_varint();
      if (in_.failed() || size > in_.remaining()) return broken(start, "a tagged field does not end inside the frame");
      const Field* field = find_tag(type, tag);
      if (field == nullptr) {
        in_.skip(size);
        continue;
      }
      const size_t begin = in_.position();
      if (!read_field(*field, into + field->offset)) return within(field->name);
      if (in_.position() - begin != size) {
        broken(begin, fmt::format("takes {} bytes, its tag says {}", in_.position() - begin, size));
        return within(field->name);
      }
    }
    return true;
  }

  const Field* find_tag(const Struct& type, uint32_t tag) const {
    for (const uint8_t index : type.by_tag) {
      const Field& field = type.fields[index];
      if (static_cast<uint32_t>(field.tag) == tag) return field.tagged.has(version_) ? &field : nullptr;
    }
    return nullptr;
  }

  int64_t compact_length() { return static_cast<int64_t>(in_.unsigned_varint()) + kNullLength; }

  bool read_view(int64_t length, size_t at, bool may_be_null, size_t bytes_max, ByteView& view) {
    if (in_.failed()) return broken(at, "the frame ends inside it");
    if (length < 0) return may_be_null || broken(at, "is null but may not be");
    if (static_cast<size_t>(length) > bytes_max) return broken(at, fmt::format("{} bytes are too many", length));
    if (static_cast<size_t>(length) > in_.remaining()) {
      return broken(at, fmt::format("{} bytes cannot lie in {}", length, in_.remaining()));
    }
    view = in_.bytes(static_cast<size_t>(length));
    return true;
  }

  SharedBytes slice(ByteView view) const {
    return owner_ == nullptr ? SharedBytes(nullptr, view)
                             : owner_->slice(static_cast<size_t>(view.data() - owner_->data()), view.size());
  }

  // Errors are rare: the path is put together while returning.
  bool broken(size_t at, std::string why) {
    failed_at_ = at;
    why_ = std::move(why);
    return false;
  }
  bool within(std::string_view name) {
    path_ = path_.empty()            ? std::string(name)
            : path_.starts_with('[') ? fmt::format("{}{}", name, path_)
                                     : fmt::format("{}.{}", name, path_);
    return false;
  }
  bool at_index(size_t index) {
    path_ = path_.empty() ? fmt::format("[{}]", index) : fmt::format("[{}].{}", index, path_);
    return false;
  }

  Reader in_;
  const SharedBytes* owner_;
  int16_t version_;
  bool flexible_;
  size_t element_bytes_ = 0;  // of all lists, in memory
  size_t failed_at_ = 0;
  std::string why_;
  std::string path_;
};

}  // namespace

Result<size_t> decode_into(const Message& message, int16_t version, ByteView body, const SharedBytes* owner, void* instance) {
  if (!message.versions.has(version)) {
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} has versions {}-{}, not {}", message.name, message.versions.first,
                                                            message.versions.last, version));
  }
  Decoder decoder(body, owner, version, message.flexible(version));
  if (!decoder.read_struct(*message.root, static_cast<std::byte*>(instance))) {
    return fail(ErrorCode::kMalformedFrame, decoder.failure(message));
  }
  return decoder.position();
}

}  // namespace weir::protocol
