#include "streams/put_decode.h"

#include "wire/generated/kinesis.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

std::string_view text_of(const std::optional<std::string>& member) {
  return member ? std::string_view(*member) : std::string_view();
}

template <class Input>
void take_stream(const Input& input, PutRequest& request) {
  request.is_dry_run = input.dry_run.value_or(false);
  request.encoding = DataEncoding::kRaw;
  request.stream_name = text_of(input.stream_name);
  request.stream_arn = text_of(input.stream_arn);
}

template <class Record>
void add_record(const Record& record, PutRequest& request) {
  request.partition_keys.push_back(text_of(record.partition_key));
  request.data.push_back(record.data);
  request.data_sizes.push_back(static_cast<uint32_t>(record.data.size()));
  if (record.explicit_hash_key || !request.explicit_hash_keys.empty()) {
    request.explicit_hash_keys.resize(request.records());
    request.explicit_hash_keys.back() = text_of(record.explicit_hash_key);
  }
}

// The model leaves the key open for streams that distribute records by themselves, which are
// not supported: for all others AWS demands it.
std::string missing_key(std::string_view place) {
  return fmt::format(
      "Value null at '{}partitionKey' failed to satisfy constraint: Member must not be null",
      place);
}

SequenceNumberWriter& numbers_of(PutOutcome& outcome, size_t record) {
  return outcome.slots[outcome.slot_of[record]].numbers;
}

std::string next_number(SequenceNumberWriter& numbers) {
  std::string text(kSequenceNumberSize, '0');
  numbers.write_next(text.data());
  return text;
}

}  // namespace

Result<PutRequest> decode_put_records(wire::Protocol protocol, const Slice& body) {
  auto input = std::make_shared<kinesis::PutRecordsInput>();
  TRY(wire::decode_input(kinesis::PutRecords::descriptor(), protocol, body, input.get()));
  PutRequest request;
  take_stream(*input, request);
  std::string missing;
  size_t violations = 0;
  for (size_t i = 0; i < input->records.size(); ++i) {
    add_record(input->records[i], request);
    if (input->records[i].partition_key) continue;
    constexpr size_t kMaxViolations = 10;  // AWS names no more
    if (++violations > kMaxViolations) break;
    if (!missing.empty()) missing += "; ";
    missing += missing_key(fmt::format("records.{}.member.", i + 1));
  }
  if (violations > 0) {
    return fail(ErrorCode::kValidation, "{} validation error{} detected: {}", violations,
                violations == 1 ? "" : "s", missing);
  }
  request.owner = std::move(input);
  return request;
}

Result<PutRequest> decode_put_record(wire::Protocol protocol, const Slice& body) {
  auto input = std::make_shared<kinesis::PutRecordInput>();
  TRY(wire::decode_input(kinesis::PutRecord::descriptor(), protocol, body, input.get()));
  PutRequest request;
  request.is_batch = false;
  take_stream(*input, request);
  if (!input->partition_key) {
    return fail(ErrorCode::kValidation, "1 validation error detected: {}", missing_key(""));
  }
  request.sequence_number_for_ordering = text_of(input->sequence_number_for_ordering);
  add_record(*input, request);
  request.owner = std::move(input);
  return request;
}

Result<Slice> encode_put_records(wire::Protocol protocol, PutOutcome& outcome) {
  kinesis::PutRecordsOutput output;
  output.failed_record_count = static_cast<int32_t>(outcome.throttled_records);
  output.records.resize(outcome.slot_of.size());
  for (size_t i = 0; i < outcome.slot_of.size(); ++i) {
    kinesis::PutRecordsResultEntry& entry = output.records[i];
    const Shard& shard = *outcome.slots[outcome.slot_of[i]].shard;
    if (outcome.is_throttled(i)) {
      entry.error_code = "ProvisionedThroughputExceededException";
      entry.error_message = rate_exceeded_message(*outcome.stream, shard);
    } else {
      entry.shard_id = shard_id_text(shard.index);
      entry.sequence_number = next_number(numbers_of(outcome, i));
    }
  }
  if (outcome.is_encrypted()) output.encryption_type = kinesis::EncryptionType::kKms;
  return wire::encode_output(kinesis::PutRecords::descriptor(), protocol, &output);
}

Result<Slice> encode_put_record(wire::Protocol protocol, PutOutcome& outcome) {
  kinesis::PutRecordOutput output;
  output.shard_id = shard_id_text(outcome.slots.front().shard->index);
  output.sequence_number = next_number(outcome.slots.front().numbers);
  if (outcome.is_encrypted()) output.encryption_type = kinesis::EncryptionType::kKms;
  return wire::encode_output(kinesis::PutRecord::descriptor(), protocol, &output);
}

}  // namespace millstream::streams
