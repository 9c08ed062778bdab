// What a workgroup of the kernels that attend for few queries takes: one split of the positions that query row `t` sees, for
// up to HEADS query heads (at most 4, with `eight_heads` 8) of one key/value head. Groups' x goes along key/value heads and what of their query heads, y along splits, z
// along rows.
#include "lib/attention_splits.wgsl"

override HEADS: u32;

struct Piece {
    t: u32,
    kv_head: u32,
    head0: u32,    // the first of the query heads
    n_heads: u32,
    split: u32,
    first: u32,    // position
    end: u32,      // not beyond `first` where nothing is left for this split
}

fn piece_of(group: vec3<u32>) -> Piece {
    let parts = (GROUP + HEADS - 1u) / HEADS;
    let kv_head = group.x / parts;
    let part = group.x % parts;
    let splits = splits_of(step.position + group.z);
    let first = splits.first + group.y * splits.length;
    return Piece(
        group.z, kv_head, kv_head * GROUP + part * HEADS, min(HEADS, GROUP - part * HEADS),
        group.y, first, min(first + splits.length, splits.end),
    );
}
