// Where a dump goes: aligned lines for people, or one JSON object a line for programs.
//
// Owner    log_dump(), or a test. Rows leave as they come; nothing is kept but the layout of the last table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "weir/base/bytes.h"
#include "weir/base/ids.h"

namespace weir::cli {

// One field of a row. In JSON its value stands bare (numbers, true, objects made by ourselves) or quoted.
struct Cell {
  std::string_view name;
  std::string value;
  bool quoted = false;
  int width = 0;           // of its column in text; negative: left-aligned
  std::string shown = {};  // in text instead of `value`, when not empty
};

template <typename T>
Cell number_cell(std::string_view name, T value, int width) {
  return {name, fmt::format("{}", value), false, width};
}
Cell text_cell(std::string_view name, std::string_view value, int width);
// Milliseconds in JSON, UTC in text; "-" and null for none.
Cell time_cell(std::string_view name, TimestampMs ms);
// Keys and values of records: text where it is UTF-8, else hexadecimal (name_hex in JSON).
Cell bytes_cell(std::string_view name, std::string_view hex_name, ByteView bytes);

class DumpOutput {
 public:
  DumpOutput(bool json, bool (*write)(void* to, std::string_view text), void* to) : json_(json), write_(write), to_(to) {}

  bool is_json() const { return json_; }
  // What follows is of this file. `what`: "segment", "offset index".
  void begin_file(std::string path, std::string_view what, uint64_t size_bytes);
  // A row of the table `kind`; a change of kind prints the names of the columns.
  void row(std::string_view kind, const std::vector<Cell>& cells);
  // A line below the last row: name and value pairs, in text on one line.
  void detail(std::string_view kind, const std::vector<Cell>& cells);
  // Something is wrong at `position` of the file.
  void problem(uint64_t position, std::string_view sentence);
  void note(std::string_view sentence);

  uint64_t problems() const { return problems_; }
  // Nobody reads any more.
  bool is_closed() const { return closed_; }

 private:
  void print(std::string_view text) { closed_ = closed_ || !write_(to_, text); }
  std::string json_line(std::string_view kind, const std::vector<Cell>& cells) const;

  bool json_;
  bool (*write_)(void* to, std::string_view text);
  void* to_;
  bool first_file_ = true;
  bool closed_ = false;
  std::string path_;
  std::string table_;
  uint64_t problems_ = 0;
};

}  // namespace weir::cli
