#include "server/credentials_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace millstream::server {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI-SECRET";

// A file of its own for each text, removed at the end.
class TextFile {
 public:
  explicit TextFile(std::string_view text, mode_t mode = 0600) {
    path_ = (std::filesystem::temp_directory_path() / "millstream-keys-XXXXXX").string();
    const int file = ::mkstemp(path_.data());
    EXPECT_GE(file, 0);
    ::close(file);
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
  }
  ~TextFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CredentialsFile, HoldsKeysWithUsersAndPolicies) {
  const TextFile text(R"(
credentials:
  - {access_key: AKIAROOT, secret_key: s1, account: "111111111111"}
  - access_key: AKIAANN
    secret_key: s2
    account: "111111111111"
    user: ann
    session_token: token
    policies:
      - Version: 2012-10-17
        Statement: {Effect: Allow, Action: "kinesis:*", Resource: "*",
                    Condition: {Bool: {"aws:SecureTransport": false}}}
      - '{"Statement": [{"Effect": "Deny", "Action": "kinesis:DeleteStream", "Resource": "*"}]}'
  - {access_key: AKIANONE, secret_key: s3, user: nobody, policies: []}
)");
  const auto file = read_credentials_file(text.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->warnings.empty());
  ASSERT_EQ(file->keys.size(), 3U);
  EXPECT_EQ(file->keys[0].identity->arn(), "arn:aws:iam::111111111111:root");
  EXPECT_FALSE(file->keys[0].identity->policies);
  EXPECT_EQ(file->keys[1].identity->arn(), "arn:aws:iam::111111111111:user/ann");
  EXPECT_EQ(file->keys[1].session_token, "token");
  EXPECT_EQ(file->keys[1].identity->policies->size(), 2U);
  EXPECT_EQ(file->keys[2].account, kDefaultAccount);
  EXPECT_TRUE(file->keys[2].identity->policies->empty());
}

TEST(CredentialsFile, MayBeJson) {
  const TextFile text(
      R"({"credentials": [{"access_key": "AKIA", "secret_key": "s", "account": "111111111111"}]})");
  const auto file = read_credentials_file(text.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->keys[0].account, "111111111111");
}

TEST(CredentialsFile, ThatOthersCanReadIsWarnedOf) {
  const TextFile text("credentials: [{access_key: A, secret_key: s}]", 0644);
  const auto file = read_credentials_file(text.path());
  ASSERT_TRUE(file);
  ASSERT_EQ(file->warnings.size(), 1U);
  EXPECT_NE(file->warnings[0].find("chmod 600"), std::string::npos);
}

TEST(CredentialsFile, WhatIsWrongIsSaidWithItsLineAndWithoutSecrets) {
  struct Case {
    std::string_view text;
    std::string_view message;
  };
  constexpr Case kCases[] = {
      {"", "list of one key or more"},
      {"credentials: []", "list of one key or more"},
      {"users: []", "must hold 'credentials:'"},
      {"credentials:\n- {access_key: A}", ":2: a key needs access_key and secret_key"},
      {"credentials:\n- {secret_key: SECRET, access_key: A B}", ":2: access_key has"},
      {"credentials:\n- {secret_key: [SECRET], access_key: A}", ":2: secret_key must be a text"},
      {"credentials:\n- {secret_key: SECRET, acces_key: A}", "did you mean 'access_key'"},
      {"credentials:\n- {secret_key: SECRET, access_key: A, account: 1}", "12 digits"},
      {"credentials:\n- {secret_key: SECRET, access_key: A, user: a/b}", "no name of a user"},
      {"credentials:\n- {secret_key: SECRET, access_key: A, policies: []}", "needs a user"},
      {"credentials:\n- {secret_key: SECRET, access_key: A, user: a, policies: }",
       "must be a list"},
      {"credentials:\n- {secret_key: SECRET, access_key: A, user: a, policies: [{}]}",
       "no Statement"},
      {"credentials:\n- {secret_key: SECRET, access_key: A}\n- {secret_key: SECRET, access_key: A}",
       ":3: the access key A is there twice"},
      {"credentials:\n- {secret_key: SECRET", "no YAML or JSON"}};
  for (const Case& c : kCases) {
    std::string content(c.text);
    for (size_t at = content.find("SECRET"); at != std::string::npos;
         at = content.find("SECRET", at + kSecret.size())) {
      content.replace(at, 6, kSecret);
    }
    const TextFile text(content);
    const auto file = read_credentials_file(text.path());
    ASSERT_FALSE(file) << c.text;
    EXPECT_NE(file.error().message.find(c.message), std::string::npos) << file.error().message;
    EXPECT_EQ(file.error().message.find(kSecret), std::string::npos) << file.error().message;
  }
  EXPECT_EQ(read_credentials_file("/nowhere/keys.yaml").error().code, ErrorCode::kNotFound);
}

TEST(CredentialsFile, AliasesOfYamlMakeNoEndlessPolicy) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    text += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 9; ++j) text += fmt::format("*a{},", i - 1);
    text += fmt::format("*a{}]\n", i - 1);
  }
  std::string indented;
  for (const char c : text) {
    indented += c;
    if (c == '\n') indented += "        ";
  }
  const TextFile file(
      "credentials:\n- access_key: A\n  secret_key: s\n  user: a\n  policies:\n"
      "      - " +
      indented);
  const auto read = read_credentials_file(file.path());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("too deep or too long"), std::string::npos)
      << read.error().message;
}

TEST(CredentialsFile, KeysStandInOnePlaceOnly) {
  const Credentials key{.access_key = "A", .secret_key = "s"};
  CredentialsFile file;
  file.keys = {key};
  EXPECT_FALSE(all_keys({key}, file));
  EXPECT_EQ(all_keys({{.access_key = "B", .secret_key = "s"}}, file)->size(), 2U);
}

}  // namespace
}  // namespace millstream::server
