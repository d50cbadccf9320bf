// What a .wire page says, after parsing and checking. The grammar is in docs/internals/protocol.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wiregen {

inline constexpr int kOpenEnd = 32767;  // "3+": and every later version

// Versions first..last, both included; empty when first > last.
struct Range {
  int first = 0;
  int last = -1;
  bool empty() const { return first > last; }
  bool has(int version) const { return first <= version && version <= last; }
  bool covers(Range other) const { return first <= other.first && other.last <= last; }
  friend bool operator==(Range, Range) = default;
};

inline Range intersect(Range a, Range b) { return {a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last}; }

struct Field {
  std::string name;
  std::string base;  // wire type without [] and ?: int32, string, ... or the name of a struct
  bool is_array = false;
  Range versions;  // in effect: within the versions of what surrounds it
  Range nullable;  // empty: never null
  int tag = -1;    // -1: a field in its place, never in the tagged section
  Range tagged;    // versions in which it lies in the tagged section
  bool has_default = false;
  std::string default_value;  // as written: -1, true, null
  std::string strong;         // C++ type for an integer: ProducerId
  bool ignorable = false;     // a writer may drop a value that the version has no place for
  bool is_key = false;        // part of what makes an element of the list unique
  bool fixed = false;         // never compact, also in flexible versions
  bool secret = false;        // hidden by describe()
  std::vector<std::string> errors;
  bool is_struct = false;
  int line = 0;
};

struct Struct {
  std::string name;
  Range versions;
  std::vector<Field> fields;
  int line = 0;
};

enum class Kind { kRequest, kResponse, kHeader, kData, kRecord, kKey, kValue };

struct Message {
  Kind kind = Kind::kData;
  int key = -1;      // api key, record type; -1: none
  std::string name;  // C++ name: FetchRequest
  std::string api;   // Fetch, for requests and responses
  Range versions;
  Range stable;  // without versions that are hidden by default
  int flexible_from = kOpenEnd;
  bool on_broker = false;
  bool on_controller = false;
  bool forwardable = false;
  bool cluster_action = false;
  // Structs in an order in which each follows those it uses; the last one is the message itself.
  std::vector<Struct> structs;
  const Struct& root() const { return structs.back(); }
};

struct Page {
  std::string file;    // 01_fetch.wire
  std::string stem;    // fetch
  std::string folder;  // "", "metadata" or "internal"
  std::vector<std::string> opening;
  std::vector<Message> messages;
};

}  // namespace wiregen
