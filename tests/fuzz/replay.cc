// weir_fuzz_replay: runs the kept inputs of every fuzzer through it once, without libFuzzer.
//
//   weir_fuzz_replay FOLDER            FOLDER/<fuzzer>.corpus, each input once; a fuzzer without a file fails
//   weir_fuzz_replay --unpack FILE DIR  the inputs as files, for libFuzzer
//   weir_fuzz_replay --pack DIR FILE BYTES  the files of a folder, smallest first, up to so many bytes
//
// Format of a corpus: inputs one after another, each its size in four bytes, big-endian, and its bytes.
#include <dirent.h>
#include <sys/stat.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "weir/base/endian.h"

#define WEIR_FUZZER(name) extern "C" int weir_fuzz_##name(const uint8_t* data, size_t size);
#include "fuzzers.inc"
#undef WEIR_FUZZER

// Of a sanitizer's run time, where there is one.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::string;

struct Fuzzer {
  const char* name;
  int (*run)(const uint8_t*, size_t);
};
constexpr Fuzzer kFuzzers[] = {
#define WEIR_FUZZER(name) {#name, &weir_fuzz_##name},
#include "fuzzers.inc"
#undef WEIR_FUZZER
};
constexpr size_t kSizeBytes = 4;

bool read_file(const std::string& path, std::string& into) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  char piece[1 << 16];
  for (size_t count; (count = std::fread(piece, 1, sizeof piece, file)) > 0;) into.append(piece, count);
  std::fclose(file);
  return true;
}

bool write_file(const std::string& path, const std::string& content) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  return std::fclose(file) == 0 && written;
}

std::vector<Input> inputs_of(const std::string& packed, bool& whole) {
  std::vector<Input> inputs;
  size_t at = 0;
  while (at + kSizeBytes <= packed.size()) {
    const auto size = static_cast<size_t>(weir::load_be<uint32_t>(reinterpret_cast<const std::byte*>(packed.data() + at)));
    at += kSizeBytes;
    if (size > packed.size() - at) break;
    inputs.push_back(packed.substr(at, size));
    at += size;
  }
  whole = at == packed.size();
  return inputs;
}

int complain(const std::string& what) {
  fmt::print(stderr, "weir_fuzz_replay: {}\n", what);
  return 1;
}

// What runs now: a crash must say which input it was.
struct {
  const char* fuzzer = nullptr;
  size_t input = 0;
} current;

void name_the_input() { std::fprintf(stderr, "weir_fuzz_replay: %s, input %zu\n", current.fuzzer, current.input); }

void name_the_input_and_die(int signal) {
  name_the_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void name_inputs_of_crashes() {
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(name_the_input);   // a sanitizer takes the signals
  else for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, name_the_input_and_die);
}

int replay(const std::string& folder) {
  name_inputs_of_crashes();
  for (const Fuzzer& fuzzer : kFuzzers) {
    const std::string path = fmt::format("{}/{}.corpus", folder, fuzzer.name);
    std::string packed;
    if (!read_file(path, packed)) return complain(fmt::format("there is no {}: run the fuzzer, then keep its inputs (./dev fuzz --keep)", path));
    bool whole = false;
    const std::vector<Input> inputs = inputs_of(packed, whole);
    if (!whole || inputs.empty()) return complain(fmt::format("{} is cut or empty", path));
    for (size_t i = 0; i < inputs.size(); ++i) {
      current = {fuzzer.name, i};
      fuzzer.run(reinterpret_cast<const uint8_t*>(inputs[i].data()), inputs[i].size());
    }
    fmt::print("{}: {} inputs, {} bytes\n", fuzzer.name, inputs.size(), packed.size());
    std::fflush(stdout);
  }
  return 0;
}

int unpack(const std::string& from, const std::string& folder) {
  std::string packed;
  bool whole = false;
  if (!read_file(from, packed)) return complain(fmt::format("{} cannot be read", from));
  const std::vector<Input> inputs = inputs_of(packed, whole);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!write_file(fmt::format("{}/kept-{:05}", folder, i), inputs[i])) return complain(fmt::format("cannot write below {}", folder));
  }
  return whole ? 0 : complain(fmt::format("{} is cut", from));
}

int pack(const std::string& folder, const std::string& to, size_t bytes_max) {
  DIR* const entries = opendir(folder.c_str());
  if (entries == nullptr) return complain(fmt::format("{} cannot be read", folder));
  std::vector<Input> inputs;
  while (const dirent* const entry = readdir(entries)) {
    const std::string path = folder + "/" + entry->d_name;
    struct stat facts{};
    if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    if (!read_file(path, inputs.emplace_back())) return complain(fmt::format("{} cannot be read", path));
  }
  closedir(entries);
  std::sort(inputs.begin(), inputs.end(), [](const Input& a, const Input& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
  inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
  std::string packed;
  size_t kept = 0;
  for (const Input& input : inputs) {
    if (packed.size() + kSizeBytes + input.size() > bytes_max) break;
    std::byte size[kSizeBytes];
    weir::store_be(size, static_cast<uint32_t>(input.size()));
    packed.append(reinterpret_cast<const char*>(size), kSizeBytes);
    packed += input;
    ++kept;
  }
  if (!write_file(to, packed)) return complain(fmt::format("{} cannot be written", to));
  fmt::print("{}: {} of {} inputs, {} bytes\n", to, kept, inputs.size(), packed.size());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (count == 4 && verb == "--unpack") return unpack(words[2], words[3]);
  if (count == 5 && verb == "--pack") return pack(words[2], words[3], std::strtoull(words[4], nullptr, 10));
  if (count == 2 && !verb.starts_with("-")) return replay(verb);
  return complain("usage: weir_fuzz_replay FOLDER | --unpack FILE DIR | --pack DIR FILE BYTES");
}
