// The shop's own numbers: what a stream of its events adds up to, user by user. Pure.
//
// Holds    the tallies of disjoint sets of users, merged, are the tally of all of them
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/cli/shop_events.h"

namespace weir::cli {

struct UserTally {
  uint64_t events = 0;
  uint64_t views = 0;      // of products
  uint64_t carts = 0;      // filled
  uint64_t purchases = 0;
  uint64_t in_cart = 0;    // pieces, put there and not bought yet
  uint64_t revenue_cents = 0;
  friend bool operator==(const UserTally&, const UserTally&) = default;
};

class ShopTally {
 public:
  void apply(const ShopEvent& event);
  void merge(const ShopTally& other);

  size_t users() const { return users_.size(); }
  UserTally total() const;
  // "user events views carts purchases in_cart revenue_cents", a line each, by user.
  std::string text() const;
  // Errors: kCorruptMessage.
  static Result<ShopTally> parse(std::string_view text);

 private:
  std::map<uint32_t, UserTally> users_;
};

// The event that append_line wrote, without its key. Errors: kCorruptMessage, with what is missing.
Result<ShopEvent> parse_event(std::string_view json);

}  // namespace weir::cli
