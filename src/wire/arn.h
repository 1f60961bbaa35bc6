// Amazon resource names: arn:<partition>:<service>:<region>:<account>:<resource>.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millstream::wire {

struct Arn {
  std::string partition;  // "aws", "aws-cn", …
  std::string service;
  std::string region;
  std::string account;   // 12 digits
  std::string resource;  // may hold ':' and '/'
  friend bool operator==(const Arn&, const Arn&) = default;
};

struct StreamArn {
  std::string region;
  std::string account;
  std::string name;
  friend bool operator==(const StreamArn&, const StreamArn&) = default;
};

struct ConsumerArn {
  StreamArn stream;
  std::string name;
  int64_t created_s = 0;
  friend bool operator==(const ConsumerArn&, const ConsumerArn&) = default;
};

struct DeliveryStreamArn {
  std::string region;
  std::string account;
  std::string name;
  friend bool operator==(const DeliveryStreamArn&, const DeliveryStreamArn&) = default;
};

// All refuse with kInvalidArgument. Any partition is accepted; ours are written as "aws".
Result<Arn> parse_arn(std::string_view text);
Result<StreamArn> parse_stream_arn(std::string_view text);
Result<ConsumerArn> parse_consumer_arn(std::string_view text);
Result<DeliveryStreamArn> parse_delivery_stream_arn(std::string_view text);

std::string format_arn(const StreamArn& arn);          // …:kinesis:…:stream/NAME
std::string format_arn(const ConsumerArn& arn);        // …:stream/NAME/consumer/NAME:SECONDS
std::string format_arn(const DeliveryStreamArn& arn);  // …:firehose:…:deliverystream/NAME

}  // namespace millstream::wire
