// What the targets of the zero-copy put codecs share: both codecs must mean the same.
#pragma once

#include "base/base64.h"
#include "fuzz/fuzz_input.h"
#include "streams/put_decode.h"

namespace millstream::fuzz {

// Nothing if the data is not base64.
inline std::optional<std::string> meaning_of(const streams::PutRequest& request) {
  std::string meaning = fmt::format("{}|{}|{}", request.stream_name, request.stream_arn,
                                    request.sequence_number_for_ordering);
  for (size_t i = 0; i < request.records(); ++i) {
    std::string data(request.data[i]);
    if (request.encoding == streams::DataEncoding::kBase64) {
      auto decoded = base64_decode(request.data[i]);
      if (!decoded) return std::nullopt;
      data = *std::move(decoded);
    }
    MS_ASSERT(data.size() == request.data_sizes[i]);
    const std::string_view hash =
        request.explicit_hash_keys.empty() ? std::string_view() : request.explicit_hash_keys[i];
    meaning += fmt::format("\n{}|{}|{}", request.partition_keys[i], data, hash);
  }
  return meaning;
}

// An even first byte: PutRecords, an odd one: PutRecord. What the fast codec takes, the general
// one takes too, with the same meaning.
template <class ParseBatch, class ParseOne>
void compare_put_codecs(FuzzInput input, wire::Protocol protocol, ParseBatch parse_batch,
                        ParseOne parse_one) {
  const bool is_batch = input.byte() % 2 == 0;
  const Slice body = Slice::copy_of(input.rest());
  const auto general = is_batch ? streams::decode_put_records(protocol, body)
                                : streams::decode_put_record(protocol, body);
  streams::PutRequest fast;
  if (!(is_batch ? parse_batch(body, fast) : parse_one(body, fast))) return;
  const auto meaning = meaning_of(fast);
  if (fast.encoding == streams::DataEncoding::kBase64) {
    MS_ASSERT(streams::is_base64_put(fast) == meaning.has_value());
  }
  MS_ASSERT(general.has_value() == meaning.has_value());
  if (general) MS_ASSERT(meaning_of(*general) == meaning);
}

}  // namespace millstream::fuzz
