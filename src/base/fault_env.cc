#include "base/fault_env.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace millstream {
namespace {

constexpr std::string_view kOpNames[] = {"create",      "write",  "sync",   "reserve",
                                         "truncate",    "rename", "remove", "sync folder",
                                         "make folder", "read"};

std::string_view name_of(FaultOp op) { return kOpNames[static_cast<size_t>(op)]; }

std::string normal(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean.empty() ? "." : clean;
}

std::unexpected<Error> missing(std::string_view action, const std::string& path) {
  return millstream::fail(ErrorCode::kNotFound, "can't {} {}: No such file or directory", action,
                          path);
}

std::string join(std::span<const iovec> parts) {
  std::string bytes;
  for (const iovec& part : parts)
    bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return bytes;
}

}  // namespace

class FaultEnv::OpenFile : public File {
 public:
  OpenFile(FaultEnv& env, std::string path, FaultDisk::FileRef file, bool writable)
      : env_(env), path_(std::move(path)), file_(std::move(file)), writable_(writable) {}

  Result<size_t> read(uint64_t offset, std::span<char> into) override {
    std::lock_guard lock(env_.mutex_);
    TRY(env_.check_alive());
    if (env_.begin(FaultOp::kRead, path_, offset) != Fate::kGood) {
      return injected(FaultOp::kRead, path_);
    }
    if (offset >= file_->live.size()) return 0;
    const size_t count = std::min<uint64_t>(into.size(), file_->live.size() - offset);
    if (count > 0) std::memcpy(into.data(), file_->live.data() + offset, count);
    return count;
  }

  Result<size_t> read_cached(uint64_t offset, std::span<char> into) override {
    {
      std::lock_guard lock(env_.mutex_);
      TRY(env_.check_alive());
      if (env_.cold_) return 0;
    }
    return read(offset, into);
  }

  Result<> write(uint64_t offset, std::span<const iovec> parts) override {
    std::lock_guard lock(env_.mutex_);
    TRY(check_writable());
    const std::string bytes = join(parts);
    TRY(env_.allocate(*file_, offset, bytes.size(), path_));
    const Fate fate = env_.begin(FaultOp::kWrite, path_, offset);
    if (fate == Fate::kFails) {
      file_->write(env_.disk_.next_order(), offset,
                   std::string_view(bytes).substr(0, bytes.size() / 2));
      return injected(FaultOp::kWrite, path_);
    }
    file_->write(env_.disk_.next_order(), offset, bytes);
    return env_.check_alive();
  }

  Result<> sync() override {
    std::lock_guard lock(env_.mutex_);
    TRY(env_.check_alive());
    switch (env_.begin(FaultOp::kSync, path_)) {
      case Fate::kCrashes:
        return env_.check_alive();
      case Fate::kFails:
        file_->drop_pending();
        return injected(FaultOp::kSync, path_);
      case Fate::kGood:
        if (!env_.lying_) file_->sync();
        return {};
    }
    return {};
  }

  Result<> reserve(uint64_t offset, uint64_t length) override {
    std::lock_guard lock(env_.mutex_);
    TRY(check_writable());
    TRY(env_.allocate(*file_, offset, length, path_));
    if (env_.begin(FaultOp::kReserve, path_, offset) == Fate::kFails) {
      return injected(FaultOp::kReserve, path_);
    }
    if (offset + length > file_->live.size()) {
      file_->resize(env_.disk_.next_order(), offset + length);
    }
    return env_.check_alive();
  }

  Result<> truncate(uint64_t size) override {
    std::lock_guard lock(env_.mutex_);
    TRY(check_writable());
    if (env_.begin(FaultOp::kTruncate, path_, size) == Fate::kFails) {
      return injected(FaultOp::kTruncate, path_);
    }
    file_->resize(env_.disk_.next_order(), size);
    const uint64_t blocks = (size + FaultDisk::kBlockBytes - 1) / FaultDisk::kBlockBytes;
    file_->allocated.resize(blocks);
    return env_.check_alive();
  }

  Result<uint64_t> size() override {
    std::lock_guard lock(env_.mutex_);
    TRY(env_.check_alive());
    return file_->live.size();
  }

 private:
  Result<> check_writable() const {
    TRY(env_.check_alive());
    if (writable_) return {};
    return millstream::fail(ErrorCode::kIo, "can't write {}: it was opened for reading only",
                            path_);
  }

  FaultEnv& env_;
  std::string path_;
  FaultDisk::FileRef file_;
  bool writable_;
};

class FaultEnv::Lock : public FileLock {
 public:
  Lock(FaultEnv& env, std::string name) : env_(env), name_(std::move(name)) {}
  ~Lock() override {
    std::lock_guard lock(env_.mutex_);
    env_.locked_.erase(name_);
  }

