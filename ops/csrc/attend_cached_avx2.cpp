// The attention of attend_cached_body.h for AVX2 with FMA.
#include "attend_cached_body.h"

#if defined(__x86_64__)
namespace scene3d {
const AttendCachedBody attend_cached_avx2{keep, attend};
}  // namespace scene3d
#endif
