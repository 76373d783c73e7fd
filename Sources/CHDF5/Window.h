// A part of an open file, as the library sees one.
#pragma once

#include "Library.h"

/// What is asked of the values of datasets.
struct graft_reading {
    int is_noted;  // Where they are wanted from is noted, and they are not read.
    haddr_t address;
    size_t size;
};

/// The last one that was noted.
extern struct graft_reading graft_reading;

/// Makes an access list whose files are windows, or gives a negative number.
hid_t graft_window_access(const struct graft_hdf5_library *h5);

/// The name by which such a list opens `length` bytes of `descriptor` from `offset` on.
void graft_window_name(char *name, size_t capacity, int descriptor, int64_t offset, int64_t length);
