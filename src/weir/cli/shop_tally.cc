#include "weir/cli/shop_tally.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace weir::cli {

namespace {

// The text behind "name": up to what ends it.
std::optional<std::string_view> field_of(std::string_view json, std::string_view name) {
  const std::string mark = fmt::format("\"{}\":", name);
  const size_t at = json.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = json.substr(at + mark.size());
  if (!rest.starts_with('"')) return rest.substr(0, rest.find_first_of(",}"));
  rest.remove_prefix(1);
  return rest.substr(0, rest.find('"'));
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

template <typename Number>
bool read_field(std::string_view json, std::string_view name, Number& number) {
  const auto text = field_of(json, name);
  return text && read_number(*text, number);
}

// "12.05" in cents.
bool read_cents(std::string_view text, uint32_t& cents) {
  const size_t point = text.find('.');
  uint32_t whole = 0;
  uint32_t part = 0;
  if (point == std::string_view::npos || text.size() - point != 3) return false;
  if (!read_number(text.substr(0, point), whole) || !read_number(text.substr(point + 1), part)) return false;
  cents = whole * 100 + part;
  return true;
}

std::unexpected<Error> not_an_event(std::string_view json, std::string_view what) {
  return fail(ErrorCode::kCorruptMessage, fmt::format("no shop event, as it has no {}: {}", what, json.substr(0, 100)));
}

}  // namespace

void ShopTally::apply(const ShopEvent& event) {
  UserTally& user = users_[event.user];
  ++user.events;
  switch (event.action) {
    case ShopAction::kView: ++user.views; break;
    case ShopAction::kClick: break;
    case ShopAction::kCart:
      ++user.carts;
      user.in_cart = event.quantity;
      break;
    case ShopAction::kPurchase:
      ++user.purchases;
      user.in_cart = 0;
      user.revenue_cents += uint64_t{event.quantity} * event.price_cents;
      break;
  }
}

void ShopTally::merge(const ShopTally& other) {
  for (const auto& [id, theirs] : other.users_) {
    UserTally& user = users_[id];
    user.events += theirs.events;
    user.views += theirs.views;
    user.carts += theirs.carts;
    user.purchases += theirs.purchases;
    user.in_cart += theirs.in_cart;
    user.revenue_cents += theirs.revenue_cents;
  }
}

UserTally ShopTally::total() const {
  UserTally total;
  for (const auto& [id, user] : users_) {
    total.events += user.events;
    total.views += user.views;
    total.carts += user.carts;
    total.purchases += user.purchases;
    total.in_cart += user.in_cart;
    total.revenue_cents += user.revenue_cents;
  }
  return total;
}

std::string ShopTally::text() const {
  std::string text;
  for (const auto& [id, user] : users_) {
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {} {}\n", id, user.events, user.views, user.carts, user.purchases, user.in_cart,
                   user.revenue_cents);
  }
  return text;
}

Result<ShopTally> ShopTally::parse(std::string_view text) {
  ShopTally tally;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view whole = line;
    uint64_t numbers[7] = {};
    size_t count = 0;
    for (; count < std::size(numbers) && !line.empty(); ++count) {
      const std::string_view word = line.substr(0, line.find(' '));
      if (!read_number(word, numbers[count])) break;
      line.remove_prefix(std::min(line.size(), word.size() + 1));
    }
    if (count != std::size(numbers) || !line.empty() || numbers[0] > UINT32_MAX) {
      return fail(ErrorCode::kCorruptMessage, fmt::format("no line of a tally: {}", whole.substr(0, 100)));
    }
    tally.users_[static_cast<uint32_t>(numbers[0])] = {numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]};
  }
  return tally;
}

Result<ShopEvent> parse_event(std::string_view json) {
  ShopEvent event;
  const auto action = field_of(json, "event");
  if (!action) return not_an_event(json, "event");
  bool known = false;
  for (const ShopAction one : {ShopAction::kView, ShopAction::kClick, ShopAction::kCart, ShopAction::kPurchase}) {
    if (name_of(one) != *action) continue;
    event.action = one;
    known = true;
  }
  if (!known) return not_an_event(json, "known event");
  if (!read_field(json, "seq", event.seq)) return not_an_event(json, "seq");
  if (!read_field(json, "user", event.user)) return not_an_event(json, "user");
  if (!read_field(json, "session", event.session)) return not_an_event(json, "session");
  if (!read_field(json, "product", event.product)) return not_an_event(json, "product");
  if (!read_cents(field_of(json, "price").value_or(""), event.price_cents)) return not_an_event(json, "price");
  const bool counts = event.action == ShopAction::kCart || event.action == ShopAction::kPurchase;
  if (counts && !read_field(json, "quantity", event.quantity)) return not_an_event(json, "quantity");
  return event;
}

}  // namespace weir::cli
