// libFuzzer: any bytes as the CBOR input of any operation. The first byte picks the operation;
// what decodes must encode to CBOR that decodes to the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/absences.h"
#include "wire/cbor_decode.h"
#include "wire/cbor_encode.h"
#include "wire/operation.h"
#include "wire/sample_values.h"
#include "wire/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream::wire;
  if (size == 0) return 0;
  const auto operations = all_operations();
  const Operation& operation = *operations[data[0] % operations.size()];
  if (operation.input == nullptr) return 0;
  // A block of exactly its size, so that a read behind its end is seen.
  const std::vector<char> block(data + 1, data + size);

  AnyStructure object(*operation.input);
  Absences absences;
  if (!decode_cbor(*operation.input, {block.data(), block.size()}, object.get(), absences)) {
    return 0;
  }
  (void)validate(*operation.input, object.get(), absences);

  // Encoding needs what is there only; absent lists and structures are empty ones.
  std::string once;
  encode_cbor(*operation.input, object.get(), once);
  AnyStructure copy(*operation.input);
  Absences none;
  MS_ASSERT(decode_cbor(*operation.input, once, copy.get(), none));
  std::string twice;
  encode_cbor(*operation.input, copy.get(), twice);
  MS_ASSERT(twice == once);
  return 0;
}
