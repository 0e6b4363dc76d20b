// Shared by every kernel file: how a function is exported and which instruction set serves.
#pragma once
#include <cstdint>

#define SCENE3D_API extern "C" __attribute__((visibility("default")))

namespace scene3d {

enum class Isa { plain, avx2, avx512, avx512bf16 };

// The best set of this machine, or a lesser one that a test or a benchmark asked for. A kernel with several bodies
// switches on it.
Isa isa();

}  // namespace scene3d
