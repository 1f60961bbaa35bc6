#include "wire/operation.h"

#include <algorithm>
#include <tuple>

#include "wire/absences.h"
#include "wire/cbor_decode.h"
#include "wire/cbor_encode.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"
#include "wire/query_decode.h"
#include "wire/query_encode.h"
#include "wire/service.h"
#include "wire/validate.h"

namespace millstream::wire {
namespace {

bool is_json(Protocol protocol) {
  return protocol == Protocol::kJson10 || protocol == Protocol::kJson11;
}

// They differ in headers and times.
bool is_cbor(Protocol protocol) {
  return protocol == Protocol::kCbor11 || protocol == Protocol::kRpcV2Cbor;
}

CborTimes times_of(Protocol protocol) {
  return protocol == Protocol::kCbor11 ? CborTimes::kMilliseconds : CborTimes::kSeconds;
}

}  // namespace

Result<> decode_input(const Operation& operation, Protocol protocol, const Slice& body,
                      void* input) {
  if (operation.input == nullptr) return {};
  Absences absences;
  if (is_json(protocol)) {
    TRY(decode_json(*operation.input, body, input, absences));
  } else if (protocol == Protocol::kQuery) {
    TRY_ASSIGN(const QueryForm form, parse_query_form(body.view()));
    TRY(decode_query(*operation.input, form, input, absences));
  } else {
    TRY(decode_cbor(*operation.input, body.view(), input, absences, times_of(protocol)));
  }
  const Service* service = find_service(operation.service);
  MS_ASSERT(service != nullptr);
  return validate(*operation.input, input, absences, service->java_package);
}

Result<Slice> encode_output(const Operation& operation, Protocol protocol, const void* output) {
  if (protocol == Protocol::kQuery) {
    return Slice::copy_of(encode_query_result(operation, output));
  }
  MS_ASSERT(is_json(protocol) || is_cbor(protocol));
  if (operation.output == nullptr) return Slice();
  std::string text;
  if (is_json(protocol)) {
    encode_json(*operation.output, output, text);
  } else {
    encode_cbor(*operation.output, output, text, times_of(protocol));
  }
  return Slice::copy_of(text);
}

void OperationTable::handle_raw(const Operation& operation, RawHandler handler) {
  add({&operation, std::move(handler), {}});
}

void OperationTable::handle_stream(const Operation& operation, StreamHandler handler) {
  add({&operation, {}, std::move(handler)});
}

void OperationTable::add(Entry entry) {
  std::string target = fmt::format("{}.{}", entry.operation->target_prefix, entry.operation->name);
  const bool added = entries_.try_emplace(std::move(target), std::move(entry)).second;
  MS_ASSERT(added);  // two handlers for one operation
}

const OperationTable::Entry* OperationTable::find(std::string_view target) const {
  const auto found = entries_.find(target);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<const OperationTable::Entry*> OperationTable::entries() const {
  std::vector<const Entry*> all;
  all.reserve(entries_.size());
  for (const auto& [target, entry] : entries_) all.push_back(&entry);
  std::ranges::sort(all, {}, [](const Entry* entry) {
    return std::tuple(entry->operation->service, entry->operation->name);
  });
  return all;
}

std::span<const Operation* const> all_operations() {
  static const std::vector<const Operation*> operations = [] {
    std::vector<const Operation*> all;
    for (const Service* service : all_services()) {
      all.insert(all.end(), service->operations.begin(), service->operations.end());
    }
    return all;
  }();
  return operations;
}

}  // namespace millstream::wire
