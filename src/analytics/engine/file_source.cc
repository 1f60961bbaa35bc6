#include "analytics/engine/file_source.h"

#include <algorithm>

#include "analytics/engine/wakeup.h"

namespace millstream::analytics {
namespace {

constexpr size_t kPage = 1000;
constexpr uint64_t kMaxRun = 10'000;

bool is_hidden(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);
  return name.empty() || name.front() == '.' || name.front() == '_';
}

class FileSource final : public Source {
 public:
  FileSource(std::string name, LakePath path, JobHost& host, asio::any_io_executor strand,
             std::function<void()> wake)
      : Source(std::move(name), std::move(wake)),
        path_(std::move(path)),
        host_(host),
        strand_(strand),
        room_(strand),
        end_(strand) {
    Slot slot;
    slot.name = "objects";
    slot.started = true;
    slots_.push_back(std::move(slot));
  }

  awaitable<Result<>> open(std::span<const SlotPosition> restored) override {
    Slot& slot = slots_[0];
    if (!restored.empty()) {
      slot.next = restored[0].next;
      slot.text = restored[0].text;
      slot.watermark = restored[0].watermark;
      slot.finished = restored[0].finished;
    }
    CO_TRY_ASSIGN(keys_, co_await list_objects(host_.objects(false), path_));
    std::erase_if(keys_, [&](const std::string& key) { return key < slot.text; });
    if (slot.finished) co_return Result<>();
    running_ = true;
    asio::co_spawn(strand_, load_all(), [this](std::exception_ptr) {
      running_ = false;
      end_.set();
      wake_();
    });
    co_return Result<>();
  }

  std::optional<TimeMs> oldest() override {
    if (!object_) return std::nullopt;
    return 0;
  }

  void take(TakeBudget& budget, std::vector<SourceChunk>& chunks) override {
    if (!object_ || budget.rows == 0) return;
    Slot& slot = slots_[0];
    SourceChunk chunk;
    const size_t before = slot.next;
    slot.next =
        split_lines(object_->view(), slot.next, std::min(budget.rows, kMaxRun), chunk.lines);
    slot.changed = true;
    slot.last_rows = host_.clock().monotonic();
    chunk.rows = chunk.lines.size();
    chunk.object = *object_;
    budget.rows -= chunk.rows;
    budget.bytes -= std::min(budget.bytes, slot.next - before);
    if (slot.next >= object_->size()) {
      object_.reset();
      room_.set();
    }
    if (chunk.rows > 0) chunks.push_back(std::move(chunk));
  }

  Result<> failure() const override { return failure_; }
  int64_t millis_behind(TimeMs) const override { return 0; }
  bool finished() const override { return slots_[0].finished; }
  void stop() override {
    stopping_ = true;
    room_.set();
  }
  awaitable<> stopped() override {
    while (running_) co_await end_.wait(std::chrono::seconds(1));
  }

 private:
  awaitable<> load_all() {
    Slot& slot = slots_[0];
    for (size_t i = 0; i < keys_.size() && !stopping_; ++i) {
      const std::string& key = keys_[i];
      if (key.ends_with(".gz") || key.ends_with(".zst") || key.ends_with(".parquet")) {
        failure_ = fail(ErrorCode::kInvalidArgument,
                        "object {} of the lake: reading compressed or Parquet objects is not yet "
                        "supported",
                        key);
        co_return;
      }
      auto object = co_await host_.objects(false).get(path_.bucket, key);
      if (stopping_) co_return;
      if (!object) {
        failure_ = std::unexpected(object.error());
        co_return;
      }
      if (slot.text != key) {
        slot.text = key;
        slot.next = 0;
      }
      if (slot.next >= object->size()) continue;
      object_ = *object;
      wake_();
      while (object_ && !stopping_) co_await room_.wait(std::chrono::hours(1));
    }
    if (!stopping_) {
      slot.finished = slot.changed = true;
    }
  }

  LakePath path_;
  JobHost& host_;
  asio::any_io_executor strand_;
  std::vector<std::string> keys_;
  std::optional<Slice> object_;
  Result<> failure_;
  bool running_ = false;
  bool stopping_ = false;
  Wakeup room_;
  Wakeup end_;
};

}  // namespace

LakePath lake_path(std::string_view path) {
  for (const std::string_view scheme : {"lake://", "s3://"}) {
    if (path.starts_with(scheme)) path.remove_prefix(scheme.size());
  }
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {std::string(path), ""};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

awaitable<Result<std::vector<std::string>>> list_objects(ObjectStore& store, LakePath path) {
  std::vector<std::string> keys;
  std::string after;
  for (;;) {
    CO_TRY_ASSIGN(const ObjectPage page,
                  co_await store.list(path.bucket, path.prefix, after, kPage));
    for (const ObjectInfo& object : page.objects) {
      const bool below = path.prefix.empty() || object.key == path.prefix ||
                         object.key.starts_with(path.prefix + "/");
      if (below && !is_hidden(object.key)) keys.push_back(object.key);
    }
    if (keys.size() > kMaxObjects) {
      co_return fail(ErrorCode::kLimitExceeded,
                     "there are more than {} objects below {}/{}; read a smaller folder",
                     kMaxObjects, path.bucket, path.prefix);
    }
    if (page.next_start_after.empty()) break;
    after = page.next_start_after;
  }
  std::ranges::sort(keys);
  co_return keys;
}

size_t split_lines(std::string_view content, size_t offset, uint64_t limit,
                   std::vector<std::string_view>& lines) {
  while (offset < content.size() && lines.size() < limit) {
    size_t end = content.find('\n', offset);
    if (end == std::string_view::npos) end = content.size();
    std::string_view line = content.substr(offset, end - offset);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(line);
    offset = std::min(end + 1, content.size());
  }
  return offset;
}

Result<std::unique_ptr<Source>> make_file_source(const SourceNode& node, std::string name,
                                                 JobHost& host, asio::any_io_executor strand,
                                                 std::function<void()> wake) {
  const Table& table = *node.table;
  if (!table.partitioned_by.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "table {}: reading a partitioned 'filesystem' table is not yet supported",
                table.name);
  }
  const auto path = table.options.find("path");
  if (path == table.options.end()) {
    return fail(ErrorCode::kInvalidArgument, "table {} needs a 'path'", table.name);
  }
  return std::make_unique<FileSource>(std::move(name), lake_path(path->second), host,
                                      std::move(strand), std::move(wake));
}

}  // namespace millstream::analytics
