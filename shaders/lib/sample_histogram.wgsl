// How far below the largest logit tokens lie, in BINS steps of (l - m) / temperature from 0 to -64: bin 0 is the most
// probable. Three words a bin: number of tokens, and their mass. Tokens of weight 0 are in no bin.
override BINS: u32;

fn bin_of(exponent: f32) -> u32 {
    return min(u32(exponent * (f32(BINS) / -64.0)), BINS - 1u);
}
