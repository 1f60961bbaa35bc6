// Failures that a user's test asks for: POST /_millstream/faults.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/result.h"
#include "streams/service.h"

namespace millstream::server {

// What befalls calls of one operation.
struct OperationFault {
  std::string error;                     // AWS's name of it; empty: none
  double probability = 1;                // of the error, 0 … 1
  std::chrono::milliseconds latency{0};  // before every call, also a failing one
};

struct FaultRules {
  std::map<std::string, OperationFault, std::less<>> operations;  // "*": those not named
  double failed_records = 0;  // probability, for each record of PutRecord and PutRecords
  std::optional<std::chrono::milliseconds> iterator_life;
  uint64_t seed = 1;  // the same seed and calls give the same faults
};

// From JSON like
//   {"operations": {"PutRecords": {"error": "InternalFailure", "probability": 0.1,
//                                  "latency_ms": 50}},
//    "failed_records": 0.05, "iterator_life_ms": 1000, "seed": 42}
// kInvalidArgument names the member that is wrong; unknown ones are refused.
Result<FaultRules> parse_fault_rules(std::string_view json);
std::string fault_rules_json(const FaultRules& rules);

// Threads: any. While no rules are set, a call costs one load.
class Faults final : public streams::InjectedFaults {
 public:
  void set(FaultRules rules);
  void clear();
  FaultRules rules() const;  // initial ones while none are set

  struct Draw {
    std::chrono::milliseconds latency{0};
    std::optional<Error> error;
  };
  // What befalls this call.
  Draw next(std::string_view operation);

  bool fails_records() const override;
  bool fails_record() override;
  std::optional<std::chrono::milliseconds> iterator_life() override;

 private:
  bool happens(double probability);  // with mutex_ held

  std::atomic<bool> active_{false};
  std::atomic<bool> fails_records_{false};
  mutable std::mutex mutex_;
  FaultRules rules_;
  std::mt19937_64 random_;
};

}  // namespace millstream::server
