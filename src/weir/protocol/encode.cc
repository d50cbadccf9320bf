#include "weir/protocol/encode.h"

#include <fmt/core.h>

namespace weir::protocol {
namespace {

constexpr size_t kEncodedStringBytesMax = INT16_MAX;

template <typename T>
const T& as(const std::byte* member) {
  return *reinterpret_cast<const T*>(member);
}

// Takes the place of FrameWriter when only the size is wanted.
class Counter {
 public:
  template <std::integral T>
  void integer(T) {
    size_ += sizeof(T);
  }
  void f64(double) { size_ += sizeof(double); }
  void unsigned_varint(uint32_t value) { size_ += unsigned_varint_size(value); }
  void bytes(ByteView view) { size_ += view.size(); }
  void share(const SharedBytes& slice) { size_ += slice.size(); }
  void share(const std::shared_ptr<const FileRange>& file) { size_ += file->size; }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};

template <typename Sink>
class Encoder {
 public:
  Encoder(Sink& out, int16_t version, bool flexible) : out_(out), version_(version), flexible_(flexible) {}

  bool write_struct(const Struct& type, const std::byte* from) {
    for (const Field& field : type.fields) {
      const std::byte* member = from + field.offset;
      if (!field.versions.has(version_)) {
        if (!field.ignorable && !is_default(field, member)) [[unlikely]] {
          return broken(field, ErrorCode::kUnsupportedVersion, "is set but this version has no place for it");
        }
        continue;
      }
      if (field.tagged.has(version_)) continue;
      if (!write_field(field, member)) [[unlikely]]
        return within(field);
    }
    return !flexible_ || write_tagged(type, from);
  }

  bool write_field(const Field& field, const std::byte* member) {
    if (field.is_array) return write_array(field, member);
    if (field.kind != Kind::kStruct) return write_value(field, member, field.is_optional);
    if (!field.is_optional) return write_struct(*field.type, member);
    const Elements value = field.sequence->view(member);
    if (!field.nullable.has(version_)) return value.is_null ? null_refused() : write_struct(*field.type, value.first);
    if (field.tagged.has(version_)) {
      out_.unsigned_varint(value.is_null ? 0 : 1);
    } else {
      out_.integer(value.is_null ? int8_t{-1} : int8_t{1});
    }
    return value.is_null || write_struct(*field.type, value.first);
  }

  Error error(const Message& message) const {
    return Error(code_, fmt::format("{} v{}: {}: {}", message.name, version_, path_, why_));
  }

 private:
  bool write_value(const Field& field, const std::byte* member, bool is_optional) {
    switch (field.kind) {
      case Kind::kBool: out_.integer(static_cast<int8_t>(as<bool>(member) ? 1 : 0)); return true;
      case Kind::kInt8: out_.integer(as<int8_t>(member)); return true;
      case Kind::kInt16:
      case Kind::kUint16: out_.integer(as<int16_t>(member)); return true;
      case Kind::kInt32:
      case Kind::kUint32: out_.integer(as<int32_t>(member)); return true;
      case Kind::kInt64: out_.integer(as<int64_t>(member)); return true;
      case Kind::kFloat64: out_.f64(as<double>(member)); return true;
      case Kind::kUuid: {
        const Uuid& id = as<Uuid>(member);
        out_.integer(id.high);
        out_.integer(id.low);
        return true;
      }
      case Kind::kError: out_.integer(to_wire(as<ErrorCode>(member))); return true;
      case Kind::kString: {
        const bool compact = flexible_ && !field.fixed;
        const std::string* text = &as<std::string>(member);
        if (is_optional) {
          const auto& optional = as<std::optional<std::string>>(member);
          text = optional ? &*optional : nullptr;
        }
        if (text == nullptr) return write_null(field, [&] { compact ? out_.unsigned_varint(0) : out_.integer(int16_t{-1}); });
        if (text->size() > kEncodedStringBytesMax) return refuse(ErrorCode::kInvalidArgument, "the string is too long");
        compact ? out_.unsigned_varint(static_cast<uint32_t>(text->size() + 1))
                : out_.integer(static_cast<int16_t>(text->size()));
        out_.bytes(as_bytes(*text));
        return true;
      }
      case Kind::kBytes: {
        const SharedBytes* value = &as<SharedBytes>(member);
        if (is_optional) {
          const auto& optional = as<std::optional<SharedBytes>>(member);
          value = optional ? &*optional : nullptr;
        }
        if (value == nullptr) return write_null(field, [&] { write_length(-1); });
        write_length(static_cast<int64_t>(value->size()));
        out_.bytes(*value);
        return true;
      }
      case Kind::kRecords: {
        const Records& records = as<Records>(member);
        if (records.is_null()) return write_null(field, [&] { write_length(-1); });
        write_length(static_cast<int64_t>(records.size()));
        if (records.file() != nullptr) out_.share(records.file());
        for (size_t i = 0; i < records.slice_count(); ++i) out_.share(records.slice(i));
        return true;
      }
      case Kind::kStruct: return write_struct(*field.type, member);
    }
    return false;
  }

