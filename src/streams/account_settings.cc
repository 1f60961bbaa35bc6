#include "streams/account_settings.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace millstream::streams {
namespace {

constexpr std::string_view kName = "MinimumThroughputBillingCommitment";

}  // namespace

void BillingCommitment::enable(TimeMs now_ms) {
  if (!is_on(now_ms)) started_ms = now_ms;
  ends_ms = 0;
}

void BillingCommitment::disable(TimeMs now_ms) {
  if (is_on(now_ms)) ends_ms = std::max(now_ms, earliest_end_ms());
}

Result<BillingCommitment> load_billing_commitment(Transaction& transaction,
                                                  std::string_view account,
                                                  std::string_view region) {
  TRY_ASSIGN(auto rows,
             transaction.query("SELECT value FROM stream_account_settings"
                               " WHERE account = ? AND region = ? AND name = ?",
                               {std::string(account), std::string(region), std::string(kName)}));
  BillingCommitment commitment;
  if (rows.empty()) return commitment;
  const auto times = split(rows[0].text(0), ',');
  MS_ASSERT(times.size() == 2);
  commitment.started_ms = parse_integer<TimeMs>(times[0]).value();
  commitment.ends_ms = parse_integer<TimeMs>(times[1]).value();
  return commitment;
}

Result<> store_billing_commitment(Transaction& transaction, std::string_view account,
                                  std::string_view region, const BillingCommitment& commitment) {
  TRY(transaction.execute(
      "INSERT INTO stream_account_settings (account, region, name, value) VALUES (?, ?, ?, ?)"
      " ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value",
      {std::string(account), std::string(region), std::string(kName),
       fmt::format("{},{}", commitment.started_ms, commitment.ends_ms)}));
  return {};
}

}  // namespace millstream::streams
