// How `weir consume` writes a record. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/record.h"

namespace weir::cli {

// "\n", "\t", "\0", "\\", "\xNN" as the bytes they stand for; other escapes are the character itself.
std::string unescape(std::string_view text);

class RecordFormat {
 public:
  // plain (values, a line each), keyvalue (key TAB value), raw (values, nothing between), json, hex (a dump for people), or a
  // text with %k %v %o %p %t %T %D %h %K %V %% (kcat's letters; %s is %v, %S is %V) and escapes; %k{hex}, %v{base64}, %v{json}.
  // Errors: kInvalidArgument, with what there is.
  static Result<RecordFormat> parse(std::string_view text);

  void print(std::string_view topic, PartitionIndex partition, const record::Record& record, std::string& out) const;

 private:
  enum class As : uint8_t { kBytes, kHex, kBase64, kJson };
  struct Part {
    char what;  // 0: text
    As as = As::kBytes;
    std::string text;
  };
  void literal(char c);
  static void print_bytes(const std::optional<ByteView>& bytes, As as, std::string& out);
  static void print_json(std::string_view topic, PartitionIndex partition, const record::Record& record, std::string& out);

  bool is_json_ = false;
  std::vector<Part> parts_;
};

}  // namespace weir::cli
