#include "log/local/journal_space.h"

#include <algorithm>

#include "base/logging.h"
#include "log/local/direct_writer.h"

namespace millstream::local {
namespace {

// The first files are small, so that a fresh server is ready at once and an idle one keeps the
// disk free.
constexpr uint64_t kFirstFileBytes = uint64_t{4} << 20;
constexpr uint64_t kGrowth = 4;
constexpr size_t kSpares = 2;
// After a burst, more spares than kSpares are kept for so long.
constexpr auto kSurplusPatience = std::chrono::minutes(1);
// Zeroes go to the disk in steps, so that commits in between do not wait for all of them.
constexpr uint64_t kFillStep = uint64_t{1} << 20;
constexpr uint64_t kFillSyncEvery = uint64_t{8} << 20;

}  // namespace

JournalSpace::JournalSpace(Env& env, JournalSpaceOptions options)
    : env_(env), options_(std::move(options)) {}

void JournalSpace::start_at(uint64_t number, uint64_t generation) {
  std::lock_guard lock(mutex_);
  next_number_ = number;
  next_generation_ = generation;
}

uint64_t JournalSpace::next_generation() {
  std::lock_guard lock(mutex_);
  return next_generation_++;
}

JournalFileRef JournalSpace::take(uint64_t frame_bytes) {
  const uint64_t needed = frame_bytes + kJournalDataStart;
  JournalFileRef found;
  {
    std::lock_guard lock(mutex_);
    auto best = spares_.end();
    for (auto it = spares_.begin(); it != spares_.end(); ++it) {
      if ((*it)->size < needed) continue;
      if (best == spares_.end() || (*it)->size < (*best)->size) best = it;
    }
    if (best == spares_.end()) {
      wanted_bytes_ = std::max(wanted_bytes_, frame_bytes);
    } else {
      found = std::move(*best);
      spares_.erase(best);
      spare_bytes_ -= found->size;
      used_bytes_ += found->size;
      used_.push_back(found);
      ++taken_;
      taken_at_ = std::chrono::steady_clock::now();
      wanted_bytes_ = 0;
      obstacle_.reset();
    }
  }
  if (wanted_callback_) wanted_callback_();
  return found;
}

void JournalSpace::adopt(JournalFileRef file, bool used) {
  std::lock_guard lock(mutex_);
  if (used) {
    used_bytes_ += file->size;
    used_.push_back(std::move(file));
  } else {
    released_.push_back(std::move(file));
  }
}

uint64_t JournalSpace::standard_size_locked() const {
  uint64_t size = kFirstFileBytes;
  for (uint64_t i = 1; i < taken_ + spares_.size() && size < options_.file_bytes; ++i) {
    if (i % 2 == 0) size *= kGrowth;
  }
  return align_up(std::min(size, options_.file_bytes));
}

bool JournalSpace::want_another_locked() const {
  if (wanted_bytes_ > 0) return true;
  return spares_.size() < (taken_ <= 1 ? 1 : kSpares);
}

bool JournalSpace::may_create_locked(uint64_t size) const {
  // One file fills, and one must always be able to follow it, whatever the budget says.
  if (wanted_bytes_ > 0 && used_.size() <= 1) return true;
  if (used_.size() + spares_.size() < 2) return true;
  return used_bytes_ + spare_bytes_ + size <= options_.budget_bytes;
}

bool JournalSpace::wants_files() {
  std::lock_guard lock(mutex_);
  if (!want_another_locked()) return false;
  return may_create_locked(standard_size_locked());
}

bool JournalSpace::starved() {
  std::lock_guard lock(mutex_);
  return wanted_bytes_ > 0 &&
         !may_create_locked(std::max(standard_size_locked(), wanted_bytes_ + kJournalDataStart));
}

Result<> JournalSpace::prepare(bool over_budget) {
  for (;;) {
    uint64_t size = 0;
    uint64_t number = 0;
    {
      std::lock_guard lock(mutex_);
      if (!want_another_locked()) return {};
      size = std::max(standard_size_locked(), align_up(wanted_bytes_ + kJournalDataStart));
      if (!over_budget && !may_create_locked(size)) return {};
      over_budget = false;
      number = next_number_++;
    }
    auto made = create(number, size);
    {
      std::lock_guard lock(mutex_);
      if (!made) {
        obstacle_ = made.error();
        return std::unexpected(made.error());
      }
      obstacle_.reset();
      spare_bytes_ += size;
      spares_.push_back(*std::move(made));
      // Satisfied as far as it can be: a take() that still fails asks again.
      wanted_bytes_ = 0;
    }
    if (ready_callback_) ready_callback_();
  }
}

Result<JournalFileRef> JournalSpace::create(uint64_t number, uint64_t size) {
  auto made = std::make_shared<JournalFile>();
  made->path = fmt::format("{}/journal-{:08}", options_.folder, number);
  made->size = size;
  TRY_ASSIGN(made->file, env_.open(made->path, OpenMode::kCreateNew));
  auto fill = [&]() -> Result<> {
    TRY(made->file->reserve(0, size));
    const std::string zeroes(std::min(kFillStep, size), '\0');
    DirectWriter writer(zeroes.size());
    writer.start(*made->file, 0);
    for (uint64_t offset = 0; offset < size; offset += zeroes.size()) {
      const uint64_t part = std::min<uint64_t>(zeroes.size(), size - offset);
      TRY(writer.add(std::string_view(zeroes).substr(0, part)));
      TRY(writer.flush());
      if ((offset + part) % kFillSyncEvery == 0) TRY(made->file->sync());
    }
    TRY(made->file->sync());
    return env_.sync_folder(options_.folder);
  };
  if (auto filled = fill(); !filled) {
    made->file.reset();
    if (auto removed = env_.remove(made->path); !removed) {
      log_warning("log", "{} is left over: {}", made->path, removed.error().message);
    }
    return std::unexpected(filled.error());
  }
  return made;
}

void JournalSpace::release_below(Lsn lsn) {
  std::lock_guard lock(mutex_);
  // The newest is being written to.
  while (used_.size() > 1 && used_.front()->last_lsn < lsn) {
    used_bytes_ -= used_.front()->size;
    released_.push_back(std::move(used_.front()));
    used_.erase(used_.begin());
  }
}

void JournalSpace::recycle() {
  std::vector<JournalFileRef> dead;
  bool spare = false;
  {
    std::lock_guard lock(mutex_);
    for (auto it = released_.begin(); it != released_.end();) {
      if (it->use_count() > 1) {
        ++it;
        continue;
      }
      // The count alone orders nothing. Giving back a reference of our own does: what readers did
      // with the file, up to theirs, comes before what is done with it here.
      JournalFileRef(*it).reset();
      const bool keep = (*it)->size >= standard_size_locked() &&
                        (*it)->size <= align_up(options_.file_bytes) &&
                        used_bytes_ + spare_bytes_ + (*it)->size <= options_.budget_bytes;
      if (keep) {
        spare_bytes_ += (*it)->size;
        spares_.push_back(std::move(*it));
        spare = true;
      } else {
        dead.push_back(std::move(*it));
      }
      it = released_.erase(it);
    }
  }
  for (JournalFileRef& file : dead) {
    file->file.reset();
    if (auto removed = env_.remove(file->path); !removed) {
      log_warning("log", "{} is not needed, but: {}", file->path, removed.error().message);
    }
  }
  if (spare && ready_callback_) ready_callback_();
}

void JournalSpace::shrink() {
  JournalFileRef surplus;
  {
    std::lock_guard lock(mutex_);
    if (spares_.size() <= kSpares ||
        std::chrono::steady_clock::now() - taken_at_ < kSurplusPatience) {
      return;
    }
    surplus = std::move(spares_.back());
    spares_.pop_back();
    spare_bytes_ -= surplus->size;
  }
  surplus->file.reset();
  if (auto removed = env_.remove(surplus->path); !removed) {
    log_warning("log", "{} is not needed, but: {}", surplus->path, removed.error().message);
  }
}

double JournalSpace::pressure() {
  std::lock_guard lock(mutex_);
  const double half = static_cast<double>(options_.budget_bytes) / 2;
  return std::clamp((static_cast<double>(used_bytes_) - half) / half, 0.0, 1.0);
}

uint64_t JournalSpace::used_bytes() {
  std::lock_guard lock(mutex_);
  return used_bytes_;
}

bool JournalSpace::releasable() {
  std::lock_guard lock(mutex_);
  return used_.size() > 1;
}

std::optional<Error> JournalSpace::obstacle() {
  std::lock_guard lock(mutex_);
  return obstacle_;
}

size_t JournalSpace::file_count() {
  std::lock_guard lock(mutex_);
  return used_.size() + spares_.size() + released_.size();
}

}  // namespace millstream::local
