// Registered consumers: register, describe, list, deregister, and their tags.
#include <algorithm>

#include "streams/consumer.h"
#include "streams/control_plane.h"
#include "streams/tags.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

constexpr int32_t kMaxPage = 100;  // AWS: API model ListStreamConsumers, MaxResults

Result<> check_not_taken(const Stream& stream, const std::string& name, const ConsumerView& view) {
  if (view.find(stream, name) != nullptr) {
    return fail(ErrorCode::kInUse, "Consumer {} under stream {} under account {} already exists.",
                name, stream.key.name, stream.key.account);
  }
  size_t shown = 0;
  size_t creating = 0;
  for (const Consumer& consumer : stream.consumers) {
    if (!view.is_shown(consumer)) continue;
    ++shown;
    if (view.status(consumer) == ConsumerStatus::kCreating) ++creating;
  }
  if (shown >= kMaxConsumers) {
    return fail(ErrorCode::kLimitExceeded,
                "Stream {} under account {} already has {} registered consumers, the most that it "
                "may have.",
                stream.key.name, stream.key.account, shown);
  }
  if (creating >= kMaxCreatingConsumers) {
    return fail(ErrorCode::kLimitExceeded,
                "Stream {} under account {} already has {} consumers in state CREATING, the most "
                "that may be created at a time; try again when one is ACTIVE.",
                stream.key.name, stream.key.account, creating);
  }
  return {};
}

// Records can be read from these.
Result<> check_readable(const Stream& stream) {
  if (stream.status == StreamStatus::kUpdating) return {};
  return check_active(stream);
}

// Which consumer the members of a request name together.
struct ConsumerName {
  StreamKey stream;
  std::string name;
  std::optional<int64_t> created_s;  // by ARN
  std::string arn;                   // by ARN
};

Result<ConsumerName> consumer_name(const std::optional<std::string>& stream_arn,
                                   const std::optional<std::string>& name,
                                   const std::optional<std::string>& arn) {
  ConsumerName wanted;
  if (arn) {
    TRY_ASSIGN(wire::ConsumerArn parsed, wire::parse_consumer_arn(*arn));
    if ((stream_arn && wire::parse_stream_arn(*stream_arn) != parsed.stream) ||
        (name && *name != parsed.name)) {
      return fail(ErrorCode::kInvalidArgument,
                  "ConsumerARN {} is not of the stream and name that are also given; give the "
                  "ConsumerARN alone.",
                  *arn);
    }
    wanted.stream = {parsed.stream.account, parsed.stream.region, parsed.stream.name};
    wanted.name = std::move(parsed.name);
    wanted.created_s = parsed.created_s;
    wanted.arn = *arn;
    return wanted;
  }
  if (!stream_arn || !name) {
    return fail(ErrorCode::kInvalidArgument,
                "Either ConsumerARN or both StreamARN and ConsumerName should be provided.");
  }
  TRY_ASSIGN(wire::StreamArn parsed, wire::parse_stream_arn(*stream_arn));
  wanted.stream = {std::move(parsed.account), std::move(parsed.region), std::move(parsed.name)};
  wanted.name = *name;
  return wanted;
}

Result<const Consumer*> find_consumer(const Stream& stream, const ConsumerName& wanted,
                                      const ConsumerView& view) {
  const Consumer* found = wanted.created_s ? view.find(stream, wanted.name, *wanted.created_s)
                                           : view.find(stream, wanted.name);
  if (found != nullptr) return found;
  if (wanted.created_s) return no_such_consumer(stream.key, wanted.arn);
  return no_such_consumer(stream.key, wanted.name);
}

// `change` on the tags of a consumer, by the rules that the tags of streams have.
MetaCatalog::Edit editing_tags(ConsumerName wanted, ConsumerView view,
                               std::function<Result<>(Stream& tagged)> change) {
  return [wanted = std::move(wanted), view,
          change = std::move(change)](Stream& stream) -> Result<> {
    TRY_ASSIGN(const Consumer* found, find_consumer(stream, wanted, view));
    if (found->deregistered_ms) return no_such_consumer(stream.key, wanted.arn);
    Stream tagged;
    tagged.key = stream.key;
    tagged.tags = found->tags;
    TRY(change(tagged));
    std::ranges::find(stream.consumers, found->id, &Consumer::id)->tags = std::move(tagged.tags);
    return {};
  };
}

}  // namespace

ConsumerView ControlPlane::consumers_now() const {
  return {clock_.now_ms(), settings_.state_delay};
}

awaitable<Result<kinesis::RegisterStreamConsumerOutput>> ControlPlane::register_consumer(
    const Context& context, kinesis::RegisterStreamConsumerInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, std::nullopt, in.stream_arn));
  Consumer consumer;
  consumer.name = in.consumer_name;
  consumer.created_ms = clock_.now_ms();
  if (in.tags) {
    Stream tagged;
    tagged.key = key;
    CO_TRY(add_tags(tagged, *in.tags));
    consumer.tags = std::move(tagged.tags);
  }
  const ConsumerView view = consumers_now();
  const auto edit = [consumer, view](Stream& stream) -> Result<> {
    TRY(check_readable(stream));
    TRY(check_not_taken(stream, consumer.name, view));
    stream.consumers.push_back(consumer);
    return {};
  };
  Stream described;
  described.key = key;
  CO_TRY(co_await catalog_.edit(std::move(key), edit));
  kinesis::RegisterStreamConsumerOutput out;
  out.consumer = wire_consumer(described, consumer, view);
  // As on AWS: the answer is of the moment of the registration.
  out.consumer.consumer_status = status_text(ConsumerStatus::kCreating);
  co_return out;
}

