// The names of a simulated disk: directories as readers see them, as a power cut would leave them, and the operations in
// between. Creations, renames and removals are durable once their directory is synced; of the rest a cut leaves, for each
// directory, those up to some point, in order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/runtime/sim/file_content.h"

namespace weir::runtime {

struct SimInode {
  uint64_t id = 0;
  bool is_directory = false;
  int64_t modified_ms = 0;
  FileContent content;                                                    // of a file
  uint64_t claimed = 0;                                                   // bytes of the disk's space
  std::map<std::string, std::shared_ptr<SimInode>, std::less<>> entries;  // of a directory: what readers see
  std::map<std::string, std::shared_ptr<SimInode>, std::less<>> durable;  // and what a cut leaves
};
using SimInodePtr = std::shared_ptr<SimInode>;

class SimTree {
 public:
  SimTree();

  // "/a/b" and "a//./b" are one path; ".." goes up.
  static std::vector<std::string> split(std::string_view path);

  SimInode& root() { return *root_; }
  SimInodePtr find(std::string_view path) const;  // null when it is not there
  struct Spot {
    SimInodePtr directory;
    std::string name;
  };
  // The directory that holds `path`. Errors: kNotFound.
  Result<Spot> spot(std::string_view path) const;

  // Each is one operation of the journal.
  SimInodePtr create(const Spot& at, bool is_directory, int64_t now_ms);
  void remove(const Spot& at);
  void rename(const Spot& from, const Spot& to);

  // A directory sync covers the operations made before it began.
  uint64_t last_operation() const { return next_operation_ - 1; }
  size_t sync(const SimInodePtr& directory, uint64_t up_to);  // how many became durable
  // The journal commits its oldest operations by itself.
  void commit_oldest(size_t count);
  // A sync of everything covers the operations made before it began.
  void commit_through(uint64_t up_to);
  size_t pending() const { return journal_.size(); }

  // A power cut. `mode` as in FileContent::lose; content of the files that are left is lost by the same mode.
  // Says whether anything was lost.
  bool lose(LoseUnsynced mode, Prng& prng);

 private:
  struct Change {
    SimInodePtr directory;
    std::string name;
    SimInodePtr target;  // null: the name is gone
  };
  struct Operation {
    uint64_t id;
    std::vector<Change> changes;  // all or none
  };
  void record(std::vector<Change> changes);
  static void apply(const Operation& operation);

  SimInodePtr root_;
  std::vector<Operation> journal_;
  uint64_t next_operation_ = 1;
  uint64_t next_inode_ = 1;
};

}  // namespace weir::runtime
