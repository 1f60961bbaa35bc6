#include "http/tls.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "http/certificate.h"
#include "http/test_support.h"

namespace millstream {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(GeneratedCertificate, IsReusedAndItsKeysArePrivate) {
  TestFolder parent;
  const std::string folder = parent.path() + "/tls";
  ASSERT_TRUE(generated_tls_context(folder));
  const std::string ca = content(folder + "/ca.pem");
  const std::string server = content(folder + "/server.pem");
  ASSERT_TRUE(generated_tls_context(folder));
  EXPECT_EQ(content(folder + "/ca.pem"), ca);
  EXPECT_EQ(content(folder + "/server.pem"), server);
  EXPECT_EQ(generated_ca_pem(folder), ca);
  for (const char* key : {"/ca.key", "/server.key"}) {
    struct stat info{};
    ASSERT_EQ(::stat((folder + key).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << key;
  }
}

TEST(GeneratedCertificate, IsMadeAnewForAnotherNameByTheSameCa) {
  TestFolder folder;
  ASSERT_TRUE(generated_tls_context(folder.path()));
  const std::string ca = content(folder.path() + "/ca.pem");
  const std::string before = content(folder.path() + "/server.pem");
  ASSERT_TRUE(generated_tls_context(folder.path(), {"streams.example.org", "10.1.2.3"}));
  const std::string after = content(folder.path() + "/server.pem");
  EXPECT_EQ(content(folder.path() + "/ca.pem"), ca);
  EXPECT_NE(after, before);
  const Identity authority{certificate_of_pem(ca), nullptr};
  const Identity server{certificate_of_pem(after),
                        key_of_pem(content(folder.path() + "/server.key"))};
  const std::vector<std::string> names = {"localhost", "127.0.0.1", "::1", "streams.example.org",
                                          "10.1.2.3"};
  EXPECT_TRUE(is_still_good(server, authority, names));
  EXPECT_FALSE(is_still_good(server, authority, {"other.example.org"}));
}

TEST(GeneratedCertificate, OfAnotherCaIsMadeAnew) {
  TestFolder folder;
  ASSERT_TRUE(generated_tls_context(folder.path()));
  const std::string before = content(folder.path() + "/server.pem");
  std::filesystem::remove(folder.path() + "/ca.pem");
  ASSERT_TRUE(generated_tls_context(folder.path()));
  EXPECT_NE(content(folder.path() + "/server.pem"), before);
}

TEST(GeneratedCertificate, GarbledFileIsNamed) {
  TestFolder folder;
  ASSERT_TRUE(generated_tls_context(folder.path()));
  std::ofstream(folder.path() + "/server.key") << "garbage";
  auto again = generated_tls_context(folder.path());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kCorruption);
  EXPECT_NE(again.error().message.find("server.key"), std::string::npos);
}

TEST(LoadedCertificate, SaysWhatIsWrongWithAFile) {
  TestFolder folder;
  ASSERT_TRUE(generated_tls_context(folder.path()));
  const std::string certificate = folder.path() + "/server.pem";
  const std::string key = folder.path() + "/server.key";
  EXPECT_TRUE(load_tls_context(certificate, key));
  auto missing = load_tls_context(certificate, folder.path() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  auto other_key = load_tls_context(certificate, folder.path() + "/ca.key");
  ASSERT_FALSE(other_key);
  EXPECT_EQ(other_key.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(load_tls_context(key, key));
}

}  // namespace
}  // namespace millstream
