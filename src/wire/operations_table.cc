#include "wire/operations_table.h"

#include <set>

#include <fmt/format.h>

#include "wire/service.h"

namespace millstream::wire {

std::string operations_markdown(const OperationTable& table) {
  std::set<const Operation*> handled;
  for (const OperationTable::Entry* entry : table.entries()) handled.insert(entry->operation);

  std::string summary =
      "# Compatibility\n\nEvery operation of the service models, and whether this server answers "
      "it; "
      "the others get AWS's answer to an unknown operation. Printed by `millstream version "
      "--operations`.\n\n| service | operations | answered |\n| --- | ---: | ---: |\n";
  std::string list = "| service | operation | answered |\n| --- | --- | --- |\n";
  for (const Service* service : all_services()) {
    size_t answered = 0;
    for (const Operation* operation : service->operations) {
      const bool has_handler = handled.contains(operation);
      if (has_handler) ++answered;
      list += fmt::format("| {} | {} | {} |\n", service->service_id, operation->name,
                          has_handler ? "yes" : "no");
    }
    summary += fmt::format("| {} | {} | {} |\n", service->service_id, service->operations.size(),
                           answered);
  }
  return summary + "\n" + list;
}

}  // namespace millstream::wire
