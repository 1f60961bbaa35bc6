// libFuzzer: any bytes as one structure of the log, or as a whole pack or segment. The first byte
// picks it, and whether its checksums are made right: what is read behind them must hold too.
#include "base/memory_env.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/log_checksums.h"
#include "log/local/data_file.h"
#include "log/local/journal_format.h"
#include "log/local/manifest.h"

namespace {

using namespace millstream;
using namespace millstream::local;
using fuzz::ExactBlock;
using fuzz::seal_structure;

void read_journal_header(std::string bytes, bool sealed) {
  bytes.resize(kJournalAlignment);
  if (sealed) seal_structure(bytes.data(), bytes.size(), "MSJH");
  const auto header = decode_journal_header(ExactBlock(bytes).view());
  if (!header) return;
  const auto again = decode_journal_header(encode_journal_header(*header));
  MS_ASSERT(again && again->salt == header->salt && again->generation == header->generation &&
            again->first_lsn == header->first_lsn && again->void_from == header->void_from &&
            again->os_durability == header->os_durability);
}

void read_frame(std::string bytes, bool sealed) {
  constexpr uint64_t kSalt = 77;
  if (bytes.size() < kFrameHeadSize) return;
  if (sealed) {
    store_le(bytes.data() + 8, kSalt);
    // Sizes of tables and bodies that the bytes have room for.
    const auto table = static_cast<uint32_t>(bytes.size() - kFrameHeadSize);
    store_le(bytes.data() + 32, table);
    seal_structure(bytes.data(), bytes.size(), "MSJF");
  }
  const ExactBlock block(bytes);
  const auto head = peek_frame(block.view(), kSalt);
  if (!head || head->table_bytes > bytes.size() - kFrameHeadSize) return;
  const std::string_view used = block.view().substr(0, kFrameHeadSize + head->table_bytes);
  if (!frame_checksum_matches(used)) return;
  const auto entries = decode_table(*head, used.substr(kFrameHeadSize));
  if (!entries) return;
  std::string table;
  for (const JournalEntry& entry : *entries) encode_entry(entry, table);
  MS_ASSERT(table == used.substr(kFrameHeadSize));
  for (const JournalEntry& entry : *entries) {
    if (const auto* run = std::get_if<RunEntry>(&entry)) {
      MS_ASSERT(run->offset <= head->used_bytes() &&
                run->bytes <= head->used_bytes() - run->offset);
    }
  }
}

void read_manifest(std::string bytes, bool sealed) {
  if (sealed && bytes.size() >= 24) {
    store_le(bytes.data() + 16, uint64_t{bytes.size()});
    seal_structure(bytes.data(), bytes.size(), "MSJM");
  }
  const auto manifest = decode_manifest(ExactBlock(bytes).view(), "MANIFEST");
  if (!manifest) return;
  const std::string once = encode_manifest(*manifest);
  const auto again = decode_manifest(once, "MANIFEST");
  MS_ASSERT(again && encode_manifest(*again) == once);
}

void read_block(std::string bytes, bool sealed) {
  if (sealed && bytes.size() >= kBlockHeadSize) {
    store_le(bytes.data() + 64, static_cast<uint32_t>(bytes.size() - kBlockHeadSize));
    seal_structure(bytes.data(), bytes.size(), "MSJB");
  }
  (void)block_size(ExactBlock(bytes).view());
  const Slice slice = Slice::copy_of(bytes);
  const auto block = decode_block(slice);
  if (!block) return;
  const char* end = slice.data() + slice.size();
  for (const StoredBatch& batch : block->batches) {
    MS_ASSERT(batch.body.data() >= slice.data() && batch.body.data() <= end &&
              batch.body.size() <= static_cast<size_t>(end - batch.body.data()));
  }
}

// The checksums of all that looks like a structure of a pack or segment.
void seal_all(std::string& bytes) {
  for (size_t at = 0; at + 8 <= bytes.size(); ++at) {
    const std::string_view mark = std::string_view(bytes).substr(at, 4);
    const size_t left = bytes.size() - at;
    if (mark == "MSJD") {
      seal_structure(bytes.data() + at, std::min(left, kDataHeaderSize), mark);
    } else if (mark == "MSJT") {
      seal_structure(bytes.data() + at, std::min(left, kTrailerSize), mark);
    } else if (mark == "MSJB" && left >= kBlockHeadSize) {
      const uint64_t size = kBlockHeadSize + load_le<uint32_t>(bytes.data() + at + 64);
      seal_structure(bytes.data() + at, std::min<uint64_t>(left, size), mark);
    } else if (mark == "MSJI" && left >= kIndexHeadSize) {
      const uint64_t entries = load_le<uint64_t>(bytes.data() + at + 8) % 64;
      const uint64_t size = kIndexHeadSize + entries * kIndexEntrySize;
      seal_structure(bytes.data() + at, std::min<uint64_t>(left, size), mark);
    }
  }
}

void read_data_file(std::string bytes, bool sealed) {
  if (sealed) seal_all(bytes);
  const auto env = make_memory_env();
  const auto file = env->open("data", OpenMode::kCreateNew).value();
  MS_ASSERT(file->write(0, bytes));
  const auto index = load_index(*file, bytes.size());
  MS_ASSERT(index);
  for (const IndexEntry& entry : index->entries) {
    // Readers fetch these bytes.
    MS_ASSERT(entry.offset <= bytes.size() && entry.size <= bytes.size() - entry.offset);
  }
}

template <auto kDecode, auto kEncode>
void read_sealed(std::string bytes, bool sealed, size_t size, std::string_view mark) {
  if (size != 0) bytes.resize(size);
  if (sealed) seal_structure(bytes.data(), bytes.size(), mark);
  const auto value = kDecode(ExactBlock(bytes).view());
  if (!value) return;
  const std::string once = kEncode(*value);
  const auto again = kDecode(once);
  MS_ASSERT(again && kEncode(*again) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::FuzzInput input(data, size);
  const uint8_t choice = input.byte();
  const bool sealed = choice % 2 == 0;
  const std::string bytes(input.rest());
  switch (choice / 2 % 8) {
    case 0:
      read_journal_header(bytes, sealed);
      break;
    case 1:
      read_frame(bytes, sealed);
      break;
    case 2:
      read_manifest(bytes, sealed);
      break;
    case 3:
      read_block(bytes, sealed);
      break;
    case 4:
      read_sealed<decode_data_header, encode_data_header>(bytes, sealed, kDataHeaderSize, "MSJD");
      break;
    case 5:
      read_sealed<decode_index, encode_index>(bytes, sealed, 0, "MSJI");
      break;
    case 6:
      read_sealed<decode_trailer, encode_trailer>(bytes, sealed, kTrailerSize, "MSJT");
      break;
    default:
      read_data_file(bytes, sealed);
  }
  return 0;
}
