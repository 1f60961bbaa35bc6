# Compiler and linker settings for our own code; warnings are errors.
find_program(MS_CCACHE ccache)
if(MS_CCACHE)
  # base_dir and hash_dir=false: a clone in another folder still hits; time_macros and
  # pch_defines: precompiled headers are cacheable.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_MAXSIZE=5G ${MS_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

add_compile_options(-g1 -fno-omit-frame-pointer -march=x86-64-v2
                    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>"
                    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
add_link_options(-fuse-ld=lld-19)

set(CMAKE_CXX_FLAGS_DEBUG "-O0")
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
if(MS_SANITIZE)
  # -O1: coroutine frames and checks stay affordable, stacks stay readable.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1")
  add_compile_options(-fsanitize=${MS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MS_SANITIZE})
endif()

set(MS_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Werror -Wno-missing-field-initializers
                -Wno-missing-designated-field-initializers)
