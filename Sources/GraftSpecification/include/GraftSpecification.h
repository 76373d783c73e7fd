// The pages of specs/ that state rules, and the examples of these.
#pragma once

#include <stddef.h>

/// How many pages there are.
size_t graft_page_count(void);

/// The name of a page below specs/, such as `formats/json.md`, or NULL where `index` is not below the count.
const char *graft_page_name(size_t index);

/// The bytes of a page, which live as long as the program, or NULL where `index` is not below the count.
const unsigned char *graft_page_text(size_t index);

/// How many bytes a page has; 0 where `index` is not below the count.
size_t graft_page_length(size_t index);
