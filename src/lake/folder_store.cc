#include "lake/folder_store.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "lake/lake_path.h"

namespace millstream {
namespace {

// A removal may take away a folder that a put has just made: how often the put makes it again.
constexpr int kPlaceAttempts = 5;

}  // namespace

Result<std::unique_ptr<FolderStore>> FolderStore::open(Env& env, std::string root,
                                                       asio::thread_pool& io) {
  const std::string temporary = root + "/.tmp";
  TRY(env.make_folders(temporary));
  TRY_ASSIGN(const std::vector<FileInfo> left, env.list(temporary));
  for (const FileInfo& file : left) TRY(env.remove(temporary + "/" + file.name));
  return std::unique_ptr<FolderStore>(new FolderStore(env, std::move(root), io));
}

awaitable<Result<>> FolderStore::put(std::string bucket, std::string key, std::vector<Slice> parts,
                                     PutOptions) {
  co_return co_await run_on(
      io_, [this, bucket = std::move(bucket), key = std::move(key), parts = std::move(parts)] {
        return put_now(bucket, key, parts);
      });
}

awaitable<Result<Slice>> FolderStore::get(std::string bucket, std::string key) {
  co_return co_await run_on(io_, [this, bucket = std::move(bucket), key = std::move(key)] {
    return get_now(bucket, key);
  });
}

awaitable<Result<ObjectInfo>> FolderStore::head(std::string bucket, std::string key) {
  co_return co_await run_on(io_, [this, bucket = std::move(bucket), key = std::move(key)] {
    return head_now(bucket, key);
  });
}

awaitable<Result<ObjectPage>> FolderStore::list(std::string bucket, std::string prefix,
                                                std::string start_after, size_t limit) {
  co_return co_await run_on(
      io_, [this, bucket = std::move(bucket),
            walk = Walk{std::move(prefix), std::move(start_after), limit, {}}]() mutable {
        return list_now(bucket, std::move(walk));
      });
}

awaitable<Result<>> FolderStore::remove(std::string bucket, std::string key) {
  co_return co_await run_on(io_, [this, bucket = std::move(bucket), key = std::move(key)] {
    return remove_now(bucket, key);
  });
}

awaitable<Result<>> FolderStore::make_bucket(std::string bucket) {
  CO_TRY(check_bucket_name(bucket));
  co_return co_await run_on(io_, [this, folder = root_ + "/" + bucket]() -> Result<> {
    TRY_ASSIGN(const bool exists, env_.exists(folder));
    if (exists) return {};
    return env_.make_folders(folder);
  });
}

Result<std::string> FolderStore::bucket_folder(std::string_view bucket) {
  TRY(check_bucket_name(bucket));
  std::string folder = fmt::format("{}/{}", root_, bucket);
  TRY_ASSIGN(const bool exists, env_.exists(folder));
  if (!exists) {
    return fail(ErrorCode::kNotFound, "there is no bucket {} in the lake ({})", bucket, root_);
  }
  return folder;
}

Result<FolderStore::Place> FolderStore::place(std::string_view bucket, std::string_view key) {
  TRY_ASSIGN(const std::vector<std::string> names, lake_path(key));
  Place place;
  TRY_ASSIGN(std::string folder, bucket_folder(bucket));
  place.folders.push_back(folder);
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    folder += "/" + names[i];
    place.folders.push_back(folder);
  }
  place.file = folder + "/" + names.back();
  return place;
}

Result<> FolderStore::put_now(const std::string& bucket, const std::string& key,
                              std::span<const Slice> parts) {
  TRY_ASSIGN(const Place where, place(bucket, key));
  const std::string temporary = root_ + "/.tmp/" + uuid_v4();
  Result<> done = write_temporary(temporary, parts);
  if (done) done = move_into_place(temporary, where, key);
  if (!done) std::ignore = env_.remove(temporary);
  return done;
}

Result<> FolderStore::write_temporary(const std::string& path, std::span<const Slice> parts) {
  TRY_ASSIGN(const std::unique_ptr<File> file, env_.open(path, OpenMode::kCreateNew));
  std::vector<iovec> vectors;
  vectors.reserve(parts.size());
  for (const Slice& part : parts) {
    if (!part.empty()) vectors.push_back({const_cast<char*>(part.data()), part.size()});
  }
  if (!vectors.empty()) TRY(file->write(0, std::span<const iovec>(vectors)));
  return file->sync();
}

Result<> FolderStore::move_into_place(const std::string& temporary, const Place& where,
                                      std::string_view key) {
  for (int attempt = 1;; ++attempt) {
    TRY_ASSIGN(const bool exists, env_.exists(where.folders.back()));
    Result<> moved;
    if (!exists) moved = env_.make_folders(where.folders.back());
    if (moved) moved = env_.rename(temporary, where.file);
    if (moved) return env_.sync_folder(where.folders.back());
    if (moved.error().code == ErrorCode::kNoSpace) return moved;
    for (size_t i = 1; i < where.folders.size(); ++i) {
      if (env_.open(where.folders[i], OpenMode::kReadWrite)) {
        return fail(ErrorCode::kInUse,
                    "object {} can't be put: in the lake objects are files, and {} is one; use "
                    "another prefix or remove it",
                    key, where.folders[i]);
      }
    }
    if (env_.list(where.file)) {
      return fail(ErrorCode::kInUse,
                  "object {} can't be put: in the lake objects are files, and there are objects "
                  "below {}/",
                  key, where.file);
    }
    if (moved.error().code != ErrorCode::kNotFound || attempt == kPlaceAttempts) return moved;
  }
}

