// Signed Kinesis requests as HTTP/1.1 bytes, for the benchmark.
#pragma once

#include <string>
#include <string_view>

#include "cli/bench.h"
#include "cli/bench_load.h"

namespace millstream::cli {

// `body` is in `protocol`. Valid for 15 minutes.
std::string signed_request(const BenchOptions& options, std::string_view operation,
                           std::string_view body, BenchProtocol protocol = BenchProtocol::kJson);

// A body of PutRecords or PutRecord with random keys, which spread over all shards, and random
// data of `data_size` bytes; the same records for the same `seed` in either protocol.
std::string put_records_body(BenchProtocol protocol, std::string_view stream, int records,
                             size_t data_size, uint64_t seed);
std::string put_record_body(BenchProtocol protocol, std::string_view stream, size_t data_size,
                            uint64_t seed);

// What the answer to a put that stored everything contains.
std::string_view sign_of_success(BenchProtocol protocol, bool batch);

// The text between `"name":"` and the next quote, from `position` on, which moves past it;
// empty if there is none. For answers of servers that write compact JSON.
std::string_view next_json_text(std::string_view body, std::string_view name, size_t& position);

}  // namespace millstream::cli
