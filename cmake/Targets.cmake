# ms_library(NAME base SOURCES … DEPS … TESTS …): the library of one folder of src/ and its
# unit tests (one executable, NAME_test). Standard and Asio headers come precompiled from
# ms_pch; what is precompiled still has to be included by every file that uses it.
function(ms_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;TESTS;TEST_DEPS" ${ARGN})
  add_library(ms_${ARG_NAME} STATIC ${ARG_SOURCES})
  target_include_directories(ms_${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_compile_options(ms_${ARG_NAME} PRIVATE ${MS_WARNINGS})
  target_link_libraries(ms_${ARG_NAME} PUBLIC ${ARG_DEPS} ms_pch)
  target_precompile_headers(ms_${ARG_NAME} REUSE_FROM ms_pch)
  if(MS_TESTS AND ARG_TESTS)
    add_executable(${ARG_NAME}_test ${ARG_TESTS})
    target_compile_options(${ARG_NAME}_test PRIVATE ${MS_WARNINGS})
    target_link_libraries(${ARG_NAME}_test PRIVATE ms_${ARG_NAME} ${ARG_TEST_DEPS}
                          GTest::gmock GTest::gtest_main)
    target_precompile_headers(${ARG_NAME}_test REUSE_FROM ms_pch)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}_test)
    set_tests_properties(${ARG_NAME} PROPERTIES LABELS unit TIMEOUT 1500)
  endif()
endfunction()

# ms_fuzz_target(json_decode_fuzz LIBRARIES ms_wire): test/fuzz/json_decode_fuzz.cc (libFuzzer).
# SOURCES: files of src/ whose library would bring too much with it. script/fuzz builds and runs them.
option(MS_FUZZ "Build fuzz targets" OFF)
function(ms_fuzz_target NAME)
  if(NOT MS_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "LIBRARIES;SOURCES" ${ARGN})
  add_executable(${NAME} ${CMAKE_SOURCE_DIR}/test/fuzz/${NAME}.cc ${ARG_SOURCES})
  target_include_directories(${NAME} PRIVATE ${CMAKE_SOURCE_DIR}/test)
  target_compile_options(${NAME} PRIVATE ${MS_WARNINGS})
  target_link_options(${NAME} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBRARIES})
  target_precompile_headers(${NAME} REUSE_FROM ms_pch)
endfunction()

# Flags and definitions that every target shares (precompiled headers demand equal ones).
add_library(ms_external INTERFACE)
target_compile_definitions(ms_external INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(ms_external INTERFACE Boost::headers fmt::fmt spdlog::spdlog
                      OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

add_library(ms_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(ms_pch PUBLIC ms_external)
target_precompile_headers(ms_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