 private:
  FaultEnv& env_;
  std::string name_;
};

FaultEnv::FaultEnv(Clock& clock) : clock_(clock) {}
FaultEnv::FaultEnv(FaultDisk disk, Clock& clock) : clock_(clock), disk_(std::move(disk)) {}

void FaultEnv::crash_at(uint64_t number) {
  std::lock_guard lock(mutex_);
  crash_at_ = number;
}

void FaultEnv::crash() {
  std::lock_guard lock(mutex_);
  crashed_ = true;
}

bool FaultEnv::crashed() const {
  std::lock_guard lock(mutex_);
  return crashed_;
}

uint64_t FaultEnv::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

std::vector<std::string> FaultEnv::history() const {
  std::lock_guard lock(mutex_);
  return history_;
}

std::unique_ptr<FaultEnv> FaultEnv::after_crash(Survival survival, uint64_t seed) const {
  std::lock_guard lock(mutex_);
  return with_disk(disk_.after_crash(survival, seed));
}

std::unique_ptr<FaultEnv> FaultEnv::after_kill() const {
  std::lock_guard lock(mutex_);
  return with_disk(disk_.after_kill());
}

std::unique_ptr<FaultEnv> FaultEnv::with_disk(FaultDisk disk) const {
  auto env = std::make_unique<FaultEnv>(std::move(disk), clock_);
  env->capacity_ = capacity_;
  env->cold_ = cold_;
  env->lying_ = lying_;
  return env;
}

void FaultEnv::fail(FaultOp op, uint64_t nth, std::string path_part, uint64_t count) {
  MS_ASSERT(nth >= 1);
  std::lock_guard lock(mutex_);
  faults_.push_back({op, nth - 1, count, std::move(path_part)});
}

void FaultEnv::clear_faults() {
  std::lock_guard lock(mutex_);
  faults_.clear();
}

void FaultEnv::set_capacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void FaultEnv::set_lying(bool lying) {
  std::lock_guard lock(mutex_);
  lying_ = lying;
}

void FaultEnv::set_cold_cache(bool cold) {
  std::lock_guard lock(mutex_);
  cold_ = cold;
}

bool FaultEnv::corrupt(const std::string& path, uint64_t offset, unsigned char bits) {
  std::lock_guard lock(mutex_);
  const auto found = disk_.names.find(normal(path));
  if (found == disk_.names.end() || !found->second || offset >= found->second->live.size()) {
    return false;
  }
  DiskFile& file = *found->second;
  file.live[offset] = static_cast<char>(file.live[offset] ^ bits);
  if (offset < file.stable.size())
    file.stable[offset] = static_cast<char>(file.stable[offset] ^ bits);
  return true;
}

Result<> FaultEnv::check_alive() const {
  if (!crashed_) return {};
  return millstream::fail(ErrorCode::kIo, "the machine has crashed (FaultEnv)");
}

FaultEnv::Fate FaultEnv::begin(FaultOp op, const std::string& path, uint64_t offset) {
  if (op != FaultOp::kRead) {
    ++changes_;
    history_.push_back(fmt::format("{} {} at {}", name_of(op), path, offset));
    if (changes_ == crash_at_) {
      crashed_ = true;
      return Fate::kCrashes;
    }
  }
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->op != op || path.find(fault->path_part) == std::string::npos) continue;
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    if (--fault->count == 0) faults_.erase(fault);
    return Fate::kFails;
  }
  return Fate::kGood;
}

std::unexpected<Error> FaultEnv::injected(FaultOp op, const std::string& path) {
  return millstream::fail(ErrorCode::kIo, "can't {} {}: Input/output error (FaultEnv)", name_of(op),
                          path);
}

bool FaultEnv::is_folder(const std::string& name) const {
  if (name == "/" || name == ".") return true;
  const auto found = disk_.names.find(name);
  return found != disk_.names.end() && !found->second;
}

Result<> FaultEnv::allocate(DiskFile& file, uint64_t offset, uint64_t length,
                            const std::string& path) {
  if (length == 0) return {};
  const uint64_t first = offset / FaultDisk::kBlockBytes;
  const uint64_t last = (offset + length - 1) / FaultDisk::kBlockBytes;
  uint64_t missing_blocks = 0;
  for (uint64_t block = first; block <= last; ++block) {
    if (block >= file.allocated.size() || !file.allocated[block]) ++missing_blocks;
  }
  if (missing_blocks == 0) return {};
  if (capacity_ != UINT64_MAX &&
      disk_.used_bytes() + missing_blocks * FaultDisk::kBlockBytes > capacity_) {
    return millstream::fail(ErrorCode::kNoSpace,
                            "can't write {} at offset {}: No space left on device", path, offset);
  }
  if (file.allocated.size() <= last) file.allocated.resize(last + 1);
  for (uint64_t block = first; block <= last; ++block) file.allocated[block] = true;
  return {};
}

