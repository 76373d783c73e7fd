// Calls of Linux that the C library declares for _GNU_SOURCE only, which Swift's Glibc module leaves out.
// Source: copy_file_range(2), fallocate(2), sync_file_range(2).
#pragma once

#include <sys/types.h>

ssize_t copy_file_range(
    int source, off_t *_Nullable source_offset, int target, off_t *_Nullable target_offset, size_t count, unsigned flags);
int fallocate(int file, int mode, off_t offset, off_t count);
enum { GRAFT_FALLOC_FL_KEEP_SIZE = 1 };
int sync_file_range(int file, off_t offset, off_t count, unsigned flags);
enum { GRAFT_SYNC_FILE_RANGE_WRITE = 2 };
