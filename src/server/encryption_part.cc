#include "server/encryption_part.h"

#include <utility>

#include "base/logging.h"
#include "base/real_env.h"
#include "server/key_file.h"

namespace millstream::server {
namespace {

using streams::MasterKey;

// An ephemeral server leaves nothing on the disk: its keys are in memory too.
bool has_file(const ServerConfig& config) { return !config.ephemeral || !config.key_file.empty(); }

// None if there is no file: it may be made, or come back, later.
Result<std::vector<MasterKey>> keys_in(const std::string& path) {
  auto keys = read_key_file(path);
  if (!keys && keys.error().code == ErrorCode::kNotFound) return std::vector<MasterKey>();
  return keys;
}

Result<std::unique_ptr<streams::MasterKeys>> open_master_keys(const ServerConfig& config) {
  const auto new_default = [] {
    return streams::new_master_key({std::string(streams::kDefaultKeyAlias)}, real_env().now_ms());
  };
  if (!has_file(config)) {
    return std::make_unique<streams::MasterKeys>(
        std::vector<MasterKey>(),
        [new_default]() -> Result<std::vector<MasterKey>> { return std::vector{new_default()}; });
  }
  const std::string path = key_file_path(config);
  TRY_ASSIGN(std::vector<MasterKey> keys, keys_in(path));
  auto make_default = [path, new_default]() -> Result<std::vector<MasterKey>> {
    const std::vector<MasterKey> made{new_default()};
    auto written = write_key_file(path, made, KeyFileWrite::kCreate);
    if (!written && written.error().code != ErrorCode::kInUse) {
      return std::unexpected(std::move(written).error());
    }
    return read_key_file(path);  // what another process was faster with counts
  };
  return std::make_unique<streams::MasterKeys>(std::move(keys), std::move(make_default));
}

}  // namespace

Result<std::unique_ptr<EncryptionPart>> EncryptionPart::open(const ServerConfig& config,
                                                             ShardLog& log, MetaStore& meta,
                                                             Clock& clock,
                                                             asio::thread_pool& pool) {
  TRY_ASSIGN(auto masters, open_master_keys(config));
  std::unique_ptr<EncryptionPart> part(
      new EncryptionPart(config, std::move(masters), log, meta, clock, pool));
  TRY(part->keys_.open());
  return part;
}

Result<> EncryptionPart::reload() {
  if (!has_file(config_)) return {};
  const std::string path = key_file_path(config_);
  TRY_ASSIGN(std::vector<MasterKey> keys, keys_in(path));
  if (!keys.empty()) log_info("server", "read {}: {} master keys", path, keys.size());
  masters_->replace(std::move(keys));
  return keys_.reload();
}

}  // namespace millstream::server
