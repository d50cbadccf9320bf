#include "weir/cli/dump/output.h"

#include "weir/cli/json_text.h"
#include "weir/cli/utf8.h"
#include "weir/cli/when.h"

namespace weir::cli {
namespace {

constexpr size_t kShownTextMax = 100;  // of a key or value in text
constexpr size_t kShownBytesMax = 32;  // of one that is not text

std::string hex(ByteView bytes, size_t count_max) {
  std::string out;
  for (size_t i = 0; i < bytes.size() && i < count_max; ++i)
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(bytes[i]));
  return out;
}

std::string shortened(std::string_view text) {
  if (text.size() <= kShownTextMax) return std::string(text);
  size_t end = kShownTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

std::string padded(std::string_view text, int width) {
  const auto columns = static_cast<size_t>(width < 0 ? -width : width);
  if (text.size() >= columns) return std::string(text);
  const std::string blanks(columns - text.size(), ' ');
  return width < 0 ? std::string(text) + blanks : blanks + std::string(text);
}

std::string text_line(const std::vector<Cell>& cells, bool names) {
  std::string line;
  for (const Cell& cell : cells) {
    if (!line.empty()) line += "  ";
    line += padded(names                ? cell.name
                   : cell.shown.empty() ? std::string_view(cell.value)
                                        : std::string_view(cell.shown),
                   cell.width);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace

Cell text_cell(std::string_view name, std::string_view value, int width) { return {name, std::string(value), true, width}; }

Cell time_cell(std::string_view name, TimestampMs ms) {
  constexpr int kWidth = -24;
  if (ms == kNoTimestamp) return {name, "null", false, kWidth, "-"};
  return {name, fmt::format("{}", ms), false, kWidth, iso_text(ms)};
}

Cell bytes_cell(std::string_view name, std::string_view hex_name, ByteView bytes) {
  const std::string_view text = as_text(bytes);
  if (is_text(text)) return {name, std::string(text), true, 0, json_string(shortened(text))};
  const char* more = bytes.size() > kShownBytesMax ? "..." : "";
  return {hex_name, hex(bytes, bytes.size()), true, 0,
          fmt::format("{}{} ({} bytes)", hex(bytes, kShownBytesMax), more, bytes.size())};
}

std::string DumpOutput::json_line(std::string_view kind, const std::vector<Cell>& cells) const {
  std::string line = fmt::format("{{\"file\":{},\"kind\":{}", json_string(path_), json_string(kind));
  for (const Cell& cell : cells) {
    fmt::format_to(std::back_inserter(line), ",{}:{}", json_string(cell.name),
                   cell.quoted ? json_string(cell.value) : cell.value);
  }
  line += "}\n";
  return line;
}

void DumpOutput::begin_file(std::string path, std::string_view what, uint64_t size_bytes) {
  path_ = std::move(path);
  table_.clear();
  if (!json_) print(fmt::format("{}{}  ({}, {} bytes)\n", first_file_ ? "" : "\n", path_, what, size_bytes));
  first_file_ = false;
}

void DumpOutput::row(std::string_view kind, const std::vector<Cell>& cells) {
  if (json_) return print(json_line(kind, cells));
  if (table_ != kind) {
    table_ = kind;
    print("  " + text_line(cells, true) + "\n");
  }
  print("  " + text_line(cells, false) + "\n");
}

void DumpOutput::detail(std::string_view kind, const std::vector<Cell>& cells) {
  if (json_) return print(json_line(kind, cells));
  std::string line = "     ";
  for (const Cell& cell : cells) line += fmt::format(" {} {}", cell.name, cell.shown.empty() ? cell.value : cell.shown);
  print(line + "\n");
}

void DumpOutput::problem(uint64_t position, std::string_view sentence) {
  ++problems_;
  if (json_) return print(json_line("problem", {number_cell("position", position, 0), text_cell("problem", sentence, 0)}));
  print(fmt::format("  ! at byte {}: {}\n", position, sentence));
}

void DumpOutput::note(std::string_view sentence) {
  if (json_) return print(json_line("note", {text_cell("note", sentence, 0)}));
  print(fmt::format("  {}\n", sentence));
}

}  // namespace weir::cli
