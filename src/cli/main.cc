#include "analytics/functions/functions_page.h"
#include "cli/cert.h"
#include "cli/command_line.h"
#include "cli/key.h"
#include "server/server.h"

int main(int argc, char** argv) {
  using namespace millstream;
  return cli::run_command_line(argc, argv,
                               {.serve = server::run_server,
                                .put = cli::run_put,
                                .tail = cli::run_tail,
                                .sql = cli::run_sql,
                                .app = cli::run_app,
                                .bench = cli::run_bench,
                                .cert = cli::run_cert,
                                .key = cli::run_key,
                                .operations_table = server::compatibility_table,
                                .functions_table = analytics::functions_page});
}
