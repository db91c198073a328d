// Last part of an instruction set's file: all kernels, and the table that NAME and TABLE say.
#include "DotTile.h"

#include "DotBlock.h"

#include "Pack.h"

#include "RowKernels.h"

#include "ValueTile.h"

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
};
