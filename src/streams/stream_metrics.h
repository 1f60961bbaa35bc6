// What goes into and out of each stream, under the names of CloudWatch's metrics of Data Streams.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace millstream::streams {

struct EncodedEvent;
struct GetAnswer;
struct PutOutcome;
struct Stream;

// Counted since the process started. Threads: any. A call adds to some of them, once; nothing is
// done per record.
struct StreamActivity {
  using Count = std::atomic<uint64_t>;
  Count incoming_bytes{0};  // data and partition keys
  Count incoming_records{0};
  Count put_record_success{0};
  Count put_records_success{0};
  Count put_records_total_records{0};
  Count put_records_successful_records{0};
  Count put_records_throttled_records{0};
  Count write_throughput_exceeded{0};  // records
  Count get_records_success{0};
  Count get_records_bytes{0};
  Count get_records_records{0};
  Count read_throughput_exceeded{0};  // calls
  Count subscribe_rate_exceeded{0};   // calls while another subscription lives, or too many
  Count subscribe_success{0};
  Count event_success{0};  // of all subscriptions, as all that follow
  Count event_bytes{0};
  Count event_records{0};
  std::atomic<int64_t> iterator_age_ms{0};         // of the last GetRecords
  std::atomic<int64_t> event_ms_behind_latest{0};  // of the last event
};

// Does nothing for a stream without an activity.
void count_put(const PutOutcome& outcome, bool is_batch);
void count_get(const GetAnswer& answer);
void count_refused_get(const Stream& stream);
void count_subscription(const Stream& stream, bool accepted);
void count_event(const Stream& stream, const EncodedEvent& event);

// In Prometheus' text form, a series for each stream, and for each open shard of streams with
// enhanced monitoring. `streams` may be of all accounts and regions.
std::string render_stream_metrics(std::span<const std::shared_ptr<const Stream>> streams);

}  // namespace millstream::streams
