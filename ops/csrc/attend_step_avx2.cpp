// The attention step of attend_step_body.h for AVX2 with FMA.
#include "attend_step_body.h"

#if defined(__x86_64__)
namespace scene3d {
const AttendStepBody attend_step_avx2 = attend_step;
}  // namespace scene3d
#endif
