// Objects by bucket and key: an S3 endpoint or the embedded lake. Deliveries and, later, tiered
// segments go through it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/bytes.h"
#include "base/env.h"

namespace millstream {

struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
  TimeMs modified = 0;
  std::string etag;
};

struct ObjectPage {
  std::vector<ObjectInfo> objects;  // by key, ascending in UTF-8 bytes
  std::string next_start_after;     // empty: this was the last page
};

struct PutOptions {
  std::string content_type;      // empty: application/octet-stream
  std::string content_encoding;  // e.g. "gzip"; empty: none
};

// Threads: any; each call completes on the caller's executor.
// Errors:  kNotFound (bucket or key), kAccessDenied, kTimeout, kThrottled and kUnavailable (try
//          again), kRemote (the store refused: its code and message are in the text).
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // Whole or not at all; replaces. Completes when the object is durable in the store. `parts`
  // are concatenated.
  virtual awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                                  PutOptions options) = 0;
  virtual awaitable<Result<Slice>> get(std::string bucket, std::string key) = 0;
  virtual awaitable<Result<ObjectInfo>> head(std::string bucket, std::string key) = 0;
  virtual awaitable<Result<ObjectPage>> list(std::string bucket, std::string prefix,
                                             std::string start_after, size_t limit) = 0;
  virtual awaitable<Result<>> remove(std::string bucket, std::string key) = 0;  // fine if absent
  virtual awaitable<Result<>> make_bucket(std::string bucket) = 0;  // fine if it is there
};

}  // namespace millstream
