// Against an HTTP server that plays S3 and verifies the signatures; test/e2e/test_delivery.py
// runs it against a real S3 server.
#include "lake/s3_store.h"

#include <mutex>

#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/sigv4.h"
#include "base/real_env.h"
#include "http/server.h"
#include "lake/s3_xml.h"

namespace millstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Answers every request with `answer`, after checking its signature.
class FakeS3 {
 public:
  FakeS3()
      : server_(loops_, options(), [this](HttpRequest& request, ResponseStream& stream) {
          return handle(request, stream);
        }) {
    loops_.start();
    EXPECT_TRUE(server_.start());
  }
  ~FakeS3() { server_.shutdown(std::chrono::seconds(1)); }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }
  Loops& loops() { return loops_; }

  HttpResponse answer;
  std::string method, target, body, type;
  Result<Caller> caller = fail(ErrorCode::kInternal, "no request came");

 private:
  static HttpServerOptions options() {
    HttpServerOptions made;
    made.listen = {"127.0.0.1:0"};
    return made;
  }
  awaitable<> handle(HttpRequest& request, ResponseStream& stream) {
    method = request.method;
    target = request.target;
    body = request.body.view();
    type = request.header("content-type");
    caller = verify(request, store_, real_env().now_ms(), {.service = "s3"});
    (void)co_await stream.respond(answer);
  }

  Loops loops_{1};
  CredentialStore store_{{Credentials{"key", "secret", {}, {}, "111122223333"}}};
  HttpServer server_;
};

class S3StoreTest : public testing::Test {
 protected:
  S3StoreTest() { connect("us-east-1"); }
  void connect(std::string region) {
    S3Endpoint endpoint{s3.url(), std::move(region), Credentials{"key", "secret", {}, {}, ""}};
    store = std::move(*S3Store::create(endpoint, *client, real_env()));
  }
  template <class T>
  T run(awaitable<T> work) {
    return asio::co_spawn(s3.loops().executor(0), std::move(work), asio::use_future).get();
  }
  void answer(int status, std::string body = "") {
    s3.answer = {};
    s3.answer.status = status;
    s3.answer.body = Slice::copy_of(body);
  }
  Result<> put() { return run(store->put("bucket", "k", {Slice::of_static("x")}, {})); }

  FakeS3 s3;
  std::unique_ptr<HttpClient> client = std::move(*HttpClient::create({}));
  std::unique_ptr<S3Store> store;
};

TEST_F(S3StoreTest, PutsASignedObject) {
  answer(200);
  const std::string key = "a b/!{x}=1/ü+%2F";
  ASSERT_TRUE(
      run(store->put("bucket", key, {Slice::of_static("con"), Slice::of_static("tent")}, {})));
  ASSERT_TRUE(s3.caller) << s3.caller.error().message;
  EXPECT_EQ(s3.caller->payload, SignedPayload::kVerified);
  EXPECT_EQ(s3.caller->region, "us-east-1");
  EXPECT_EQ(s3.method, "PUT");
  EXPECT_EQ(s3.target, "/bucket/a%20b/%21%7Bx%7D%3D1/%C3%BC%2B%252F");
  EXPECT_EQ(s3.body, "content");
  EXPECT_EQ(s3.type, "application/octet-stream");
}

