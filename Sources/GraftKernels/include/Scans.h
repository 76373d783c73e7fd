// Recurrences along the places of a sequence.
#pragma once

#include <stddef.h>

#include "InstructionSet.h"

// One head of one sequence. Strides are the floats from one place to the next.
typedef struct {
  size_t places, width, state;            // n, p and s.
  size_t x_stride, step_stride, state_stride;
  float rate, skip;
} graft_scan;

// S = exp(dt rate) S + dt x (outer) b;  y = S c + skip x, place after place, S [width, state] zero before the first.
// `x` and `y` are `width` floats a place, `dt` one, `b` and `c` `state` floats. `scratch` has room for 16 times `state`
// floats. The state is kept in vectors along `width`; each is a chain of multiply-adds in the order of the places.
void graft_selective_scan(
    graft_isa isa, const graft_scan *scan, const float *x, const float *dt, const float *b, const float *c, float *y,
    float *scratch);
