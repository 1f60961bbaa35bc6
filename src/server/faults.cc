#include "server/faults.h"

#include <array>
#include <utility>

#include <simdjson.h>

namespace millstream::server {
namespace {

constexpr std::array<std::pair<std::string_view, ErrorCode>, 12> kErrors{{
    {"AccessDeniedException", ErrorCode::kAccessDenied},
    {"ExpiredIteratorException", ErrorCode::kExpiredIterator},
    {"InternalFailure", ErrorCode::kInternal},
    {"InvalidArgumentException", ErrorCode::kInvalidArgument},
    {"LimitExceededException", ErrorCode::kLimitExceeded},
    {"ProvisionedThroughputExceededException", ErrorCode::kThroughputExceeded},
    {"ResourceInUseException", ErrorCode::kInUse},
    {"ResourceNotFoundException", ErrorCode::kNotFound},
    {"ServiceUnavailable", ErrorCode::kUnavailable},
    {"ThrottlingException", ErrorCode::kThrottled},
    {"UnrecognizedClientException", ErrorCode::kUnrecognizedClient},
    {"ValidationException", ErrorCode::kValidation},
}};

constexpr int64_t kMaxMilliseconds = 3'600'000;

std::optional<ErrorCode> error_code(std::string_view name) {
  for (const auto& [known, code] : kErrors) {
    if (known == name) return code;
  }
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view member, std::string_view want) {
  return fail(ErrorCode::kInvalidArgument, "{} must be {}", member, want);
}

Result<double> probability_of(simdjson::dom::element value, std::string_view member) {
  double probability = 0;
  if (value.get(probability) != simdjson::SUCCESS || probability < 0 || probability > 1) {
    return wrong(member, "a number from 0 to 1");
  }
  return probability;
}

Result<std::chrono::milliseconds> milliseconds_of(simdjson::dom::element value,
                                                  std::string_view member) {
  int64_t count = 0;
  if (value.get(count) != simdjson::SUCCESS || count < 0 || count > kMaxMilliseconds) {
    return wrong(member, "a whole number of milliseconds from 0 to 3600000");
  }
  return std::chrono::milliseconds(count);
}

Result<std::string> error_of(simdjson::dom::element value) {
  std::string_view name;
  if (value.get(name) != simdjson::SUCCESS || !error_code(name)) {
    std::string names;
    for (const auto& [known, code] : kErrors) {
      if (!names.empty()) names += ", ";
      names += known;
    }
    return wrong("error", "one of " + names);
  }
  return std::string(name);
}

Result<OperationFault> operation_fault(simdjson::dom::element element, std::string_view operation) {
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return wrong(operation, "an object");
  OperationFault fault;
  for (const auto [key, value] : object) {
    if (key == "error") {
      TRY_ASSIGN(fault.error, error_of(value));
    } else if (key == "probability") {
      TRY_ASSIGN(fault.probability, probability_of(value, key));
    } else if (key == "latency_ms") {
      TRY_ASSIGN(fault.latency, milliseconds_of(value, key));
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  "{} has an unknown member '{}'; known are error, probability, latency_ms",
                  operation, key);
    }
  }
  return fault;
}

Result<> apply(FaultRules& rules, std::string_view key, simdjson::dom::element value) {
  if (key == "operations") {
    simdjson::dom::object operations;
    if (value.get(operations) != simdjson::SUCCESS) return wrong(key, "an object");
    for (const auto [name, fault] : operations) {
      TRY_ASSIGN(rules.operations[std::string(name)], operation_fault(fault, name));
    }
  } else if (key == "failed_records") {
    TRY_ASSIGN(rules.failed_records, probability_of(value, key));
  } else if (key == "iterator_life_ms") {
    TRY_ASSIGN(rules.iterator_life, milliseconds_of(value, key));
  } else if (key == "seed") {
    if (value.get(rules.seed) != simdjson::SUCCESS) return wrong(key, "a whole number");
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "unknown member '{}'; known are operations, failed_records, iterator_life_ms, seed",
                key);
  }
  return {};
}

}  // namespace

Result<FaultRules> parse_fault_rules(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument, "the body must be a JSON object of fault rules");
  }
  FaultRules rules;
  for (const auto [key, value] : object) TRY(apply(rules, key, value));
  return rules;
}

std::string fault_rules_json(const FaultRules& rules) {
  // Names came through parse_fault_rules(): an operation's may be any text.
  std::string json = R"({"operations":{)";
  for (const auto& [name, fault] : rules.operations) {
    if (json.back() == '}') json += ',';
    json += '"';
    for (const char c : name) {
      if (c == '"' || c == '\\') json += '\\';
      json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    json += fmt::format(R"(":{{"error":"{}","probability":{},"latency_ms":{}}})", fault.error,
                        fault.probability, fault.latency.count());
  }
  json += fmt::format(R"(}},"failed_records":{})", rules.failed_records);
  if (rules.iterator_life) {
    json += fmt::format(R"(,"iterator_life_ms":{})", rules.iterator_life->count());
  }
  return json + fmt::format(R"(,"seed":{}}})", rules.seed);
}

void Faults::set(FaultRules rules) {
  const std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
  random_.seed(rules_.seed);
  fails_records_ = rules_.failed_records > 0;
  active_ = true;
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  rules_ = {};
  fails_records_ = false;
  active_ = false;
}

FaultRules Faults::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

bool Faults::happens(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
}

Faults::Draw Faults::next(std::string_view operation) {
  Draw draw;
  if (!active_.load(std::memory_order_relaxed)) return draw;
  const std::lock_guard lock(mutex_);
  auto found = rules_.operations.find(operation);
  if (found == rules_.operations.end()) found = rules_.operations.find("*");
  if (found == rules_.operations.end()) return draw;
  const OperationFault& fault = found->second;
  draw.latency = fault.latency;
  if (!fault.error.empty() && happens(fault.probability)) {
    draw.error = Error{*error_code(fault.error), "Injected by POST /_millstream/faults."};
  }
  return draw;
}

bool Faults::fails_records() const { return fails_records_.load(std::memory_order_relaxed); }

bool Faults::fails_record() {
  if (!fails_records()) return false;
  const std::lock_guard lock(mutex_);
  return happens(rules_.failed_records);
}

std::optional<std::chrono::milliseconds> Faults::iterator_life() {
  if (!active_.load(std::memory_order_relaxed)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return rules_.iterator_life;
}

}  // namespace millstream::server
