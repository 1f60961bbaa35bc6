#include "analytics/functions/functions_page.h"

#include <set>
#include <string_view>

#include <fmt/format.h>

#include "analytics/functions/aggregate.h"
#include "analytics/functions/function.h"

namespace millstream::analytics {
namespace {

std::string aggregates_table(sql::Dialect dialect) {
  std::string table = "| aggregate | signature |\n| --- | --- |\n";
  std::set<std::string_view> shown;
  for (const AggregateFunction* function : aggregates_of(dialect)) {
    const std::string_view signature =
        function->signature.empty() ? function->name : function->signature;
    if (!shown.insert(signature).second) continue;
    table += fmt::format("| {} | `{}` |\n", function->name, signature);
  }
  return table;
}

}  // namespace

std::string functions_page() {
  std::string page =
      "# Functions of SQL\n\n"
      "Made by `millstream version --functions`. A name that a dialect documents and that is not "
      "here is refused as \"not yet supported\".\n";
  constexpr std::pair<sql::Dialect, std::string_view> kDialects[] = {
      {sql::Dialect::kKinesis, "Kinesis dialect"}, {sql::Dialect::kFlink, "Flink SQL"}};
  for (const auto& [dialect, name] : kDialects) {
    page += fmt::format("\n## {}: aggregates\n\n{}", name, aggregates_table(dialect));
    page +=
        fmt::format("\n## {}: functions and operators\n\n{}", name, functions_markdown(dialect));
  }
  return page;
}

}  // namespace millstream::analytics
