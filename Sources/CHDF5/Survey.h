// What the files of the child process share: the answer that they write, and what is left of what it may take.
#pragma once

#include "CHDF5.h"
#include "Library.h"

/// What the child is called, which no program is.
extern const char graft_survey_program[];

/// What the child reads, and where it writes its answer to.
enum { FILE_DESCRIPTOR = 3, ANSWER_DESCRIPTOR = 4 };

enum {
    TEXT_LIMIT = 16 << 20,
    RANK_LIMIT = 32,
};

/// The library, once it is loaded.
static const struct graft_hdf5_library *const h5 = &graft_hdf5_library;

// The answer.

/// How many bytes it may still get.
extern int64_t graft_answer_left;

void graft_put(const void *bytes, size_t count);
void graft_put_u8(uint8_t value);
void graft_put_u32(uint32_t value);
void graft_put_u64(uint64_t value);
void graft_put_bytes(const void *bytes, size_t count);
/// Puts a text; NULL is an empty one.
void graft_put_text(const char *text);
/// Sends what was put.
void graft_flush(void);

/// The end of the answer, with what went wrong at `path`. It may come within another record, so that it is found from
/// behind.
_Noreturn void graft_fail_saying(const char *path, const char *text);

/// The same, with what the library says.
_Noreturn void graft_fail(const char *path);

// Parts of a file.

/// How many more links and attributes a file of this size can have; a circle shows more.
extern int64_t graft_links_left;

/// Puts a type of the dataset at `path`.
void graft_put_type(hid_t type, const char *path);

/// Puts the attributes of the group at `path` that are texts.
void graft_put_attributes(hid_t group, const char *path);

/// Puts the texts of the attribute `dtype` of the dataset at `path`, which names the type of opaque bytes.
void graft_put_named_type(hid_t dataset, const char *path);

/// Puts the dataset `name` of `group`, which is at `path`.
void graft_put_dataset(hid_t group, const char *name, const char *path);
