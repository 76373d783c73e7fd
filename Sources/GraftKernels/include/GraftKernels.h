// SIMD loops without knowledge of models, memory or threads.
#pragma once

#include "Attention.h"
#include "Blocks.h"
#include "Casts.h"
#include "Comparisons.h"
#include "Convolutions.h"
#include "Draws.h"
#include "Elementwise.h"
#include "InstructionSet.h"
#include "IntegerProducts.h"
#include "Movement.h"
#include "Processors.h"
#include "Products.h"
#include "Reductions.h"
#include "Rows.h"
#include "Scans.h"
