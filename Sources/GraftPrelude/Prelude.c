#include "GraftPrelude.h"
