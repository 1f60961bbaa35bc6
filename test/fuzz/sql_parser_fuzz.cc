// libFuzzer: any bytes as a script. The first byte picks the dialect; what parses must be walkable,
// and what doesn't must say where.
#include <cstdint>
#include <string_view>

#include "analytics/sql/parser.h"
#include "analytics/sql/tree_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream::analytics::sql;
  if (size == 0) return 0;
  const Dialect dialect = data[0] % 2 == 0 ? Dialect::kKinesis : Dialect::kFlink;
  const std::string_view script(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)is_complete(script, dialect);
  const auto statements = parse_script(script, dialect);
  if (!statements) {
    MS_ASSERT(statements.error().message.starts_with("line ") || script.size() > kMaxScriptBytes);
    return 0;
  }
  for (const Statement& statement : *statements) (void)tree_text(statement);
  return 0;
}
