#include "firehose/context.h"

#include <boost/asio/strand.hpp>

namespace millstream::firehose {
namespace {

constexpr size_t kDeliveryExecutors = 16;

}  // namespace

FirehoseMetrics::FirehoseMetrics(MetricRegistry& registry)
    : put_records(registry.counter("millstream_firehose_put_records_total",
                                   "Records put into delivery streams.")),
      put_bytes(registry.counter("millstream_firehose_put_bytes_total",
                                 "Bytes of data put into delivery streams.")),
      delivered_objects(
          registry.counter("millstream_firehose_delivered_objects_total", "Objects delivered.")),
      delivered_records(registry.counter("millstream_firehose_delivered_records_total",
                                         "Records in delivered objects.")),
      delivered_bytes(registry.counter("millstream_firehose_delivered_bytes_total",
                                       "Bytes of data in delivered objects, uncompressed.")),
      failed_attempts(registry.counter("millstream_firehose_failed_attempts_total",
                                       "Attempts of a delivery that failed and are repeated.")),
      lost_records(registry.counter("millstream_firehose_lost_records_total",
                                    "Records that retention removed before they were delivered.")),
      failing(registry.gauge("millstream_firehose_failing",
                             "Delivery streams whose last attempt to read or to deliver failed.")) {
}

DeliveryResources::DeliveryResources(FirehoseContext& context)
    : metrics(context.metrics), budget(context.settings.delivery_budget_bytes) {
  for (size_t i = 0; i < kDeliveryExecutors; ++i) {
    executors_.emplace_back(asio::make_strand(context.executor));
  }
}

asio::any_io_executor DeliveryResources::next_executor() {
  return executors_[turn_++ % executors_.size()];
}

}  // namespace millstream::firehose
