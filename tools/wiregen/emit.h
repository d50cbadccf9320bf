// Turns pages into C++ and Markdown. Pure text to text: main.cc owns the files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model.h"

namespace wiregen {

// The path of a page's header, as included: weir/protocol/fetch.h, weir/protocol/metadata/topic_record.h.
std::string header_path(const Page& page);

// The structs of a page, and the tables that describe them.
std::string emit_header(const Page& page);
std::string emit_source(const Page& page);

// api_keys.h: keys, versions, listeners and header versions, from all request pages and the served list.
std::string emit_api_keys(const std::vector<Page>& pages, const std::map<int, Range>& served);
// api_messages.h: forward declarations of every request and response.
std::string emit_forward(const std::vector<Page>& pages);
// metadata_records.h: all metadata records, as one variant.
std::string emit_metadata_records(const std::vector<Page>& pages);
// registry.cc: the list of all messages.
std::string emit_registry(const std::vector<Page>& pages);

// docs/protocol.md.
std::string emit_docs(const std::vector<Page>& pages, const std::map<int, Range>& served);

}  // namespace wiregen
