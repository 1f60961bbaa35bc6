#include "base/memory_env.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "base/real_env.h"

namespace millstream {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

// A file's bytes. Missing pieces read as zeroes.
class MemoryContent {
 public:
  size_t read(uint64_t offset, std::span<char> into) const {
    std::shared_lock lock(mutex_);
    if (offset >= size_) return 0;
    const size_t count = std::min<uint64_t>(into.size(), size_ - offset);
    size_t done = 0;
    while (done < count) {
      const auto [piece, within, length] = locate(offset + done, count - done);
      if (piece < pieces_.size() && pieces_[piece]) {
        std::memcpy(into.data() + done, pieces_[piece].get() + within, length);
      } else {
        std::memset(into.data() + done, 0, length);
      }
      done += length;
    }
    return count;
  }

  void write(uint64_t offset, std::span<const iovec> parts) {
    std::unique_lock lock(mutex_);
    for (const iovec& part : parts) {
      const auto* from = static_cast<const char*>(part.iov_base);
      for (size_t done = 0; done < part.iov_len;) {
        const auto [piece, within, length] = locate(offset, part.iov_len - done);
        std::memcpy(piece_at(piece) + within, from + done, length);
        done += length;
        offset += length;
      }
      if (part.iov_len > 0) size_ = std::max(size_, offset);
    }
  }

  void truncate(uint64_t size) {
    std::unique_lock lock(mutex_);
    const size_t kept = (size + kPieceBytes - 1) / kPieceBytes;
    if (kept < pieces_.size()) {
      pieces_.resize(kept);
      pieces_.shrink_to_fit();
    }
    // What lies behind the end must read as zeroes when the file grows again.
    if (size < size_ && size % kPieceBytes != 0 && kept <= pieces_.size() && pieces_[kept - 1]) {
      const size_t within = size % kPieceBytes;
      std::memset(pieces_[kept - 1].get() + within, 0, kPieceBytes - within);
    }
    size_ = size;
  }

  void extend(uint64_t size) {
    std::unique_lock lock(mutex_);
    size_ = std::max(size_, size);
  }

  uint64_t size() const {
    std::shared_lock lock(mutex_);
    return size_;
  }

 private:
  struct Place {
    size_t piece;
    size_t within;
    size_t length;
  };
  static Place locate(uint64_t offset, size_t length) {
    const size_t within = offset % kPieceBytes;
    return {offset / kPieceBytes, within, std::min(length, kPieceBytes - within)};
  }
  char* piece_at(size_t piece) {
    if (piece >= pieces_.size()) pieces_.resize(piece + 1);
    if (!pieces_[piece]) pieces_[piece] = std::make_unique<char[]>(kPieceBytes);
    return pieces_[piece].get();
  }

  mutable std::shared_mutex mutex_;
  std::vector<std::unique_ptr<char[]>> pieces_;
  uint64_t size_ = 0;
};

class MemoryFile : public File {
 public:
  MemoryFile(std::string path, std::shared_ptr<MemoryContent> content, bool writable)
      : path_(std::move(path)), content_(std::move(content)), writable_(writable) {}

  Result<size_t> read(uint64_t offset, std::span<char> into) override {
    return content_->read(offset, into);
  }
  Result<size_t> read_cached(uint64_t offset, std::span<char> into) override {
    return content_->read(offset, into);
  }
  Result<> write(uint64_t offset, std::span<const iovec> parts) override {
    TRY(check_writable());
    content_->write(offset, parts);
    return {};
  }
  Result<> sync() override { return {}; }
  Result<> reserve(uint64_t offset, uint64_t length) override {
    TRY(check_writable());
    if (length > 0) content_->extend(offset + length);
    return {};
  }
  Result<> truncate(uint64_t size) override {
    TRY(check_writable());
    content_->truncate(size);
    return {};
  }
  Result<uint64_t> size() override { return content_->size(); }

 private:
  Result<> check_writable() const {
    if (writable_) return {};
    return fail(ErrorCode::kIo, "can't write {}: it was opened for reading only", path_);
  }