Result<std::unique_ptr<File>> FolderStore::open_object(const Place& where, std::string_view key) {
  Result<std::unique_ptr<File>> file = env_.open(where.file, OpenMode::kReadOnly);
  // A folder is no object, and below an object there is none.
  const bool absent = (!file && file.error().code == ErrorCode::kNotFound) ||
                      env_.list(where.file) || !env_.list(where.folders.back());
  if (absent) {
    return fail(ErrorCode::kNotFound, "there is no object {} in {}", key, where.folders.front());
  }
  return file;
}

Result<Slice> FolderStore::get_now(const std::string& bucket, const std::string& key) {
  TRY_ASSIGN(const Place where, place(bucket, key));
  TRY_ASSIGN(const std::unique_ptr<File> file, open_object(where, key));
  TRY_ASSIGN(const uint64_t size, file->size());
  BufferRef buffer = BufferRef::allocate(size);
  TRY_ASSIGN(const size_t read, file->read(0, std::span<char>(buffer->data(), size)));
  return Slice(std::move(buffer), read);
}

Result<ObjectInfo> FolderStore::head_now(const std::string& bucket, const std::string& key) {
  TRY_ASSIGN(const Place where, place(bucket, key));
  TRY_ASSIGN(const std::unique_ptr<File> file, open_object(where, key));
  ObjectInfo info;
  info.key = key;
  TRY_ASSIGN(info.size, file->size());
  return info;
}

Result<ObjectPage> FolderStore::list_now(std::string_view bucket, Walk walk) {
  TRY_ASSIGN(const std::string folder, bucket_folder(bucket));
  const size_t limit = walk.limit;
  ++walk.limit;  // one more tells whether this is the last page
  TRY(walk_folder(folder, "", walk));
  ObjectPage page;
  page.objects = std::move(walk.found);
  if (page.objects.size() > limit) {
    page.objects.resize(limit);
    if (limit > 0) page.next_start_after = page.objects.back().key;
  }
  return page;
}

// Depth first in the order of keys, only where keys with the prefix can be.
Result<> FolderStore::walk_folder(const std::string& folder, const std::string& key_prefix,
                                  Walk& walk) {
  TRY_ASSIGN(const std::vector<Entry> inside, entries(folder, ""));
  for (const Entry& entry : inside) {
    if (walk.found.size() >= walk.limit) return {};
    const std::string key = key_prefix + entry.text + (entry.is_folder ? "/" : "");
    if (!entry.is_folder) {
      if (key > walk.start_after && key.starts_with(walk.prefix)) {
        walk.found.push_back({key, entry.size, 0, ""});
      }
      continue;
    }
    const std::string_view wanted = std::string_view(walk.prefix).substr(0, key.size());
    if (!key.starts_with(wanted)) continue;
    // Every key below starts with `key`: all of them are past, or none need be.
    if (std::string_view(walk.start_after).substr(0, key.size()) > key) continue;
    TRY(walk_folder(entry.path, key, walk));
  }
  return {};
}

// By the keys that they lead to; segments that go on are put together.
Result<std::vector<FolderStore::Entry>> FolderStore::entries(const std::string& folder,
                                                             const std::string& text_prefix) {
  Result<std::vector<FileInfo>> files = env_.list(folder);
  if (!files) {
    // Removed meanwhile.
    if (files.error().code == ErrorCode::kNotFound) return std::vector<Entry>();
    return std::unexpected(std::move(files).error());
  }
  std::vector<Entry> found;
  for (const FileInfo& file : *files) {
    const Result<LakeName> name = parse_lake_name(file.name);
    if (!name) continue;  // someone else's file
    std::string path = folder + "/" + file.name;
    const std::string text = text_prefix + name->text;
    if (name->continues && file.is_folder) {
      TRY_ASSIGN(std::vector<Entry> longer, entries(path, text));
      std::ranges::move(longer, std::back_inserter(found));
    } else {
      found.push_back({text, std::move(path), file.size, file.is_folder});
    }
  }
  // A folder's keys have a '/' behind its name: "a-b" comes before "a/b".
  const auto order = [](const Entry& entry) { return entry.text + (entry.is_folder ? "/" : ""); };
  std::ranges::sort(found, {}, order);
  return found;
}

Result<> FolderStore::remove_now(const std::string& bucket, const std::string& key) {
  TRY_ASSIGN(const Place where, place(bucket, key));
  const Result<std::unique_ptr<File>> there = open_object(where, key);
  if (!there && there.error().code == ErrorCode::kNotFound) return {};
  TRY(env_.remove(where.file));
  size_t kept = where.folders.size();
  // Folders that became empty go too: they are no objects. One that is not empty can't.
  while (kept > 1 && env_.remove(where.folders[kept - 1])) --kept;
  return env_.sync_folder(where.folders[kept - 1]);
}

}  // namespace millstream
