// libFuzzer: a log's folder, made from the input as a writer that went mad and a bad disk would:
// manifest, journal files with frames in any order, packs and segments, wrong bytes anywhere.
// LocalLog must open it or say kCorruption, serve no record that is not as it was written, take
// appends, and show the same records after a checkpoint and after a restart.
#include <map>

#include "base/fault_env.h"
#include "base/hash.h"
#include "base/manual_clock.h"
#include "fuzz/fuzz_input.h"
#include "log/local/data_file.h"
#include "log/local/local_log.h"
#include "log/local/log_model.h"
#include "log/local/manifest.h"
#include "log/record.h"

namespace {

using namespace millstream;
using namespace millstream::local;

constexpr TimeMs kNow = 1'764'000'000'000;
constexpr std::string_view kFolder = "/log";
constexpr uint64_t kMaxFileBytes = 256 * 1024;
constexpr std::string_view kAppended = "appended";

// What stands in a record is known from its place.
std::string data_of(ShardId shard, Counter counter) {
  return fmt::format("{}:{}", static_cast<uint64_t>(shard), counter);
}

std::string body_of(ShardId shard, Counter first, uint32_t records) {
  std::string body;
  for (Counter counter = first; counter < first + records; ++counter) {
    const std::string data = data_of(shard, counter);
    const size_t at = body.size();
    body.resize(at + stored_record_size(1, data.size()));
    char* to = store_record_head(body.data() + at, "k", data.size());
    std::ranges::copy(data, to);
  }
  return body;
}

class Folder {
 public:
  Folder(FaultEnv& env, fuzz::FuzzInput input) : env_(env), in_(input) {}

  // Whether records may be other than data_of(): their frames are not from here.
  bool has_foreign() const { return foreign_; }

  void make() {
    const std::string folder(kFolder);
    MS_ASSERT(env_.make_folders(folder + "/journal") && env_.make_folders(folder + "/data"));
    manifest_.epoch = in_.byte();
    manifest_.position = 1 + in_.byte() % 8;
    manifest_.closed_generation = in_.byte() % 4;
    for (uint64_t shards = in_.byte() % 4; shards > 0; --shards) add_shard();
    while (!in_.ended()) take_part();
    store_journal_file();
    manifest_.next_file_id = manifest_.files.size() + 1;
    MS_ASSERT(env_.write_file_durably(folder + "/MANIFEST", encode_manifest(manifest_)));
  }

 private:
  void add_shard() {
    ManifestShard shard{.id = ShardId{++last_shard_}, .options = {}};
    shard.next = counter();
    shard.trim = std::min<Counter>(in_.byte(), shard.next);
    shard.arrival_ms = kNow - in_.byte();
    shard.sealed = in_.byte() % 8 == 7;
    manifest_.shards.push_back(std::move(shard));
  }

  ManifestShard& any_shard() { return manifest_.shards[in_.byte() % manifest_.shards.size()]; }

  void take_part() {
    switch (in_.byte() % 8) {
      case 0:
        start_journal_file();
        break;
      case 1:
      case 2:
        add_frame(false);
        break;
      case 3:
        add_frame(true);
        break;
      case 4:  // bytes of anything
        foreign_ = true;
        append(in_.text());
        break;
      case 5:
        damage(journal_);
        break;
      case 6:
        journal_.resize(
            std::min(journal_.size() + in_.byte() % 4 * kJournalAlignment, kMaxFileBytes));
        break;
      default:
        add_data_file();
    }
  }

  void append(std::string_view bytes) {
    if (journal_.size() + bytes.size() > kMaxFileBytes) return;
    journal_.append(bytes);
    journal_.resize(align_up(journal_.size()));
  }

  void damage(std::string& bytes) {
    if (bytes.empty()) return;
    const uint64_t at = in_.number() << 4 | in_.byte();
    char& byte = bytes[at % bytes.size()];
    byte = static_cast<char>(byte ^ (1 << in_.byte() % 8));
  }

  void start_journal_file() {
    store_journal_file();
    const uint8_t choice = in_.byte();
    header_.os_durability = choice % 8 == 7;
    header_.salt = choice % 4;
    header_.generation += 1 + in_.byte() % 2;
    header_.first_lsn = next_lsn_ + in_.byte() % 4;
    header_.void_from = header_.first_lsn + in_.byte() % 3;
    next_lsn_ = header_.first_lsn;
    const std::string block = encode_journal_header(header_);
    journal_ = block + block;
  }

