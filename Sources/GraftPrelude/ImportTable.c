#include "GraftPrelude.h"

static const unsigned char table[] = {
#embed "../../specs/import/configurations.json"
};

const unsigned char *graft_import_table_text(void) { return table; }

size_t graft_import_table_length(void) { return sizeof table; }
