#include "base/fault_disk.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/result.h"

namespace millstream {
namespace {

constexpr size_t kSector = 512;

void apply_write(std::string& content, uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::memcpy(content.data() + offset, bytes.data(), bytes.size());
}

void apply_change(std::string& content, const DiskFile::Change& change) {
  if (change.is_write) {
    apply_write(content, change.at, change.bytes);
  } else {
    content.resize(change.at);
  }
}

// Calls `each(offset, bytes)` for the pieces of a write that lie in one sector each.
template <class Each>
void for_each_sector(const DiskFile::Change& write, Each each) {
  size_t done = 0;
  while (done < write.bytes.size()) {
    const uint64_t offset = write.at + done;
    const size_t length = std::min(write.bytes.size() - done, kSector - offset % kSector);
    each(offset, std::string_view(write.bytes).substr(done, length));
    done += length;
  }
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  bool coin() { return (engine_() & 1) != 0; }
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : engine_() % limit; }

 private:
  std::mt19937_64 engine_;
};

// Write-back in any order: every piece of data may be there or not. The size is that after some
// number of the changes, since file systems journal it in order.
std::string reordered(const DiskFile& file, bool by_sector, Dice& dice) {
  std::string content = file.stable;
  uint64_t size = content.size();
  uint64_t live_size = size;
  const size_t sizes_kept = dice.below(file.pending.size() + 1);
  for (size_t i = 0; i < file.pending.size(); ++i) {
    const auto& change = file.pending[i];
    live_size = change.is_write ? std::max<uint64_t>(live_size, change.at + change.bytes.size())
                                : change.at;
    if (i < sizes_kept) size = live_size;
    if (!change.is_write) {
      if (i < sizes_kept && change.at < content.size()) content.resize(change.at);
    } else if (by_sector) {
      for_each_sector(change, [&](uint64_t offset, std::string_view bytes) {
        if (dice.coin()) apply_write(content, offset, bytes);
      });
    } else if (dice.coin()) {
      apply_change(content, change);
    }
  }
  content.resize(size);
  return content;
}

// All changes before the moment `cut`; of the write at `cut`, a front part.
std::string torn(const DiskFile& file, uint64_t cut, bool at_byte, Dice& dice) {
  std::string content = file.stable;
  for (const auto& change : file.pending) {
    if (change.order > cut) break;
    if (change.order < cut || !change.is_write) {
      apply_change(content, change);
      continue;
    }
    const uint64_t end = change.at + change.bytes.size();
    uint64_t kept_end = change.at + dice.below(change.bytes.size() + 1);
    if (!at_byte) kept_end = std::max(change.at, kept_end / kSector * kSector);
    kept_end = std::min(kept_end, end);
    apply_write(content, change.at, std::string_view(change.bytes).substr(0, kept_end - change.at));
  }
  return content;
}

}  // namespace

std::string disk_folder_of(const std::string& name) {
  std::string parent = std::filesystem::path(name).parent_path().string();
  return parent.empty() ? "." : parent;
}

void DiskFile::write(uint64_t order, uint64_t offset, std::string_view bytes) {
  pending.push_back({order, true, offset, std::string(bytes)});
  apply_change(live, pending.back());
}

void DiskFile::resize(uint64_t order, uint64_t size) {
  pending.push_back({order, false, size, {}});
  apply_change(live, pending.back());
}

void DiskFile::sync() {
  for (const Change& change : pending) apply_change(stable, change);
  pending.clear();
}

FaultDisk::FileRef FaultDisk::create(const std::string& name) {
  auto file = std::make_shared<DiskFile>();
  names[name] = file;
  pending_names_.push_back({next_order(), {{name, file}}});
  return file;
}

void FaultDisk::remove(const std::string& name) {
  const auto found = names.find(name);
  MS_ASSERT(found != names.end());
  if (found->second) {
    pending_names_.push_back({next_order(), {{name, nullptr}}});
  } else {
    stable_names_.erase(name);  // a folder
  }
  names.erase(found);
}

void FaultDisk::rename(const std::string& from, const std::string& to) {
  auto node = names.extract(from);
  MS_ASSERT(!node.empty() && node.mapped() != nullptr);
  names[to] = node.mapped();
  pending_names_.push_back({next_order(), {{from, nullptr}, {to, node.mapped()}}});
}

void FaultDisk::make_folder(const std::string& name) {
  names.emplace(name, nullptr);
  stable_names_.emplace(name, nullptr);
}

