#include "weir/cli/proc_files.h"

#include <dirent.h>

#include <charconv>
#include <cstdio>
#include <cstring>

#include "weir/base/assert.h"
#include "weir/cli/load_config.h"

namespace weir::cli {

namespace {
constexpr size_t kProcFileBytesMax = 64 << 20;
}  // namespace

std::string proc_text(const std::string& path) { return read_whole_file(path, kProcFileBytesMax).value_or(""); }

uint64_t number_behind(const std::string& text, const char* name) {
  const size_t at = text.find(name);
  unsigned long long number = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at + std::strlen(name), " %llu", &number) != 1) return 0;
  return number;
}

uint64_t stat_field(const std::string& stat, size_t number) {
  WEIR_ASSERT(number > 2, number);
  // The second field is the program's name in brackets, and may hold anything.
  size_t at = stat.rfind(')');
  for (size_t field = 2; field < number && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  uint64_t value = 0;
  if (at != std::string::npos) std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), value);
  return value;
}

uint64_t count_entries(const std::string& dir) {
  DIR* stream = ::opendir(dir.c_str());
  if (stream == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(stream)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(stream);
  return count;
}

}  // namespace weir::cli
