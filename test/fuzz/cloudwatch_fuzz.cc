// libFuzzer: PutMetricData. The first byte picks the protocol (Query, rpc-v2-cbor, JSON) and
// whether the body is taken as gzip. What is put must show in the metrics' text.
#include "fuzz/fuzz_input.h"
#include "server/cloudwatch_metrics.h"
#include "server/cloudwatch_request.h"
#include "wire/generated/cloudwatch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream;
  using wire::Protocol;
  fuzz::FuzzInput input(data, size);
  const uint8_t choice = input.byte();
  constexpr Protocol kProtocols[] = {Protocol::kQuery, Protocol::kRpcV2Cbor, Protocol::kJson10};
  HttpRequest request;
  request.path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
  if (choice % 2 == 1) request.headers.push_back({"content-encoding", "gzip"});
  request.headers.push_back({"smithy-protocol", "rpc-v2-cbor"});
  request.body = Slice::copy_of(input.rest());
  MS_ASSERT(server::rpc_v2_target(request) == "GraniteServiceVersion20100801.PutMetricData");
  const auto body = server::uncompressed_body(request);
  if (!body) return 0;
  MS_ASSERT(choice % 2 == 0 || body->size() <= server::kMaxUncompressedBytes);

  wire::RequestContext context;
  context.account = "123456789012";
  context.region = "eu-west-1";
  context.protocol = kProtocols[choice / 2 % 3];
  wire::cloudwatch::PutMetricDataInput put;
  if (!wire::decode_input(wire::cloudwatch::PutMetricData::descriptor(), context.protocol, *body,
                          &put)) {
    return 0;
  }
  MetricRegistry registry;
  server::CloudWatchMetrics metrics(registry, {.series = 4, .name_bytes = 4096});
  if (!metrics.put(context, put) || !metrics.put(context, put)) return 0;
  const std::string text = registry.render();
  MS_ASSERT(text.contains("millstream_cloudwatch_dropped_total"));
  // A line is a comment, or ends with a number behind its labels.
  fuzz::FuzzInput lines(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  while (!lines.ended()) {
    const std::string_view line = lines.until("\n");
    MS_ASSERT(!line.empty());
    if (line.front() == '#') continue;
    const size_t blank = line.rfind(' ');
    MS_ASSERT(blank != std::string_view::npos && line.starts_with("millstream_cloudwatch_"));
    MS_ASSERT(line.find_last_not_of("0123456789+-.einfNa") <= blank);
  }
  return 0;
}
