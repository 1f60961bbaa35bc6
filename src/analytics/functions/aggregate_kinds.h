// The makers of the accumulators, for the table in aggregate.cc. Internal to this folder.
#pragma once

#include <cstring>
#include <memory>

#include "analytics/functions/aggregate.h"

namespace millstream::analytics {

std::unique_ptr<Accumulator> make_count(const AggregateCall& call, sql::Dialect dialect);
std::unique_ptr<Accumulator> make_sum(const AggregateCall& call, sql::Dialect dialect);
std::unique_ptr<Accumulator> make_avg(const AggregateCall& call, sql::Dialect dialect);
std::unique_ptr<Accumulator> make_variance(const AggregateCall& call, bool sample, bool root);
std::unique_ptr<Accumulator> make_extreme(const AggregateCall& call, bool greatest);
std::unique_ptr<Accumulator> make_first(const AggregateCall& call, sql::Dialect dialect);
std::unique_ptr<Accumulator> make_last(const AggregateCall& call, sql::Dialect dialect);
std::unique_ptr<Accumulator> make_listagg(const AggregateCall& call);

// State lies at any address: copied in and out.
template <class S>
S load_state(const char* from) {
  S state;
  std::memcpy(&state, from, sizeof state);
  return state;
}
template <class S>
void store_state(char* to, const S& state) {
  std::memcpy(to, &state, sizeof state);
}

}  // namespace millstream::analytics
