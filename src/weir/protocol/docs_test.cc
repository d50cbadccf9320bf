#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace weir::protocol {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Property: docs/protocol.md is what the pages say. Fails when a page or served.txt changed and the document was not
// copied: cp build/<preset>/generated/protocol.md docs/protocol.md
TEST(Docs, protocol_page_is_current) {
  const std::string generated = text_of(WEIR_GENERATED_DIR "/protocol.md");
  ASSERT_FALSE(generated.empty());
  EXPECT_TRUE(generated == text_of(WEIR_SOURCE_DIR "/docs/protocol.md"))
      << "run: cp " WEIR_GENERATED_DIR "/protocol.md " WEIR_SOURCE_DIR "/docs/protocol.md";
}

}  // namespace
}  // namespace weir::protocol
