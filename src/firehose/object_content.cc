#include "firehose/object_content.h"

#include <algorithm>
#include <cstring>

#include <zlib.h>

#include "log/record.h"

namespace millstream::firehose {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, with GZIP's header
constexpr int kMemoryLevel = 8;       // zlib's default
// Lower ones are faster; this is what gzip itself uses.
constexpr int kLevel = Z_DEFAULT_COMPRESSION;

}  // namespace

struct ContentWriter::Deflate {
  z_stream stream{};
};

ContentWriter::ContentWriter(Compression compression) {
  if (compression == Compression::kNone) return;
  deflate_ = std::make_unique<Deflate>();
  const int made = deflateInit2(&deflate_->stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                                Z_DEFAULT_STRATEGY);
  MS_ASSERT(made == Z_OK);
}

ContentWriter::~ContentWriter() {
  if (deflate_) deflateEnd(&deflate_->stream);
}

void ContentWriter::write(std::string_view bytes) {
  if (deflate_) {
    compress(bytes, Z_NO_FLUSH);
  } else {
    copy(bytes);
  }
}

std::vector<Slice> ContentWriter::finish() {
  if (deflate_) compress({}, Z_FINISH);
  if (used_ > 0) full_.emplace_back(std::move(piece_), used_);
  used_ = 0;
  return std::move(full_);
}

void ContentWriter::next_piece() {
  if (piece_ && used_ < kPieceBytes) return;
  if (piece_) full_.emplace_back(std::move(piece_), used_);
  piece_ = BufferRef::allocate(kPieceBytes);
  used_ = 0;
}

void ContentWriter::copy(std::string_view bytes) {
  while (!bytes.empty()) {
    next_piece();
    const size_t count = std::min(bytes.size(), kPieceBytes - used_);
    std::memcpy(piece_->data() + used_, bytes.data(), count);
    used_ += count;
    bytes.remove_prefix(count);
  }
}

void ContentWriter::compress(std::string_view bytes, int flush) {
  z_stream& stream = deflate_->stream;
  // zlib does not write to its input. A record has at most 10 MiB, so the size fits.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  do {
    next_piece();
    stream.next_out = reinterpret_cast<Bytef*>(piece_->data() + used_);
    stream.avail_out = static_cast<uInt>(kPieceBytes - used_);
    result = deflate(&stream, flush);
    MS_ASSERT(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
    used_ = kPieceBytes - stream.avail_out;
  } while (flush == Z_FINISH ? result != Z_STREAM_END : stream.avail_in > 0);
}

namespace {

// Writes what `batch` has before `end`. Errors: kCorruption.
Result<> write_batch(const StoredBatch& batch, const ShardRange& range, ContentWriter& writer,
                     ObjectContent& content) {
  RecordCursor cursor(batch.body.view());
  RecordView record;
  for (Counter at = batch.first; at < batch.first + batch.records && at < range.next; ++at) {
    if (!cursor.next(record)) {
      return fail(ErrorCode::kCorruption, "a batch of log shard {} at {} has not its {} records",
                  static_cast<uint64_t>(range.shard), batch.first, batch.records);
    }
    writer.write(record.data);
    ++content.records;
    content.bytes += record.data.size();
  }
  return {};
}

awaitable<Result<>> read_range(ShardLog& log, ShardRange range, ContentWriter& writer,
                               ObjectContent& content) {
  Counter at = range.first;
  while (at < range.next) {
    const ReadLimits limits{.records = 10'000, .bytes = kReadBytes};
    const Result<ReadResult> read = co_await log.read(range.shard, at, limits);
    if (!read) {
      // The shard went with its stream: what is gone is counted by the caller.
      if (read.error().code == ErrorCode::kNotFound) co_return Result<>{};
      co_return std::unexpected(read.error());
    }
    for (const StoredBatch& batch : read->batches) {
      CO_TRY(write_batch(batch, range, writer, content));
    }
    // What was durable when the plan was made is either there or before `next`.
    if (read->next <= at) {
      co_return fail(ErrorCode::kInternal, "log shard {} ends at {}, before its planned record {}",
                     static_cast<uint64_t>(range.shard), at, range.next - 1);
    }
    at = read->next;
  }
  co_return Result<>{};
}

}  // namespace

awaitable<Result<ObjectContent>> read_content(ShardLog& log, DeliveryPlan plan) {
  ObjectContent content;
  ContentWriter writer(plan.compression);
  for (const ShardRange& range : plan.ranges) {
    CO_TRY(co_await read_range(log, range, writer, content));
  }
  const uint64_t planned = plan.records();
  MS_ASSERT(content.records <= planned);
  content.missing = planned - content.records;
  content.parts = writer.finish();
  co_return content;
}

}  // namespace millstream::firehose
