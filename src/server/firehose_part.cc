#include "server/firehose_part.h"

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include "firehose/service.h"
#include "http/client.h"
#include "lake/folder_store.h"
#include "lake/s3_store.h"

namespace millstream::server {
namespace {

constexpr size_t kThreads = 2;  // reading and compressing; storing has threads of its own

}  // namespace

struct FirehosePart::State {
  std::chrono::milliseconds grace;
  asio::thread_pool io{kThreads};  // blocking file calls of the lake
  asio::thread_pool delivery{kThreads};
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<FolderStore> lake;
  std::unique_ptr<S3Store> s3;
  std::unique_ptr<firehose::FirehoseService> service;
};

FirehosePart::FirehosePart(std::unique_ptr<State> state) : state_(std::move(state)) {}
FirehosePart::~FirehosePart() = default;

Result<std::unique_ptr<FirehosePart>> FirehosePart::open(FirehosePartDependencies dependencies) {
  const ServerConfig& config = dependencies.config;
  auto state = std::make_unique<State>();
  state->grace = config.grace_period;
  TRY_ASSIGN(state->lake,
             FolderStore::open(dependencies.env, config.data_folder + "/lake", state->io));
  if (!config.s3_endpoint.empty()) {
    TRY_ASSIGN(state->client,
               HttpClient::create({.allow_link_local = config.allow_link_local_endpoints}));
    S3Endpoint endpoint{.url = config.s3_endpoint, .region = config.s3_region, .credentials = {}};
    endpoint.credentials.access_key = config.s3_access_key;
    endpoint.credentials.secret_key = config.s3_secret_key;
    TRY_ASSIGN(state->s3, S3Store::create(std::move(endpoint), *state->client, dependencies.env));
  }
  firehose::FirehoseSettings settings;
  settings.state_delay = config.state_delay;
  settings.delivery_budget_bytes = config.delivery_buffer;
  state->service = std::make_unique<firehose::FirehoseService>(
      firehose::FirehoseContext{.log = dependencies.log,
                                .catalog = dependencies.catalog,
                                .meta = dependencies.meta,
                                .lake = *state->lake,
                                .s3 = state->s3.get(),
                                .clock = dependencies.env,
                                .executor = state->delivery.get_executor(),
                                .metrics = dependencies.metrics,
                                .settings = settings});
  TRY(state->service->start());
  return std::unique_ptr<FirehosePart>(new FirehosePart(std::move(state)));
}

void FirehosePart::register_operations(wire::OperationTable& table) {
  firehose::register_operations(table, *state_->service);
}

ObjectStore& FirehosePart::lake() { return *state_->lake; }
ObjectStore* FirehosePart::s3() { return state_->s3.get(); }

Result<std::vector<ShardId>> FirehosePart::own_shards(const std::string& account,
                                                      const std::string& region,
                                                      const std::string& name) const {
  return state_->service->own_shards({account, region, name});
}

awaitable<Result<>> FirehosePart::delete_all() { co_return co_await state_->service->remove_all(); }

void FirehosePart::stop() {
  asio::co_spawn(state_->delivery, state_->service->stop(state_->grace), asio::use_future).get();
  state_->delivery.join();
  state_->io.join();
}

}  // namespace millstream::server
