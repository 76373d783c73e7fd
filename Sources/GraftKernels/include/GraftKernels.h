// SIMD loops without knowledge of models, memory or threads.
#pragma once
