// How the positions of a KV cache are dealt out to its segments: the first has SEGMENT positions, the second as many, and each
// further one twice those of the one before, so that a cache grows and nothing is ever copied.
override SEGMENT: u32 = 0x40000000u;

// The segment that holds a position.
fn kv_segment(position: u32) -> u32 {
    return select(firstLeadingBit(position / SEGMENT) + 1u, 0u, position < SEGMENT);
}

// The first position of a segment.
fn kv_segment_first(segment: u32) -> u32 {
    return select(SEGMENT << (max(segment, 1u) - 1u), 0u, segment == 0u);
}

// The first position beyond it.
fn kv_segment_end(segment: u32) -> u32 {
    return SEGMENT << segment;
}

// A position's index in its segment.
fn kv_row(position: u32) -> u32 {
    return position - kv_segment_first(kv_segment(position));
}
