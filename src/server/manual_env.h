// An Env whose clock stands still until a test moves it; files are another Env's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/manual_clock.h"

namespace millstream::server {

// `files` outlives it. Threads: any.
class ManualEnv final : public Env {
 public:
  explicit ManualEnv(Env& files) : files_(files), clock_(files.now_ms()) {}

  ManualClock& clock() { return clock_; }

  TimeMs now_ms() override { return clock_.now_ms(); }
  std::chrono::nanoseconds monotonic() override { return clock_.monotonic(); }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return files_.open(path, mode);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<> remove(const std::string& path) override { return files_.remove(path); }
  Result<> make_folders(const std::string& path) override { return files_.make_folders(path); }
  Result<std::vector<FileInfo>> list(const std::string& folder) override {
    return files_.list(folder);
  }
  Result<bool> exists(const std::string& path) override { return files_.exists(path); }
  Result<> sync_folder(const std::string& folder) override { return files_.sync_folder(folder); }
  Result<uint64_t> free_bytes(const std::string& folder) override {
    return files_.free_bytes(folder);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return files_.lock(path);
  }

 private:
  Env& files_;
  ManualClock clock_;
};

}  // namespace millstream::server
