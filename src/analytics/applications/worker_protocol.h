// What server and worker say to each other about a job; the log's calls are worker/remote_log.h.
#pragma once

#include <string>

#include "analytics/applications/runner.h"
#include "base/bytes.h"
#include "base/result.h"
#include "worker/channel.h"

namespace millstream::analytics {

// Calls of the worker to the server.
inline constexpr worker::Method kStream = worker::kFirstOwnMethod;
inline constexpr worker::Method kWaitForChange = worker::kFirstOwnMethod + 1;
inline constexpr worker::Method kDeliveryShards = worker::kFirstOwnMethod + 2;
inline constexpr worker::Method kObjectPut = worker::kFirstOwnMethod + 3;
inline constexpr worker::Method kObjectGet = worker::kFirstOwnMethod + 4;
inline constexpr worker::Method kObjectHead = worker::kFirstOwnMethod + 5;
inline constexpr worker::Method kObjectList = worker::kFirstOwnMethod + 6;
inline constexpr worker::Method kObjectRemove = worker::kFirstOwnMethod + 7;
inline constexpr worker::Method kMakeBucket = worker::kFirstOwnMethod + 8;
inline constexpr worker::Method kLogLine = worker::kFirstOwnMethod + 9;  // notification
inline constexpr worker::Method kResult = worker::kFirstOwnMethod + 10;  // lines for the asker
inline constexpr worker::Method kStatus = worker::kFirstOwnMethod + 11;  // notification
inline constexpr worker::Method kEnded = worker::kFirstOwnMethod + 12;   // the job is over
// Calls of the server to the worker.
inline constexpr worker::Method kRun = worker::kFirstOwnMethod + 32;
inline constexpr worker::Method kStop = worker::kFirstOwnMethod + 33;
inline constexpr worker::Method kTakeSnapshot = worker::kFirstOwnMethod + 34;

Slice encode(const ApplicationRun& run);
Result<ApplicationRun> decode_run(std::string_view bytes);

Slice encode(const JobStatus& status);
Result<JobStatus> decode_status(std::string_view bytes);

Slice encode(const InputStream& stream);
Result<InputStream> decode_stream(std::string_view bytes);

// How a job ended.
Slice encode(const Result<>& end);
Result<> decode_end(std::string_view bytes);

}  // namespace millstream::analytics
