// The attention of attend_cached_body.h for plain C++.
#include "attend_cached_body.h"

namespace scene3d {
const AttendCachedBody attend_cached_plain{keep, attend};
}  // namespace scene3d
