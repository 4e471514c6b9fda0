// All compiled operations. Compile this once for each type of number, -DREAL=float or -DREAL=double.
#include "conv_max.h"
#include "dropout.h"
#include "norm.h"
