#include "log/local/log_harness.h"

#include <algorithm>
#include <cstdlib>

#include "log/record.h"

namespace millstream::testing_log {
namespace {

// Over all harnesses of the process: no two records have the same data, no shard id is used
// twice.
std::atomic<uint64_t> next_unique{1};

constexpr size_t kMostShards = 5;

}  // namespace

LocalLogOptions small_options() {
  LocalLogOptions options;
  options.folder = "/srv/log";
  options.journal_bytes = 512 << 10;
  options.journal_file_bytes = 64 << 10;
  options.tail_cache_bytes = 48 << 10;
  options.checkpoint_bytes = 192 << 10;
  options.roll_bytes = 256 << 10;
  options.open_files = 4;
  options.reader_threads = 1;
  return options;
}

ConcurrentReader::ConcurrentReader(ShardLog& log) : log_(log) {
  thread_ = std::thread([this] {
    try {
      run();
    } catch (const Broken& broken) {
      broken_ = broken.what();
    }
  });
}

void ConcurrentReader::run() {
  TestLoop loop;
  std::map<ShardId, Counter> positions;
  while (!stopping_) {
    for (ShardId shard : log_.shards()) {
      Counter& position = positions[shard];
      const auto answer = loop.await(log_.read(shard, position, ReadLimits{}));
      if (!answer) continue;  // removed, or the machine has crashed
      for (const StoredBatch& batch : answer->batches) {
        RecordCursor cursor(batch.body.view());
        RecordView record;
        for (Counter counter = batch.first; cursor.next(record); ++counter) {
          must(counter >= position && counter < answer->tip,
               "shard {}: a reader at {:#x} was shown {:#x}, tip {:#x}", number(shard), position,
               counter, answer->tip);
          shown_[{shard, counter}] = record.data;
        }
      }
      position = answer->next;
    }
    std::this_thread::yield();
  }
}

void ConcurrentReader::stop(LogModel* model) {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (!model) return;
  must(broken_.empty(), "{}", broken_);
  model->shown.merge(shown_);
}

LogHarness::LogHarness(std::unique_ptr<FaultEnv> env, LogModel model, ManualClock& clock,
                       uint64_t seed, LocalLogOptions options)
    : env_(std::move(env)),
      options_(std::move(options)),
      model_(std::move(model)),
      clock_(clock),
      random_(seed) {}

void LogHarness::trace(std::string line) {
  static const bool wanted = std::getenv("MILLSTREAM_TEST_TRACE") != nullptr;
  if (wanted) fmt::print(stderr, "[{:#x} changes] {}\n", env_->changes(), line);
}

LogHarness::~LogHarness() {
  reader_.reset();
  log_.reset();
}

bool LogHarness::open(bool with_reader) {
  reader_wanted_ = with_reader;
  auto opened = LocalLog::open(*env_, options_);
  if (!opened) return !crashed_or_throw("open", opened.error());
  log_ = *std::move(opened);
  if (!env_->crashed()) {
    const auto problems = log_->problems();
    must(problems.empty(), "the log reports: {}",
         problems.empty() ? "" : problems.front().file + ": " + problems.front().message);
  }
  if (reader_wanted_) reader_ = std::make_unique<ConcurrentReader>(*log_);
  return true;
}

bool LogHarness::open_and_settle() {
  if (!open()) return false;
  // A copy, since a crash in the middle leaves everything as it was.
  LogModel settled = model_;
  try {
    settled.settle(loop_, *log_, clock_.now_ms(), random_());
  } catch (const Broken&) {
    if (env_->crashed()) return false;
    throw;
  }
  model_ = std::move(settled);
  return true;
}

void LogHarness::shut_down() {
  if (reader_) reader_->stop(&model_);
  reader_.reset();
  log_.reset();
}

void LogHarness::compare() { model_.compare(loop_, *log_, clock_.now_ms(), random_()); }

bool LogHarness::compare_unless_crashed() {
  try {
    compare();
    return true;
  } catch (const Broken&) {
    // The log's own threads may run into the crash while this reads.
    if (env_->crashed()) return false;
    throw;
  }
}

std::vector<ShardId> LogHarness::open_shards() const {
  std::vector<ShardId> open;
  for (const auto& [id, shard] : model_.shards) {
    if (!shard.end && !shard.maybe_created) open.push_back(id);
  }
  return open;
}

std::optional<ShardId> LogHarness::any_shard(bool open_only) {
  std::vector<ShardId> choices = open_shards();
  if (!open_only) {
    choices.clear();
    for (const auto& [id, shard] : model_.shards) choices.push_back(id);
  }
  if (choices.empty()) return std::nullopt;
  return choices[below(choices.size())];
}

bool LogHarness::crashed_or_throw(std::string_view call, const Error& error) {
  if (env_->crashed()) return true;
  throw Broken(fmt::format("{} failed: {}", call, error.message));
}

ShardId LogHarness::create_shard() {
  const ShardId id{next_unique++};
  ModelShard shard;
  if (below(3) == 0)
    shard.options.not_before_ms = clock_.now_ms() + static_cast<TimeMs>(below(5'000));
  shard.maybe_created = true;
  model_.shards[id] = shard;
  trace(fmt::format("create shard {}", number(id)));
  const auto answer = loop_.await(log_->create(id, shard.options));
  if (answer) {
    model_.shards[id].maybe_created = false;
    if (below(4) == 0) {
      const auto again = loop_.await(log_->create(id, shard.options));
      if (!again) crashed_or_throw("create again", again.error());
    }
  } else {
    crashed_or_throw("create", answer.error());
  }
  return id;
}

SentAppend LogHarness::random_append(size_t max_record_bytes) {
  SentAppend sent;
  std::vector<ShardId> shards = open_shards();
  std::shuffle(shards.begin(), shards.end(), random_);
  if (!shards.empty()) shards.resize(1 + below(std::min<size_t>(shards.size(), 3)));
  for (ShardId shard : shards) {
    SentAppend::Batch batch{shard, {}};
    const uint64_t records = 1 + below(6);
    for (uint64_t i = 0; i < records; ++i) {
      std::string data = fmt::format("record {}|", next_unique++);
      const uint64_t filler = below(4) == 0 ? below(max_record_bytes) : below(100);
      data.append(filler, static_cast<char>('a' + below(26)));
      batch.data.push_back(std::move(data));
    }
    sent.batches.push_back(std::move(batch));
  }
  return sent;
}

bool LogHarness::note(const SentAppend& sent, const AppendAnswer& answer) {
  if (answer) {
    for (const Appended& place : *answer) {
      trace(fmt::format("append shard {}: {:#x} + {}, arrival {}", number(place.shard), place.first,
                        place.records, place.arrival_ms));
    }
    model_.acknowledged(sent, *answer, clock_.now_ms());
    return true;
  }
  trace(fmt::format("append failed: {}", answer.error().message));
  // Nothing was written.
  if (answer.error().code == ErrorCode::kThrottled) return !env_->crashed();
  if (env_->crashed()) {
    model_.unanswered.push_back(sent);
    return false;
  }
  crashed_or_throw("append", answer.error());
  return false;
}

bool LogHarness::send(const SentAppend& sent) {
  if (sent.batches.empty()) return true;
  return note(sent, loop_.await(log_->append(sent.encode(), sent.stamp)));
}

bool LogHarness::append_everywhere() {
  for (ShardId shard : open_shards()) {
    SentAppend sent;
    sent.batches.push_back({shard, {fmt::format("record {}|", next_unique++)}});
    if (!send(sent)) return false;
  }
  return true;
}

bool LogHarness::step() {
  if (env_->crashed()) return false;
  if (open_shards().size() < 2 || (model_.shards.size() < kMostShards && below(12) == 0)) {
    create_shard();
    return !env_->crashed();
  }
  clock_.advance(std::chrono::milliseconds(below(50)));
  if (below(10) == 0) clock_.set_wall(clock_.now_ms() - static_cast<TimeMs>(below(2000)));
  if (options_.tier.store && below(5) == 0) return step_tier();
  switch (below(24)) {
    case 0:
      return step_seal();
    case 1:
    case 2:
      return step_trim();
    case 3:
      return step_remove();
    case 4:
    case 5:
      return step_checkpoint();
    case 6:
      return step_restart();
    case 7:
    case 8:
    case 9:
    case 10:
      return step_writer();
    case 11:
    case 12:
      return send(random_append(20'000));
    case 13:
      return compare_unless_crashed();
    default:
      return step_bundle();
  }
}

bool LogHarness::step_bundle() {
  std::vector<SentAppend> sent;
  std::vector<awaitable<AppendAnswer>> works;
  const uint64_t count = 1 + below(5);
  for (uint64_t i = 0; i < count; ++i) {
    sent.push_back(random_append());
    works.push_back(log_->append(sent.back().encode(), {}));
  }
  auto answers = loop_.await_all(std::move(works));
  // Appends of one shard are ordered by the calls' arrival, so the answers rise in this order.
  bool good = true;
  for (size_t i = 0; i < sent.size(); ++i) good &= note(sent[i], answers[i]);
  return good;
}

bool LogHarness::open_writer(uint64_t id) {
  ModelWriter& writer = model_.writers[id];
  const auto opened = loop_.await(log_->open_writer(id));
  if (!opened) return !crashed_or_throw("open_writer", opened.error());
  must(opened->epoch > writer.epoch, "writer {}: epoch {} after {}", id, opened->epoch,
       writer.epoch);
  must(opened->last_number == writer.last.stamp.number, "writer {}: last number {}, not {}", id,
       opened->last_number, writer.last.stamp.number);
  writer.epoch = opened->epoch;
  return true;
}

bool LogHarness::expect_refused(SentAppend sent, ErrorCode code) {
  const auto answer = loop_.await(log_->append(sent.encode(), sent.stamp));
  if (env_->crashed()) return false;
  must(!answer, "a stamp that does not fit was accepted");
  must(answer.error().code == code, "a stamp that does not fit gives: {}", answer.error().message);
  return true;
}

bool LogHarness::step_writer() {
  const uint64_t id = 1 + below(2);
  if (!model_.writers.contains(id) || below(8) == 0) return open_writer(id);
  const ModelWriter writer = model_.writers.at(id);
  if (writer.epoch == 0) return open_writer(id);
  SentAppend sent = random_append();
  sent.stamp = {id, writer.epoch, writer.last.stamp.number + 1};
  switch (below(5)) {
    case 0:
      sent.stamp.number += 1 + below(3);
      return expect_refused(std::move(sent), ErrorCode::kOutOfSequence);
    case 1:
      sent.stamp.epoch -= 1;
      return expect_refused(std::move(sent), ErrorCode::kFenced);
    case 2: {
      if (writer.last.stamp.number == 0) return true;
      // The repetition of what is there. Its shards may be sealed or removed since.
      SentAppend again = writer.last;
      again.stamp.epoch = writer.epoch;
      const auto answer = loop_.await(log_->append(again.encode(), again.stamp));
      if (!answer) return !crashed_or_throw("repeated append", answer.error());
      must(answer->size() == writer.places.size(), "a repetition gives other places");
      for (size_t i = 0; i < answer->size(); ++i) {
        must((*answer)[i].shard == writer.places[i].shard &&
                 (*answer)[i].first == writer.places[i].first &&
                 (*answer)[i].records == writer.places[i].records &&
                 (*answer)[i].arrival_ms == writer.places[i].arrival_ms,
             "a repetition gives another place than the first time");
      }
      return true;
    }
    default:
      return send(sent);
  }
}

bool LogHarness::step_seal() {
  const auto shard = any_shard();
  if (!shard) return true;
  trace(fmt::format("seal shard {}", number(*shard)));
  const auto end = loop_.await(log_->seal(*shard));
  ModelShard& model = model_.shards.at(*shard);
  if (!end) {
    model.maybe_sealed = true;
    return !crashed_or_throw("seal", end.error());
  }
  must(*end >= model.past_all, "shard {} was sealed at {:#x}, but has {:#x}", number(*shard), *end,
       model.past_all);
  model.end = *end;
  if (env_->crashed()) return false;
  const auto again = loop_.await(log_->seal(*shard));
  if (!again) return !crashed_or_throw("seal again", again.error());
  must(*again == *end, "sealing again gives another end");
  SentAppend late;
  late.batches.push_back({*shard, {"record too late|"}});
  const auto answer = loop_.await(log_->append(late.encode(), {}));
  if (env_->crashed()) return false;
  must(!answer && answer.error().code == ErrorCode::kSealed, "a sealed shard takes appends");
  return true;
}

bool LogHarness::step_trim() {
  const auto shard = any_shard(false);
  if (!shard) return true;
  ModelShard& model = model_.shards.at(*shard);
  if (model.records.empty()) return true;
  auto any = model.records.begin();
  std::advance(any, static_cast<ptrdiff_t>(below(model.records.size())));
  const Counter first = std::max(model.trim, any->first + below(2));
  trace(fmt::format("trim shard {} to {:#x}", number(*shard), first));
  const auto answer = loop_.await(log_->trim(*shard, first));
  if (!answer) {
    model.maybe_trim = first;
    return !crashed_or_throw("trim", answer.error());
  }
  model.trim = first;
  return true;
}

bool LogHarness::step_remove() {
  if (model_.shards.size() < 4) return true;
  const auto shard = any_shard(false);
  trace(fmt::format("remove shard {}", number(*shard)));
  const auto answer = loop_.await(log_->remove(*shard));
  if (!answer) {
    model_.shards.at(*shard).maybe_removed = true;
    return !crashed_or_throw("remove", answer.error());
  }
  model_.shards.erase(*shard);
  if (env_->crashed()) return false;
  const auto gone = loop_.await(log_->read(*shard, 0, {}));
  if (env_->crashed()) return false;
  must(!gone && gone.error().code == ErrorCode::kNotFound, "a removed shard can be read");
  return true;
}

bool LogHarness::step_checkpoint() {
  trace("checkpoint, expire");
  const auto done = log_->checkpoint_now();
  if (!done) return !crashed_or_throw("checkpoint", done.error());
  const auto expired = log_->expire_now();
  if (!expired) return !crashed_or_throw("expire", expired.error());
  return true;
}

bool LogHarness::step_tier() {
  if (!step_checkpoint()) return false;
  trace("tier");
  const auto freed = log_->tier_now(below(2) == 0 ? 1 : UINT64_MAX);
  return freed || !crashed_or_throw("tier", freed.error());
}

bool LogHarness::step_restart() {
  const bool cleanly = below(2) == 0;
  trace(cleanly ? "restart" : "process crash, restart");
  if (cleanly) {
    const auto closed = loop_.await(log_->close());
    if (!closed && !env_->crashed()) crashed_or_throw("close", closed.error());
  }
  shut_down();
  if (env_->crashed() || !open(reader_wanted_)) return false;
  return compare_unless_crashed();
}

}  // namespace millstream::testing_log