  std::string path_;
  std::shared_ptr<MemoryContent> content_;
  bool writable_;
};

// The lexically normal form without a trailing slash: one name for one file.
std::string normal(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean.empty() ? "." : clean;
}

std::string parent_of(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

class MemoryEnv : public Env {
 public:
  TimeMs now_ms() override { return real_env().now_ms(); }
  std::chrono::nanoseconds monotonic() override { return real_env().monotonic(); }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    std::lock_guard lock(mutex_);
    const std::string name = normal(path);
    auto found = entries_.find(name);
    const bool create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
    if (found == entries_.end()) {
      if (!create || !is_folder(parent_of(name))) return missing("open", path);
      found = entries_.emplace(name, std::make_shared<MemoryContent>()).first;
    } else if (mode == OpenMode::kCreateNew) {
      return fail(ErrorCode::kInUse, "can't open {}: File exists", path);
    }
    if (!found->second) return fail(ErrorCode::kIo, "can't open {}: Is a directory", path);
    return std::make_unique<MemoryFile>(path, found->second, mode != OpenMode::kReadOnly);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    const std::string source = normal(from);
    const std::string target = normal(to);
    const auto found = entries_.find(source);
    if (found == entries_.end() || !is_folder(parent_of(target))) return missing("rename", from);
    if (source == target) return {};
    if (!found->second) return rename_folder(source, target);
    if (is_folder(target)) {
      return fail(ErrorCode::kIo, "can't rename {} to {}: Is a directory", from, to);
    }
    auto content = std::move(found->second);
    entries_.erase(found);
    entries_.insert_or_assign(target, std::move(content));
    return {};
  }

  Result<> remove(const std::string& path) override {
    std::lock_guard lock(mutex_);
    const std::string name = normal(path);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return missing("remove", path);
    if (!found->second && !children(name).empty()) {
      return fail(ErrorCode::kIo, "can't remove {}: Directory not empty", path);
    }
    entries_.erase(found);
    return {};
  }

  Result<> make_folders(const std::string& path) override {
    std::lock_guard lock(mutex_);
    return make_folder(normal(path));
  }

  Result<std::vector<FileInfo>> list(const std::string& folder) override {
    std::lock_guard lock(mutex_);
    const std::string name = normal(folder);
    if (!is_folder(name)) return missing("list", folder);
    return children(name);
  }

  Result<bool> exists(const std::string& path) override {
    std::lock_guard lock(mutex_);
    const std::string name = normal(path);
    return is_folder(name) || entries_.contains(name);
  }

  Result<> sync_folder(const std::string& folder) override {
    std::lock_guard lock(mutex_);
    if (!is_folder(normal(folder))) return missing("sync folder", folder);
    return {};
  }

  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{1} << 40; }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    std::lock_guard lock(mutex_);
    const std::string name = normal(path);
    if (!is_folder(parent_of(name))) return missing("lock", path);
    if (!locked_->emplace(name)) {
      return fail(ErrorCode::kInUse, "{} is locked by this process already", path);
    }
    return std::make_unique<MemoryLock>(locked_, name);
  }

 private:
  // Outlives the Env if a lock does.
  class LockTable {
   public:
    bool emplace(const std::string& name) {
      std::lock_guard lock(mutex_);
      return names_.insert(name).second;
    }
    void erase(const std::string& name) {
      std::lock_guard lock(mutex_);
      names_.erase(name);
    }

   private:
    std::mutex mutex_;
    std::set<std::string> names_;
  };

  class MemoryLock : public FileLock {
   public:
    MemoryLock(std::shared_ptr<LockTable> table, std::string name)
        : table_(std::move(table)), name_(std::move(name)) {}
    ~MemoryLock() override { table_->erase(name_); }

   private:
    std::shared_ptr<LockTable> table_;
    std::string name_;
  };

  static std::unexpected<Error> missing(std::string_view action, const std::string& path) {
    return fail(ErrorCode::kNotFound, "can't {} {}: No such file or directory", action, path);
  }

  bool is_folder(const std::string& name) const {
    if (name == "/" || name == ".") return true;
    const auto found = entries_.find(name);
    return found != entries_.end() && !found->second;
  }

  Result<> make_folder(const std::string& name) {
    if (is_folder(name)) return {};
    if (entries_.contains(name)) {
      return fail(ErrorCode::kIo, "can't make folder {}: Not a directory", name);
    }
    TRY(make_folder(parent_of(name)));
    entries_.emplace(name, nullptr);
    return {};
  }

  Result<> rename_folder(const std::string& source, const std::string& target) {
    if (entries_.contains(target)) {
      if (!is_folder(target) || !children(target).empty()) {
        return fail(ErrorCode::kIo, "can't rename {} to {}: the target is not an empty folder",
                    source, target);
      }
      entries_.erase(target);
    }
    const std::string prefix = source + '/';
    std::vector<std::string> inside;
    for (auto entry = entries_.lower_bound(prefix);
         entry != entries_.end() && entry->first.starts_with(prefix); ++entry) {
      inside.push_back(entry->first);
    }
    inside.push_back(source);
    for (const std::string& name : inside) {
      auto node = entries_.extract(name);
      node.key() = target + name.substr(source.size());
      entries_.insert(std::move(node));
    }
    return {};
  }

  // Sorted by name, as std::map is by path and all paths share the folder's.
  std::vector<FileInfo> children(const std::string& folder) const {
    std::string prefix = folder == "/" ? folder : folder + '/';
    if (folder == ".") prefix.clear();
    std::vector<FileInfo> files;
    for (auto entry = entries_.lower_bound(prefix);
         entry != entries_.end() && entry->first.starts_with(prefix); ++entry) {
      std::string name = entry->first.substr(prefix.size());
      if (name.find('/') != std::string::npos) continue;
      const auto& content = entry->second;
      files.push_back({std::move(name), content ? content->size() : 0, !content});
    }
    return files;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<MemoryContent>> entries_;  // no content: a folder
  std::shared_ptr<LockTable> locked_ = std::make_shared<LockTable>();
};

}  // namespace

std::unique_ptr<Env> make_memory_env() { return std::make_unique<MemoryEnv>(); }

}  // namespace millstream
