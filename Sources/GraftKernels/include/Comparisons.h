// How far apart two runs of numbers are.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct {
  double largest;     // The largest difference of two elements; NaN where one is.
  double square;      // The differences' squares, added up.
  double norm;        // The first run's squares, added up.
  uint64_t far;       // Elements that differ by more than `absolute` plus `relative` times the larger one.
} graft_comparison;

// Adds `count` pairs to `result`. Two NaN are equal. Pointers need no alignment. The sums go by position, so they are
// the same on every processor, but not for every cutting into runs.
void graft_compare_f32(
    const void *a, const void *b, size_t count, double relative, double absolute, graft_comparison *result);
void graft_compare_f64(
    const void *a, const void *b, size_t count, double relative, double absolute, graft_comparison *result);

#pragma clang assume_nonnull end
