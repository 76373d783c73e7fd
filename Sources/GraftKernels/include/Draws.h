// Random numbers by position: element n of a stream depends on nothing but the seed, the stream and n.
// `specs/formats/draws.md` has the definition. The same bytes come out on every processor.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The elements that are drawn together: 64 counters of four words each.
#define GRAFT_DRAW_GROUP 256

/// The four words of one counter, for tests: Philox4x32-10.
void graft_philox(const uint32_t counter[_Nonnull 4], const uint32_t key[_Nonnull 2], uint32_t words[_Nonnull 4]);

/// Groups `first` to `first + groups` of the stream, each of 256 values: `low + span * u`, below `high`.
void graft_draw_uniform(
    uint64_t seed, uint64_t stream, uint64_t first, size_t groups, float low, float span, float high, float *values);

/// Groups `first` to `first + groups` of the stream, each of 256 values: `mean + deviation * z`.
void graft_draw_normal(
    uint64_t seed, uint64_t stream, uint64_t first, size_t groups, float mean, float deviation, float *values);

#pragma clang assume_nonnull end
