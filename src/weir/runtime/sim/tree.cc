#include "weir/runtime/sim/tree.h"

#include <algorithm>
#include <set>

#include "weir/base/assert.h"

namespace weir::runtime {

namespace {
constexpr size_t kJournalOperationsMax = 2000;  // ext4 commits every few seconds whether asked or not
}  // namespace

SimTree::SimTree() : root_(std::make_shared<SimInode>()) { root_->is_directory = true; }

std::vector<std::string> SimTree::split(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (name.empty() || name == ".") continue;
    if (name != "..")
      names.emplace_back(name);
    else if (!names.empty())
      names.pop_back();
  }
  return names;
}

SimInodePtr SimTree::find(std::string_view path) const {
  SimInodePtr at = root_;
  for (const std::string& name : split(path)) {
    const auto entry = at->entries.find(name);
    if (entry == at->entries.end()) return nullptr;
    at = entry->second;
  }
  return at;
}

Result<SimTree::Spot> SimTree::spot(std::string_view path) const {
  std::vector<std::string> names = split(path);
  if (names.empty()) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: the root directory", path));
  std::string last = std::move(names.back());
  names.pop_back();
  SimInodePtr at = root_;
  for (const std::string& name : names) {
    const auto entry = at->entries.find(name);
    if (entry == at->entries.end() || !entry->second->is_directory) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: no such file or directory", path));
    }
    at = entry->second;
  }
  return Spot{std::move(at), std::move(last)};
}

SimInodePtr SimTree::create(const Spot& at, bool is_directory, int64_t now_ms) {
  WEIR_ASSERT(!at.directory->entries.contains(at.name), at.name);
  auto inode = std::make_shared<SimInode>();
  inode->id = next_inode_++;
  inode->is_directory = is_directory;
  inode->modified_ms = now_ms;
  at.directory->entries[at.name] = inode;
  record({{at.directory, at.name, inode}});
  return inode;
}

void SimTree::remove(const Spot& at) {
  at.directory->entries.erase(at.name);
  record({{at.directory, at.name, nullptr}});
}

void SimTree::rename(const Spot& from, const Spot& to) {
  const auto entry = from.directory->entries.find(from.name);
  WEIR_ASSERT(entry != from.directory->entries.end(), from.name);
  const SimInodePtr inode = entry->second;
  from.directory->entries.erase(entry);
  to.directory->entries[to.name] = inode;
  record({{from.directory, from.name, nullptr}, {to.directory, to.name, inode}});
}

void SimTree::record(std::vector<Change> changes) {
  journal_.push_back({next_operation_++, std::move(changes)});
  if (journal_.size() > kJournalOperationsMax) commit_oldest(kJournalOperationsMax / 2);
}

void SimTree::apply(const Operation& operation) {
  for (const Change& change : operation.changes) {
    if (change.target == nullptr)
      change.directory->durable.erase(change.name);
    else
      change.directory->durable[change.name] = change.target;
  }
}

size_t SimTree::sync(const SimInodePtr& directory, uint64_t up_to) {
  // Backwards: an operation over two directories drags in what came before it in either.
  std::set<uint64_t> directories{directory->id};
  std::vector<bool> covered(journal_.size());
  size_t count = 0;
  for (size_t i = journal_.size(); i-- > 0;) {
    const Operation& operation = journal_[i];
    if (operation.id > up_to) continue;
    const bool touches = std::any_of(operation.changes.begin(), operation.changes.end(),
                                     [&](const Change& change) { return directories.contains(change.directory->id); });
    if (!touches) continue;
    covered[i] = true;
    ++count;
    for (const Change& change : operation.changes) directories.insert(change.directory->id);
  }
  std::vector<Operation> left;
  for (size_t i = 0; i < journal_.size(); ++i) {
    if (covered[i])
      apply(journal_[i]);
    else
      left.push_back(std::move(journal_[i]));
  }
  journal_ = std::move(left);
  return count;
}

void SimTree::commit_oldest(size_t count) {
  count = std::min(count, journal_.size());
  for (size_t i = 0; i < count; ++i) apply(journal_[i]);
  journal_.erase(journal_.begin(), journal_.begin() + static_cast<ptrdiff_t>(count));
}

void SimTree::commit_through(uint64_t up_to) {
  size_t count = 0;
  while (count < journal_.size() && journal_[count].id <= up_to) ++count;
  commit_oldest(count);
}

bool SimTree::lose(LoseUnsynced mode, Prng& prng) {
  bool lost = false;
  std::set<uint64_t> cut;
  const unsigned percent = static_cast<unsigned>(prng.between(0, 60));
  for (const Operation& operation : journal_) {
    bool keep = mode == LoseUnsynced::kZeroExtended;
    if (mode != LoseUnsynced::kAll && !keep) {
      keep = !prng.chance(percent) && std::none_of(operation.changes.begin(), operation.changes.end(),
                                                   [&](const Change& change) { return cut.contains(change.directory->id); });
    }
    if (keep) {
      apply(operation);
      continue;
    }
    lost = true;
    for (const Change& change : operation.changes) cut.insert(change.directory->id);
  }
  journal_.clear();
  // What is reachable now is what there is. Inode numbers give the order, so that draws do not depend on names.
  std::map<uint64_t, SimInodePtr> files;
  std::vector<SimInodePtr> directories{root_};
  while (!directories.empty()) {
    const SimInodePtr directory = std::move(directories.back());
    directories.pop_back();
    directory->entries = directory->durable;
    for (const auto& [name, inode] : directory->entries) {
      if (inode->is_directory)
        directories.push_back(inode);
      else
        files[inode->id] = inode;
    }
  }
  for (const auto& [id, file] : files) lost |= file->content.lose(mode, prng);
  return lost;
}

}  // namespace weir::runtime
