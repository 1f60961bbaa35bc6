// libFuzzer: what clients hand back. The first byte picks: any text as shard iterator, NextToken
// and sequence number; or values that must come back from a token as they went in.
#include "base/base64.h"
#include "fuzz/fuzz_input.h"
#include "streams/listing.h"
#include "streams/sequence_number.h"
#include "streams/shard_iterator.h"

namespace {

using namespace millstream;
using namespace millstream::streams;

constexpr TimeMs kNow = 1'764'000'000'000;
constexpr IteratorScope kScope{"123456789012", "eu-west-1"};
constexpr TokenKey kKey{7};

// Nobody can make a token: none of them opens.
void open_forged(std::string_view text) {
  MS_ASSERT(!open_iterator(kKey, kScope, text, kNow));
  MS_ASSERT(!open_shard_page(kKey, kScope.account, text, kNow));
  MS_ASSERT(!open_stream_page(kKey, kScope.account, kScope.region, text));
}

void read_sequence_number(std::string_view text) {
  const auto number = parse_sequence_number(text);
  Stream stream;
  stream.key = {"123456789012", "eu-west-1", "clicks"};
  Shard& shard = stream.shards.emplace_back();
  if (number) shard.index = static_cast<uint32_t>(number->shard_index);
  (void)check_starting_sequence_number(text, "GetShardIterator", stream, shard);
  if (!number || number->version != 2 || number->shard_index < 0 ||
      number->shard_index > INT32_MAX) {
    return;
  }
  const auto again = parse_sequence_number(format_sequence_number(*number));
  MS_ASSERT(again && *again == *number);
}

void seal_and_open(fuzz::FuzzInput input) {
  ShardIterator iterator;
  iterator.issued_ms = kNow - static_cast<TimeMs>(input.number() % kIteratorLifeMs);
  iterator.generation = static_cast<int64_t>(input.number());
  iterator.shard_index = static_cast<uint32_t>(input.number());
  iterator.position = input.number();
  const bool foreign = input.byte() % 2 == 1;
  iterator.stream = {std::string(kScope.account), std::string(kScope.region), "clicks"};
  if (foreign) iterator.stream = {"111111111111", "us-east-1", "clicks"};
  if (const auto name = input.text(); !name.empty()) iterator.stream.name = name;
  auto sealed = seal_iterator(kKey, kScope, iterator);
  if (!sealed) {
    MS_ASSERT(iterator.stream.name.size() > 128);
    return;
  }
  const auto opened = open_iterator(kKey, kScope, *sealed, kNow);
  MS_ASSERT(opened && opened->stream == iterator.stream &&
            opened->generation == iterator.generation && opened->position == iterator.position &&
            opened->shard_index == iterator.shard_index);
  MS_ASSERT(!open_shard_page(kKey, kScope.account, *sealed, kNow));
  // Another character somewhere.
  char& changed = (*sealed)[input.number() % sealed->size()];
  changed = changed == 'A' ? 'B' : 'A';
  open_forged(*sealed);
}

void page_and_open(fuzz::FuzzInput input) {
  ShardPageToken token;
  token.stream = {std::string(kScope.account), std::string(kScope.region), "clicks"};
  token.generation = static_cast<int64_t>(input.number());
  token.issued_ms = kNow - static_cast<TimeMs>(input.number() % kPageTokenLifeMs);
  token.filter.type = static_cast<ShardFilterType>(input.byte() % 5);
  token.filter.time = static_cast<TimeMs>(input.number());
  token.filter.after = shard_id_text(input.byte());
  const auto opened =
      open_shard_page(kKey, kScope.account, seal_shard_page(kKey, kScope.account, token), kNow);
  MS_ASSERT(opened && opened->stream == token.stream && opened->generation == token.generation &&
            opened->filter.type == token.filter.type && opened->filter.time == token.filter.time &&
            opened->filter.after == token.filter.after);
  const std::string name(input.text());
  const std::string page = seal_stream_page(kKey, kScope.account, kScope.region, name);
  MS_ASSERT(open_stream_page(kKey, kScope.account, kScope.region, page) == name);
  MS_ASSERT(!open_stream_page(kKey, kScope.account, "us-east-1", page));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::FuzzInput input(data, size);
  switch (input.byte() % 5) {
    case 0:
      open_forged(fuzz::ExactBlock(input.rest()).view());
      break;
    case 1:  // past base64 and its first bytes
      open_forged(base64_encode(std::string("\0\0\0\0\0\0\0\1", 8).append(input.rest())));
      break;
    case 2:
      read_sequence_number(fuzz::ExactBlock(input.rest()).view());
      break;
    case 3:
      seal_and_open(input);
      break;
    default:
      page_and_open(input);
  }
  return 0;
}
