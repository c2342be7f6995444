// What the fuzz targets share. A target takes arbitrary bytes, makes arguments of them and hands them to the native
// side: it may throw Error, and must neither crash nor return what breaks its contract.
#pragma once
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"

namespace dfmerge {

// Ends the process where a contract is broken, which libFuzzer reports with the input that led here.
#define EXPECT(truth) \
  do { \
    if (!(truth)) { \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #truth); \
      std::abort(); \
    } \
  } while (false)

// Runs a body that may refuse its arguments. Returns whether it did not. Other exceptions than Error are findings.
template <class Body>
bool accepted(const Body& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    EXPECT(error.what()[0] != 0);
    return false;
  }
}

// A file in memory, whose path is good within this process.
class MemoryFile {
 public:
  explicit MemoryFile(const std::vector<uint8_t>& bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    EXPECT(descriptor_ >= 0);
    resize(static_cast<int64_t>(bytes.size()));
    EXPECT(pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void resize(int64_t bytes) const { EXPECT(ftruncate(descriptor_, bytes) == 0); }

 private:
  int descriptor_;
};

// Mostly small numbers, which reach further, and now and then any.
template <class T>
T number(FuzzedDataProvider& data, T least, T most) {
  return data.ConsumeProbability<float>() < 0.9f ? data.ConsumeIntegralInRange<T>(least, most)
                                                 : data.ConsumeIntegral<T>();
}

template <class T>
std::vector<T> numbers(FuzzedDataProvider& data, size_t longest, T most) {
  std::vector<T> values(data.ConsumeIntegralInRange<size_t>(0, longest));
  for (T& value : values) value = number<T>(data, 0, most);
  return values;
}

}  // namespace dfmerge