awaitable<Result<kinesis::DescribeStreamConsumerOutput>> ControlPlane::describe_consumer(
    const Context&, kinesis::DescribeStreamConsumerInput in) {
  CO_TRY_ASSIGN(const ConsumerName wanted,
                consumer_name(in.stream_arn, in.consumer_name, in.consumer_arn));
  CO_TRY_ASSIGN(const auto stream, stream_of(wanted.stream));
  const ConsumerView view = consumers_now();
  CO_TRY_ASSIGN(const Consumer* found, find_consumer(*stream, wanted, view));
  kinesis::Consumer shown = wire_consumer(*stream, *found, view);
  kinesis::DescribeStreamConsumerOutput out;
  out.consumer_description.consumer_name = std::move(shown.consumer_name);
  out.consumer_description.consumer_arn = std::move(shown.consumer_arn);
  out.consumer_description.consumer_status = std::move(shown.consumer_status);
  out.consumer_description.consumer_creation_timestamp = shown.consumer_creation_timestamp;
  out.consumer_description.stream_arn = stream->key.arn();
  co_return out;
}

awaitable<Result<kinesis::ListStreamConsumersOutput>> ControlPlane::list_consumers(
    const Context& context, kinesis::ListStreamConsumersInput in) {
  if (in.next_token && in.stream_creation_timestamp) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "NextToken and StreamCreationTimestamp cannot be provided together.");
  }
  ConsumerPageToken place;
  CO_TRY_ASSIGN(place.stream, key_of(context, std::nullopt, in.stream_arn));
  const ConsumerView view = consumers_now();
  if (in.next_token) {
    const StreamKey asked = place.stream;
    CO_TRY_ASSIGN(place, open_consumer_page(settings_.token_key, context.account, *in.next_token,
                                            clock_.now_ms()));
    if (place.stream != asked) {
      co_return fail(ErrorCode::kInvalidArgument, "The NextToken is not of StreamARN {}.",
                     in.stream_arn);
    }
  }
  CO_TRY_ASSIGN(const auto stream, stream_of(place.stream));
  const bool is_other = (in.next_token && place.generation != stream->generation) ||
                        (in.stream_creation_timestamp &&
                         in.stream_creation_timestamp->ms / 1000 != stream->created_ms / 1000);
  if (is_other) co_return no_such_stream(place.stream);
  const auto limit = static_cast<size_t>(std::min(in.max_results.value_or(kMaxPage), kMaxPage));
  kinesis::ListStreamConsumersOutput out;
  out.consumers.emplace();
  for (const Consumer& consumer : stream->consumers) {
    if (consumer.id <= place.after || !view.is_shown(consumer)) continue;
    if (out.consumers->size() == limit) {
      place.generation = stream->generation;
      place.issued_ms = clock_.now_ms();
      out.next_token = seal_consumer_page(settings_.token_key, context.account, place);
      break;
    }
    out.consumers->push_back(wire_consumer(*stream, consumer, view));
    if (out.consumers->size() == limit) place.after = consumer.id;
  }
  co_return out;
}

awaitable<Result<>> ControlPlane::deregister_consumer(const Context&,
                                                      kinesis::DeregisterStreamConsumerInput in) {
  CO_TRY_ASSIGN(const ConsumerName wanted,
                consumer_name(in.stream_arn, in.consumer_name, in.consumer_arn));
  const ConsumerView view = consumers_now();
  const auto edit = [wanted, view](Stream& stream) -> Result<> {
    TRY_ASSIGN(const Consumer* found, find_consumer(stream, wanted, view));
    // Being deregistered already: nothing more to do.
    if (found->deregistered_ms) return {};
    std::erase_if(stream.consumers, [id = found->id](const Consumer& c) { return c.id == id; });
    return {};
  };
  StreamKey key = wanted.stream;
  co_return co_await catalog_.edit(std::move(key), edit);
}

awaitable<Result<>> ControlPlane::tag_consumer(std::string arn, Tags tags) {
  CO_TRY_ASSIGN(ConsumerName wanted, consumer_name(std::nullopt, std::nullopt, arn));
  StreamKey key = wanted.stream;
  co_return co_await catalog_.edit(
      std::move(key),
      editing_tags(std::move(wanted), consumers_now(),
                   [tags = std::move(tags)](Stream& tagged) { return add_tags(tagged, tags); }));
}

awaitable<Result<>> ControlPlane::untag_consumer(std::string arn, std::vector<std::string> keys) {
  CO_TRY_ASSIGN(ConsumerName wanted, consumer_name(std::nullopt, std::nullopt, arn));
  StreamKey key = wanted.stream;
  co_return co_await catalog_.edit(
      std::move(key),
      editing_tags(std::move(wanted), consumers_now(),
                   [keys = std::move(keys)](Stream& tagged) { return remove_tags(tagged, keys); }));
}

Result<Tags> ControlPlane::tags_of_consumer(const std::string& arn) const {
  TRY_ASSIGN(const ConsumerName wanted, consumer_name(std::nullopt, std::nullopt, arn));
  TRY_ASSIGN(const auto stream, stream_of(wanted.stream));
  TRY_ASSIGN(const Consumer* found, find_consumer(*stream, wanted, consumers_now()));
  return found->tags;
}

}  // namespace millstream::streams
