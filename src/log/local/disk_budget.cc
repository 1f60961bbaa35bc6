#include "log/local/disk_budget.h"

#include <algorithm>
#include <limits>

#include "base/logging.h"

namespace millstream {

std::string_view to_string(DiskAlarm alarm) {
  constexpr std::string_view kNames[] = {"none", "warning", "critical", "full"};
  return kNames[static_cast<size_t>(alarm)];
}

}  // namespace millstream

namespace millstream::local {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);
// Looking through the folder takes at most this share of the time.
constexpr int kMeasureShare = 50;
// The journal's files grow with what is admitted: looked at after each such share of the budget.
constexpr uint64_t kStepsOfBudget = 16;
// An alarm ends this many points below where it began, so that it does not come and go.
constexpr double kHysteresis = 2;
// From here on an append that finds no room means full; below it was just too big.
constexpr double kFullPercent = 98;
// The fill rate is that of the last ten minutes.
constexpr auto kSampleInterval = std::chrono::seconds(10);
constexpr size_t kSamples = 61;
constexpr std::string_view kPlace = "disk budget";

// 8,053,063,680 bytes are 7.5 GiB.
std::string in_units(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string in_time(std::chrono::seconds time) {
  if (time < std::chrono::minutes(2)) return fmt::format("{} s", time.count());
  if (time < std::chrono::hours(2)) return fmt::format("{} min", time.count() / 60);
  if (time < std::chrono::days(2)) return fmt::format("{} h", time.count() / 3600);
  return fmt::format("{} days", time.count() / 86'400);
}

}  // namespace

DiskBudget::DiskBudget(Env& env, Health& health, DiskBudgetOptions options)
    : env_(env),
      health_(health),
      options_(std::move(options)),
      headroom_(options_.budget_bytes == 0 ? std::numeric_limits<int64_t>::max()
                                           : static_cast<int64_t>(options_.budget_bytes)) {
  use_.budget_bytes = options_.budget_bytes;
}

Result<> DiskBudget::admit(uint64_t bytes) {
  if (options_.budget_bytes == 0) return {};
  const auto wanted = static_cast<int64_t>(bytes);
  int64_t headroom = headroom_.load(std::memory_order_relaxed);
  while (headroom >= wanted) {
    if (headroom_.compare_exchange_weak(headroom, headroom - wanted, std::memory_order_relaxed)) {
      return {};
    }
  }
  refused_.store(true, std::memory_order_relaxed);
  if (refusal_callback_) refusal_callback_();
  return std::unexpected(refusal());
}

Error DiskBudget::refusal() const {
  return {ErrorCode::kNoSpace,
          fmt::format("The log's disk budget of {} is used up: writes are refused until records "
                      "expire, reads go on. Decrease retention periods, delete streams that are "
                      "not needed, or raise disk_budget.",
                      in_units(options_.budget_bytes))};
}

Result<uint64_t> DiskBudget::bytes_below(const std::string& folder) const {
  uint64_t bytes = 0;
  TRY_ASSIGN(const auto files, env_.list(folder));
  for (const FileInfo& file : files) {
    if (file.is_folder) {
      TRY_ASSIGN(const uint64_t inner, bytes_below(folder + "/" + file.name));
      bytes += inner;
    } else {
      bytes += file.size;
    }
  }
  return bytes;
}

void DiskBudget::measure(Moment now, uint64_t unwritten) {
  const int64_t headroom = headroom_.load(std::memory_order_relaxed);
  const Moment start = std::chrono::steady_clock::now();
  const auto files = bytes_below(options_.folder);
  const auto free = env_.free_bytes(options_.folder);
  const auto took = std::chrono::steady_clock::now() - start;
  soonest_measure_ = now + took * kMeasureShare;
  next_measure_ = std::max<Moment>(now + kInterval, soonest_measure_);
  if (!files || !free) {
    log_warning("log", "the disk's use is not known: {}",
                files ? free.error().message : files.error().message);
    return;
  }
  files_ = *files;
  free_ = *free;
  unwritten_ = unwritten;
  known_ = true;
  if (samples_.empty() || now - samples_.back().at >= kSampleInterval) {
    samples_.push_back({now, taken()});
    if (samples_.size() > kSamples) samples_.pop_front();
  }
  // Appends go on meanwhile: what they took since then stays taken.
  if (options_.budget_bytes > 0 && !full_) headroom_ += room() - headroom;
  measure_below_ = room() - static_cast<int64_t>(options_.budget_bytes / kStepsOfBudget);
}

int64_t DiskBudget::room() const {
  return static_cast<int64_t>(options_.budget_bytes) - static_cast<int64_t>(taken());
}

uint64_t DiskBudget::limit() const {
  const uint64_t possible = files_ + free_;
  return options_.budget_bytes == 0 ? possible : std::min(options_.budget_bytes, possible);
}

double DiskBudget::used_percent() const {
  const uint64_t most = limit();
  return most == 0 ? 100 : static_cast<double>(taken()) * 100 / static_cast<double>(most);
}

uint64_t DiskBudget::wanted_bytes() const {
  if (!known_) return 0;
  const bool short_of_room = full_ || refused_.load(std::memory_order_relaxed) ||
                             used_percent() >= options_.critical_percent;
  if (!short_of_room) return 0;
  const auto target = static_cast<uint64_t>(static_cast<double>(limit()) *
                                            (options_.critical_percent - kHysteresis) / 100);
  return taken() > target ? taken() - target : 1;
}

DiskAlarm DiskBudget::next_alarm() const {
  if (full_) return DiskAlarm::kFull;
  const auto reached = [&](double points_below) {
    const double percent = used_percent() + points_below;
    if (percent >= options_.critical_percent) return DiskAlarm::kCritical;
    return percent >= options_.warning_percent ? DiskAlarm::kWarning : DiskAlarm::kNone;
  };
  // Rises at the threshold, falls below it.
  const DiskAlarm before = std::min(alarm_, DiskAlarm::kCritical);
  return std::max(reached(0), std::min(before, reached(kHysteresis)));
}

void DiskBudget::judge() {
  if (!known_) return;
  const bool refused = refused_.exchange(false, std::memory_order_relaxed);
  if (options_.budget_bytes > 0) {
    const double percent =
        static_cast<double>(taken()) * 100 / static_cast<double>(options_.budget_bytes);
    full_ = full_ ? percent >= kFullPercent - kHysteresis
                  : percent >= 100 || (refused && percent >= kFullPercent);
    headroom_ =
        full_ ? 0 : static_cast<int64_t>(options_.budget_bytes) - static_cast<int64_t>(taken());
  }
  const DiskAlarm before = std::exchange(alarm_, next_alarm());
  {
    std::lock_guard lock(mutex_);
    use_ = {.used_bytes = taken(),
            .budget_bytes = options_.budget_bytes,
            .free_bytes = free_,
            .alarm = alarm_,
            .full_in = full_in()};
  }
  if (alarm_ != before) announce(before);
}

// By the growth between the oldest and the newest sample.
std::optional<std::chrono::seconds> DiskBudget::full_in() const {
  if (taken() >= limit()) return std::chrono::seconds(0);
  if (samples_.size() < 2) return std::nullopt;
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  if (last.taken <= first.taken) return std::nullopt;
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  const double rate = static_cast<double>(last.taken - first.taken) / seconds;
  constexpr double kLongest = 10.0 * 365 * 86'400;
  const double left = static_cast<double>(limit() - taken()) / rate;
  if (left > kLongest) return std::nullopt;
  return std::chrono::seconds(static_cast<int64_t>(left));
}

void DiskBudget::announce(DiskAlarm before) const {
  if (alarm_ == DiskAlarm::kFull) {
    health_.add({std::string(kPlace), 0, 0, refusal().message});
    return;
  }
  if (before == DiskAlarm::kFull) health_.clear(std::string(kPlace));
  const auto left = full_in();
  const std::string text = fmt::format(
      "the log takes {} of the {} that it may take of the disk ({:.0f} %){}; the file system has "
      "{} free",
      in_units(taken()), in_units(limit()), used_percent(),
      left && left->count() > 0 ? fmt::format(", full in {} at the present rate", in_time(*left))
                                : "",
      in_units(free_));
  switch (alarm_) {
    case DiskAlarm::kNone:
      log_info("disk", "no alarm any more: {}", text);
      return;
    case DiskAlarm::kWarning:
      log_warning("disk", "{}", text);
      return;
    case DiskAlarm::kCritical:
      log_error("disk", "critical: {}", text);
      return;
    case DiskAlarm::kFull:
      return;
  }
}

DiskUse DiskBudget::use() const {
  std::lock_guard lock(mutex_);
  return use_;
}

}  // namespace millstream::local
