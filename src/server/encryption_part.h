// Encryption at rest of a running server: master keys from their file, the data keys of streams,
// and the log through which everything else reads and appends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/env.h"
#include "base/result.h"
#include "log/encrypted/encrypted_log.h"
#include "meta/meta_store.h"
#include "server/config.h"
#include "streams/stream_keys.h"

namespace millstream::server {

// Life cycle: opened after the migrations and before the catalog; outlives the catalog and the
//             loops.
// Threads:    open() and reload() block; not on a loop. The rest: any.
class EncryptionPart {
 public:
  // `config`, `log`, `meta`, `clock` and `pool` outlive it. A key file that is missing is a
  // problem, not an error: other streams work. Errors: those of read_key_file() otherwise.
  static Result<std::unique_ptr<EncryptionPart>> open(const ServerConfig& config, ShardLog& log,
                                                      MetaStore& meta, Clock& clock,
                                                      asio::thread_pool& pool);

  ShardLog& log() { return log_; }
  streams::StreamKeys& keys() { return keys_; }

  // Reads the key file again. Errors: those of read_key_file(); the keys stay as they were.
  Result<> reload();
  // Streams that can't be read or written with the present keys, for /health and the log.
  std::vector<std::string> problems() const { return keys_.problems(); }

 private:
  EncryptionPart(const ServerConfig& config, std::unique_ptr<streams::MasterKeys> masters,
                 ShardLog& log, MetaStore& meta, Clock& clock, asio::thread_pool& pool)
      : config_(config),
        masters_(std::move(masters)),
        keys_(meta, *masters_, clock),
        log_(log, keys_, &pool) {}

  const ServerConfig& config_;
  std::unique_ptr<streams::MasterKeys> masters_;
  streams::StreamKeys keys_;
  EncryptedLog log_;
};

}  // namespace millstream::server
