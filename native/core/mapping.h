// A file as memory. A page that the file no longer has, because somebody made it shorter, or that its disk cannot give,
// raises SIGBUS where it is touched, which would end the process. Here it is read as zeros instead, and the mapping
// remembers that it broke: whoever used its bytes asks, and throws them away.
#pragma once
#include <cstdint>

namespace dfmerge {

struct Region;

// Owns the mapping. The first one installs the process's handler of SIGBUS, which leaves every other fault to the
// handler that was there before.
class Mapping {
 public:
  // Maps the first `size` > 0 bytes of an open file for reading.
  Mapping(int descriptor, int64_t size);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  const uint8_t* data() const { return data_; }  // null where the system cannot map the file
  bool broken() const;                           // whether bytes were missing, so that zeros were read

 private:
  const uint8_t* data_ = nullptr;
  int64_t size_;
  Region* region_ = nullptr;
};

// Lets the calling thread meet SIGBUS: a thread that blocks it cannot be helped by a handler. Threads that read
// mappings call it.
void accept_bus_errors() noexcept;

}  // namespace dfmerge
