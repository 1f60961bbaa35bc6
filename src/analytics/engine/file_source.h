// Objects of a lake folder as an input: connector 'filesystem'. One record a line.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/job.h"
#include "analytics/engine/source.h"

namespace millstream::analytics {

struct LakePath {
  std::string bucket;
  std::string prefix;  // without '/' at its end; may be empty
};
// 'lake://bucket/prefix', 's3://bucket/prefix' or '/bucket/prefix'.
LakePath lake_path(std::string_view path);

// Keys of the objects at or below `path`, ascending; hidden ones ('.', '_') left out.
// Errors: kLimitExceeded beyond kMaxObjects.
awaitable<Result<std::vector<std::string>>> list_objects(ObjectStore& store, LakePath path);
inline constexpr size_t kMaxObjects = 100'000;

// The lines of `content` from byte `offset` on, at most `limit`; where the next one starts.
size_t split_lines(std::string_view content, size_t offset, uint64_t limit,
                   std::vector<std::string_view>& lines);

// Bounded: the objects that are there when the job starts, in the order of their keys.
Result<std::unique_ptr<Source>> make_file_source(const SourceNode& node, std::string name,
                                                 JobHost& host, asio::any_io_executor strand,
                                                 std::function<void()> wake);

}  // namespace millstream::analytics
