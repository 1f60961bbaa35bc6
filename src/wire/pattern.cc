#include "wire/pattern.h"

#include <memory>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "base/result.h"
#include "wire/java_regex.h"

namespace millstream::wire {

struct CompiledPattern {
  struct Condition {
    std::unique_ptr<re2::RE2> regex;
    bool must_match;
  };
  std::vector<Condition> conditions;
};

const CompiledPattern& Pattern::compiled() const {
  const CompiledPattern* compiled = compiled_.load(std::memory_order_acquire);
  if (compiled != nullptr) return *compiled;
  auto fresh = std::make_unique<CompiledPattern>();
  for (const Re2Condition& condition : to_re2(text_)) {
    re2::RE2::Options options;
    options.set_never_capture(true);
    auto regex = std::make_unique<re2::RE2>(condition.regex, options);
    MS_ASSERT(regex->ok());  // a test compiles all patterns of the models
    fresh->conditions.push_back({std::move(regex), condition.must_match});
  }
  if (compiled_.compare_exchange_strong(compiled, fresh.get(), std::memory_order_acq_rel)) {
    compiled = fresh.release();
  }
  return *compiled;
}

bool Pattern::matches(std::string_view value) const {
  for (const CompiledPattern::Condition& condition : compiled().conditions) {
    const bool match =
        re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *condition.regex);
    if (match != condition.must_match) return false;
  }
  return true;
}

}  // namespace millstream::wire
