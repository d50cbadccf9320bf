// A shop's customers as a stream of events: the same seed gives the same stream. Pure: no clock, no output.
//
// Holds    event n depends on the seed, the number of users and the events before n, on nothing else
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/prng.h"

namespace weir::cli {

enum class ShopAction : uint8_t { kView, kClick, kCart, kPurchase };
std::string_view name_of(ShopAction action);

struct ShopEvent {
  uint64_t seq = 0;
  ShopAction action = ShopAction::kView;
  uint32_t user = 0;
  uint32_t product = 0;
  uint32_t quantity = 0;     // of cart additions and purchases
  uint32_t price_cents = 0;  // of one
  uint32_t session = 0;      // of this user, from 1
};

class ShopEvents {
 public:
  static constexpr uint32_t kProducts = 500;

  ShopEvents(uint64_t seed, uint32_t users);
  ShopEvent next();

 private:
  struct User {
    uint32_t session = 0;
    uint32_t product = 0;  // looked at last
    uint32_t in_cart = 0;  // pieces of it
    ShopAction last = ShopAction::kPurchase;
  };
  uint32_t popular(uint32_t bound);

  Prng prng_;
  std::vector<User> users_;
  uint64_t seq_ = 0;
};

// Appends "user-42<TAB>{...}\n". `sent_ms` below 0: without that field.
void append_line(std::string& to, const ShopEvent& event, int64_t sent_ms);
std::string_view product_name(uint32_t product, std::string& buffer);

}  // namespace weir::cli
