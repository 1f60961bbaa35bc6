#include "analytics/engine/batch_record.h"

namespace millstream::analytics {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kReset = 1;
constexpr uint8_t kMore = 2;

}  // namespace

std::string encode_head(const BatchHead& head) {
  std::string bytes;
  FieldWriter out(bytes);
  out.number(kVersion);
  out.number(static_cast<uint8_t>((head.reset ? kReset : 0) | (head.more ? kMore : 0)));
  out.number(head.number);
  out.text(head.base);
  out.number(head.partitions);
  out.number(head.now_us);
  out.number(head.figures.batches);
  out.number(head.figures.input_rows);
  out.number(head.figures.output_rows);
  out.number(head.figures.late_rows);
  out.number(head.figures.error_rows);
  out.number(head.figures.skipped_rows);
  out.number(static_cast<uint32_t>(head.nodes.size()));
  for (const std::string& node : head.nodes) out.text(node);
  out.number(static_cast<uint32_t>(head.positions.size()));
  for (const SlotPosition& position : head.positions) {
    out.text(position.source);
    out.text(position.slot);
    out.number(position.next);
    out.text(position.text);
    out.number(position.watermark);
    out.number(static_cast<uint8_t>(position.finished ? 1 : 0));
  }
  out.number(static_cast<uint32_t>(head.watermarks.size()));
  for (const auto& [source, watermark] : head.watermarks) {
    out.text(source);
    out.number(watermark);
  }
  out.number(static_cast<uint32_t>(head.errors.size()));
  for (const RowFailure& error : head.errors) {
    out.text(error.message);
    out.text(error.data);
    out.number(error.rowtime);
  }
  return bytes;
}

Result<BatchHead> decode_head(std::string_view bytes) {
  FieldReader in(bytes);
  BatchHead head;
  const auto version = in.number<uint8_t>();
  if (version != kVersion) {
    return fail(ErrorCode::kCorruption,
                "an application's changelog has a batch of version {}; this server reads {}",
                version, kVersion);
  }
  const auto flags = in.number<uint8_t>();
  head.reset = (flags & kReset) != 0;
  head.more = (flags & kMore) != 0;
  head.number = in.number<uint64_t>();
  head.base = in.text();
  head.partitions = in.number<uint32_t>();
  head.now_us = in.number<int64_t>();
  head.figures.batches = in.number<uint64_t>();
  head.figures.input_rows = in.number<uint64_t>();
  head.figures.output_rows = in.number<uint64_t>();
  head.figures.late_rows = in.number<uint64_t>();
  head.figures.error_rows = in.number<uint64_t>();
  head.figures.skipped_rows = in.number<uint64_t>();
  for (size_t left = in.count(4); left > 0; --left) head.nodes.emplace_back(in.text());
  for (size_t left = in.count(29); left > 0; --left) {
    SlotPosition position;
    position.source = in.text();
    position.slot = in.text();
    position.next = in.number<uint64_t>();
    position.text = in.text();
    position.watermark = in.number<EventTime>();
    position.finished = in.number<uint8_t>() != 0;
    head.positions.push_back(std::move(position));
  }
  for (size_t left = in.count(12); left > 0; --left) {
    const std::string_view source = in.text();
    head.watermarks.emplace_back(source, in.number<EventTime>());
  }
  for (size_t left = in.count(16); left > 0; --left) {
    RowFailure error;
    error.message = in.text();
    error.data = in.text();
    error.rowtime = in.number<EventTime>();
    head.errors.push_back(std::move(error));
  }
  if (!in.at_end() || head.partitions == 0 || head.partitions > kMaxPartitions) {
    return fail(ErrorCode::kCorruption, "the head of a batch in an application's changelog");
  }
  return head;
}

}  // namespace millstream::analytics
