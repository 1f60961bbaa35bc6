// Tags: those of a stream by name, and those of a resource by ARN.
#include <algorithm>

#include "streams/control_plane.h"
#include "streams/tags.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

// AWS: tags can be changed once the stream has been created.
Result<> check_taggable(const Stream& stream) {
  if (stream.status == StreamStatus::kUpdating) return {};
  return check_active(stream);
}

MetaCatalog::Edit adding(Tags tags) {
  return [tags = std::move(tags)](Stream& stream) -> Result<> {
    TRY(check_taggable(stream));
    return add_tags(stream, tags);
  };
}

MetaCatalog::Edit removing(std::vector<std::string> keys) {
  return [keys = std::move(keys)](Stream& stream) -> Result<> {
    TRY(check_taggable(stream));
    return remove_tags(stream, keys);
  };
}

}  // namespace

Result<StreamKey> ControlPlane::tagged_stream(const std::string& resource_arn) {
  TRY_ASSIGN(wire::StreamArn arn, wire::parse_stream_arn(resource_arn));
  return StreamKey{std::move(arn.account), std::move(arn.region), std::move(arn.name)};
}

awaitable<Result<>> ControlPlane::add_tags_to_stream(const Context& context,
                                                     kinesis::AddTagsToStreamInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await catalog_.edit(std::move(key), adding(std::move(in.tags)));
}

awaitable<Result<>> ControlPlane::remove_tags_from_stream(const Context& context,
                                                          kinesis::RemoveTagsFromStreamInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await catalog_.edit(std::move(key), removing(std::move(in.tag_keys)));
}

awaitable<Result<kinesis::ListTagsForStreamOutput>> ControlPlane::list_tags_for_stream(
    const Context& context, kinesis::ListTagsForStreamInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  CO_TRY_ASSIGN(const auto stream, stream_of(key));
  const auto limit = static_cast<size_t>(in.limit.value_or(int32_t{kMaxTags}));
  kinesis::ListTagsForStreamOutput out;
  for (auto tag = stream->tags.upper_bound(in.exclusive_start_tag_key.value_or(""));
       tag != stream->tags.end(); ++tag) {
    if (out.tags.size() == limit) {
      out.has_more_tags = true;
      break;
    }
    out.tags.push_back({tag->first, tag->second});
  }
  co_return out;
}

awaitable<Result<>> ControlPlane::tag_resource(const Context&, kinesis::TagResourceInput in) {
  if (wire::parse_consumer_arn(in.resource_arn)) {
    co_return co_await tag_consumer(std::move(in.resource_arn), std::move(in.tags));
  }
  CO_TRY_ASSIGN(StreamKey key, tagged_stream(in.resource_arn));
  co_return co_await catalog_.edit(std::move(key), adding(std::move(in.tags)));
}

awaitable<Result<>> ControlPlane::untag_resource(const Context&, kinesis::UntagResourceInput in) {
  if (wire::parse_consumer_arn(in.resource_arn)) {
    co_return co_await untag_consumer(std::move(in.resource_arn), std::move(in.tag_keys));
  }
  CO_TRY_ASSIGN(StreamKey key, tagged_stream(in.resource_arn));
  co_return co_await catalog_.edit(std::move(key), removing(std::move(in.tag_keys)));
}

awaitable<Result<kinesis::ListTagsForResourceOutput>> ControlPlane::list_tags_for_resource(
    const Context&, kinesis::ListTagsForResourceInput in) {
  Tags tags;
  if (wire::parse_consumer_arn(in.resource_arn)) {
    CO_TRY_ASSIGN(tags, tags_of_consumer(in.resource_arn));
  } else {
    CO_TRY_ASSIGN(const StreamKey key, tagged_stream(in.resource_arn));
    CO_TRY_ASSIGN(const auto stream, stream_of(key));
    tags = stream->tags;
  }
  kinesis::ListTagsForResourceOutput out;
  out.tags.emplace();
  for (const auto& [tag_key, value] : tags) out.tags->push_back({tag_key, value});
  co_return out;
}

}  // namespace millstream::streams
