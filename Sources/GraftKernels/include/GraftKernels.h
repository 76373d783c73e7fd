// SIMD loops without knowledge of models, memory or threads.
#pragma once

#include "Casts.h"
#include "Draws.h"