TEST_F(S3StoreTest, GetsHeadsAndRemoves) {
  answer(200, "content");
  EXPECT_EQ(run(store->get("bucket", "k"))->view(), "content");
  EXPECT_TRUE(s3.caller);
  EXPECT_EQ(s3.method, "GET");
  answer(204);
  EXPECT_TRUE(run(store->remove("bucket", "k")));
  EXPECT_EQ(s3.method, "DELETE");
  answer(404, "<Error><Code>NoSuchKey</Code></Error>");
  EXPECT_TRUE(run(store->remove("bucket", "k")));
  EXPECT_EQ(run(store->get("bucket", "k")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(store->head("bucket", "k")).error().code, ErrorCode::kNotFound);
}

TEST_F(S3StoreTest, ListsPages) {
  answer(200, R"(<?xml version="1.0"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated>
<Contents><Key>a+b%2Fc</Key><LastModified>2026-11-25T10:00:00.000Z</LastModified>
<ETag>&quot;e&quot;</ETag><Size>12</Size></Contents>
<Contents><Key>z</Key><LastModified>2026-11-25T10:00:01.000Z</LastModified><Size>0</Size></Contents>
</ListBucketResult>)");
  const auto page = run(store->list("bucket", "a b", "a+", 2));
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_TRUE(s3.caller) << s3.caller.error().message;
  EXPECT_EQ(s3.target,
            "/bucket?encoding-type=url&list-type=2&max-keys=2&prefix=a%20b&start-after=a%2B");
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "a b/c");
  EXPECT_EQ(page->objects[0].size, 12u);
  EXPECT_EQ(page->objects[0].etag, "\"e\"");
  EXPECT_EQ(page->objects[1].modified, 1795600801000);
  EXPECT_EQ(page->next_start_after, "z");
  answer(200, "<html>hello</html>");
  EXPECT_EQ(run(store->list("bucket", "", "", 2)).error().code, ErrorCode::kRemote);
}

TEST_F(S3StoreTest, ErrorsSayWhatS3Said) {
  struct Case {
    int status;
    std::string code;
    ErrorCode expected;
  };
  for (const Case& c :
       {Case{404, "NoSuchBucket", ErrorCode::kNotFound},
        Case{403, "AccessDenied", ErrorCode::kAccessDenied},
        Case{403, "SignatureDoesNotMatch", ErrorCode::kAccessDenied},
        Case{503, "SlowDown", ErrorCode::kThrottled}, Case{429, "", ErrorCode::kThrottled},
        Case{500, "InternalError", ErrorCode::kUnavailable}, Case{502, "", ErrorCode::kUnavailable},
        Case{400, "RequestTimeout", ErrorCode::kTimeout},
        Case{400, "InvalidRequest", ErrorCode::kRemote},
        Case{301, "PermanentRedirect", ErrorCode::kRemote}}) {
    answer(c.status, c.code.empty() ? "<html>"
                                    : "<Error><Code>" + c.code +
                                          "</Code><Message>it &lt;said&gt; no</Message></Error>");
    const Result<> done = put();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, c.expected) << c.status << c.code;
    EXPECT_THAT(done.error().message, HasSubstr("bucket/k"));
    if (!c.code.empty()) {
      EXPECT_THAT(done.error().message, HasSubstr(c.code + ": it <said> no"));
    }
  }
}

TEST_F(S3StoreTest, ServersThatAreNotThereAreUnavailable) {
  store = std::move(*S3Store::create({"http://127.0.0.1:1", "us-east-1", {}}, *client, real_env()));
  EXPECT_EQ(put().error().code, ErrorCode::kUnavailable);
}

TEST_F(S3StoreTest, MakesBucketsInItsRegion) {
  answer(200);
  ASSERT_TRUE(run(store->make_bucket("bucket")));
  EXPECT_EQ(s3.target, "/bucket");
  EXPECT_EQ(s3.body, "");
  connect("eu-west-1");
  ASSERT_TRUE(run(store->make_bucket("bucket")));
  EXPECT_THAT(s3.body, HasSubstr("<LocationConstraint>eu-west-1</LocationConstraint>"));
  EXPECT_EQ(s3.caller->region, "eu-west-1");
  answer(409, "<Error><Code>BucketAlreadyOwnedByYou</Code></Error>");
  EXPECT_TRUE(run(store->make_bucket("bucket")));
  answer(409, "<Error><Code>BucketAlreadyExists</Code></Error>");
  EXPECT_FALSE(run(store->make_bucket("bucket")));
}

TEST(S3Store, UrlsThatAreNoneAreRefused) {
  auto client = std::move(*HttpClient::create({}));
  for (const std::string url : {"", "s3://x", "http://host/?a=b"}) {
    EXPECT_FALSE(S3Store::create({url, "us-east-1", {}}, *client, real_env())) << url;
  }
}

}  // namespace
}  // namespace millstream
