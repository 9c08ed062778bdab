// How the positions that a query sees are dealt out to SPLITS workgroups, and what each leaves for the merge.
// A split is never shorter than MIN_SPLIT, so that a short context is read by few workgroups and the others
// leave at once: the number of workgroups is the same at each step.
//
// partials [tokens, n_heads, SPLITS, QUADS + 1 quads]: sum_j exp(s[j] - m) * values[j], then (m, sum_j exp(s[j] - m), 0, 0).
override SPLITS: u32;
override MIN_SPLIT: u32;  // positions, a multiple of ROUND
const ROUND = 32u;        // positions that the length of a split is a multiple of

struct Splits {
    first: u32,   // position
    end: u32,
    length: u32,  // positions of a split
    used: u32,    // number of splits that are not empty
}

fn splits_of(position: u32) -> Splits {
    let first = first_seen(position);
    let end = last_seen(position) + 1u;
    let share = (end - first + SPLITS - 1u) / SPLITS;
    let length = max(MIN_SPLIT, (share + ROUND - 1u) / ROUND * ROUND);
    return Splits(first, end, length, (end - first + length - 1u) / length);
}

fn partial_at(t: u32, head: u32, split: u32) -> u32 {
    return ((t * KV_HEADS * GROUP + head) * SPLITS + split) * (QUADS + 1u);
}
