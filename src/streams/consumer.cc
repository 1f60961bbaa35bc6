#include "streams/consumer.h"

#include "base/text.h"
#include "streams/listing.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

std::string token_purpose(std::string_view account) {
  return fmt::format("ListStreamConsumers:{}", account);
}

}  // namespace

std::string_view status_text(ConsumerStatus status) {
  switch (status) {
    case ConsumerStatus::kCreating:
      return "CREATING";
    case ConsumerStatus::kActive:
      return "ACTIVE";
    case ConsumerStatus::kDeleting:
      return "DELETING";
  }
  MS_ASSERT(false);
}

ConsumerStatus ConsumerView::status(const Consumer& consumer) const {
  if (consumer.deregistered_ms) return ConsumerStatus::kDeleting;
  // A clock that was set back must not make old consumers new.
  const bool is_new = consumer.created_ms <= now_ && now_ - consumer.created_ms < state_delay_;
  return is_new ? ConsumerStatus::kCreating : ConsumerStatus::kActive;
}

bool ConsumerView::is_shown(const Consumer& consumer) const {
  if (!consumer.deregistered_ms) return true;
  return *consumer.deregistered_ms <= now_ && now_ - *consumer.deregistered_ms < state_delay_;
}

const Consumer* ConsumerView::find(const Stream& stream, std::string_view name) const {
  for (const Consumer& consumer : stream.consumers) {
    if (consumer.name == name && is_shown(consumer)) return &consumer;
  }
  return nullptr;
}

const Consumer* ConsumerView::find(const Stream& stream, std::string_view name,
                                   int64_t created_s) const {
  const Consumer* found = find(stream, name);
  return found != nullptr && found->created_ms / 1000 == created_s ? found : nullptr;
}

std::string consumer_arn(const Stream& stream, const Consumer& consumer) {
  return wire::format_arn(
      wire::ConsumerArn{{stream.key.region, stream.key.account, stream.key.name},
                        consumer.name,
                        consumer.created_ms / 1000});
}

wire::kinesis::Consumer wire_consumer(const Stream& stream, const Consumer& consumer,
                                      const ConsumerView& view) {
  wire::kinesis::Consumer shown;
  shown.consumer_name = consumer.name;
  shown.consumer_arn = consumer_arn(stream, consumer);
  shown.consumer_status = status_text(view.status(consumer));
  shown.consumer_creation_timestamp = wire::Timestamp{consumer.created_ms / 1000 * 1000};
  return shown;
}

std::unexpected<Error> no_such_consumer(const StreamKey& key, std::string_view name_or_arn) {
  return fail(ErrorCode::kNotFound, "Consumer {}, account {} not found.", name_or_arn, key.account);
}

std::string seal_consumer_page(const TokenKey& key, std::string_view account,
                               const ConsumerPageToken& token) {
  const std::string plain =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", token.stream.account, token.stream.region,
                  token.stream.name, token.generation, token.issued_ms, token.after);
  return seal_token_text(key, token_purpose(account), plain);
}

Result<ConsumerPageToken> open_consumer_page(const TokenKey& key, std::string_view account,
                                             std::string_view text, TimeMs now) {
  const auto plain = open_token_text(key, token_purpose(account), text);
  if (!plain) {
    return fail(ErrorCode::kInvalidArgument,
                "NextToken is not one that ListStreamConsumers gave to this account; list again "
                "without it.");
  }
  // Authenticated: what opens was sealed above.
  const auto fields = split(*plain, '\n');
  MS_ASSERT(fields.size() == 6);
  ConsumerPageToken token;
  token.stream = {std::string(fields[0]), std::string(fields[1]), std::string(fields[2])};
  token.generation = parse_integer<int64_t>(fields[3]).value();
  token.issued_ms = parse_integer<int64_t>(fields[4]).value();
  token.after = parse_integer<int64_t>(fields[5]).value();
  if (now - token.issued_ms > kPageTokenLifeMs) {
    return fail(ErrorCode::kExpiredNextToken,
                "NextToken is older than {} seconds; list again without it.",
                kPageTokenLifeMs / 1000);
  }
  return token;
}

}  // namespace millstream::streams
