// The few XML answers of S3 that the client reads. Not a general parser: elements without
// attributes that matter, as every S3 server writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/object_store.h"
#include "base/result.h"

namespace millstream {

// The text of the first <name>…</name>, entities resolved; nothing if there is none.
std::optional<std::string> xml_text(std::string_view xml, std::string_view name);
// What stands between <name> and </name>, for each of them.
std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view name);

struct S3Error {
  std::string code;     // "NoSuchBucket"; empty: the body is no S3 error
  std::string message;  // for people
};
S3Error parse_s3_error(std::string_view xml);

// A ListBucketResult that was asked for with encoding-type=url. Errors: kRemote.
Result<ObjectPage> parse_s3_list(std::string_view xml);

}  // namespace millstream
