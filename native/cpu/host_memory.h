// The memory of the CPU device.
#pragma once
#include "core/buffer.h"

namespace dfmerge {

// Anonymous mappings, on pages of their own: pages are taken from the system at first touch, and blocks of 4 MiB or
// more ask for huge pages.
Memory& host_memory();

}  // namespace dfmerge
