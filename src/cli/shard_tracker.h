// Which shards of a stream to read, and when: parents before their children.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "wire/generated/kinesis.h"

namespace millstream::cli {

// Threads: one.
class ShardTracker {
 public:
  // Of the listed shards those to begin with: their parents are not in the list.
  std::vector<std::string> begin(std::span<const wire::kinesis::Shard> listed);

  // `shard` was read to its end, and GetRecords named its children. The children to read next: a
  // child of a merge waits for the other parent if that is being read, too.
  std::vector<std::string> finish(const std::string& shard,
                                  std::span<const wire::kinesis::ChildShard> children);

  size_t reading() const { return reading_.size(); }

 private:
  std::set<std::string> reading_;
  std::set<std::string> begun_;  // being read or read to the end
  // Children that wait, with their parents that are still to be read.
  std::map<std::string, std::set<std::string>> waiting_;
};

}  // namespace millstream::cli