  void store_journal_file() {
    if (journal_.empty()) return;
    journal_.resize(std::max<uint64_t>(journal_.size(), 16 * 1024));
    const auto file = env_.open(fmt::format("{}/journal/journal-{}", kFolder, ++journal_files_),
                                OpenMode::kCreateNew);
    MS_ASSERT(file && (*file)->write(0, journal_) && (*file)->sync());
    MS_ASSERT(env_.sync_folder(std::string(kFolder) + "/journal"));
    journal_.clear();
  }

  // Of an epoch that was: the log's next counters are above all of them.
  Counter counter() {
    const uint64_t epoch = in_.byte() % (manifest_.epoch + 1);
    return epoch << 40 | in_.number() % (uint64_t{1} << 30);
  }

  // One that exists or did: ids are never used again.
  ShardId shard() { return ShardId{1 + in_.byte() % std::max<uint64_t>(last_shard_, 1)}; }

  RunEntry run_entry(std::string& bodies) {
    RunEntry run{.shard = shard(), .first = next_counter_ + in_.byte() % 4};
    run.arrival_ms = kNow - in_.byte();
    Counter at = run.first;
    for (uint32_t pieces = 1 + in_.byte() % 3; pieces > 0; --pieces) {
      const uint32_t records = 1 + in_.byte() % 4;
      const std::string body = body_of(run.shard, at, records);
      run.pieces.push_back({records, static_cast<uint32_t>(body.size()), crc32c(body)});
      bodies += body;
      at += records;
    }
    next_counter_ = at;
    return run;
  }

  JournalEntry entry(std::string& bodies) {
    switch (in_.byte() % 12) {
      case 0:
        return EpochEntry{in_.byte()};
      case 1:
        return CreateEntry{ShardId{++last_shard_}, {}, next_counter_};
      case 2:
        return SealEntry{shard(), counter()};
      case 3:
        return RemoveEntry{shard()};
      case 4:
        return TrimEntry{shard(), counter()};
      case 5:
        return RetentionEntry{shard(), static_cast<TimeMs>(in_.number() >> 1)};
      case 6:
        return OpenWriterEntry{in_.byte(), in_.number()};
      case 7:
        return WriterEntry{{in_.byte(), in_.number(), in_.number()}, {{shard(), 1, 2, kNow}}};
      case 8:
        next_counter_ += in_.number() % (uint64_t{1} << 30);
        return run_entry(bodies);
      case 9:
        next_counter_ = counter();  // also back
        return run_entry(bodies);
      default:
        return run_entry(bodies);
    }
  }

  void add_frame(bool any_table) {
    std::string frame(kFrameHeadSize, '\0');
    std::string bodies;
    FrameHead head{.lsn = next_lsn_, .salt = header_.salt};
    if (const uint8_t skip = in_.byte(); skip >= 240) head.lsn += skip - 248;
    if (any_table) {
      foreign_ = true;
      head.entries = in_.byte();
      frame += in_.text();
      bodies = in_.text();
    } else {
      head.entries = 1 + in_.byte() % 4;
      for (uint32_t i = 0; i < head.entries; ++i) encode_entry(entry(bodies), frame);
    }
    head.table_bytes = static_cast<uint32_t>(frame.size() - kFrameHeadSize);
    head.body_bytes = bodies.size();
    seal_frame(head, frame);
    append(frame + bodies);
    next_lsn_ = head.lsn + 1;
  }

  // Of shards that the manifest knows, before what it says comes next.
  void add_data_file() {
    if (manifest_.shards.empty()) return;
    ManifestFile file{.id = manifest_.files.size() + 1};
    file.kind = in_.byte() % 2 == 0 ? DataKind::kPack : DataKind::kSegment;
    file.closed = file.kind == DataKind::kPack || in_.byte() % 2 == 0;
    ManifestShard* shard = &any_shard();
    file.shard = shard->id;
    file.retention_ms = ShardOptions().retention_ms;
    const std::string path = data_file_path(std::string(kFolder) + "/data", file.kind, file.id);
    auto open = env_.open(path, OpenMode::kCreateNew);
    MS_ASSERT(open);
    PartWriter part(**open, {file.kind, file.id}, 0);
    Counter next = counter();
    file.first = next;
    for (uint32_t blocks = 1 + in_.byte() % 3; blocks > 0; --blocks) {
      if (file.kind == DataKind::kPack) shard = &any_shard();
      BlockBuilder block;
      block.start(shard->id);
      for (uint32_t batches = 1 + in_.byte() % 2; batches > 0; --batches) {
        const uint32_t records = 1 + in_.byte() % 3;
        block.add(next, records, kNow - in_.byte(),
                  {Slice::copy_of(body_of(shard->id, next, records))});
        next += records + in_.byte() % 2;
        shard->next = std::max(shard->next, next);
      }
      MS_ASSERT(part.add(block));
    }
    file.end = part.index().back().end;
    file.first_arrival_ms = kNow - 1000;
    file.last_arrival_ms = kNow;
    file.length = part.finish().value();
    for (uint32_t damages = in_.byte() % 3; damages > 0; --damages) {
      std::string bytes = env_.read_file(path).value();
      damage(bytes);
      MS_ASSERT((*open)->write(0, bytes) && (*open)->sync());
    }
    if (const uint8_t choice = in_.byte(); choice >= 250) file.length = in_.number();
    MS_ASSERT(env_.sync_folder(std::string(kFolder) + "/data"));
    manifest_.files.push_back(file);
  }

