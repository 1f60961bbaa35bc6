// libFuzzer: any bytes as the input of any operation. The first byte picks the operation; what
// decodes must encode to JSON that decodes to the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/absences.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"
#include "wire/operation.h"
#include "wire/sample_values.h"
#include "wire/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream::wire;
  if (size == 0) return 0;
  const auto operations = all_operations();
  const Operation& operation = *operations[data[0] % operations.size()];
  if (operation.input == nullptr) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  AnyStructure object(*operation.input);
  Absences absences;
  if (!decode_json(*operation.input, text, object.get(), absences)) return 0;
  (void)validate(*operation.input, object.get(), absences);

  std::string once;
  encode_json(*operation.input, object.get(), once);
  AnyStructure copy(*operation.input);
  Absences none;
  MS_ASSERT(decode_json(*operation.input, once, copy.get(), none));
  std::string twice;
  encode_json(*operation.input, copy.get(), twice);
  MS_ASSERT(twice == once);
  return 0;
}
