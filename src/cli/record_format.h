// Records as `millstream tail` prints them.
#pragma once

#include <string>
#include <string_view>

#include "wire/generated/kinesis.h"

namespace millstream::cli {

// One line without its end: time, shard, key, data. Data that is no text is shown in base64;
// control characters are escaped, so that a record can't command the terminal.
std::string human_line(std::string_view shard, const wire::kinesis::Record& record, bool colour);

// {"time":…,"shard":…,"sequence_number":…,"partition_key":…,"data":…}; data that is no UTF-8 is
// in "data_base64" instead.
std::string ndjson_line(std::string_view shard, const wire::kinesis::Record& record);

}  // namespace millstream::cli
