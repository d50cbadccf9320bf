#include "weir/protocol/describe.h"

#include <fmt/format.h>

#include "weir/protocol/walk.h"

namespace weir::protocol {
namespace {

void describe_into(std::string& out, const Struct& type, const std::byte* instance);

void describe_value(std::string& out, Kind kind, const std::byte* member) {
  visit_value(kind, member, [&]<typename T>(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      out += value.size() <= kDescribedTextMax ? value : value.substr(0, kDescribedTextMax) + "...";
    } else if constexpr (std::is_same_v<T, SharedBytes> || std::is_same_v<T, Records>) {
      fmt::format_to(std::back_inserter(out), "{} bytes", value.size());
    } else if constexpr (std::is_same_v<T, ErrorCode>) {
      out += name_of(value);
    } else if constexpr (std::is_same_v<T, int8_t>) {
      fmt::format_to(std::back_inserter(out), "{}", static_cast<int>(value));
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value);
    }
  });
}

void describe_field(std::string& out, const Field& field, const std::byte* member) {
  if (field.secret) {
    out += "***";
  } else if (field.sequence != nullptr) {
    const Elements elements = field.sequence->view(member);
    if (elements.is_null) {
      out += "null";
      return;
    }
    if (field.is_array) out += '[';
    for (size_t i = 0; i < elements.count; ++i) {
      if (i != 0) out += ", ";
      if (i == kDescribedElementsMax) {
        fmt::format_to(std::back_inserter(out), "... {} more", elements.count - i);
        break;
      }
      const std::byte* element = elements.first + i * field.sequence->stride;
      field.kind == Kind::kStruct ? describe_into(out, *field.type, element) : describe_value(out, field.kind, element);
    }
    if (field.is_array) out += ']';
  } else if (field.kind == Kind::kStruct) {
    describe_into(out, *field.type, member);
  } else if (const std::byte* value = inside_optional(field, member); value == nullptr) {
    out += "null";
  } else {
    describe_value(out, field.kind, value);
  }
}

void describe_into(std::string& out, const Struct& type, const std::byte* instance) {
  out += '{';
  bool first = true;
  for (const Field& field : type.fields) {
    const std::byte* member = instance + field.offset;
    if (is_default(field, member)) continue;
    if (!first) out += ", ";
    first = false;
    out.append(field.name).append("=");
    describe_field(out, field, member);
  }
  out += '}';
}

}  // namespace

std::string describe(const Struct& type, const void* instance) {
  std::string out;
  describe_into(out, type, static_cast<const std::byte*>(instance));
  return out;
}

}  // namespace weir::protocol
