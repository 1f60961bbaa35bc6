#include "auth/policy.h"

#include <gtest/gtest.h>

#include "auth/policy_document.h"
#include "base/text.h"

namespace millstream {
namespace {

constexpr std::string_view kStream = "arn:aws:kinesis:us-east-1:111111111111:stream/clicks";

PolicyRequest request_of(std::string_view action, std::string_view resource) {
  return {.principal_arn = "arn:aws:iam::111111111111:user/ann",
          .principal_account = "111111111111",
          .user = "ann",
          .action = action,
          .resource = resource,
          .source_ip = asio::ip::make_address("203.0.113.9"),
          .secure_transport = false,
          .now = *parse_time("2026-11-24T10:00:00Z")};
}

TEST(Wildcards, MatchAsManyCharactersAsTheyMust) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  constexpr Case kCases[] = {{"*", "", true},        {"", "a", false},
                             {"a?c", "abc", true},   {"a?c", "ac", false},
                             {"a*c", "abbbc", true}, {"a*c", "abbbd", false},
                             {"*b*", "abc", true},   {"*ab", "aab", true},
                             {"a**", "a", true},     {"kinesis:*", "KINESIS:PutRecord", false}};
  for (const Case& c : kCases) {
    EXPECT_EQ(matches_wildcards(c.pattern, c.text), c.matches) << c.pattern << ' ' << c.text;
  }
  EXPECT_TRUE(matches_wildcards_ignoring_case("kinesis:put*", "Kinesis:PutRecord"));
  // No time that grows exponentially with the number of stars.
  EXPECT_FALSE(matches_wildcards("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5'000, 'a')));
}

TEST(Wildcards, StayInsideTheirPartOfAnArn) {
  EXPECT_TRUE(matches_arn("arn:aws:iam::*:user/*", "arn:aws:iam::111111111111:user/ann"));
  EXPECT_FALSE(matches_arn("arn:aws:*:user/ann", "arn:aws:iam::111111111111:user/ann"));
  EXPECT_FALSE(matches_arn("*", "arn:aws:iam::111111111111:user/ann"));
}

// One statement's elements beside its effect, and whether it speaks about PutRecord to kStream.
struct StatementCase {
  std::string_view elements;
  bool applies;
};

TEST(Policy, StatementsApplyToTheirActionsAndResources) {
  constexpr StatementCase kCases[] = {
      {R"("Action":"kinesis:PutRecord","Resource":"*")", true},
      {R"("Action":"kinesis:putrecord","Resource":"*")", true},
      {R"("Action":["kinesis:Get*","kinesis:Put*"],"Resource":"*")", true},
      {R"("Action":"*","Resource":"*")", true},
      {R"("Action":"kinesis:PutRecords","Resource":"*")", false},
      {R"("NotAction":"kinesis:Put*","Resource":"*")", false},
      {R"("NotAction":"kinesis:Get*","Resource":"*")", true},
      {R"("Action":"*","Resource":"arn:aws:kinesis:*:*:stream/cl*")", true},
      {R"("Action":"*","Resource":"arn:aws:kinesis:*:*:stream/click?")", true},
      {R"("Action":"*","Resource":"arn:aws:kinesis:*:*:stream/Clicks")", false},
      {R"("Action":"*","Resource":"arn:aws:kinesis:us-west-2:*:stream/*")", false},
      {R"("Action":"*","NotResource":"arn:aws:kinesis:*:*:stream/clicks")", false},
      {R"("Action":"*","NotResource":"arn:aws:kinesis:*:*:stream/other")", true}};
  for (const StatementCase& c : kCases) {
    const auto policy =
        parse_policy(fmt::format(R"({{"Statement":{{"Effect":"Allow",{}}}}})", c.elements),
                     PolicyKind::kIdentity);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(policy->effect(request_of("kinesis:PutRecord", kStream)),
              c.applies ? PolicyEffect::kAllows : PolicyEffect::kNone)
        << c.elements;
  }
}

TEST(Policy, EveryConditionMustHold) {
  constexpr StatementCase kCases[] = {
      {R"({"StringEquals":{"aws:username":"ann"}})", true},
      {R"({"StringEquals":{"aws:username":["bob","ann"]}})", true},
      {R"({"StringEquals":{"AWS:UserName":"Ann"}})", false},
      {R"({"StringEqualsIgnoreCase":{"aws:username":"Ann"}})", true},
      {R"({"StringNotEquals":{"aws:username":["bob","ann"]}})", false},
      {R"({"StringNotEquals":{"aws:username":["bob","eve"]}})", true},
      {R"({"StringLike":{"aws:PrincipalArn":"*:user/a*"}})", true},
      {R"({"StringNotLike":{"aws:PrincipalArn":"*:user/a*"}})", false},
      {R"({"StringLikeIfExists":{"aws:username":"b*"}})", false},
      {R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}})", true},
      {R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::1:user/*"}})", false},
      {R"({"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::1:user/*"}})", true},
      {R"({"StringEquals":{"aws:PrincipalAccount":"111111111111"}})", true},
      {R"({"Bool":{"aws:SecureTransport":"true"}})", false},
      {R"({"Bool":{"aws:SecureTransport":false}})", true},
      {R"({"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})", true},
      {R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.9"]}})", true},
      {R"({"IpAddress":{"aws:SourceIp":"203.0.113.0/29"}})", false},
      {R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})", false},
      {R"({"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}})", false},
      {R"({"DateLessThan":{"aws:CurrentTime":"2026-11-24T10:00:00Z"}})", false},
      {R"({"DateLessThanEquals":{"aws:CurrentTime":"2026-11-24T10:00:00Z"}})", true},
      {R"({"DateGreaterThan":{"aws:CurrentTime":"2026-11-24"}})", true},
      {R"({"DateGreaterThan":{"aws:CurrentTime":1795514400}})", false},
      {R"({"Null":{"aws:username":"false"}})", true},
      {R"({"Null":{"aws:username":"true"}})", false},
      {R"({"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":"true"}})", false}};
  for (const StatementCase& c : kCases) {
    const auto policy = parse_policy(
        fmt::format(
            R"({{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}}]}})",
            c.elements),
        PolicyKind::kIdentity);
    ASSERT_TRUE(policy) << c.elements << policy.error().message;
    EXPECT_EQ(policy->effect(request_of("kinesis:PutRecord", kStream)),
              c.applies ? PolicyEffect::kAllows : PolicyEffect::kNone)
        << c.elements;
  }
}

TEST(Policy, AbsentKeysFailUnlessTheConditionIsNegatedOrSaysIfExists) {
  auto request = request_of("kinesis:PutRecord", kStream);
  request.user = "";
  EXPECT_FALSE(make_condition("StringEquals", "aws:username", {"ann"})->holds(request));
  EXPECT_TRUE(make_condition("StringNotEquals", "aws:username", {"ann"})->holds(request));
  EXPECT_TRUE(make_condition("StringEqualsIfExists", "aws:username", {"ann"})->holds(request));
  EXPECT_TRUE(make_condition("Null", "aws:username", {"true"})->holds(request));
}

TEST(Policy, AMappedAddressIsTheOneBehindIt) {
  auto request = request_of("kinesis:PutRecord", kStream);
  request.source_ip = asio::ip::make_address("::ffff:203.0.113.9");
  EXPECT_TRUE(make_condition("IpAddress", "aws:SourceIp", {"203.0.113.0/24"})->holds(request));
}

TEST(Policy, ADenialIsStrongerThanWhatAllows) {
  const auto policy = parse_policy(
      R"({"Version":"2012-10-17","Statement":[
          {"Effect":"Deny","Action":"kinesis:Delete*","Resource":"*"},
          {"Sid":"All","Effect":"Allow","Action":"kinesis:*","Resource":"*"}]})",
      PolicyKind::kIdentity);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->effect(request_of("kinesis:DeleteStream", kStream)), PolicyEffect::kDenies);
  EXPECT_EQ(policy->effect(request_of("kinesis:PutRecord", kStream)), PolicyEffect::kAllows);
  EXPECT_EQ(policy->effect(request_of("firehose:PutRecord", kStream)), PolicyEffect::kNone);
}

TEST(Policy, OfAResourceIsAboutItsPrincipals) {
  struct Case {
    std::string_view effect;
    std::string_view principal;
    PolicyEffect expected;
  };
  constexpr Case kCases[] = {
      {"Allow", R"("Principal":"*")", PolicyEffect::kAllows},
      {"Allow", R"("Principal":{"AWS":"*"})", PolicyEffect::kAllows},
      {"Allow", R"("Principal":{"AWS":"111111111111"})", PolicyEffect::kAllowsAccount},
      {"Allow", R"("Principal":{"AWS":["arn:aws:iam::111111111111:root"]})",
       PolicyEffect::kAllowsAccount},
      {"Allow", R"("Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"})",
       PolicyEffect::kAllows},
      {"Allow", R"("Principal":{"AWS":"arn:aws:iam::111111111111:user/bob"})", PolicyEffect::kNone},
      {"Allow", R"("Principal":{"Service":"firehose.amazonaws.com"})", PolicyEffect::kNone},
      {"Deny", R"("Principal":{"AWS":"111111111111"})", PolicyEffect::kDenies},
      {"Deny", R"("NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/ann"})",
       PolicyEffect::kNone},
      {"Deny", R"("NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/bob"})",
       PolicyEffect::kDenies}};
  for (const Case& c : kCases) {
    const auto policy = parse_policy(
        fmt::format(R"({{"Statement":{{"Effect":"{}",{},"Action":"kinesis:*","Resource":"{}"}}}})",
                    c.effect, c.principal, kStream),
        PolicyKind::kResource);
    ASSERT_TRUE(policy) << c.principal << policy.error().message;
    EXPECT_EQ(policy->effect(request_of("kinesis:PutRecord", kStream)), c.expected) << c.principal;
  }
}

TEST(PolicyDocument, WhatIsNotUnderstoodIsRefused) {
  struct Case {
    PolicyKind kind;
    std::string_view json;
    std::string_view message;  // a part of it
  };
  constexpr auto kIdentity = PolicyKind::kIdentity;
  constexpr auto kResource = PolicyKind::kResource;
  constexpr Case kCases[] = {
      {kIdentity, "[]", "no JSON object"},
      {kIdentity, "{", "no JSON object"},
      {kIdentity, "{}", "no Statement"},
      {kIdentity, R"({"Version":"2020-01-01","Statement":[]})", "Version must be"},
      {kIdentity, R"({"Statements":[]})", "unknown element Statements"},
      {kIdentity, R"({"Statement":{"Effect":"Allow","Action":"*"}})", "Resource or NotResource"},
      {kIdentity, R"({"Statement":{"Effect":"Allow","Resource":"*"}})", "Action or NotAction"},
      {kIdentity, R"({"Statement":{"Action":"*","Resource":"*"}})", "Effect is missing"},
      {kIdentity, R"({"Statement":{"Effect":"allow","Action":"*","Resource":"*"}})",
       "Allow or Deny"},
      {kIdentity, R"({"Statement":{"Effect":"Allow","Action":"PutRecord","Resource":"*"}})",
       "'PutRecord' is no action"},
      {kIdentity, R"({"Statement":{"Effect":"Allow","Action":"*","Resource":[]}})",
       "list of strings"},
      {kIdentity,
       R"({"Version":"2012-10-17",
           "Statement":{"Effect":"Allow","Action":"*","Resource":"a/${aws:username}"}})",
       "last part of an ARN"},
      {kIdentity,
       R"({"Version":"2012-10-17",
           "Statement":{"Effect":"Allow","Action":"kinesis:${aws:username}","Resource":"*"}})",
       "can't stand here"},
      {kResource,
       R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Principal":{"AWS":"arn:aws:iam::111111111111:user/${aws:username}"}}})",
       "can't stand here"},
      {kIdentity,
       R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",
           "Resource":"arn:aws:kinesis:*:*:stream/${aws:PrincipalTag/team}"}})",
       "variable ${aws:PrincipalTag/team} is not supported"},
      {kIdentity,
       R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{"IpAddress":{"aws:SourceIp":"${aws:SourceIp}"}}}})",
       "no address"},
      {kIdentity, R"({"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}})",
       "Effect is there twice"},
      {kIdentity, R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}})",
       "not of users"},
      {kResource, R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
       "Principal or NotPrincipal"},
      {kResource,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":"*"}})",
       "NotPrincipal with Allow"},
      {kResource,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"x"}}})",
       "'x' is no principal"},
      {kIdentity,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{"NumericEquals":{"aws:x":"1"}}}})",
       "operator NumericEquals is not supported"},
      {kIdentity,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}}})",
       "key aws:PrincipalTag/team is not supported"},
      {kIdentity,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}})",
       "no address"},
      {kIdentity,
       R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{"IpAddress":{"aws:username":"10.0.0.0/8"}}}})",
       "IpAddress is for aws:SourceIp"}};
  for (const Case& c : kCases) {
    const auto policy = parse_policy(c.json, c.kind);
    ASSERT_FALSE(policy) << c.json;
    EXPECT_EQ(policy.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(policy.error().message.find(c.message), std::string::npos) << policy.error().message;
  }
  EXPECT_FALSE(parse_policy(std::string(kMaxPolicyBytes + 1, ' '), kIdentity));
}

}  // namespace
}  // namespace millstream
