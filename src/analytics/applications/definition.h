// What requests give (Input, Output, …) as what is kept and described (InputDescription, …).
// `id`: "<version>.<number>", as AWS numbers the parts of an application.
#pragma once

#include <string>

#include "base/result.h"
#include "wire/generated/kinesisanalyticsv2.h"

namespace millstream::analytics {

namespace api = wire::kinesisanalyticsv2;

Result<api::InputDescription> describe(const api::Input& input, std::string id);
Result<api::OutputDescription> describe(const api::Output& output, std::string id);
Result<api::ReferenceDataSourceDescription> describe(const api::ReferenceDataSource& source,
                                                     std::string id);
api::InputProcessingConfigurationDescription describe(const api::InputProcessingConfiguration& in);
api::CloudWatchLoggingOptionDescription describe(const api::CloudWatchLoggingOption& option,
                                                 std::string id);
api::VpcConfigurationDescription describe(const api::VpcConfiguration& vpc, std::string id);
Result<api::ApplicationCodeConfigurationDescription> describe(
    const api::ApplicationCodeConfiguration& code);
// The whole of it; `version`: of the application, for ids.
Result<api::ApplicationConfigurationDescription> describe(const api::ApplicationConfiguration& in,
                                                          bool is_sql, int64_t version);

// Changes `to` in all parts that the update names. Errors: kInvalidArgument, kNotFound (ids).
Result<> apply(const api::ApplicationConfigurationUpdate& update, bool is_sql,
               api::ApplicationConfigurationDescription& to);

// CodeMD5 and CodeSize of text.
void measure_code(api::CodeContentDescription& content);

}  // namespace millstream::analytics
