#include "weir/cli/shop_events.h"

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr std::string_view kActionNames[] = {"view", "click", "cart", "purchase"};
constexpr std::string_view kQualities[] = {"red",  "blue",  "green",   "small",  "large",
                                           "warm", "quiet", "folding", "wooden", "steel"};
constexpr std::string_view kThings[] = {"kettle",  "lamp",   "tent",   "chair", "notebook",
                                        "bicycle", "jacket", "teapot", "radio", "blanket"};
constexpr std::string_view kSeries[] = {"I", "II", "III", "IV", "V"};
constexpr std::string_view kPages[] = {"search", "home", "offers", "mail"};

// A product's price never changes: 1.99 to 399.99.
uint32_t price_of(uint32_t product) {
  uint64_t state = product;
  return static_cast<uint32_t>(split_mix(state) % 400) * 100 + 199 - 100;
}

}  // namespace

std::string_view name_of(ShopAction action) { return kActionNames[static_cast<size_t>(action)]; }

ShopEvents::ShopEvents(uint64_t seed, uint32_t users) : prng_(seed), users_(users) {}

// Small numbers come far more often than large ones: a few products and customers are most of the traffic.
uint32_t ShopEvents::popular(uint32_t bound) {
  const double u = prng_.unit();
  return static_cast<uint32_t>(u * u * u * static_cast<double>(bound));
}

ShopEvent ShopEvents::next() {
  ShopEvent event;
  event.seq = seq_++;
  event.user = popular(static_cast<uint32_t>(users_.size()));
  User& user = users_[event.user];
  const auto luck = static_cast<unsigned>(prng_.below(100));
  switch (user.last) {
    case ShopAction::kPurchase:
      ++user.session;
      event.action = ShopAction::kView;
      break;
    case ShopAction::kView: event.action = luck < 55 ? ShopAction::kView : ShopAction::kClick; break;
    case ShopAction::kClick: event.action = luck < 60 ? ShopAction::kView : ShopAction::kCart; break;
    case ShopAction::kCart: event.action = luck < 40 ? ShopAction::kPurchase : ShopAction::kView; break;
  }
  if (event.action == ShopAction::kView) user.product = popular(kProducts);
  if (event.action == ShopAction::kCart) user.in_cart = 1 + static_cast<uint32_t>(prng_.below(3));
  event.product = user.product;
  event.price_cents = price_of(event.product);
  const bool counts = event.action == ShopAction::kCart || event.action == ShopAction::kPurchase;
  event.quantity = counts ? user.in_cart : 0;
  event.session = user.session;
  user.last = event.action;
  return event;
}

std::string_view product_name(uint32_t product, std::string& buffer) {
  buffer = fmt::format("{} {} {}", kQualities[product % 10], kThings[product / 10 % 10], kSeries[product / 100 % 5]);
  return buffer;
}

void append_line(std::string& to, const ShopEvent& event, int64_t sent_ms) {
  std::string name;
  const auto out = std::back_inserter(to);
  fmt::format_to(
      out, "user-{}\t{{\"seq\":{},\"event\":\"{}\",\"user\":{},\"session\":{},\"product\":{},\"name\":\"{}\",\"price\":{}.{:02}",
      event.user, event.seq, name_of(event.action), event.user, event.session, event.product,
      product_name(event.product, name), event.price_cents / 100, event.price_cents % 100);
  if (event.quantity > 0) fmt::format_to(out, ",\"quantity\":{}", event.quantity);
  if (event.action == ShopAction::kView) fmt::format_to(out, ",\"from\":\"{}\"", kPages[event.seq % 4]);
  if (sent_ms >= 0) fmt::format_to(out, ",\"sent_ms\":{}", sent_ms);
  to += "}\n";
}

}  // namespace weir::cli
