#include "auth/access.h"

#include <gtest/gtest.h>

#include "auth/policy_document.h"

namespace millstream {
namespace {

constexpr std::string_view kAllow =
    R"({"Statement":{"Effect":"Allow","Action":"kinesis:*","Resource":"*"}})";
constexpr std::string_view kDeny =
    R"({"Statement":{"Effect":"Deny","Action":"kinesis:*","Resource":"*"}})";
constexpr std::string_view kAllowAnn =
    R"({"Statement":{"Effect":"Allow","Action":"kinesis:*","Resource":"*",
        "Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"}}})";
constexpr std::string_view kAllowAccount =
    R"({"Statement":{"Effect":"Allow","Action":"kinesis:*","Resource":"*",
        "Principal":{"AWS":"111111111111"}}})";
constexpr std::string_view kDenyAll =
    R"({"Statement":{"Effect":"Deny","Action":"kinesis:*","Resource":"*","Principal":"*"}})";

constexpr std::string_view kOwn = "111111111111";
constexpr std::string_view kOther = "222222222222";

TEST(Authorize, FollowsTheRulesOfIam) {
  struct Case {
    std::string_view own;       // the user's policy; empty: one that says nothing
    std::string_view resource;  // empty: the stream has none
    std::string_view account;   // of the stream
    std::string_view reason;    // of the denial; empty: allowed
  };
  constexpr std::string_view kNothing =
      R"({"Statement":{"Effect":"Allow","Action":"firehose:*","Resource":"*"}})";
  constexpr std::string_view kNoIdentity =
      "because no identity-based policy allows the kinesis:PutRecord action";
  constexpr std::string_view kNoResource =
      "because no resource-based policy allows the kinesis:PutRecord action";
  constexpr std::string_view kIdentityDenies = "with an explicit deny in an identity-based policy";
  constexpr std::string_view kResourceDenies = "with an explicit deny in a resource-based policy";
  const Case cases[] = {
      {kNothing, "", kOwn, kNoIdentity},
      {kAllow, "", kOwn, ""},
      {kNothing, kAllowAnn, kOwn, ""},
      {kNothing, kAllowAccount, kOwn, kNoIdentity},
      {kDeny, kAllowAnn, kOwn, kIdentityDenies},
      {kAllow, kDenyAll, kOwn, kResourceDenies},
      {kAllow, "", kOther, kNoResource},
      {kNothing, kAllowAnn, kOther, kNoIdentity},
      {kAllow, kAllowAnn, kOther, ""},
      {kAllow, kAllowAccount, kOther, ""},
      {kAllow, kDenyAll, kOther, kResourceDenies},
  };
  for (const Case& c : cases) {
    Identity identity{.account = std::string(kOwn), .user = "ann", .policies = {}};
    identity.policies.emplace();
    identity.policies->push_back(*parse_policy(c.own, PolicyKind::kIdentity));
    std::optional<Policy> of_resource;
    if (!c.resource.empty()) of_resource = *parse_policy(c.resource, PolicyKind::kResource);
    const std::string arn = identity.arn();
    const PolicyRequest request{.principal_arn = arn,
                                .principal_account = identity.account,
                                .user = identity.user,
                                .action = "kinesis:PutRecord",
                                .resource = "arn:stream",
                                .source_ip = {},
                                .secure_transport = false,
                                .now = 0};
    const auto allowed =
        authorize(identity, request, c.account, of_resource ? &*of_resource : nullptr);
    if (c.reason.empty()) {
      EXPECT_TRUE(allowed) << allowed.error().message;
      continue;
    }
    ASSERT_FALSE(allowed) << c.reason;
    EXPECT_EQ(allowed.error().code, ErrorCode::kAccessDenied);
    EXPECT_EQ(allowed.error().message,
              fmt::format("User: arn:aws:iam::111111111111:user/ann is not authorized to perform: "
                          "kinesis:PutRecord on resource: arn:stream {}",
                          c.reason));
  }
}

TEST(Authorize, WithoutPoliciesTheOwnAccountIsFreeAndOthersNeedTheirLeave) {
  const auto identity = account_identity(std::string(kOwn));
  EXPECT_EQ(identity->arn(), "arn:aws:iam::111111111111:root");
  const std::string arn = identity->arn();
  const PolicyRequest request{.principal_arn = arn,
                              .principal_account = identity->account,
                              .user = {},
                              .action = "kinesis:PutRecord",
                              .resource = "arn:stream",
                              .source_ip = {},
                              .secure_transport = false,
                              .now = 0};
  EXPECT_TRUE(authorize(*identity, request, kOwn, nullptr));
  EXPECT_FALSE(authorize(*identity, request, kOther, nullptr));
  const Policy policy = *parse_policy(kAllowAccount, PolicyKind::kResource);
  EXPECT_TRUE(authorize(*identity, request, kOther, &policy));
}

}  // namespace
}  // namespace millstream
