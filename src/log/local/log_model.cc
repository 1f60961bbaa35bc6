#include "log/local/log_model.h"

#include <algorithm>
#include <random>

#include "base/hash.h"
#include "log/record.h"

namespace millstream::testing_log {
namespace {

constexpr std::string_view kKey = "key";

std::string show(const std::string& data) { return data.substr(0, data.find('|')); }

void same_records(ShardId shard, const ModelRecords& expected, const ModelRecords& found) {
  for (const auto& [counter, record] : expected) {
    const auto other = found.find(counter);
    must(other != found.end(),
         "shard {}: record {:#x} ({}) is lost ({} of {} were read, from {:#x} on)", number(shard),
         counter, show(record.data), found.size(), expected.size(),
         found.empty() ? 0 : found.begin()->first);
    must(other->second.data == record.data, "shard {}: record {:#x} holds \"{}\", not \"{}\"",
         number(shard), counter, show(other->second.data), show(record.data));
    must(other->second.arrival_ms == record.arrival_ms,
         "shard {}: record {:#x} arrived at {}, not {}", number(shard), counter,
         other->second.arrival_ms, record.arrival_ms);
  }
  for (const auto& [counter, record] : found) {
    must(expected.contains(counter), "shard {}: record {:#x} ({}) was never appended, or is gone",
         number(shard), counter, show(record.data));
  }
}

void check_positions(TestLoop& loop, ShardLog& log, ShardId id, const ModelRecords& visible,
                     std::mt19937_64& random) {
  std::vector<TimeMs> times = {0};
  if (!visible.empty()) {
    auto any = visible.begin();
    std::advance(any, static_cast<ptrdiff_t>(random() % visible.size()));
    times.insert(times.end(), {any->second.arrival_ms, any->second.arrival_ms + 1,
                               visible.rbegin()->second.arrival_ms + 1});
  }
  for (TimeMs time : times) {
    const auto position = loop.await(log.position_at(id, time));
    must(position.has_value(), "shard {}: position_at failed: {}", number(id),
         position ? "" : position.error().message);
    for (const auto& [counter, record] : visible) {
      must((counter >= *position) == (record.arrival_ms >= time),
           "shard {}: position_at({}) is {:#x}, but record {:#x} arrived at {}", number(id), time,
           *position, counter, record.arrival_ms);
    }
  }
}

}  // namespace

std::vector<ShardBatch> SentAppend::encode() const {
  std::vector<ShardBatch> encoded;
  for (const Batch& batch : batches) {
    size_t size = 0;
    for (const auto& data : batch.data) size += stored_record_size(kKey.size(), data.size());
    BufferRef buffer = BufferRef::allocate(size);
    char* to = buffer->data();
    for (const auto& data : batch.data) {
      to = store_record_head(to, kKey, data.size());
      std::copy(data.begin(), data.end(), to);
      to += data.size();
    }
    Slice body(std::move(buffer), size);
    const uint32_t checksum = crc32c(body.view());
    encoded.push_back(
        {batch.shard, static_cast<uint32_t>(batch.data.size()), checksum, std::move(body)});
  }
  return encoded;
}

ModelRecords ModelShard::visible(TimeMs now) const {
  ModelRecords found;
  for (const auto& [counter, record] : records) {
    if (counter >= trim && record.arrival_ms >= now - options.retention_ms) {
      found.emplace(counter, record);
    }
  }
  return found;
}

ShardContent read_shard(TestLoop& loop, ShardLog& log, ShardId shard, Counter from, uint64_t seed) {
  std::mt19937_64 random(seed);
  ShardContent content;
  content.next = from;
  for (;;) {
    ReadLimits limits;
    if (random() % 2 == 0) limits.records = 1 + static_cast<uint32_t>(random() % 20);
    if (random() % 2 == 0) limits.bytes = 1 + random() % 20'000;
    auto answer = loop.await(log.read(shard, content.next, limits));
    must(answer.has_value(), "shard {}: reading from {:#x} failed: {}", number(shard), content.next,
         answer ? "" : answer.error().message);
    uint32_t records = 0;
    size_t bytes = 0;
    for (const StoredBatch& batch : answer->batches) {
      RecordCursor cursor(batch.body.view());
      RecordView record;
      uint32_t in_batch = 0;
      while (cursor.next(record)) {
        const Counter counter = batch.first + in_batch++;
        must(counter >= content.next, "shard {}: asked from {:#x}, got {:#x}", number(shard),
             content.next, counter);
        must(content.records.empty() || counter > content.records.rbegin()->first,
             "shard {}: {:#x} does not follow {:#x}", number(shard), counter,
             content.records.empty() ? 0 : content.records.rbegin()->first);
        must(record.partition_key == kKey, "shard {}: {:#x} has a wrong key", number(shard),
             counter);
        content.records[counter] = {batch.arrival_ms, std::string(record.data)};
      }
      must(!cursor.broken() && in_batch == batch.records && in_batch > 0,
           "shard {}: the batch at {:#x} has {} records and says {}", number(shard), batch.first,
           in_batch, batch.records);
      records += in_batch;
      bytes += batch.body.size();
    }
    must(records <= limits.records, "shard {}: {} records, limit {}", number(shard), records,
         limits.records);
    must(bytes <= limits.bytes || records == 1, "shard {}: {} bytes, limit {}", number(shard),
         bytes, limits.bytes);
    must(answer->next >= content.next, "shard {}: read went back", number(shard));
    must(content.records.empty() || answer->next > content.records.rbegin()->first,
         "shard {}: the next read would repeat records", number(shard));
    const bool stuck = answer->next == content.next;
    content.next = answer->next;
    content.tip = answer->tip;
    content.at_end = answer->at_end;
    content.tip_arrival_ms = answer->tip_arrival_ms;
    if (records == 0 && (stuck || content.next >= content.tip)) return content;
  }
}

void LogModel::acknowledged(const SentAppend& sent, const std::vector<Appended>& places,
                            TimeMs now) {
  must(places.size() == sent.batches.size(), "{} batches were sent, {} acknowledged",
       sent.batches.size(), places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& batch = sent.batches[i];
    const Appended& place = places[i];
    must(place.shard == batch.shard && place.records == batch.data.size(),
         "the answer is for another batch");
    ModelShard& shard = shards.at(place.shard);
    must(!shard.end, "shard {} is sealed and took an append", number(place.shard));
    must(place.first >= shard.past_all, "shard {}: {:#x} was given before (next {:#x})",
         number(place.shard), place.first, shard.past_all);
    const TimeMs arrival = std::max({now, shard.last_arrival_ms, shard.options.not_before_ms});
    must(place.arrival_ms == arrival, "shard {}: {:#x} arrived at {}, not {}", number(place.shard),
         place.first, place.arrival_ms, arrival);
    for (size_t n = 0; n < batch.data.size(); ++n) {
      shard.records[place.first + n] = {place.arrival_ms, batch.data[n]};
    }
    shard.past_all = place.first + place.records;
    shard.last_arrival_ms = place.arrival_ms;
  }
  if (sent.stamp.writer != 0) {
    ModelWriter& writer = writers.at(sent.stamp.writer);
    writer.last = sent;
    writer.places = places;
  }
}

void LogModel::compare(TestLoop& loop, ShardLog& log, TimeMs now, uint64_t seed) const {
  std::mt19937_64 random(seed);
  std::set<ShardId> listed;
  for (ShardId id : log.shards()) listed.insert(id);
  for (ShardId id : listed) must(shards.contains(id), "shard {} should not exist", number(id));
  for (const auto& [id, shard] : shards) {
    must(listed.contains(id), "shard {} is gone", number(id));
    ModelRecords expected = shard.visible(now);
    const auto status = log.status(id);
    must(status.has_value(), "shard {} has no status", number(id));
    must(status->sealed == shard.end.has_value(), "shard {}: sealed is wrong", number(id));
    must(status->tip >= shard.past_all, "shard {}: tip {:#x} is below {:#x}", number(id),
         status->tip, shard.past_all);
    must(!shard.end || status->tip == *shard.end, "shard {}: ends at {:#x}, not {:#x}", number(id),
         status->tip, shard.end.value_or(0));
    must(status->last_arrival_ms == shard.last_arrival_ms, "shard {}: last arrival {}, not {}",
         number(id), status->last_arrival_ms, shard.last_arrival_ms);
    must(expected.empty() || status->first <= expected.begin()->first,
         "shard {}: first {:#x} hides {:#x}", number(id), status->first,
         expected.empty() ? 0 : expected.begin()->first);
    check_positions(loop, log, id, expected, random);
    // From the start, or from the middle.
    Counter from = 0;
    if (!expected.empty() && random() % 2 == 0) {
      auto any = expected.begin();
      std::advance(any, static_cast<ptrdiff_t>(random() % expected.size()));
      from = any->first + random() % 2;
    }
    expected.erase(expected.begin(), expected.lower_bound(from));
    const ShardContent content = read_shard(loop, log, id, from, random());
    same_records(id, expected, content.records);
    must(content.tip == status->tip, "shard {}: read and status differ in the tip", number(id));
    must(content.at_end == shard.end.has_value(), "shard {}: at_end is wrong", number(id));
    must(content.tip_arrival_ms == shard.last_arrival_ms,
         "shard {}: the tip's arrival is {}, not {}", number(id), content.tip_arrival_ms,
         shard.last_arrival_ms);
  }
}

void LogModel::settle(TestLoop& loop, ShardLog& log, TimeMs now, uint64_t seed) {
  std::set<ShardId> listed;
  for (ShardId id : log.shards()) listed.insert(id);
  for (ShardId id : listed) must(shards.contains(id), "shard {} should not exist", number(id));
  for (auto entry = shards.begin(); entry != shards.end();) {
    if (listed.contains(entry->first)) {
      entry->second.maybe_created = entry->second.maybe_removed = false;
      ++entry;
      continue;
    }
    must(entry->second.maybe_created || entry->second.maybe_removed, "shard {} is gone",
         number(entry->first));
    entry = shards.erase(entry);
  }
  std::map<std::string, Counter> extra;
  for (auto& [id, shard] : shards) settle_shard(loop, log, id, now, seed++, extra);
  settle_unanswered(loop, log, extra);
  for (const auto& [place, data] : shown) {
    const auto shard = shards.find(place.first);
    if (shard == shards.end() || place.second < shard->second.trim) continue;
    const auto record = shard->second.records.find(place.second);
    must(record != shard->second.records.end() && record->second.data == data,
         "shard {}: a reader was shown {:#x} ({}), which the crash took back", number(place.first),
         place.second, show(data));
  }
  compare(loop, log, now, seed);
}

void LogModel::settle_shard(TestLoop& loop, ShardLog& log, ShardId id, TimeMs now, uint64_t seed,
                            std::map<std::string, Counter>& extra) {
  ModelShard& shard = shards.at(id);
  const auto status = log.status(id);
  must(status.has_value(), "shard {} has no status", number(id));
  if (shard.maybe_trim && status->first >= *shard.maybe_trim) shard.trim = *shard.maybe_trim;
  shard.maybe_trim.reset();
  if (shard.maybe_sealed && status->sealed) shard.end = status->tip;
  shard.maybe_sealed = false;

  const ShardContent content = read_shard(loop, log, id, 0, seed);
  const ModelRecords known = shard.visible(now);
  ModelRecords found = content.records;
  for (const auto& [counter, record] : content.records) {
    if (known.contains(counter)) continue;
    must(counter >= shard.past_all, "shard {}: {:#x} ({}) stands among acknowledged records",
         number(id), counter, show(record.data));
    must(extra.emplace(record.data, counter).second, "shard {}: {} is there twice", number(id),
         show(record.data));
    found.erase(counter);
    shard.records[counter] = record;
    shard.last_arrival_ms = record.arrival_ms;
  }
  same_records(id, known, found);
  if (!content.records.empty()) {
    shard.past_all = std::max(shard.past_all, content.records.rbegin()->first + 1);
  }
}

void LogModel::settle_unanswered(TestLoop& loop, ShardLog& log,
                                 const std::map<std::string, Counter>& extra) {
  size_t explained = 0;
  for (const SentAppend& sent : unanswered) {
    size_t there = 0;
    size_t all = 0;
    std::vector<Appended> places;
    for (const auto& batch : sent.batches) {
      if (!shards.contains(batch.shard)) continue;
      const auto first = extra.find(batch.data.front());
      for (size_t n = 0; n < batch.data.size(); ++n, ++all) {
        const auto found = extra.find(batch.data[n]);
        if (found == extra.end()) continue;
        ++there;
        must(first != extra.end() && found->second == first->second + n,
             "shard {}: the batch of {} is not in one piece", number(batch.shard),
             show(batch.data[n]));
      }
      if (first != extra.end()) {
        places.push_back({batch.shard, first->second, static_cast<uint32_t>(batch.data.size()),
                          shards.at(batch.shard).records.at(first->second).arrival_ms});
      }
    }
    must(there == 0 || there == all, "{} of {} records of an append survived ({})", there, all,
         show(sent.batches.front().data.front()));
    explained += there;
    if (there > 0 && sent.stamp.writer != 0) {
      ModelWriter& writer = writers.at(sent.stamp.writer);
      writer.last = sent;
      writer.places = places;
    }
  }
  must(explained == extra.size(), "{} records were never appended, for example {}",
       extra.size() - explained, extra.empty() ? "" : show(extra.begin()->first));
  unanswered.clear();
  for (auto& [id, writer] : writers) settle_writer(loop, log, id);
}

void LogModel::settle_writer(TestLoop& loop, ShardLog& log, uint64_t id) {
  ModelWriter& writer = writers.at(id);
  const auto opened = loop.await(log.open_writer(id));
  must(opened.has_value(), "writer {}: open_writer failed: {}", id,
       opened ? "" : opened.error().message);
  must(opened->epoch > writer.epoch, "writer {}: epoch {} after {}", id, opened->epoch,
       writer.epoch);
  must(opened->last_number == writer.last.stamp.number, "writer {}: last number {}, not {}", id,
       opened->last_number, writer.last.stamp.number);
  writer.epoch = opened->epoch;
}

}  // namespace millstream::testing_log
