// The bytes of an object: what a plan's ranges hold, compressed if it says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/bytes.h"
#include "firehose/plan.h"
#include "log/shard_log.h"

namespace millstream::firehose {

// The same input gives the same bytes: no time and no name goes into GZIP's header.
//
// Threads: one. Memory: what was written, in pieces of kPieceBytes.
class ContentWriter {
 public:
  static constexpr size_t kPieceBytes = size_t{1} << 20;

  explicit ContentWriter(Compression compression);
  ~ContentWriter();
  ContentWriter(const ContentWriter&) = delete;
  ContentWriter& operator=(const ContentWriter&) = delete;

  void write(std::string_view bytes);
  std::vector<Slice> finish();  // once, at the end

 private:
  struct Deflate;
  void copy(std::string_view bytes);
  void compress(std::string_view bytes, int flush);
  void next_piece();

  std::unique_ptr<Deflate> deflate_;  // nullptr: uncompressed
  std::vector<Slice> full_;
  BufferRef piece_;
  size_t used_ = 0;
};

struct ObjectContent {
  std::vector<Slice> parts;
  uint64_t records = 0;
  uint64_t bytes = 0;    // of data, before compression
  uint64_t missing = 0;  // records of the plan that retention has removed, or its stream's end
};

// Reads the plan's ranges. Memory: the content, and kReadBytes beside it. Errors: those of
// ShardLog::read.
inline constexpr size_t kReadBytes = size_t{4} << 20;
awaitable<Result<ObjectContent>> read_content(ShardLog& log, DeliveryPlan plan);

}  // namespace millstream::firehose
