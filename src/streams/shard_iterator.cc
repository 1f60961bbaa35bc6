#include "streams/shard_iterator.h"

#include <ctime>

#include "base/base64.h"
#include "base/bytes.h"

namespace millstream::streams {
namespace {

constexpr std::string_view kPrefix("\0\0\0\0\0\0\0\1", 8);
constexpr size_t kMinPayload = 144;
constexpr size_t kAlignment = 16;
constexpr uint8_t kFormat = 1;

// Plain text: format, issue time, generation, shard index, position, then the names, each with
// its length; account and region are empty where they are the caller's. Zeroes fill the rest.
void append_name(std::string& to, std::string_view name) {
  const auto size = static_cast<uint16_t>(name.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size);
  to.append(name);
}

template <class T>
void append_number(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Reads what seal_iterator() wrote; the bytes are authentic, so their layout is right.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T number() {
    MS_ASSERT(rest_.size() >= sizeof(T));
    const T value = load_le<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view name() {
    const auto size = number<uint16_t>();
    MS_ASSERT(rest_.size() >= size);
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }

 private:
  std::string_view rest_;
};

std::string purpose_of(IteratorScope scope) {
  return fmt::format("ShardIterator:{}:{}", scope.account, scope.region);
}

std::unexpected<Error> invalid() {
  return fail(ErrorCode::kInvalidArgument, "Invalid ShardIterator.");
}

// As AWS writes it: Thu Jan 22 01:22:02 UTC 2015.
std::string amazon_time(TimeMs time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {:04}", kDays[parts.tm_wday],
                     kMonths[parts.tm_mon], parts.tm_mday, parts.tm_hour, parts.tm_min,
                     parts.tm_sec, parts.tm_year + 1900);
}

}  // namespace

Result<std::string> seal_iterator(const TokenKey& key, IteratorScope scope,
                                  const ShardIterator& iterator) {
  const StreamKey& stream = iterator.stream;
  std::string plain;
  append_number(plain, kFormat);
  append_number(plain, iterator.issued_ms);
  append_number(plain, iterator.generation);
  append_number(plain, iterator.shard_index);
  append_number(plain, iterator.position);
  const bool foreign = stream.account != scope.account || stream.region != scope.region;
  append_name(plain, foreign ? std::string_view(stream.account) : std::string_view());
  append_name(plain, foreign ? std::string_view(stream.region) : std::string_view());
  append_name(plain, stream.name);
  const size_t payload = std::max(
      kMinPayload, (plain.size() + kTokenOverhead + kAlignment - 1) / kAlignment * kAlignment);
  if (base64_encoded_size(kPrefix.size() + payload) > kMaxIteratorTextSize) {
    return fail(ErrorCode::kInvalidArgument,
                "The region {} and the stream's name {} are too long for a shard iterator.",
                stream.region, stream.name);
  }
  plain.resize(payload - kTokenOverhead, '\0');
  std::string sealed(kPrefix);
  sealed += seal_token(key, purpose_of(scope), plain);
  return base64_encode(sealed);
}

Result<ShardIterator> open_iterator(const TokenKey& key, IteratorScope scope, std::string_view text,
                                    TimeMs now_ms, TimeMs life_ms) {
  if (text.size() > kMaxIteratorTextSize) return invalid();
  const auto sealed = base64_decode(text);
  // Only the one spelling that seal_iterator() gives.
  if (!sealed || !sealed->starts_with(kPrefix) || base64_encode(*sealed) != text) {
    return invalid();
  }
  const auto plain =
      open_token(key, purpose_of(scope), std::string_view(*sealed).substr(kPrefix.size()));
  if (!plain) return invalid();
  Reader reader(*plain);
  if (reader.number<uint8_t>() != kFormat) return invalid();
  ShardIterator iterator;
  iterator.issued_ms = reader.number<TimeMs>();
  iterator.generation = reader.number<int64_t>();
  iterator.shard_index = reader.number<uint32_t>();
  iterator.position = reader.number<Counter>();
  const std::string_view account = reader.name();
  const std::string_view region = reader.name();
  iterator.stream.account = account.empty() ? scope.account : account;
  iterator.stream.region = account.empty() ? scope.region : region;
  iterator.stream.name = reader.name();
  if (now_ms - iterator.issued_ms > life_ms) {
    return fail(ErrorCode::kExpiredIterator,
                "Iterator expired. The iterator was created at time {} while right now it is {} "
                "which is further in the future than the tolerated delay of {} milliseconds.",
                amazon_time(iterator.issued_ms), amazon_time(now_ms), life_ms);
  }
  return iterator;
}

}  // namespace millstream::streams
