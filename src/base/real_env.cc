#include "base/real_env.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <system_error>

namespace millstream {
namespace {

namespace fs = std::filesystem;

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kInUse;
    default:
      return ErrorCode::kIo;
  }
}

std::string reason(int error) { return std::generic_category().message(error); }

std::unexpected<Error> path_error(std::string_view action, const std::string& path, int error) {
  return fail(code_of(error), "can't {} {}: {}", action, path, reason(error));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

class RealFile : public File {
 public:
  RealFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~RealFile() override {
    if (direct_ >= 0) ::close(direct_);
  }

  Result<size_t> read(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = ::pread(descriptor_.get(), into.data() + done, into.size() - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return error("read", offset + done, errno);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  Result<size_t> read_cached(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      iovec part{into.data() + done, into.size() - done};
      const ssize_t count =
          ::preadv2(descriptor_.get(), &part, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
      if (count < 0 && errno == EINTR) continue;
      // Not in the cache, or a file system that can't tell (EOPNOTSUPP): read() will know.
      if (count < 0 && (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS)) break;
      if (count < 0) return error("read", offset + done, errno);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  Result<> write(uint64_t offset, std::span<const iovec> parts) override {
    iovec window[kWindow];
    size_t next = 0;  // the first part that is not wholly written
    size_t skip = 0;  // bytes of it that are
    while (next < parts.size()) {
      const size_t count = std::min<size_t>(parts.size() - next, kWindow);
      std::copy_n(parts.begin() + static_cast<ptrdiff_t>(next), count, window);
      window[0].iov_base = static_cast<char*>(window[0].iov_base) + skip;
      window[0].iov_len -= skip;
      const ssize_t written =
          ::pwritev(descriptor_.get(), window, static_cast<int>(count), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return error("write", offset, errno);
      offset += static_cast<uint64_t>(written);
      skip += static_cast<size_t>(written);
      while (next < parts.size() && skip >= parts[next].iov_len) skip -= parts[next++].iov_len;
    }
    return {};
  }

  Result<> write_aligned(uint64_t offset, std::string_view bytes) override {
    std::call_once(direct_opened_, [this] { direct_ = open_direct(); });
    size_t done = 0;
    while (done < bytes.size()) {
      if (direct_ < 0) return File::write(offset + done, bytes.substr(done));
      const ssize_t written = ::pwrite(direct_, bytes.data() + done, bytes.size() - done,
                                       static_cast<off_t>(offset + done));
      if (written < 0 && errno == EINTR) continue;
      // It wants another alignment, or wrote a part that has none: the page cache takes the rest.
      if (written < 0 && errno == EINVAL) {
        return File::write(offset + done, bytes.substr(done));
      }
      if (written < 0) return error("write", offset + done, errno);
      done += static_cast<size_t>(written);
    }
    return {};
  }

  Result<> sync() override {
    while (::fdatasync(descriptor_.get()) != 0) {
      if (errno != EINTR) return path_error("sync", path_, errno);
    }
    return {};
  }

  Result<> reserve(uint64_t offset, uint64_t length) override {
    if (length == 0) return {};
    int code = 0;
    do {
      code = ::posix_fallocate(descriptor_.get(), static_cast<off_t>(offset),
                               static_cast<off_t>(length));
    } while (code == EINTR);
    if (code != 0) {
      return fail(code_of(code), "can't reserve {} bytes at offset {} of {}: {}", length, offset,
                  path_, reason(code));
    }
    return {};
  }

  Result<> truncate(uint64_t size) override {
    while (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) return path_error("truncate", path_, errno);
    }
    return {};
  }

  Result<uint64_t> size() override {
    struct stat status{};
    if (::fstat(descriptor_.get(), &status) != 0) return path_error("stat", path_, errno);
    return static_cast<uint64_t>(status.st_size);
  }

 private:
  static constexpr size_t kWindow = 256;  // parts a system call; IOV_MAX is 1024
  static_assert(kWindow <= IOV_MAX);

  std::unexpected<Error> error(std::string_view action, uint64_t offset, int code) const {
    return fail(code_of(code), "can't {} {} at offset {}: {}", action, path_, offset, reason(code));
  }

  // A second description of the file, for O_DIRECT is a property of the description and reads
  // have no alignment; -1 where the file system has none (tmpfs before Linux 6.6, some FUSE).
  int open_direct() const {
    if ((::fcntl(descriptor_.get(), F_GETFL) & O_ACCMODE) != O_RDWR) return -1;
    const int direct = ::open(path_.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    if (direct < 0) return -1;
    // Renamed or removed meanwhile: another file has the name.
    struct stat mine{};
    struct stat other{};
    if (::fstat(descriptor_.get(), &mine) == 0 && ::fstat(direct, &other) == 0 &&
        mine.st_dev == other.st_dev && mine.st_ino == other.st_ino) {
      return direct;
    }
    ::close(direct);
    return -1;
  }

  std::string path_;
  FileDescriptor descriptor_;
  std::once_flag direct_opened_;
  int direct_ = -1;
};

// The file stays when the lock is gone: removing it would race with the next holder.
class RealLock : public FileLock {
 public:
  explicit RealLock(int descriptor) : descriptor_(descriptor) {}

 private:
  FileDescriptor descriptor_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadOnly:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

std::chrono::nanoseconds clock_time(clockid_t id) {
  timespec time{};
  ::clock_gettime(id, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class RealEnv : public Env {
 public:
  TimeMs now_ms() override { return clock_time(CLOCK_REALTIME) / std::chrono::milliseconds(1); }
  std::chrono::nanoseconds monotonic() override { return clock_time(CLOCK_BOOTTIME); }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    // Only the owner may read what users stored.
    const int descriptor = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0600);
    if (descriptor < 0) return path_error("open", path, errno);
    return std::make_unique<RealFile>(path, descriptor);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return fail(code_of(errno), "can't rename {} to {}: {}", from, to, reason(errno));
    }
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return path_error("remove", path, errno);
    return {};
  }

  Result<> make_folders(const std::string& path) override {
    if (path.empty() || path == "/") return {};
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) {
      return S_ISDIR(status.st_mode) ? Result<>() : path_error("make folder", path, ENOTDIR);
    }
    fs::path clean = fs::path(path).lexically_normal();
    if (!clean.has_filename()) clean = clean.parent_path();  // a trailing slash
    std::string parent = clean.parent_path().string();
    TRY(make_folders(parent));
    if (::mkdir(clean.c_str(), 0700) != 0 && errno != EEXIST) {
      return path_error("make folder", path, errno);
    }
    return sync_folder(parent.empty() ? "." : parent);
  }

  Result<std::vector<FileInfo>> list(const std::string& folder) override {
    std::error_code error;
    std::vector<FileInfo> files;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      struct stat status{};
      if (::stat(entry->path().c_str(), &status) != 0) continue;  // removed meanwhile
      const bool is_folder = S_ISDIR(status.st_mode);
      files.push_back({entry->path().filename().string(),
                       is_folder ? 0 : static_cast<uint64_t>(status.st_size), is_folder});
    }
    if (error) return path_error("list", folder, error.value());
    std::ranges::sort(files, {}, &FileInfo::name);
    return files;
  }

  Result<bool> exists(const std::string& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return path_error("stat", path, errno);
  }

  Result<> sync_folder(const std::string& folder) override {
    FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) return path_error("open folder", folder, errno);
    while (::fsync(descriptor.get()) != 0) {
      if (errno != EINTR) return path_error("sync folder", folder, errno);
    }
    return {};
  }

  Result<uint64_t> free_bytes(const std::string& folder) override {
    struct statvfs status{};
    if (::statvfs(folder.c_str(), &status) != 0) {
      return path_error("ask for free space in", folder, errno);
    }
    return uint64_t{status.f_bavail} * status.f_frsize;
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return path_error("open lock file", path, errno);
    auto lock = std::make_unique<RealLock>(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return path_error("lock", path, errno);
      char holder[32] = {};
      const ssize_t count = ::pread(descriptor, holder, sizeof holder - 1, 0);
      std::string_view pid(holder, count > 0 ? static_cast<size_t>(count) : 0);
      while (!pid.empty() && pid.back() == '\n') pid.remove_suffix(1);
      return fail(ErrorCode::kInUse,
                  "{} is locked by process {}; stop that process, or use another folder", path,
                  pid.empty() ? "(unknown)" : pid);
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(descriptor, 0) != 0 ||
        ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return path_error("write the process id to", path, errno);
    }
    return lock;
  }
};

}  // namespace

Env& real_env() {
  static RealEnv env;
  return env;
}

}  // namespace millstream
