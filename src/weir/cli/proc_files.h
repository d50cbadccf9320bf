// What Linux tells of processes in files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::cli {

// A file of /proc; empty when it cannot be read.
std::string proc_text(const std::string& path);
// The first number behind `name`; 0 when there is none, or it is a word ("unlimited").
uint64_t number_behind(const std::string& text, const char* name);
// Numbers in /proc/PID/stat as proc(5) counts them, from 1.
inline constexpr size_t kUserTicks = 14;
inline constexpr size_t kSystemTicks = 15;
inline constexpr size_t kStartTicks = 22;
uint64_t stat_field(const std::string& stat, size_t number);
uint64_t count_entries(const std::string& dir);

}  // namespace weir::cli
