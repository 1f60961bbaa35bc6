#include "analytics/engine/snapshot_store.h"

#include <algorithm>

#include "base/hash.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kMagic = "MSSNAP01";
constexpr std::string_view kSuffix = ".snapshot";
constexpr std::string_view kUnfinished = ".unfinished";
constexpr std::string_view kAutomatic = "auto-";
constexpr size_t kMaxBlock = size_t{1} << 30;

constexpr uint8_t kHeadBlock = 1;
constexpr uint8_t kValuesBlock = 2;
constexpr uint8_t kGroupBlock = 3;
constexpr uint8_t kEndBlock = 4;

std::string path_of(const std::string& folder, const std::string& name) {
  return folder + "/" + name + std::string(kSuffix);
}

std::unexpected<Error> broken(const std::string& path, uint64_t offset) {
  return fail(ErrorCode::kCorruption,
              "snapshot {} is damaged at byte {}; restore an older one, or start the application "
              "anew without its state",
              path, offset);
}

// The payloads of a file, in order.
class BlockReader {
 public:
  static Result<BlockReader> open(Env& env, const std::string& path) {
    BlockReader reader;
    reader.path_ = path;
    TRY_ASSIGN(reader.file_, env.open(path, OpenMode::kReadOnly));
    TRY_ASSIGN(reader.size_, reader.file_->size());
    return reader;
  }

  Result<std::string_view> next() {
    char head[8];
    TRY_ASSIGN(const size_t got, file_->read(offset_, head));
    if (got < sizeof head) return broken(path_, offset_);
    const auto length = load_le<uint32_t>(head);
    const auto crc = load_le<uint32_t>(head + 4);
    if (length > kMaxBlock || length > size_ - offset_ - sizeof head) {
      return broken(path_, offset_);
    }
    payload_.resize(length);
    TRY_ASSIGN(const size_t read, file_->read(offset_ + sizeof head, payload_));
    if (read < length || crc32c(payload_) != crc) return broken(path_, offset_);
    offset_ += sizeof head + length;
    return payload_;
  }
  uint64_t offset() const { return offset_; }

 private:
  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  std::string payload_;
};

}  // namespace

SnapshotWriter::SnapshotWriter(Env& env, std::string folder, std::string name)
    : env_(env),
      folder_(std::move(folder)),
      name_(std::move(name)),
      path_(path_of(folder_, name_) + std::string(kUnfinished)) {}

SnapshotWriter::~SnapshotWriter() {
  if (finished_ || !file_) return;
  file_.reset();
  (void)env_.remove(path_);
}

Result<> SnapshotWriter::write_block(std::string_view payload) {
  if (payload.size() > kMaxBlock) {
    return fail(ErrorCode::kLimitExceeded,
                "one key group's state of {} bytes is too large for a "
                "snapshot",
                payload.size());
  }
  char head[8];
  store_le(head, static_cast<uint32_t>(payload.size()));
  store_le(head + 4, crc32c(payload));
  const iovec parts[] = {{head, sizeof head}, {const_cast<char*>(payload.data()), payload.size()}};
  TRY(file_->write(offset_, parts));
  offset_ += sizeof head + payload.size();
  ++blocks_;
  return {};
}

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::begin(Env& env, std::string folder,
                                                              std::string name,
                                                              const BatchHead& head,
                                                              Counter changelog_next,
                                                              JobState& state, size_t nodes) {
  if (name.empty() || name.find('/') != std::string::npos || name.front() == '.') {
    return fail(ErrorCode::kInvalidArgument, "'{}' can't be the name of a snapshot", name);
  }
  std::unique_ptr<SnapshotWriter> writer(
      new SnapshotWriter(env, std::move(folder), std::move(name)));
  writer->nodes_ = nodes;
  writer->changelog_next_ = changelog_next;
  TRY_ASSIGN(writer->file_, env.open(writer->path_, OpenMode::kCreate));
  TRY(writer->file_->truncate(0));
  std::string payload;
  FieldWriter out(payload);
  out.number(kHeadBlock);
  payload += kMagic;
  out.number(changelog_next);
  out.text(encode_head(head));
  TRY(writer->write_block(payload));
  for (uint32_t partition = 0; partition < state.partitions(); ++partition) {
    for (uint32_t node = 0; node < nodes; ++node) {
      const NodeState* of_node = state.at(partition, node);
      if (of_node == nullptr) continue;
      payload.clear();
      out.number(kValuesBlock);
      out.number(partition);
      out.number(node);
      of_node->save_values(payload);
      TRY(writer->write_block(payload));
    }
  }
  return writer;
}

