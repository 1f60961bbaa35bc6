#include "auth/policy_pattern.h"

#include <gtest/gtest.h>

#include "auth/policy_document.h"
#include "base/text.h"

namespace millstream {
namespace {

PolicyRequest request_of(std::string_view user, std::string_view resource = "") {
  return {.principal_arn = "arn:aws:iam::111111111111:user/ann",
          .principal_account = "111111111111",
          .user = user,
          .action = "kinesis:PutRecord",
          .resource = resource,
          .source_ip = asio::ip::make_address("203.0.113.9"),
          .now = *parse_time("2026-11-24T10:00:00Z")};
}

bool is_like(std::string_view pattern, std::string_view text, std::string_view user = "ann") {
  const auto parsed = PolicyPattern::with_variables(pattern);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed && parsed->is_like(text, request_of(user));
}

TEST(PolicyPattern, VariablesStandForTheValuesOfTheRequest) {
  EXPECT_TRUE(is_like("stream/${aws:username}-*", "stream/ann-clicks"));
  EXPECT_FALSE(is_like("stream/${aws:username}-*", "stream/bob-clicks"));
  EXPECT_TRUE(is_like("${AWS:UserName}", "ann"));
  EXPECT_TRUE(is_like("${aws:PrincipalAccount}/${aws:username}", "111111111111/ann"));
  EXPECT_TRUE(is_like("${aws:SourceIp}", "203.0.113.9"));
  EXPECT_TRUE(is_like("${aws:userid}", user_id("arn:aws:iam::111111111111:user/ann")));
  EXPECT_TRUE(is_like("${aws:userid}", "111111111111", ""));
}

TEST(PolicyPattern, WhereThereIsNoValueTheDefaultCountsOrNothingDoes) {
  EXPECT_TRUE(is_like("stream/${aws:username, 'nobody'}", "stream/nobody", ""));
  EXPECT_TRUE(is_like("stream/${aws:username,''}x", "stream/x", ""));
  EXPECT_TRUE(is_like("stream/${aws:username, 'nobody'}", "stream/ann"));
  EXPECT_FALSE(is_like("stream/${aws:username}*", "stream/", ""));
  EXPECT_FALSE(is_like("*${aws:username}*", "anything", ""));
}

TEST(PolicyPattern, WhatComesOutOfAVariableIsNoWildcard) {
  EXPECT_TRUE(is_like("${aws:username}", "a*", "a*"));
  EXPECT_FALSE(is_like("${aws:username}", "abc", "a*"));
  EXPECT_FALSE(is_like("${aws:username, '*'}", "abc", ""));
  EXPECT_TRUE(is_like("a${*}b", "a*b"));
  EXPECT_FALSE(is_like("a${*}b", "axb"));
  EXPECT_TRUE(is_like("a${?}${$}", "a?$"));
  EXPECT_FALSE(is_like("a${?}", "ax"));
  EXPECT_TRUE(is_like("${$}{aws:username}", "${aws:username}"));
}

TEST(PolicyPattern, WildcardsAreCharactersWhereTextsAreCompared) {
  const auto request = request_of("ann");
  const auto pattern = PolicyPattern::with_variables("${aws:username}*${*}");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->equals("ann**", request));
  EXPECT_FALSE(pattern->equals("annx*", request));
  EXPECT_TRUE(pattern->equals_ignoring_case("ANN**", request));
  EXPECT_TRUE(pattern->is_like("annx*", request));
}

TEST(PolicyPattern, StaysInsideTheirPartOfAnArn) {
  const auto pattern = PolicyPattern::with_variables("arn:aws:iam::*:user/${aws:username}");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->is_like_arn("arn:aws:iam::111111111111:user/ann", request_of("ann")));
  EXPECT_FALSE(pattern->is_like_arn("arn:aws:iam::1:2:user/ann", request_of("ann")));
  EXPECT_FALSE(pattern->is_like_arn("arn:aws:iam::111111111111:user/bob", request_of("ann")));
}

TEST(PolicyPattern, WhatIsNoVariableIsRefused) {
  for (const std::string_view text :
       {"${aws:username", "${}", "${aws:unknown}", "${aws:username, nobody}", "${aws:username,}",
        "${aws:username, '}", "${aws:username ann}", "${**}"}) {
    EXPECT_FALSE(PolicyPattern::with_variables(text)) << text;
  }
}

// The whole way, from documents.
struct Case {
  std::string_view version;
  std::string_view elements;
  std::string_view resource;
  PolicyEffect effect;
};

TEST(PolicyVariables, CountInDocumentsOfTheirVersionOnly) {
  constexpr std::string_view kNew = R"("Version":"2012-10-17",)";
  constexpr std::string_view kOld = R"("Version":"2008-10-17",)";
  constexpr std::string_view kOwn = R"("Resource":"arn:aws:kinesis:*:*:stream/${aws:username}-*")";
  constexpr std::string_view kIs = R"("Resource":"*","Condition":{"StringEquals":{
      "aws:PrincipalArn":"arn:aws:iam::111111111111:user/${aws:username}"}})";
  constexpr std::string_view kAnn = "arn:aws:kinesis:us-east-1:111111111111:stream/ann-1";
  constexpr std::string_view kBob = "arn:aws:kinesis:us-east-1:111111111111:stream/bob-1";
  constexpr std::string_view kText =
      "arn:aws:kinesis:us-east-1:111111111111:stream/${aws:username}-1";
  constexpr Case kCases[] = {
      {kNew, kOwn, kAnn, PolicyEffect::kAllows},  {kNew, kOwn, kBob, PolicyEffect::kNone},
      {kNew, kOwn, kText, PolicyEffect::kNone},   {kOld, kOwn, kAnn, PolicyEffect::kNone},
      {kOld, kOwn, kText, PolicyEffect::kAllows}, {"", kOwn, kAnn, PolicyEffect::kNone},
      {kNew, kIs, kBob, PolicyEffect::kAllows},   {kOld, kIs, kBob, PolicyEffect::kNone}};
  for (const Case& c : kCases) {
    // The version may stand behind what it is about.
    for (const bool last : {false, true}) {
      const std::string statement =
          fmt::format(R"("Statement":{{"Effect":"Allow","Action":"kinesis:*",{}}})", c.elements);
      std::string version(c.version);
      if (!version.empty()) version.pop_back();
      const std::string json = version.empty() ? fmt::format("{{{}}}", statement)
                               : last          ? fmt::format("{{{},{}}}", statement, version)
                                               : fmt::format("{{{},{}}}", version, statement);
      const auto policy = parse_policy(json, PolicyKind::kIdentity);
      ASSERT_TRUE(policy) << json << policy.error().message;
      EXPECT_EQ(policy->effect(request_of("ann", c.resource)), c.effect) << json << c.resource;
    }
  }
}

// As on AWS: what a variable without a value stands for is no resource, so that it is among all
// others that NotResource means.
TEST(PolicyVariables, WithoutAValueResourceMeansNothingAndNotResourceEverything) {
  const auto effect = [](std::string_view element) {
    const auto policy = parse_policy(
        fmt::format(R"({{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*",
            "{}":"arn:aws:kinesis:*:*:stream/${{aws:username}}"}}}})",
                    element),
        PolicyKind::kIdentity);
    return policy.value().effect(request_of("", "arn:aws:kinesis:us-east-1:111111111111:stream/x"));
  };
  EXPECT_EQ(effect("Resource"), PolicyEffect::kNone);
  EXPECT_EQ(effect("NotResource"), PolicyEffect::kDenies);
}

}  // namespace
}  // namespace millstream
