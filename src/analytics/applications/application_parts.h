// The parts of an application, added and taken away one by one; for V1 and V2.
#pragma once

#include <string>

#include "analytics/applications/application.h"
#include "base/result.h"

namespace millstream::analytics {

// All change an application that has its new version already. Errors: kInvalidArgument,
// kLimitExceeded, kNotFound (no such part).
Result<> add_input(Application& changed, const api::Input& input);
Result<> add_output(Application& changed, const api::Output& output);
Result<> delete_output(Application& changed, const std::string& id);
Result<> add_reference(Application& changed, const api::ReferenceDataSource& source);
Result<> delete_reference(Application& changed, const std::string& id);
// nullopt takes it away.
Result<> set_processing(Application& changed, const std::string& input_id,
                        const std::optional<api::InputProcessingConfiguration>& processing);
Result<> add_logging(Application& changed, const api::CloudWatchLoggingOption& option);
Result<> delete_logging(Application& changed, const std::string& id);
Result<> add_vpc(Application& changed, const api::VpcConfiguration& vpc);
Result<> delete_vpc(Application& changed, const std::string& id);

}  // namespace millstream::analytics
