#include "wire/service.h"

#include <algorithm>

#include "wire/generated/cloudwatch.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/firehose.h"
#include "wire/generated/kinesis.h"
#include "wire/generated/kinesisanalytics.h"
#include "wire/generated/kinesisanalyticsv2.h"
#include "wire/generated/sts.h"

namespace millstream::wire {

const ErrorType* Service::find_error(std::string_view error_name) const {
  const auto found = std::ranges::find(errors, error_name, &ErrorType::name);
  return found == errors.end() ? nullptr : &*found;
}

std::span<const Service* const> all_services() {
  static const Service* const services[] = {&kinesis::service(),
                                            &firehose::service(),
                                            &kinesisanalytics::service(),
                                            &kinesisanalyticsv2::service(),
                                            &dynamodb::service(),
                                            &cloudwatch::service(),
                                            &sts::service()};
  return services;
}

const Service* find_service(std::string_view name) {
  const auto services = all_services();
  const auto found = std::ranges::find(services, name, &Service::name);
  return found == services.end() ? nullptr : *found;
}

}  // namespace millstream::wire