Result<bool> SnapshotWriter::step(JobState& state, size_t bytes) {
  const uint64_t end = offset_ + bytes;
  std::string payload;
  while (next_node_ < nodes_) {
    for (uint32_t partition = 0; partition < state.partitions(); ++partition) {
      const NodeState* node = state.at(partition, next_node_);
      if (node == nullptr || node->rows() == 0) continue;
      payload.clear();
      FieldWriter out(payload);
      out.number(kGroupBlock);
      out.number(next_group_);
      out.number(static_cast<uint32_t>(next_node_));
      const size_t empty = payload.size() + 1;
      node->save_group(next_group_, payload);
      if (payload.size() > empty) TRY(write_block(payload));
    }
    if (++next_group_ == kKeyGroups) {
      next_group_ = 0;
      ++next_node_;
    }
    if (offset_ >= end) return next_node_ == nodes_;
  }
  return true;
}

Result<> SnapshotWriter::finish() {
  MS_ASSERT(next_node_ == nodes_);
  std::string payload;
  FieldWriter out(payload);
  out.number(kEndBlock);
  out.number(blocks_);
  TRY(write_block(payload));
  TRY(file_->sync());
  file_.reset();
  TRY(env_.rename(path_, path_of(folder_, name_)));
  TRY(env_.sync_folder(folder_));
  finished_ = true;
  return {};
}

Result<Counter> load_snapshot(Env& env, const std::string& folder, const std::string& name,
                              Replay& into) {
  const std::string path = path_of(folder, name);
  auto opened = BlockReader::open(env, path);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, "there is no snapshot {}", name);
  }
  TRY_ASSIGN(BlockReader reader, std::move(opened));
  Counter changelog_next = 0;
  for (uint64_t blocks = 0;; ++blocks) {
    const uint64_t offset = reader.offset();
    TRY_ASSIGN(const std::string_view payload, reader.next());
    FieldReader in(payload);
    const auto kind = in.number<uint8_t>();
    if ((blocks == 0) != (kind == kHeadBlock)) return broken(path, offset);
    if (kind == kHeadBlock) {
      std::string magic(kMagic.size(), ' ');
      for (char& c : magic) c = in.number<char>();
      changelog_next = in.number<Counter>();
      const std::string_view head = in.text();
      if (!in.at_end() || magic != kMagic) return broken(path, offset);
      TRY_ASSIGN(BatchHead decoded, decode_head(head));
      TRY(into.begin_snapshot(std::move(decoded)));
    } else if (kind == kValuesBlock || kind == kGroupBlock) {
      const auto place = in.number<uint32_t>();
      const auto node = in.number<uint32_t>();
      if (!in.ok()) return broken(path, offset);
      TRY(kind == kValuesBlock ? into.apply_values(place, node, in)
                               : into.apply_group(place, node, in));
      if (!in.at_end()) return broken(path, offset);
    } else if (kind == kEndBlock) {
      if (in.number<uint64_t>() != blocks || !in.at_end()) return broken(path, offset);
      return changelog_next;
    } else {
      return broken(path, offset);
    }
  }
}

std::string automatic_snapshot_name(uint64_t batch) {
  return fmt::format("{}{:020}", kAutomatic, batch);
}

Result<std::optional<std::string>> newest_snapshot(Env& env, const std::string& folder) {
  TRY_ASSIGN(const auto files, env.list(folder));
  std::optional<std::string> newest;
  for (const FileInfo& file : files) {
    if (!file.name.starts_with(kAutomatic) || !file.name.ends_with(kSuffix)) continue;
    std::string name = file.name.substr(0, file.name.size() - kSuffix.size());
    if (!newest || *newest < name) newest = std::move(name);
  }
  return newest;
}

Result<> remove_old_snapshots(Env& env, const std::string& folder, const std::string& keep) {
  TRY_ASSIGN(const auto files, env.list(folder));
  for (const FileInfo& file : files) {
    const bool automatic = file.name.starts_with(kAutomatic) && file.name.ends_with(kSuffix);
    const bool unfinished = file.name.ends_with(kUnfinished);
    if ((!automatic && !unfinished) || file.name == keep + std::string(kSuffix)) continue;
    TRY(env.remove(folder + "/" + file.name));
  }
  return {};
}

}  // namespace millstream::analytics
