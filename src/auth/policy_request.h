// What policies decide about: one action of one caller on one resource.
#pragma once

#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "base/async.h"
#include "base/env.h"

namespace millstream {

struct PolicyRequest {
  std::string_view principal_arn;      // arn:aws:iam::111111111111:user/ann
  std::string_view principal_account;  // 12 digits
  std::string_view user;               // "ann"; empty: the account itself
  std::string_view action;             // "kinesis:PutRecord"
  std::string_view resource;           // an ARN, or "*" for actions about no resource
  asio::ip::address source_ip;
  bool secure_transport = false;
  TimeMs now = 0;
};

}  // namespace millstream
