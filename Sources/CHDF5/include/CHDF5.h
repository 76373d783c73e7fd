// What graft has libhdf5 do: tell what is in a file, and lay a file out. No type of the library shows here.
//
// The library is loaded when it is first needed: it brings thirty others with it, which would cost every program that
// links graft 10 ms.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A child process that reads a file's structure.

/// Starts one that surveys the bytes of `file` from `offset` on. Its answer comes through `answer`, the reading end of
/// a pipe. Returns 0 or an error number.
int graft_hdf5_start_survey(int file, int64_t offset, int64_t length, int *_Nonnull answer, pid_t *_Nonnull child);

/// The most bytes that the answer for a file of `length` bytes has.
int64_t graft_hdf5_answer_limit(int64_t length);

/// The most seconds of processor time that the child takes for a file of `length` bytes.
int64_t graft_hdf5_processor_seconds(int64_t length);

/// How the child ends, beside signals, where the library cannot be loaded, a file holds too much, or the library fails.
/// The answer to the last two ends with what was wrong.
enum { GRAFT_HDF5_NO_LIBRARY = 70, GRAFT_HDF5_TOO_MUCH = 71, GRAFT_HDF5_FAILED = 72 };

/// In how many others a type may lie: enumerations, compounds, arrays and lists.
enum { GRAFT_HDF5_TYPE_DEPTH = 32 };

/// What an answer's records begin with; `Survey.c` says what follows.
enum {
    GRAFT_HDF5_GROUP = 'G',
    GRAFT_HDF5_ATTRIBUTE = 'A',
    GRAFT_HDF5_OTHER_ATTRIBUTES = 'O',
    GRAFT_HDF5_LINK = 'L',
    GRAFT_HDF5_DATASET = 'D',
    GRAFT_HDF5_END = 'Z',
};

// A file without values, in which every dataset has its place.

/// Whether there is a library to lay it out.
int graft_hdf5_is_there(void);

typedef struct graft_hdf5_skeleton graft_hdf5_skeleton;

/// An element's type.
typedef enum {
    GRAFT_HDF5_SIGNED,
    GRAFT_HDF5_UNSIGNED,
    GRAFT_HDF5_FLOAT,     ///< of IEEE, 2 to 8 bytes
    GRAFT_HDF5_BRAIN,     ///< bf16, as a float of its own
    GRAFT_HDF5_TRUTH,     ///< an enumeration of one byte
    GRAFT_HDF5_COMPLEX,   ///< a compound of two floats
    GRAFT_HDF5_OPAQUE,    ///< bytes, with an attribute `dtype` that names their type
} graft_hdf5_kind;

/// Begins a file in `descriptor`, which is empty, with everything from a multiple of `alignment` on. NULL where that
/// fails; `graft_hdf5_failure` then tells why. One thread at a time may do so until the skeleton is closed.
graft_hdf5_skeleton *_Nullable graft_hdf5_begin(int descriptor, int64_t alignment);

/// Adds a group; the one around it is there.
int graft_hdf5_add_group(graft_hdf5_skeleton *_Nonnull skeleton, const char *_Nonnull path);

/// Adds an attribute of UTF-8 texts to the group at `path`: one text, or a list of `count`.
int graft_hdf5_add_attribute(
    graft_hdf5_skeleton *_Nonnull skeleton, const char *_Nonnull path, const char *_Nonnull name, int is_list,
    size_t count, const char *_Nullable const *_Nonnull texts);

/// Adds a dataset of elements of `width` bytes; `dtype` names an opaque type. Its bytes will begin at `offset`, which
/// is -1 where it has none.
int graft_hdf5_add_dataset(
    graft_hdf5_skeleton *_Nonnull skeleton, const char *_Nonnull path, graft_hdf5_kind kind, size_t width,
    const char *_Nullable dtype, int rank, const uint64_t *_Nullable sizes, int64_t *_Nonnull offset,
    uint64_t *_Nonnull header);

/// Opens a file in memory, without a name; negative where the system refuses.
int graft_hdf5_memory_file(void);

/// Completes the file and lets go of it.
int graft_hdf5_end(graft_hdf5_skeleton *_Nonnull skeleton);

/// What the library said last, of the thread that had begun a file.
const char *_Nonnull graft_hdf5_failure(void);
