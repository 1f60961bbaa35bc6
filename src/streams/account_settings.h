// Settings of an account in a region, as UpdateAccountSettings keeps them.
#pragma once

#include <string_view>

#include "base/env.h"
#include "base/result.h"
#include "meta/meta_store.h"

namespace millstream::streams {

// AWS: a commitment lasts 24 hours at least (API model MinimumThroughputBillingCommitmentInput).
inline constexpr TimeMs kLeastCommitmentMs = TimeMs{24} * 3'600'000;

// MinimumThroughputBillingCommitment: nothing is billed here, but on AWS it unlocks warm
// throughput, and tools read it back.
struct BillingCommitment {
  TimeMs started_ms = 0;  // 0: never
  TimeMs ends_ms = 0;     // 0: not asked for; in the future: pending

  bool is_on(TimeMs now_ms) const { return started_ms != 0 && (ends_ms == 0 || now_ms < ends_ms); }
  TimeMs earliest_end_ms() const { return started_ms + kLeastCommitmentMs; }

  // A pending end is taken back; a commitment that has ended starts anew.
  void enable(TimeMs now_ms);
  // Ends now, or as soon as it may.
  void disable(TimeMs now_ms);
};

Result<BillingCommitment> load_billing_commitment(Transaction& transaction,
                                                  std::string_view account,
                                                  std::string_view region);
Result<> store_billing_commitment(Transaction& transaction, std::string_view account,
                                  std::string_view region, const BillingCommitment& commitment);

}  // namespace millstream::streams
