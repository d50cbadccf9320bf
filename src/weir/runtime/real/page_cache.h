// What of a file lies in the page cache: who sends from there must not make the shard wait for a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace weir::runtime {

// Bytes of the pages of [position, position + size) that are in the page cache, being read ones included; nullopt where the
// kernel cannot say (before 6.5, and on some file systems). cachestat(2).
std::optional<size_t> cached_bytes(int fd, uint64_t position, size_t size);

// Whether [position, position + size) can be sent without waiting, as far as one can tell: the whole range is in the page cache and
// its last byte can be read. Where the kernel does not count, a byte of every 64 KiB is tried: a file is read in larger pieces.
// `size` > 0.
bool seems_cached(int fd, uint64_t position, size_t size);

}  // namespace weir::runtime
