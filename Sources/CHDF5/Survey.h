// What the files of the child process share: the answer that they write, and what is left of what it may take.
#pragma once

#include "CHDF5.h"
#include "Library.h"

/// What the child is called, which no program is.
extern const char graft_survey_program[];

/// What the child reads, and where it writes its answer to.
enum { FILE_DESCRIPTOR = 3, ANSWER_DESCRIPTOR = 4 };

enum {
    PATH_LIMIT = 1 << 16,
    TEXT_LIMIT = 16 << 20,
    RANK_LIMIT = 32,
};

/// The library, once it is loaded.
static const struct graft_hdf5_library *const h5 = &graft_hdf5_library;

/// The path of the group or dataset that is told of, without a slash in front; empty for the root.
extern char graft_path[PATH_LIMIT];

// The answer.

/// Begins an answer of at most `limit` bytes.
void graft_begin_answer(int64_t limit);

void graft_put(const void *bytes, size_t count);
void graft_put_u8(uint8_t value);
void graft_put_u32(uint32_t value);
void graft_put_u64(uint64_t value);
void graft_put_bytes(const void *bytes, size_t count);
/// Puts a text; NULL is an empty one.
void graft_put_text(const char *text);
/// Sends what was put.
void graft_flush(void);

/// Ends the answer with what the library says where it failed.
_Noreturn void graft_fail(void);

/// Ends the answer with what is wrong where the library did not notice.
_Noreturn void graft_fail_saying(const char *text);

/// Ends the answer with what there is too much of: a text that goes on from the path, or from "the file".
_Noreturn void graft_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Parts of a file.

/// How many more links and attributes a file of this size can have; a circle shows more.
extern int64_t graft_links_left;

/// Puts a type of the dataset.
void graft_put_type(hid_t type);

/// Puts the attributes of the group that are texts, and gives the number of the others.
hsize_t graft_put_attributes(hid_t group);

/// Puts the texts of the dataset's attribute `dtype`, which names the type of opaque bytes, and gives whether it is there.
hsize_t graft_put_named_type(hid_t dataset);

/// Puts the dataset `name` of `group`, and gives the number of its attributes that it takes.
hsize_t graft_put_dataset(hid_t group, const char *name);
