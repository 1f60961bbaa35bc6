// libFuzzer: any text as a policy document. An even first byte: a policy of a user or (2) of a
// resource, which is asked about requests. An odd one: a pattern, a zero byte, a text; wildcards
// must match as the plainest way to compare them says.
#include "auth/policy.h"
#include "auth/policy_document.h"
#include "fuzz/fuzz_input.h"

namespace {

using namespace millstream;

bool plain_match(std::string_view pattern, std::string_view text) {
  // row[i]: whether the pattern so far matches the first i characters.
  std::vector<bool> row(text.size() + 1);
  row[0] = true;
  for (const char c : pattern) {
    std::vector<bool> next(text.size() + 1);
    next[0] = c == '*' && row[0];
    for (size_t i = 1; i <= text.size(); ++i) {
      next[i] = c == '*' ? row[i] || next[i - 1] : row[i - 1] && (c == '?' || c == text[i - 1]);
    }
    row = std::move(next);
  }
  return row.back();
}

void ask(const Policy& policy) {
  constexpr std::string_view kUsers[] = {"ann", ""};
  constexpr std::string_view kResources[] = {"arn:aws:kinesis:us-east-1:111111111111:stream/clicks",
                                             "*"};
  for (const std::string_view user : kUsers) {
    for (const std::string_view resource : kResources) {
      const PolicyRequest request{
          .principal_arn = user.empty() ? "arn:aws:iam::111111111111:root"
                                        : "arn:aws:iam::111111111111:user/ann",
          .principal_account = "111111111111",
          .user = user,
          .action = "kinesis:PutRecord",
          .resource = resource,
          .source_ip = asio::ip::make_address(user.empty() ? "2001:db8::1" : "203.0.113.9"),
          .secure_transport = user.empty(),
          .now = 1'764'000'000'000};
      const PolicyEffect effect = policy.effect(request);
      // The strongest of the statements' own.
      PolicyEffect strongest = PolicyEffect::kNone;
      for (const PolicyStatement& statement : policy.statements) {
        strongest = std::max(strongest, Policy{{statement}}.effect(request));
      }
      MS_ASSERT(effect == strongest);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::FuzzInput input(data, size);
  const uint8_t choice = input.byte();
  if (choice % 2 == 1) {
    const fuzz::ExactBlock pattern(input.until(std::string_view("\0", 1)));
    const fuzz::ExactBlock text(input.rest());
    const bool matched = matches_wildcards(pattern.view(), text.view());
    if (size < 1000) MS_ASSERT(matched == plain_match(pattern.view(), text.view()));
    if (matched) MS_ASSERT(matches_wildcards_ignoring_case(pattern.view(), text.view()));
    (void)matches_arn(pattern.view(), text.view());
    return 0;
  }
  const fuzz::ExactBlock json(input.rest());
  const auto kind = choice % 4 == 0 ? PolicyKind::kIdentity : PolicyKind::kResource;
  const auto policy = parse_policy(json.view(), kind);
  if (!policy) {
    MS_ASSERT(policy.error().code == ErrorCode::kInvalidArgument);
    return 0;
  }
  MS_ASSERT(json.view().size() <= kMaxPolicyBytes);
  ask(*policy);
  return 0;
}
