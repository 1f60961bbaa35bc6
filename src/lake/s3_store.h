// Objects in any server that speaks S3.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credentials.h"
#include "base/async.h"
#include "base/env.h"
#include "base/object_store.h"
#include "http/client.h"

namespace millstream {

struct S3Endpoint {
  std::string url;  // "http://127.0.0.1:7070", "https://s3.eu-west-1.amazonaws.com"
  std::string region = "us-east-1";
  Credentials credentials;
};

// Path-style requests with SigV4 over the payload's hash. One attempt a call: retries are the
// caller's, who knows how long it may wait.
//
// Life cycle: `client` and `clock` outlive the store.
// Threads:    any; as HttpClient: the caller's executor is a loop or a strand.
// Limits:     one PUT an object, so at most 5 GiB (S3's limit); get() is bounded by
//             HttpClientOptions::response_body_bytes.
class S3Store final : public ObjectStore {
 public:
  // Errors: kInvalidArgument (the URL).
  static Result<std::unique_ptr<S3Store>> create(S3Endpoint endpoint, HttpClient& client,
                                                 Clock& clock);

  awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                          PutOptions options) override;
  awaitable<Result<Slice>> get(std::string bucket, std::string key) override;
  awaitable<Result<ObjectInfo>> head(std::string bucket, std::string key) override;
  awaitable<Result<ObjectPage>> list(std::string bucket, std::string prefix,
                                     std::string start_after, size_t limit) override;
  awaitable<Result<>> remove(std::string bucket, std::string key) override;
  awaitable<Result<>> make_bucket(std::string bucket) override;

 private:
  struct Call {
    std::string method;
    std::string bucket;
    std::string key;    // empty: the bucket itself
    std::string query;  // encoded
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<Slice> body;
  };

  S3Store(S3Endpoint endpoint, Url url, HttpClient& client, Clock& clock)
      : endpoint_(std::move(endpoint)), url_(std::move(url)), client_(client), clock_(clock) {}

  // Any 2xx; other answers as errors that name the object.
  awaitable<Result<ClientResponse>> send(Call call);
  Error error_of(const Call& call, const ClientResponse& response) const;

  const S3Endpoint endpoint_;
  const Url url_;
  HttpClient& client_;
  Clock& clock_;
};

}  // namespace millstream