  bool write_array(const Field& field, const std::byte* member) {
    const Elements elements = field.sequence->view(member);
    if (elements.is_null) return write_null(field, [&] { write_length(-1); });
    write_length(static_cast<int64_t>(elements.count));
    for (size_t i = 0; i < elements.count; ++i) {
      const std::byte* element = elements.first + i * field.sequence->stride;
      const bool good = field.kind == Kind::kStruct ? write_struct(*field.type, element) : write_value(field, element, false);
      if (!good) [[unlikely]] {
        path_ = path_.empty() ? fmt::format("[{}]", i) : fmt::format("[{}].{}", i, path_);
        return false;
      }
    }
    return true;
  }

  bool write_tagged(const Struct& type, const std::byte* from) {
    uint32_t count = 0;
    for (const uint8_t index : type.by_tag) {
      const Field& field = type.fields[index];
      count += field.tagged.has(version_) && !is_default(field, from + field.offset) ? 1 : 0;
    }
    out_.unsigned_varint(count);
    if (count == 0) return true;
    for (const uint8_t index : type.by_tag) {
      const Field& field = type.fields[index];
      const std::byte* member = from + field.offset;
      if (!field.tagged.has(version_) || is_default(field, member)) continue;
      Counter counter;
      Encoder<Counter> sizer(counter, version_, flexible_);
      if (!sizer.write_field(field, member)) {
        take_error(sizer);
        return within(field);
      }
      out_.unsigned_varint(static_cast<uint32_t>(field.tag));
      out_.unsigned_varint(static_cast<uint32_t>(counter.size()));
      write_field(field, member);
    }
    return true;
  }

  void write_length(int64_t length) {
    flexible_ ? out_.unsigned_varint(static_cast<uint32_t>(length + 1)) : out_.integer(static_cast<int32_t>(length));
  }

  template <typename Write>
  bool write_null(const Field& field, Write write) {
    if (!field.nullable.has(version_)) return null_refused();
    write();
    return true;
  }

  bool null_refused() { return refuse(ErrorCode::kInvalidArgument, "is null but may not be in this version"); }
  bool refuse(ErrorCode code, std::string_view why) {
    code_ = code;
    why_ = why;
    return false;
  }
  bool broken(const Field& field, ErrorCode code, std::string_view why) {
    refuse(code, why);
    return within(field);
  }
  bool within(const Field& field) {
    path_ = path_.empty() ? std::string(field.name) : fmt::format("{}{}{}", field.name, path_.starts_with('[') ? "" : ".", path_);
    return false;
  }
  template <typename Other>
  void take_error(Encoder<Other>& other) {
    code_ = other.code_;
    why_ = other.why_;
    path_ = std::move(other.path_);
  }

  template <typename>
  friend class Encoder;

  Sink& out_;
  int16_t version_;
  bool flexible_;
  ErrorCode code_ = ErrorCode::kNone;
  std::string_view why_;
  std::string path_;
};

}  // namespace

Result<void> encode_from(const Message& message, int16_t version, const void* instance, FrameWriter& out) {
  if (!message.versions.has(version)) {
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} has versions {}-{}, not {}", message.name, message.versions.first,
                                                            message.versions.last, version));
  }
  Encoder<FrameWriter> encoder(out, version, message.flexible(version));
  if (!encoder.write_struct(*message.root, static_cast<const std::byte*>(instance))) return fail(encoder.error(message));
  // A frame's length is an int32.
  if (out.size() > INT32_MAX) return fail(ErrorCode::kOutputTooLarge, fmt::format("{} takes {} bytes, no frame may", message.name, out.size()));
  return {};
}

size_t size_of(const Message& message, int16_t version, const void* instance) {
  Counter counter;
  Encoder<Counter> encoder(counter, version, message.flexible(version));
  encoder.write_struct(*message.root, static_cast<const std::byte*>(instance));
  return counter.size();
}

}  // namespace weir::protocol