void FaultDisk::sync_folder(const std::string& folder) {
  std::erase_if(pending_names_, [&](const NameChange& change) {
    const bool inside = std::ranges::any_of(
        change.names, [&](const auto& entry) { return disk_folder_of(entry.first) == folder; });
    if (!inside) return false;
    for (const auto& [name, file] : change.names) {
      if (file) {
        stable_names_[name] = file;
      } else {
        stable_names_.erase(name);
      }
    }
    return true;
  });
}

std::vector<FaultDisk::FileRef> FaultDisk::all_files() const {
  std::vector<FileRef> files;
  std::set<DiskFile*> seen;
  auto add = [&](const FileRef& file) {
    if (file && seen.insert(file.get()).second) files.push_back(file);
  };
  for (const auto& [name, file] : stable_names_) add(file);
  for (const auto& change : pending_names_) {
    for (const auto& [name, file] : change.names) add(file);
  }
  for (const auto& [name, file] : names) add(file);
  return files;
}

uint64_t FaultDisk::used_bytes() const {
  uint64_t blocks = 0;
  for (const auto& [name, file] : names) {
    if (file) blocks += static_cast<uint64_t>(std::ranges::count(file->allocated, true));
  }
  return blocks * kBlockBytes;
}

bool FaultDisk::has_unsynced() const {
  return !pending_names_.empty() || std::ranges::any_of(all_files(), [](const FileRef& file) {
    return !file->pending.empty();
  });
}

FaultDisk FaultDisk::after_kill() const {
  FaultDisk disk = *this;
  std::map<const DiskFile*, FileRef> copies;
  for (const FileRef& file : all_files()) copies[file.get()] = std::make_shared<DiskFile>(*file);
  auto take_copy = [&](FileRef& file) {
    if (file) file = copies.at(file.get());
  };
  for (auto& [name, file] : disk.names) take_copy(file);
  for (auto& [name, file] : disk.stable_names_) take_copy(file);
  for (auto& change : disk.pending_names_) {
    for (auto& [name, file] : change.names) take_copy(file);
  }
  return disk;
}

FaultDisk FaultDisk::after_crash(Survival survival, uint64_t seed) const {
  Dice dice(seed);
  const std::vector<FileRef> files = all_files();

  // The moment at which the power went, for the torn modes: often at the very last change.
  std::vector<uint64_t> orders;
  for (const FileRef& file : files) {
    for (const auto& change : file->pending) orders.push_back(change.order);
  }
  for (const auto& change : pending_names_) orders.push_back(change.order);
  std::ranges::sort(orders);
  uint64_t cut = 0;
  if (!orders.empty()) cut = dice.coin() ? orders.back() : orders[dice.below(orders.size())];

  FaultDisk disk;
  std::map<const DiskFile*, FileRef> copies;
  for (const FileRef& file : files) {
    auto copy = std::make_shared<DiskFile>();
    switch (survival) {
      case Survival::kSynced:
        copy->stable = file->stable;
        break;
      case Survival::kAll:
        copy->stable = file->stable;
        for (const auto& change : file->pending) apply_change(copy->stable, change);
        break;
      case Survival::kWrites:
      case Survival::kSectors:
        copy->stable = reordered(*file, survival == Survival::kSectors, dice);
        break;
      case Survival::kTorn:
      case Survival::kTornBytes:
        copy->stable = torn(*file, cut, survival == Survival::kTornBytes, dice);
        break;
    }
    copy->live = copy->stable;
    const size_t blocks = (copy->live.size() + kBlockBytes - 1) / kBlockBytes;
    copy->allocated = file->allocated;
    copy->allocated.resize(blocks);
    copies[file.get()] = copy;
  }

  auto survives = [&](uint64_t order) {
    switch (survival) {
      case Survival::kSynced:
        return false;
      case Survival::kAll:
        return true;
      case Survival::kWrites:
      case Survival::kSectors:
        return dice.coin();
      case Survival::kTorn:
      case Survival::kTornBytes:
        return order <= cut;
    }
    return false;
  };
  for (const auto& [name, file] : stable_names_)
    disk.names[name] = file ? copies[file.get()] : nullptr;
  for (const auto& change : pending_names_) {
    if (!survives(change.order)) continue;
    for (const auto& [name, file] : change.names) {
      if (file) {
        disk.names[name] = copies[file.get()];
      } else {
        disk.names.erase(name);
      }
    }
  }
  disk.stable_names_ = disk.names;
  return disk;
}

}  // namespace millstream
