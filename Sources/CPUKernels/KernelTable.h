// Last part of an instruction set's file: all kernels, and the table that NAME and TABLE say.
#include "DotBlock.h"

#include "RowKernels.h"

#include "Attend.h"

const punica_kernels TABLE = {
    .name = NAME,
    .lanes = LANES,
    .pack = pack,
    .dot_block = dot_block,
    .attend_scratch = attend_scratch,
    .attend = attend,
    .to_float = to_float,
    .rms_norm = rms_norm,
    .silu_mul = silu_mul,
    .maximum = maximum,
    .sum_exp = sum_exp,
    .exp_shifted = exp_shifted,
    .add_rows = add_rows,
};
