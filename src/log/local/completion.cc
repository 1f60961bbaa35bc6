#include "log/local/completion.h"

namespace millstream::local {

void CompletionBatch::add(Completion* completion) {
  for (Group& group : groups_) {
    if (group.executor == completion->executor) {
      group.members.push_back(completion);
      return;
    }
  }
  groups_.push_back({completion->executor, {completion}});
}

void CompletionBatch::post() {
  for (Group& group : groups_) {
    asio::any_io_executor executor = std::move(group.executor);
    asio::post(executor, [members = std::move(group.members)] {
      for (Completion* member : members) {
        // Resuming destroys the completion: what it holds has to be taken out before.
        auto resume = std::move(member->resume);
        const asio::any_io_executor work = std::move(member->executor);
        resume();
      }
    });
  }
  groups_.clear();
}

}  // namespace millstream::local
