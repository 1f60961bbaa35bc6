#include "worker/log_message.h"

namespace millstream::worker {

Result<> NumberReader::end() const {
  if (ok_ && at_ == text_.size()) return {};
  return fail(ErrorCode::kInvalidArgument, "A message of the other process has {} bytes, {}.",
              text_.size(), ok_ ? "too many" : "too few");
}

std::vector<Slice> encode_append(const AppendRequest& request) {
  NumberWriter head;
  head.add(request.stamp.writer).add(request.stamp.epoch).add(request.stamp.number);
  head.add(static_cast<uint32_t>(request.batches.size()));
  for (const ShardBatch& batch : request.batches) {
    head.add(batch.shard).add(batch.records).add(batch.checksum);
    head.add(static_cast<uint32_t>(batch.body.size()));
  }
  std::vector<Slice> parts = head.parts();
  for (const ShardBatch& batch : request.batches) parts.push_back(batch.body);
  return parts;
}

Result<AppendRequest> decode_append(const Slice& body) {
  NumberReader in(body.view());
  AppendRequest request;
  request.stamp.writer = in.take<uint64_t>();
  request.stamp.epoch = in.take<uint64_t>();
  request.stamp.number = in.take<uint64_t>();
  const auto count = in.take<uint32_t>();
  std::vector<uint32_t> sizes;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    ShardBatch& batch = request.batches.emplace_back();
    batch.shard = in.shard();
    batch.records = in.take<uint32_t>();
    batch.checksum = in.take<uint32_t>();
    sizes.push_back(in.take<uint32_t>());
  }
  for (uint32_t i = 0; i < sizes.size() && in.ok(); ++i) {
    size_t from = 0;
    if (in.skip(sizes[i], from)) request.batches[i].body = body.sub(from, sizes[i]);
  }
  TRY(in.end());
  return request;
}

std::vector<Slice> encode_appended(const std::vector<Appended>& appended) {
  NumberWriter out;
  out.add(static_cast<uint32_t>(appended.size()));
  for (const Appended& place : appended) {
    out.add(place.shard).add(place.first).add(place.records).add(place.arrival_ms);
  }
  return out.parts();
}

Result<std::vector<Appended>> decode_appended(const Slice& body) {
  NumberReader in(body.view());
  std::vector<Appended> appended;
  const auto count = in.take<uint32_t>();
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Appended& place = appended.emplace_back();
    place.shard = in.shard();
    place.first = in.take<Counter>();
    place.records = in.take<uint32_t>();
    place.arrival_ms = in.take<TimeMs>();
  }
  TRY(in.end());
  return appended;
}

std::vector<Slice> encode_read(const ReadResult& result) {
  NumberWriter head;
  head.add(result.next).add(result.tip).add(static_cast<uint8_t>(result.at_end));
  head.add(result.tip_arrival_ms).add(static_cast<uint32_t>(result.batches.size()));
  for (const StoredBatch& batch : result.batches) {
    head.add(batch.first).add(batch.records).add(batch.arrival_ms);
    head.add(static_cast<uint32_t>(batch.body.size()));
  }
  std::vector<Slice> parts = head.parts();
  for (const StoredBatch& batch : result.batches) parts.push_back(batch.body);
  return parts;
}

Result<ReadResult> decode_read(const Slice& body) {
  NumberReader in(body.view());
  ReadResult result;
  result.next = in.take<Counter>();
  result.tip = in.take<Counter>();
  result.at_end = in.take<uint8_t>() != 0;
  result.tip_arrival_ms = in.take<TimeMs>();
  const auto count = in.take<uint32_t>();
  std::vector<uint32_t> sizes;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    StoredBatch& batch = result.batches.emplace_back();
    batch.first = in.take<Counter>();
    batch.records = in.take<uint32_t>();
    batch.arrival_ms = in.take<TimeMs>();
    sizes.push_back(in.take<uint32_t>());
  }
  for (uint32_t i = 0; i < sizes.size() && in.ok(); ++i) {
    size_t from = 0;
    if (in.skip(sizes[i], from)) result.batches[i].body = body.sub(from, sizes[i]);
  }
  TRY(in.end());
  return result;
}

}  // namespace millstream::worker
