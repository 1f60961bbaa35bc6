#include "wire/types.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "wire/absences.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"
#include "wire/sample_values.h"
#include "wire/service.h"

namespace millstream::wire {
namespace {

template <class Check>
void for_each_structure(Check check) {
  for (const Service* service : all_services()) {
    for (const StructType* type : service->structures) {
      SCOPED_TRACE(fmt::format("{}.{}", service->name, type->name));
      check(*type);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Tables, EveryMemberIsReachedAndNoOtherChanges) {
  Sampler sampler(1);
  for_each_structure([&](const StructType& type) {
    std::set<uint32_t> offsets;
    for (const Member& member : type.members) {
      EXPECT_TRUE(offsets.insert(member.offset).second) << member.name;
      EXPECT_LT(member.offset, type.size);
      AnyStructure object(type);
      AnyStructure untouched(type);
      EXPECT_EQ(get(member, object.get()) != nullptr, member.required) << member.name;
      sampler.fill(*member.type, emplace(member, object.get()), 0);
      EXPECT_NE(get(member, object.get()), nullptr) << member.name;

      // What the object says without this member is what an untouched one says.
      std::string before;
      std::string after;
      for (const Member& other : type.members) {
        if (&other == &member) continue;
        const Member alone[] = {other};
        StructType one = type;
        one.members = alone;
        encode_json(one, untouched.get(), before);
        encode_json(one, object.get(), after);
      }
      EXPECT_EQ(after, before) << member.name;
    }
  });
}

TEST(Tables, NamesAreFoundAndKindsAreComplete) {
  for_each_structure([](const StructType& type) {
    std::set<std::string_view> names;
    for (const Member& member : type.members) {
      EXPECT_TRUE(names.insert(member.name).second) << member.name;
      const Type& shape = *member.type;
      EXPECT_EQ(shape.list != nullptr, shape.kind == Kind::kList);
      EXPECT_EQ(shape.map != nullptr && shape.key != nullptr, shape.kind == Kind::kMap);
      EXPECT_EQ(shape.structure != nullptr, shape.kind == Kind::kStructure);
      EXPECT_EQ(shape.element != nullptr, shape.kind == Kind::kList || shape.kind == Kind::kMap);
      EXPECT_LE(shape.min, shape.max) << member.name;
      if (shape.pattern || !shape.enum_values.empty()) EXPECT_EQ(shape.kind, Kind::kString);
    }
  });
}

TEST(Tables, WhatIsEncodedIsDecodedAgain) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    Sampler sampler(seed);
    for_each_structure([&](const StructType& type) {
      AnyStructure object(type);
      sampler.fill(type, object.get());
      std::string once;
      encode_json(type, object.get(), once);

      AnyStructure copy(type);
      Absences absences;
      const auto decoded = decode_json(type, once, copy.get(), absences);
      ASSERT_TRUE(decoded) << decoded.error().message << "\n" << once;
      EXPECT_TRUE(absences.empty());
      std::string twice;
      encode_json(type, copy.get(), twice);
      EXPECT_EQ(twice, once);
    });
  }
}

TEST(Services, HaveTheOperationsOfTheirModels) {
  const auto count = [](std::string_view name) { return find_service(name)->operations.size(); };
  EXPECT_GE(count("kinesis"), 39u);
  EXPECT_EQ(count("firehose"), 12u);
  EXPECT_EQ(count("kinesisanalytics"), 20u);
  EXPECT_GE(count("kinesisanalyticsv2"), 33u);
  EXPECT_EQ(count("dynamodb"), 22u);
  EXPECT_EQ(count("cloudwatch"), 1u);
  EXPECT_EQ(count("sts"), 1u);
  EXPECT_EQ(find_service("s3"), nullptr);
}

}  // namespace
}  // namespace millstream::wire