  FaultEnv& env_;
  fuzz::FuzzInput in_;
  Manifest manifest_;
  JournalHeader header_;
  std::string journal_;  // of the file at hand
  uint64_t journal_files_ = 0;
  uint64_t last_shard_ = 0;
  Lsn next_lsn_ = 1;
  Counter next_counter_ = 0;
  bool foreign_ = false;
};

using Records = std::map<std::pair<ShardId, Counter>, std::string>;

// What can be read, up to the first damage of each shard.
Records read_all(testing_log::TestLoop& loop, LocalLog& log, bool check_data) {
  Records all;
  for (const ShardId shard : log.shards()) {
    MS_ASSERT(log.status(shard));
    Counter at = 0;
    for (int step = 0; step < 1000; ++step) {
      const auto answer = loop.await(log.read(shard, at, {.records = 7, .bytes = 200}));
      if (!answer) {
        MS_ASSERT(answer.error().code == ErrorCode::kCorruption);
        break;
      }
      MS_ASSERT(answer->next >= at);
      for (const StoredBatch& batch : answer->batches) {
        MS_ASSERT(batch.first >= at && batch.records > 0);
        at = batch.first + batch.records;
        MS_ASSERT(at <= answer->next && at <= answer->tip);
        RecordCursor cursor(batch.body.view());
        RecordView record;
        for (Counter counter = batch.first; cursor.next(record); ++counter) {
          if (check_data) {
            MS_ASSERT(counter < at);
            MS_ASSERT(record.data == data_of(shard, counter) || record.data == kAppended);
          }
          all[{shard, counter}] = record.data;
        }
        if (check_data) MS_ASSERT(!cursor.broken());
      }
      if (answer->batches.empty()) break;
      at = answer->next;
    }
    (void)loop.await(log.position_at(shard, kNow - 10));
  }
  return all;
}

// To each open shard; what was appended joins `records`.
void append_everywhere(testing_log::TestLoop& loop, LocalLog& log, Records& records) {
  std::string body(stored_record_size(1, kAppended.size()), '\0');
  std::ranges::copy(kAppended, store_record_head(body.data(), "k", kAppended.size()));
  const Slice slice = Slice::copy_of(body);
  for (const ShardId shard : log.shards()) {
    std::vector<ShardBatch> batches;
    batches.push_back({shard, 1, crc32c(body), slice});
    const auto answer = loop.await(log.append(std::move(batches)));
    if (answer) {
      records[{shard, answer->front().first}] = kAppended;
    } else {
      MS_ASSERT(answer.error().code == ErrorCode::kSealed);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ManualClock clock(kNow);
  FaultEnv env(clock);
  Folder folder(env, {data, size});
  folder.make();
  const bool check = !folder.has_foreign();
  LocalLogOptions options;
  options.folder = kFolder;
  options.journal_file_bytes = 16 << 10;
  options.journal_bytes = 2 << 20;
  options.tail_cache_bytes = 1 << 20;
  options.reader_threads = 1;
  testing_log::TestLoop loop;

  auto log = LocalLog::open(env, options);
  if (!log) {
    MS_ASSERT(log.error().code == ErrorCode::kCorruption);
    return 0;
  }
  Records records = read_all(loop, **log, check);
  append_everywhere(loop, **log, records);
  const bool whole = (*log)->problems().empty();
  if (whole) MS_ASSERT(read_all(loop, **log, check) == records);
  const bool stored = (*log)->checkpoint_now().has_value();
  if (whole) MS_ASSERT(stored && read_all(loop, **log, check) == records);
  log->reset();

  log = LocalLog::open(env, options);
  MS_ASSERT(log);
  const Records again = read_all(loop, **log, check);
  if (whole) MS_ASSERT(again == records);
  return 0;
}
