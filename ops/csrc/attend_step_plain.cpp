// The attention step of attend_step_body.h for plain C++.
#include "attend_step_body.h"

namespace scene3d {
const AttendStepBody attend_step_plain = attend_step;
}  // namespace scene3d
