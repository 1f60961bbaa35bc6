#include "analytics/applications/worker_main.h"

int main() { return millstream::analytics::run_worker(); }
