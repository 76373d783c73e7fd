// The graft texts that are part of the compiler: operators, models and presets, and the zoo of grafts.
#pragma once

#include <stddef.h>

/// How many files there are.
size_t graft_prelude_count(void);

/// The name of a file, such as `linear.graft`, or NULL where `index` is not below the count.
const char *graft_prelude_name(size_t index);

/// The bytes of a file, which live as long as the program, or NULL where `index` is not below the count.
const unsigned char *graft_prelude_text(size_t index);

/// How many bytes a file has; 0 where `index` is not below the count.
size_t graft_prelude_length(size_t index);

/// How many files the zoo has.
size_t graft_zoo_count(void);

/// The name of a file of the zoo, such as `dit-xl2-parallel-d14`, or NULL where `index` is not below the count.
const char *graft_zoo_name(size_t index);

/// The bytes of a file of the zoo, which live as long as the program, or NULL where `index` is not below the count.
const unsigned char *graft_zoo_text(size_t index);

/// How many bytes a file of the zoo has; 0 where `index` is not below the count.
size_t graft_zoo_length(size_t index);

/// The table of specs/import, by which published configurations are read.
const unsigned char *graft_import_table_text(void);
size_t graft_import_table_length(void);
