#include "analytics/engine/file_sink.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "analytics/engine/row_text.h"
#include "analytics/plan/options.h"
#include "base/random.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

constexpr size_t kRollBytes = size_t{16} << 20;
constexpr std::chrono::milliseconds kRollAge{60'000};
constexpr size_t kMaxFolders = 1000;  // open at once; the oldest is closed beyond it
constexpr std::string_view kNext = "next";

// Big-endian, so that keys sort by number.
std::string key_of(uint64_t object, uint64_t piece) {
  std::string key(16, '\0');
  store_le(key.data(), __builtin_bswap64(object));
  store_le(key.data() + 8, __builtin_bswap64(piece));
  return key;
}
std::pair<uint64_t, uint64_t> numbers_of(std::string_view key) {
  return {__builtin_bswap64(load_le<uint64_t>(key.data())),
          __builtin_bswap64(load_le<uint64_t>(key.data() + 8))};
}

}  // namespace

// Rows of one object: pieces, one for each batch that had any. Piece 0 is the folder's name.
class FileWriter final : public SinkWriter {
 public:
  FileWriter(FileSink& sink, OperatorState& state, std::unique_ptr<Encoder> encoder)
      : sink_(sink),
        state_(state),
        pieces_(state.table({"pieces", 8, true})),
        encoder_(std::move(encoder)) {
    next_ = parse_integer<uint64_t>(state.value(kNext)).value_or(0);
    restore();
  }

  Result<> write(const Piece& piece) override {
    const Batch& batch = piece.batch;
    output_.rows += batch.rows;
    rows_.resize(batch.rows);
    std::iota(rows_.begin(), rows_.end(), 0u);
    bytes_.clear();
    ends_.clear();
    encoder_->encode(batch, rows_, bytes_, ends_);
    for (uint32_t row = 0; row < batch.rows; ++row) {
      const uint32_t begin = row == 0 ? 0 : ends_[row - 1];
      std::string& lines = fresh_[folder_of(batch, row)];
      lines.append(bytes_, begin, ends_[row] - begin);
      lines += '\n';
    }
    return {};
  }

  SinkOutput finish() override {
    forget_stored();
    const auto now = sink_.context_.host.clock().monotonic();
    for (auto& [folder, lines] : fresh_) {
      auto found = open_.find(folder);
      if (found == open_.end()) found = begin_object(folder, now);
      add_piece(found->second, lines);
    }
    fresh_.clear();
    for (auto at = open_.begin(); at != open_.end();) {
      const bool full = closing_ || at->second.bytes >= sink_.roll_bytes_ ||
                        now - at->second.since >= sink_.roll_age_ || open_.size() > kMaxFolders;
      if (full) {
        close_object(at->second);
        at = open_.erase(at);
      } else {
        ++at;
      }
    }
    closing_ = false;
    for (const uint64_t number : to_put_) output_.objects.push_back(object(number));
    to_put_.clear();
    output_.wants_after = !output_.objects.empty();
    return std::exchange(output_, {});
  }

  int64_t next_timer_us() const override {
    if (open_.empty()) return kEndOfTime;
    auto since = open_.begin()->second.since;
    for (const auto& [folder, open] : open_) since = std::min(since, open.since);
    Clock& clock = sink_.context_.host.clock();
    const auto left = since + sink_.roll_age_ - clock.monotonic();
    return clock.now_ms() * 1000 +
           std::chrono::duration_cast<std::chrono::microseconds>(left).count();
  }

  // With the rows of the batch under way.
  void close_all() override { closing_ = true; }

 private:
  struct Open {
    uint64_t number = 0;
    uint64_t pieces = 0;
    size_t bytes = 0;
    std::chrono::nanoseconds since{0};
  };

  // Piece 0's fixed part says whether the object is closed.
  void restore() {
    const auto now = sink_.context_.host.clock().monotonic();
    std::map<uint64_t, Open> objects;
    std::map<uint64_t, std::string> folders;
    std::set<uint64_t> closed;
    pieces_.for_each_row([&](StateRow row) {
      const auto [number, piece] = numbers_of(pieces_.key(row));
      Open& open = objects[number];
      open.number = number;
      open.since = now;
      open.pieces = std::max(open.pieces, piece);
      if (piece > 0) {
        open.bytes += pieces_.blob(row).size();
        return;
      }
      folders[number] = pieces_.blob(row);
      if (load_le<uint64_t>(pieces_.value(row)) != 0) closed.insert(number);
    });
    for (const auto& [number, open] : objects) {
      if (closed.contains(number)) {
        to_put_.push_back(number);
      } else {
        open_.emplace(folders[number], open);
      }
    }
  }

  StateRow row_of(uint64_t number, uint64_t piece) {
    const std::string key = key_of(number, piece);
    const uint64_t hash = hash_key(key);
    // All in the key group of this partition: the one of the empty key.
    return pieces_.find_or_insert_one(key, hash, static_cast<uint8_t>(key_group(hash_key({}))));
  }

