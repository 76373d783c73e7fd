// SIMD loops without knowledge of models, memory or threads.
#pragma once

#include "Convolutions.h"
#include "Elementwise.h"
#include "InstructionSet.h"
#include "Movement.h"
#include "Reductions.h"
#include "Rows.h"
