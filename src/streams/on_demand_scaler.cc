#include "streams/on_demand_scaler.h"

#include <algorithm>
#include <set>

namespace millstream::streams {
namespace {

// Rates are averages over about so long: a burst of a second is no reason to split.
constexpr std::chrono::duration<double> kSmoothing{4};
// Two shards are merged when they take less than this part of what splits one: the sum stays
// well below, so that it is not split again at once.
constexpr double kMergeBelow = 0.5;
constexpr double kOneSide = 0.9;

}  // namespace

bool OnDemandScaler::is_hot_key(uint32_t index) const {
  const auto found = shards_.find(index);
  return found != shards_.end() && found->second.one_sided.value_or(0) >= kOneSidedSplits;
}

double OnDemandScaler::heat(const Watched& shard) const {
  return std::max(shard.bytes_per_s / rules_.split_bytes_per_s,
                  shard.records_per_s / rules_.split_records_per_s);
}

ReshardPlan OnDemandScaler::look(std::chrono::nanoseconds now, std::span<const ShardLoad> loads,
                                 uint32_t least) {
  ReshardPlan plan;
  measure(now, loads);
  split_hot(now, loads, plan);
  merge_idle(now, loads, least, plan);
  return plan;
}

void OnDemandScaler::measure(std::chrono::nanoseconds now, std::span<const ShardLoad> loads) {
  const std::chrono::duration<double> passed = last_look_ ? now - *last_look_ : now - now;
  last_look_ = now;
  std::map<uint32_t, Watched> open;
  std::map<uint32_t, int> parents;
  for (const ShardLoad& load : loads) {
    const auto known = shards_.find(load.index);
    Watched shard = known == shards_.end() ? Watched{} : known->second;
    // One that is new began between the last look and this one.
    if (passed.count() > 0) {
      const double weight = passed / (passed + kSmoothing);
      const auto smooth = [&](double& rate, uint64_t before, uint64_t total) {
        const double current = static_cast<double>(total - before) / passed.count();
        rate += (current - rate) * weight;
      };
      smooth(shard.bytes_per_s, shard.bytes, load.bytes);
      smooth(shard.records_per_s, shard.records, load.records);
    }
    shard.bytes = load.bytes;
    shard.records = load.records;
    if (heat(shard) < 1) {
      shard.hot_since.reset();
      shard.one_sided.reset();
    } else if (!shard.hot_since) {
      shard.hot_since = now;
    }
    open.emplace(load.index, shard);
    if (!load.parent) continue;
    const auto parent = split_parents_.find(*load.parent);
    if (parent != split_parents_.end()) parents.insert(*parent);
  }
  // A plan that has not been carried out yet: its shards are still open.
  for (const auto& [index, splits] : split_parents_) {
    if (open.contains(index)) parents.emplace(index, splits);
  }
  shards_ = std::move(open);
  split_parents_ = std::move(parents);
}

int OnDemandScaler::one_sided_splits(const ShardLoad& load,
                                     std::span<const ShardLoad> loads) const {
  if (!load.parent) return 0;
  const auto before = split_parents_.find(*load.parent);
  if (before == split_parents_.end()) return 0;
  const double own = heat(shards_.at(load.index));
  for (const ShardLoad& other : loads) {
    if (other.index == load.index || other.parent != load.parent) continue;
    return own > kOneSide * (own + heat(shards_.at(other.index))) ? before->second + 1 : 0;
  }
  return 0;  // the other half was split itself: it had a good part of the load
}

void OnDemandScaler::split_hot(std::chrono::nanoseconds now, std::span<const ShardLoad> loads,
                               ReshardPlan& plan) {
  size_t open = loads.size();
  for (const ShardLoad& load : loads) {
    if (open >= rules_.most_shards) return;
    Watched& shard = shards_.at(load.index);
    if (!shard.hot_since || now - *shard.hot_since < rules_.split_after) continue;
    if (!shard.one_sided) shard.one_sided = one_sided_splits(load, loads);
    if (*shard.one_sided >= kOneSidedSplits) continue;
    const HashKey middle = load.range.first + (load.range.last - load.range.first) / 2 + 1;
    // No half of a single key: SplitShard's own rule.
    if (middle <= load.range.first + 1 || middle >= load.range.last) continue;
    split_parents_[load.index] = *shard.one_sided;
    plan.parents.push_back(load.index);
    plan.children.push_back({{load.range.first, middle - 1}, load.index, std::nullopt});
    plan.children.push_back({{middle, load.range.last}, load.index, std::nullopt});
    ++open;
  }
}

void OnDemandScaler::merge_idle(std::chrono::nanoseconds now, std::span<const ShardLoad> loads,
                                uint32_t least, ReshardPlan& plan) {
  const std::set<uint32_t> split(plan.parents.begin(), plan.parents.end());
  size_t open = loads.size() + split.size();
  bool lower_is_taken = false;
  for (size_t i = 0; i + 1 < loads.size(); ++i) {
    Watched& lower = shards_.at(loads[i].index);
    const uint32_t upper = loads[i + 1].index;
    if (heat(lower) + heat(shards_.at(upper)) >= kMergeBelow) {
      lower.idle_since.reset();
    } else if (!lower.idle_since || lower.idle_with != upper) {
      lower.idle_since = now;
      lower.idle_with = upper;
    }
    const bool is_free = !std::exchange(lower_is_taken, false) && !split.contains(loads[i].index) &&
                         !split.contains(upper);
    if (!is_free || open <= least || !lower.idle_since ||
        now - *lower.idle_since < rules_.merge_after) {
      continue;
    }
    plan.parents.push_back(loads[i].index);
    plan.parents.push_back(upper);
    plan.children.push_back(
        {{loads[i].range.first, loads[i + 1].range.last}, loads[i].index, upper});
    lower_is_taken = true;
    --open;
  }
}

}  // namespace millstream::streams
