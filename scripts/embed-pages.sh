#!/usr/bin/env bash
# Writes the C file that embeds the pages of specs/. To be run where a page was added, renamed or removed.
set -euo pipefail
cd "$(dirname "$0")/.."

pages=$(cd specs && find . -name '*.md' ! -name README.md | sed 's|^\./||' | LC_ALL=C sort)
{
  echo '// Written by scripts/embed-pages.sh.'
  echo '#include "GraftSpecification.h"'
  echo
  number=0
  for page in $pages; do
    printf 'static const unsigned char page_%d[] = {\n#embed "../../specs/%s"\n};\n' "$number" "$page"
    number=$((number + 1))
  done
  echo
  echo '#define PAGE(number, name) {name, page_##number, sizeof page_##number}'
  echo
  echo 'static const struct {'
  echo '  const char *name;'
  echo '  const unsigned char *text;'
  echo '  size_t length;'
  echo '} pages[] = {'
  number=0
  for page in $pages; do
    printf '    PAGE(%d, "%s"),\n' "$number" "$page"
    number=$((number + 1))
  done
  cat <<'END'
};

size_t graft_page_count(void) { return sizeof pages / sizeof pages[0]; }

const char *graft_page_name(size_t index) { return index < graft_page_count() ? pages[index].name : NULL; }

const unsigned char *graft_page_text(size_t index) { return index < graft_page_count() ? pages[index].text : NULL; }

size_t graft_page_length(size_t index) { return index < graft_page_count() ? pages[index].length : 0; }
END
} > Sources/GraftSpecification/Pages.c
