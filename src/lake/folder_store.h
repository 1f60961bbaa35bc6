// The embedded lake: buckets are folders, objects are files under their own names.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/env.h"
#include "base/object_store.h"

namespace millstream {

// <root>/<bucket>/<key>, the key's '/' being folders (lake/lake_path.h says what is escaped).
// Unfinished objects lie in <root>/.tmp, which no bucket can be called; open() empties it.
//
// Life cycle: `env` and `io` outlive the store; `io` runs the blocking work.
// Threads:    any. Of puts and removals of one key at the same time, one wins as a whole.
// Durability: a put that completed survives a crash; one that did not leaves the old object.
// Limits:     a key can't go on below another one that is an object ("a" and "a/b"): the second
//             put is refused with kInUse. ObjectInfo has no modification time and no ETag.
class FolderStore final : public ObjectStore {
 public:
  // Blocking; at start.
  static Result<std::unique_ptr<FolderStore>> open(Env& env, std::string root,
                                                   asio::thread_pool& io);

  awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                          PutOptions options) override;
  awaitable<Result<Slice>> get(std::string bucket, std::string key) override;
  awaitable<Result<ObjectInfo>> head(std::string bucket, std::string key) override;
  awaitable<Result<ObjectPage>> list(std::string bucket, std::string prefix,
                                     std::string start_after, size_t limit) override;
  awaitable<Result<>> remove(std::string bucket, std::string key) override;
  awaitable<Result<>> make_bucket(std::string bucket) override;

 private:
  struct Place {
    std::vector<std::string> folders;  // of the bucket and below it, outermost first
    std::string file;
  };
  // One segment of a key within a folder.
  struct Entry {
    std::string text;
    std::string path;
    uint64_t size = 0;
    bool is_folder = false;
  };
  struct Walk {
    std::string prefix;
    std::string start_after;
    size_t limit = 0;
    std::vector<ObjectInfo> found;
  };

  FolderStore(Env& env, std::string root, asio::thread_pool& io)
      : env_(env), root_(std::move(root)), io_(io) {}

  // The blocking halves.
  Result<Place> place(std::string_view bucket, std::string_view key);
  Result<std::string> bucket_folder(std::string_view bucket);
  Result<> put_now(const std::string& bucket, const std::string& key, std::span<const Slice> parts);
  Result<> write_temporary(const std::string& path, std::span<const Slice> parts);
  Result<> move_into_place(const std::string& temporary, const Place& place, std::string_view key);
  // kNotFound also where a folder has that name, or an object that of a folder above.
  Result<std::unique_ptr<File>> open_object(const Place& place, std::string_view key);
  Result<Slice> get_now(const std::string& bucket, const std::string& key);
  Result<ObjectInfo> head_now(const std::string& bucket, const std::string& key);
  Result<ObjectPage> list_now(std::string_view bucket, Walk walk);
  Result<> walk_folder(const std::string& folder, const std::string& key_prefix, Walk& walk);
  Result<std::vector<Entry>> entries(const std::string& folder, const std::string& text_prefix);
  Result<> remove_now(const std::string& bucket, const std::string& key);

  Env& env_;
  const std::string root_;
  asio::thread_pool& io_;
};

}  // namespace millstream
