// In a build with the address sanitizer, memory that nobody holds can be marked, so that reading it is a finding.
// Elsewhere these do nothing.
#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define DFMERGE_POISON(floats, count) ASAN_POISON_MEMORY_REGION(floats, static_cast<size_t>(count) * 4)
#define DFMERGE_UNPOISON(floats, count) ASAN_UNPOISON_MEMORY_REGION(floats, static_cast<size_t>(count) * 4)
#else
#define DFMERGE_POISON(floats, count) static_cast<void>(0)
#define DFMERGE_UNPOISON(floats, count) static_cast<void>(0)
#endif
