#include "server/faults.h"

#include <gtest/gtest.h>

namespace millstream::server {
namespace {

TEST(Faults, RulesComeBackAsTheyWereGiven) {
  const auto rules = parse_fault_rules(
      R"({"operations": {"PutRecords": {"error": "InternalFailure", "probability": 0.25,
          "latency_ms": 50}}, "failed_records": 0.5, "iterator_life_ms": 1000, "seed": 42})");
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(fault_rules_json(*rules),
            R"({"operations":{"PutRecords":{"error":"InternalFailure","probability":0.25,)"
            R"("latency_ms":50}},"failed_records":0.5,"iterator_life_ms":1000,"seed":42})");
}

TEST(Faults, WrongRulesAreRefusedByName) {
  const auto message = [](std::string_view json) {
    auto rules = parse_fault_rules(json);
    return rules ? std::string("accepted") : rules.error().message;
  };
  EXPECT_EQ(message("[]"), "the body must be a JSON object of fault rules");
  EXPECT_EQ(message(R"({"failed_records": 2})"), "failed_records must be a number from 0 to 1");
  EXPECT_EQ(message(R"({"iterator_life_ms": -1})"),
            "iterator_life_ms must be a whole number of milliseconds from 0 to 3600000");
  EXPECT_EQ(message(R"({"colour": 1})"),
            "unknown member 'colour'; known are operations, failed_records, iterator_life_ms, "
            "seed");
  EXPECT_TRUE(message(R"({"operations": {"*": {"error": "Oops"}}})")
                  .starts_with("error must be one of AccessDeniedException, "));
}

TEST(Faults, NamedOperationsComeBeforeTheStar) {
  Faults faults;
  EXPECT_FALSE(faults.next("PutRecord").error);
  faults.set(*parse_fault_rules(R"({"operations": {"*": {"error": "InternalFailure"},
                                                   "PutRecord": {"latency_ms": 7}}})"));
  EXPECT_EQ(faults.next("GetRecords").error->code, ErrorCode::kInternal);
  EXPECT_FALSE(faults.next("PutRecord").error);
  EXPECT_EQ(faults.next("PutRecord").latency, std::chrono::milliseconds(7));
  faults.clear();
  EXPECT_FALSE(faults.next("GetRecords").error);
}

TEST(Faults, TheSameSeedGivesTheSameFaultsAtTheAskedRate) {
  Faults faults;
  const auto draws = [&faults] {
    faults.set(*parse_fault_rules(R"({"failed_records": 0.3, "seed": 5})"));
    std::vector<bool> failed;
    for (int i = 0; i < 10'000; ++i) failed.push_back(faults.fails_record());
    return failed;
  };
  const std::vector<bool> first = draws();
  EXPECT_EQ(first, draws());
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, true)), 3'000, 200);
}

}  // namespace
}  // namespace millstream::server
