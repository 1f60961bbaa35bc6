// libFuzzer: any form as the Query input of any operation, with or without a handler. The first
// byte picks the operation.
#include "fuzz/fuzz_input.h"
#include "wire/absences.h"
#include "wire/json_encode.h"
#include "wire/operation.h"
#include "wire/query_decode.h"
#include "wire/sample_values.h"
#include "wire/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream::wire;
  millstream::fuzz::FuzzInput input(data, size);
  const auto operations = all_operations();
  const Operation& operation = *operations[input.byte() % operations.size()];
  if (operation.input == nullptr) return 0;
  const millstream::fuzz::ExactBlock body(input.rest());
  (void)find_query_operation(body.view());
  const auto form = parse_query_form(body.view());
  if (!form) return 0;
  AnyStructure object(*operation.input);
  Absences absences;
  if (!decode_query(*operation.input, *form, object.get(), absences)) return 0;
  (void)validate(*operation.input, object.get(), absences);
  std::string text;
  encode_json(*operation.input, object.get(), text);
  return 0;
}
