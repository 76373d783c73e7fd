#include "GraftKernels.h"
