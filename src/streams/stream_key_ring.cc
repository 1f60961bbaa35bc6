#include "streams/stream_key_ring.h"

#include <boost/asio/redirect_error.hpp>

#include "base/random.h"

namespace millstream::streams {
namespace {

constexpr std::chrono::hours kLife{24};
// Keys of one stream that are kept unwrapped. A stream that is read from its start needs one for
// each day and run.
constexpr size_t kMaxKnown = 512;

}  // namespace

std::string wrapping_context(uint64_t id, int64_t generation, const MasterKeyRef& master) {
  return fmt::format("data key {} of stream {} by {} version {}", id, generation, master.id,
                     master.version);
}

Result<SecretKey> unwrap(const MasterKeys& masters, const WrappedKey& key, int64_t generation,
                         const KeyUser& user) {
  return masters.unwrap(key.master, key.wrapped, wrapping_context(key.id, generation, key.master),
                        user);
}

void StreamKeyRing::use_master_key(const std::string& key_id) {
  std::lock_guard lock(mutex_);
  if (key_id == key_id_) return;
  key_id_ = key_id;
  current_.reset();
  ++epoch_;
}

void StreamKeyRing::drop_keys() {
  std::lock_guard lock(mutex_);
  current_.reset();
  known_.clear();
  ++epoch_;
}

bool StreamKeyRing::encrypts() const {
  std::lock_guard lock(mutex_);
  return !key_id_.empty();
}

std::optional<Nonces> StreamKeyRing::take(uint32_t records) {
  const auto now = clock_.monotonic();
  std::lock_guard lock(mutex_);
  if (key_id_.empty()) return Nonces{};
  if (!current_ || now - current_since_ >= kLife) return std::nullopt;
  return current_->take(records);
}

awaitable<Result<Nonces>> StreamKeyRing::renew(uint32_t records) {
  // The second time if the keys were dropped meanwhile, or others took all of the new one.
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (auto nonces = take(records)) co_return *std::move(nonces);
    const auto executor = co_await asio::this_coro::executor;
    auto turn =
        std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    bool is_first = false;
    {
      std::lock_guard lock(mutex_);
      waiters_.push_back(turn);
      is_first = !std::exchange(making_, true);
    }
    if (is_first) {
      asio::co_spawn(
          executor, [self = shared_from_this()] { return self->make_key(); }, asio::detached);
    }
    boost::system::error_code ignored;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::lock_guard lock(mutex_);
    CO_TRY(made_);
  }
  co_return fail(ErrorCode::kUnavailable,
                 "The keys of this stream change faster than they can be made; try again.");
}

awaitable<> StreamKeyRing::make_key() {
  std::string key_id;
  uint64_t epoch = 0;
  {
    std::lock_guard lock(mutex_);
    key_id = key_id_;
    epoch = epoch_;
  }
  Result<std::shared_ptr<const DataKey>> key;
  if (!key_id.empty()) key = co_await store_new_key(std::move(key_id));
  std::lock_guard lock(mutex_);
  made_ = {};
  if (!key) {
    made_ = std::unexpected(key.error());
  } else if (*key && epoch == epoch_) {
    current_ = std::make_unique<SealingKey>(*key);
    current_since_ = clock_.monotonic();
    keep(*key);
  }
  making_ = false;
  // A new expiry, not a cancel: the wait may not have started yet.
  for (const Waiter& waiter : waiters_) {
    asio::post(waiter->get_executor(),
               [waiter] { waiter->expires_at(asio::steady_timer::time_point::min()); });
  }
  waiters_.clear();
}

awaitable<Result<std::shared_ptr<const DataKey>>> StreamKeyRing::store_new_key(std::string key_id) {
  CO_TRY_ASSIGN(const MasterKeyRef master, masters_.resolve(key_id, user_));
  SecretKey secret;
  fill_random(secret.bytes);
  uint64_t id = 0;
  CO_TRY(co_await store_.write([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows,
               transaction.query("SELECT 1 FROM streams WHERE generation = ?", {generation_}));
    if (rows.empty()) return fail(ErrorCode::kNotFound, "The stream was deleted.");
    TRY_ASSIGN(const int64_t number, store_.next_number(transaction, kDataKeySequence));
    id = static_cast<uint64_t>(number);
    TRY_ASSIGN(Blob wrapped,
               masters_.wrap(master, secret, wrapping_context(id, generation_, master), user_));
    TRY(transaction.execute(
        "INSERT INTO stream_data_keys (key_id, generation, master_key_id, master_key_version,"
        " wrapped, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
        {number, generation_, master.id, int64_t{master.version}, std::move(wrapped),
         clock_.now_ms()}));
    return {};
  }));
  co_return std::make_shared<const DataKey>(id, secret);
}

std::shared_ptr<const DataKey> StreamKeyRing::find(uint64_t id) const {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : found->second;
}

awaitable<Result<std::shared_ptr<const DataKey>>> StreamKeyRing::load(uint64_t id) {
  uint64_t epoch = 0;
  {
    std::lock_guard lock(mutex_);
    epoch = epoch_;
  }
  std::optional<WrappedKey> row;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    row.reset();
    TRY_ASSIGN(auto rows,
               transaction.query("SELECT master_key_id, master_key_version, wrapped"
                                 " FROM stream_data_keys WHERE key_id = ? AND generation = ?",
                                 {static_cast<int64_t>(id), generation_}));
    if (rows.empty()) return {};
    row = WrappedKey{
        id, {rows[0].text(0), static_cast<uint32_t>(rows[0].integer(1))}, rows[0].blob(2)};
    return {};
  }));
  if (!row) {
    co_return fail(ErrorCode::kKeyInvalidState,
                   "Data key {} of this stream is not in the metadata: log and metadata are not of "
                   "the same time; restore both from the same backup.",
                   id);
  }
  CO_TRY_ASSIGN(SecretKey secret, unwrap(masters_, *row, generation_, user_));
  auto key = std::make_shared<const DataKey>(id, secret);
  std::lock_guard lock(mutex_);
  if (epoch == epoch_) keep(key);
  co_return key;
}

void StreamKeyRing::keep(const std::shared_ptr<const DataKey>& key) {
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[key->id()] = key;
}

}  // namespace millstream::streams