Result<std::unique_ptr<File>> FaultEnv::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(path);
  const bool create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  const auto found = disk_.names.find(name);
  FaultDisk::FileRef file;
  if (found == disk_.names.end()) {
    if (is_folder(name))
      return millstream::fail(ErrorCode::kIo, "can't open {}: Is a directory", path);
    if (!create || !is_folder(disk_folder_of(name))) return missing("open", path);
    if (begin(FaultOp::kCreate, name) == Fate::kFails) return injected(FaultOp::kCreate, path);
    file = disk_.create(name);
    TRY(check_alive());
  } else {
    if (mode == OpenMode::kCreateNew) {
      return millstream::fail(ErrorCode::kInUse, "can't open {}: File exists", path);
    }
    file = found->second;
    if (!file) return millstream::fail(ErrorCode::kIo, "can't open {}: Is a directory", path);
  }
  return std::make_unique<OpenFile>(*this, name, file, mode != OpenMode::kReadOnly);
}

Result<> FaultEnv::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string source = normal(from);
  const std::string target = normal(to);
  const auto found = disk_.names.find(source);
  if (found == disk_.names.end() || !is_folder(disk_folder_of(target))) {
    return missing("rename", from);
  }
  if (source == target) return {};
  if (!found->second || is_folder(target)) {
    return millstream::fail(ErrorCode::kIo, "can't rename {} to {}: FaultEnv renames files only",
                            from, to);
  }
  if (begin(FaultOp::kRename, source + " -> " + target) == Fate::kFails) {
    return injected(FaultOp::kRename, from);
  }
  disk_.rename(source, target);
  return check_alive();
}

Result<> FaultEnv::remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(path);
  const auto found = disk_.names.find(name);
  if (found == disk_.names.end()) return missing("remove", path);
  if (!found->second) {
    const auto next = disk_.names.lower_bound(name + '/');
    if (next != disk_.names.end() && next->first.starts_with(name + '/')) {
      return millstream::fail(ErrorCode::kIo, "can't remove {}: Directory not empty", path);
    }
  }
  if (begin(FaultOp::kRemove, name) == Fate::kFails) return injected(FaultOp::kRemove, path);
  disk_.remove(name);
  return check_alive();
}

Result<> FaultEnv::make_folders(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  std::vector<std::string> chain;
  for (std::string name = normal(path); !is_folder(name); name = disk_folder_of(name)) {
    if (disk_.names.contains(name)) {
      return millstream::fail(ErrorCode::kIo, "can't make folder {}: Not a directory", name);
    }
    chain.push_back(name);
  }
  for (auto name = chain.rbegin(); name != chain.rend(); ++name) {
    if (begin(FaultOp::kMakeFolder, *name) == Fate::kFails) {
      return injected(FaultOp::kMakeFolder, *name);
    }
    disk_.make_folder(*name);
    TRY(check_alive());
  }
  return {};
}

Result<std::vector<FileInfo>> FaultEnv::list(const std::string& folder) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(folder);
  if (!is_folder(name)) return missing("list", folder);
  std::vector<FileInfo> files;
  for (const auto& [path, file] : disk_.names) {
    if (path == name || disk_folder_of(path) != name) continue;
    files.push_back(
        {std::filesystem::path(path).filename().string(), file ? file->live.size() : 0, !file});
  }
  std::ranges::sort(files, {}, &FileInfo::name);
  return files;
}

Result<bool> FaultEnv::exists(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(path);
  return is_folder(name) || disk_.names.contains(name);
}

Result<> FaultEnv::sync_folder(const std::string& folder) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(folder);
  if (!is_folder(name)) return missing("sync folder", folder);
  switch (begin(FaultOp::kSyncFolder, name)) {
    case Fate::kCrashes:
      return check_alive();
    case Fate::kFails:
      return injected(FaultOp::kSyncFolder, folder);
    case Fate::kGood:
      if (!lying_) disk_.sync_folder(name);
      return {};
  }
  return {};
}

Result<uint64_t> FaultEnv::free_bytes(const std::string&) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  if (capacity_ == UINT64_MAX) return uint64_t{1} << 40;
  const uint64_t used = disk_.used_bytes();
  return used >= capacity_ ? 0 : capacity_ - used;
}

Result<std::unique_ptr<FileLock>> FaultEnv::lock(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(check_alive());
  const std::string name = normal(path);
  if (!is_folder(disk_folder_of(name))) return missing("lock", path);
  if (!locked_.insert(name).second) {
    return millstream::fail(ErrorCode::kInUse, "{} is locked by this process already", path);
  }
  return std::make_unique<Lock>(*this, name);
}

}  // namespace millstream
