#include "server/tier_part.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "http/client.h"
#include "lake/folder_store.h"
#include "lake/lake_path.h"
#include "lake/s3_store.h"

namespace millstream::server {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kFile = "file://";
constexpr std::string_view kFolderBucket = "millstream-log";
constexpr size_t kFolderThreads = 4;

// The last member goes first.
struct S3Tier {
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<S3Store> store;
};
struct FolderTier {
  asio::thread_pool io{kFolderThreads};
  std::unique_ptr<FolderStore> store;
  ~FolderTier() { io.join(); }
};

Result<TierOptions> s3_tier(const ServerConfig& config, Env& env) {
  const std::string_view place = std::string_view(config.tier_url).substr(kS3.size());
  const size_t slash = std::min(place.find('/'), place.size());
  TierOptions options;
  options.bucket = place.substr(0, slash);
  if (slash < place.size()) options.prefix = place.substr(slash + 1);
  if (!options.prefix.empty() && !options.prefix.ends_with('/')) options.prefix += '/';
  if (auto good = check_bucket_name(options.bucket); !good) {
    return fail(ErrorCode::kInvalidArgument, "log.tier.url {}: {}", config.tier_url,
                good.error().message);
  }
  if (config.s3_endpoint.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "log.tier.url {} needs s3.endpoint, the S3 server's URL (and s3.access_key and "
                "s3.secret_key)",
                config.tier_url);
  }
  auto tier = std::make_shared<S3Tier>();
  TRY_ASSIGN(tier->client,
             HttpClient::create({.allow_link_local = config.allow_link_local_endpoints}));
  S3Endpoint endpoint{.url = config.s3_endpoint, .region = config.s3_region, .credentials = {}};
  endpoint.credentials.access_key = config.s3_access_key;
  endpoint.credentials.secret_key = config.s3_secret_key;
  TRY_ASSIGN(tier->store, S3Store::create(std::move(endpoint), *tier->client, env));
  options.store = std::shared_ptr<ObjectStore>(tier, tier->store.get());
  return options;
}

Result<> make_bucket(ObjectStore& store) {
  asio::io_context io;
  Result<> made;
  asio::co_spawn(io, store.make_bucket(std::string(kFolderBucket)),
                 [&](std::exception_ptr error, Result<> result) {
                   if (error) std::rethrow_exception(error);
                   made = std::move(result);
                 });
  io.run();
  return made;
}

Result<TierOptions> folder_tier(const ServerConfig& config, Env& env) {
  const std::string folder = config.tier_url.substr(kFile.size());
  if (!folder.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument, "log.tier.url {} is not of the form file:///FOLDER",
                config.tier_url);
  }
  auto tier = std::make_shared<FolderTier>();
  TRY_ASSIGN(tier->store, FolderStore::open(env, folder, tier->io));
  TRY(make_bucket(*tier->store));
  TierOptions options;
  options.bucket = kFolderBucket;
  options.store = std::shared_ptr<ObjectStore>(tier, tier->store.get());
  return options;
}

}  // namespace

Result<TierOptions> tier_options(const ServerConfig& config, Env& env) {
  if (config.tier_url.empty()) return TierOptions();
  if (config.ephemeral) {
    return fail(ErrorCode::kInvalidArgument,
                "log.tier.url is for records on the disk: not with --ephemeral");
  }
  TRY_ASSIGN(TierOptions options,
             config.tier_url.starts_with(kS3) ? s3_tier(config, env) : folder_tier(config, env));
  options.after = config.tier_after;
  options.cache_bytes = config.tier_cache;
  return options;
}

void add_tier_metrics(MetricRegistry& metrics, const LocalLog& log) {
  const auto gauge = [&](std::string name, std::string help, uint64_t TierStats::* value) {
    metrics.gauge_from("millstream_tier_" + std::move(name), std::move(help), {},
                       [&log, value] { return static_cast<double>(log.tier_stats().*value); });
  };
  gauge("files", "Packs and segments in the object store", &TierStats::files);
  gauge("bytes", "Their bytes", &TierStats::bytes);
  gauge("uploaded_files", "Moved to the object store since the start", &TierStats::uploaded_files);
  gauge("uploaded_bytes", "Their bytes", &TierStats::uploaded_bytes);
  gauge("upload_failures", "Attempts to move or remove that failed", &TierStats::upload_failures);
  gauge("removed_objects", "Objects removed after their records expired",
        &TierStats::removed_objects);
  gauge("fetched_bytes", "Read back from the object store", &TierStats::fetched_bytes);
  gauge("fetch_failures", "Reads that the object store did not answer", &TierStats::fetch_failures);
  gauge("cache_hits", "Reads that the local cache answered", &TierStats::cache_hits);
  gauge("cache_misses", "Reads that had to ask the object store", &TierStats::cache_misses);
  gauge("cache_bytes", "In the local cache", &TierStats::cache_bytes);
}

}  // namespace millstream::server