  std::map<std::string, Open>::iterator begin_object(const std::string& folder,
                                                     std::chrono::nanoseconds now) {
    const uint64_t number = next_++;
    state_.set_value(kNext, std::to_string(next_));
    pieces_.set_blob(row_of(number, 0), folder);
    return open_.emplace(folder, Open{number, 0, 0, now}).first;
  }

  void add_piece(Open& open, std::string_view lines) {
    pieces_.set_blob(row_of(open.number, ++open.pieces), lines);
    open.bytes += lines.size();
  }

  void close_object(const Open& open) {
    const StateRow row = row_of(open.number, 0);
    store_le(pieces_.value(row), uint64_t{1});
    pieces_.touch(row);
    to_put_.push_back(open.number);
  }

  SinkObject object(uint64_t number) {
    SinkObject made;
    made.number = number;
    const std::string folder(pieces_.blob(row_of(number, 0)));
    made.key = sink_.path_.prefix.empty() ? "" : sink_.path_.prefix + "/";
    made.key += fmt::format("{}part-{}-{:06}.{}", folder, sink_.run_, number,
                            sink_.table_->format == Format::kCsv    ? "csv"
                            : sink_.table_->format == Format::kJson ? "json"
                                                                    : "txt");
    for (uint64_t piece = 1;; ++piece) {
      const std::string key = key_of(number, piece);
      const StateRow row = pieces_.find_one(key, hash_key(key));
      if (row == kNoRow) break;
      made.parts.push_back(Slice::copy_of(pieces_.blob(row)));
    }
    return made;
  }

  void forget_stored() {
    std::set<uint64_t> stored;
    {
      std::lock_guard lock(sink_.mutex_);
      stored.swap(sink_.stored_);
    }
    for (const uint64_t number : stored) {
      for (uint64_t piece = 0;; ++piece) {
        const std::string key = key_of(number, piece);
        const StateRow row = pieces_.find_one(key, hash_key(key));
        if (row == kNoRow) break;
        pieces_.erase(row);
      }
    }
  }

  std::string folder_of(const Batch& batch, uint32_t row) const {
    std::string folder;
    for (const int index : sink_.table_->partitioned_by) {
      const auto column = static_cast<size_t>(index);
      std::string text;
      const bool is_null = !batch.columns[column] || batch.columns[column]->is_null(row);
      if (is_null) {
        const auto found = sink_.table_->options.find("partition.default-name");
        text = found == sink_.table_->options.end() ? "__DEFAULT_PARTITION__" : found->second;
      } else {
        append_value_text(*batch.columns[column], row, sink_.schema_[column].type, text);
      }
      folder += sink_.table_->columns[column].name + "=" + percent_encode(text) + "/";
    }
    return folder;
  }

  FileSink& sink_;
  OperatorState& state_;
  StateTable& pieces_;
  std::unique_ptr<Encoder> encoder_;
  uint64_t next_ = 0;
  bool closing_ = false;                      // no rows will come any more
  std::map<std::string, std::string> fresh_;  // lines of this batch, by folder
  std::map<std::string, Open> open_;          // by folder
  std::vector<uint64_t> to_put_;              // closed, not yet stored
  SinkOutput output_;
  std::vector<uint32_t> rows_;
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

FileSink::FileSink(const PlanNode& node, SinkContext context)
    : table_(std::get<SinkNode>(node.node).table),
      schema_(node.schema),
      context_(std::move(context)),
      path_(lake_path(table_->options.at("path"))) {
  const auto option = [&](const char* key) {
    const auto found = table_->options.find(key);
    return found == table_->options.end() ? std::string() : found->second;
  };
  roll_bytes_ = static_cast<size_t>(
      parse_size_bytes(option("sink.rolling-policy.file-size")).value_or(kRollBytes));
  roll_age_ =
      std::chrono::milliseconds(parse_duration_ms(option("sink.rolling-policy.rollover-interval"))
                                    .value_or(kRollAge.count()));
  run_ = fmt::format("{:x}-{}", context_.spec.writer == 0 ? random_u64() : context_.spec.writer,
                     node.state_id.substr(0, 8));
}

Result<std::unique_ptr<SinkWriter>> FileSink::writer(uint32_t, OperatorState& state) {
  TRY_ASSIGN(auto encoder, Encoder::make(*table_, context_.dialect));
  return std::make_unique<FileWriter>(*this, state, std::move(encoder));
}

awaitable<Result<>> FileSink::after_commit(SinkOutput output) {
  for (SinkObject& object : output.objects) {
    CO_TRY(co_await context_.host.objects(false).put(path_.bucket, object.key,
                                                     std::move(object.parts), PutOptions{}));
    std::lock_guard lock(mutex_);
    stored_.insert(object.number);
  }
  co_return Result<>();
}

Result<std::unique_ptr<Sink>> make_file_sink(const PlanNode& node, SinkContext context) {
  return std::make_unique<FileSink>(node, std::move(context));
}

}  // namespace millstream::analytics
