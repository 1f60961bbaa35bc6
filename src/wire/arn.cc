#include "wire/arn.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace millstream::wire {
namespace {

constexpr std::string_view kStream = "stream/";
constexpr std::string_view kConsumer = "/consumer/";
constexpr std::string_view kDeliveryStream = "deliverystream/";
constexpr size_t kShownChars = 256;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// Names of streams, consumers and delivery streams: [a-zA-Z0-9_.-]{1,128}.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_name_char);
}

bool is_account(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::unexpected<Error> refuse(std::string_view kind, std::string_view text, std::string_view form) {
  return fail(ErrorCode::kInvalidArgument,
              "{} {} is not formatted properly. It must have the form {}.", kind,
              text.substr(0, kShownChars), form);
}

constexpr std::string_view kStreamForm = "arn:aws:kinesis:<region>:<account>:stream/<name>";
constexpr std::string_view kConsumerForm =
    "arn:aws:kinesis:<region>:<account>:stream/<name>/consumer/<name>:<seconds>";
constexpr std::string_view kDeliveryStreamForm =
    "arn:aws:firehose:<region>:<account>:deliverystream/<name>";

std::optional<Arn> take_apart(std::string_view text) {
  std::array<std::string_view, 5> parts;  // arn, partition, service, region, account
  for (std::string_view& part : parts) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || !parts[1].starts_with("aws") || parts[2].empty() || text.empty())
    return std::nullopt;
  return Arn{std::string(parts[1]), std::string(parts[2]), std::string(parts[3]),
             std::string(parts[4]), std::string(text)};
}

// An ARN of `service` with region and account.
std::optional<Arn> take_apart(std::string_view text, std::string_view service) {
  auto arn = take_apart(text);
  if (!arn || arn->service != service || !is_name(arn->region) || !is_account(arn->account))
    return std::nullopt;
  return arn;
}

}  // namespace

Result<Arn> parse_arn(std::string_view text) {
  auto arn = take_apart(text);
  if (!arn) return refuse("ARN", text, "arn:aws:<service>:<region>:<account>:<resource>");
  return *std::move(arn);
}

Result<StreamArn> parse_stream_arn(std::string_view text) {
  auto arn = take_apart(text, "kinesis");
  if (!arn || !arn->resource.starts_with(kStream)) return refuse("StreamARN", text, kStreamForm);
  std::string name = arn->resource.substr(kStream.size());
  if (!is_name(name)) return refuse("StreamARN", text, kStreamForm);
  return StreamArn{std::move(arn->region), std::move(arn->account), std::move(name)};
}

Result<ConsumerArn> parse_consumer_arn(std::string_view text) {
  const size_t consumer = text.find(kConsumer);
  const size_t colon = text.rfind(':');
  if (consumer == std::string_view::npos || colon < consumer)
    return refuse("ConsumerARN", text, kConsumerForm);
  auto stream = parse_stream_arn(text.substr(0, consumer));
  const size_t name_at = consumer + kConsumer.size();
  const std::string_view name = text.substr(name_at, colon - name_at);
  const std::string_view seconds = text.substr(colon + 1);
  int64_t created_s = -1;
  const auto number = std::from_chars(seconds.data(), seconds.data() + seconds.size(), created_s);
  if (!stream || colon < name_at || !is_name(name) || seconds.empty() || created_s < 0 ||
      number.ec != std::errc() || number.ptr != seconds.data() + seconds.size()) {
    return refuse("ConsumerARN", text, kConsumerForm);
  }
  return ConsumerArn{*std::move(stream), std::string(name), created_s};
}

Result<DeliveryStreamArn> parse_delivery_stream_arn(std::string_view text) {
  auto arn = take_apart(text, "firehose");
  if (!arn || !arn->resource.starts_with(kDeliveryStream))
    return refuse("DeliveryStreamARN", text, kDeliveryStreamForm);
  std::string name = arn->resource.substr(kDeliveryStream.size());
  if (!is_name(name)) return refuse("DeliveryStreamARN", text, kDeliveryStreamForm);
  return DeliveryStreamArn{std::move(arn->region), std::move(arn->account), std::move(name)};
}

std::string format_arn(const StreamArn& arn) {
  return fmt::format("arn:aws:kinesis:{}:{}:stream/{}", arn.region, arn.account, arn.name);
}

std::string format_arn(const ConsumerArn& arn) {
  return fmt::format("{}/consumer/{}:{}", format_arn(arn.stream), arn.name, arn.created_s);
}

std::string format_arn(const DeliveryStreamArn& arn) {
  return fmt::format("arn:aws:firehose:{}:{}:deliverystream/{}", arn.region, arn.account, arn.name);
}

}  // namespace millstream::wire
