// The attention of attend_cached_body.h for AVX-512.
#include "attend_cached_body.h"

#if defined(__x86_64__)
namespace scene3d {
const AttendCachedBody attend_cached_avx512{keep, attend};
}  // namespace scene3d
#endif
