//! Rotations by the position, from a table that grows with the text.

use sotto_plan::{Rope, RopeLayout};

use crate::reference::ops;

/// Cosines and sines of one kind of rotation at every position so far.
pub struct Table {
    rope: Rope,
    factors: Option<Vec<f32>>,
    /// `[positions][rotary_dim / 2]`.
    turns: Vec<Turn>,
}

/// A rotation, times the rope's magnitude.
#[derive(Clone, Copy)]
struct Turn {
    cos: f32,
    sin: f32,
}

impl Table {
    /// Positions that the table grows by.
    const STEP: usize = 256;

    /// A table without positions.
    pub fn new(rope: Rope, factors: Option<Vec<f32>>) -> Self {
        Table { rope, factors, turns: Vec::new() }
    }

    /// Whether this is the table of `rope`.
    pub fn is_of(&self, rope: &Rope) -> bool {
        self.rope == *rope
    }

    /// Makes the table reach to position `end`, exclusive.
    pub fn reach(&mut self, end: usize) {
        let Rope { head_dim, rotary_dim, layout, .. } = self.rope;
        let pairs = rotary_dim / 2;
        let from = self.turns.len() / pairs.max(1);
        if pairs == 0 || end <= from {
            return;
        }
        let more = end.next_multiple_of(Self::STEP) - from;
        // A pair (1, 0) turns into its cosine and sine.
        let mut head = vec![0.0; head_dim];
        (0..pairs).for_each(|j| head[pair(layout, j, pairs).0] = 1.0);
        let turned = ops::rope(&head.repeat(more), head_dim, from, &self.rope, self.factors.as_deref());
        for head in turned.chunks_exact(head_dim) {
            self.turns.extend((0..pairs).map(|j| {
                let (first, second) = pair(layout, j, pairs);
                Turn { cos: head[first], sin: head[second] }
            }));
        }
    }

    /// Rotates the heads of `x` `[tokens, width]`, whose first token stands at `position`, into `out`.
    pub fn rotate(&self, x: &[f32], width: usize, position: usize, out: &mut [f32]) {
        let Rope { head_dim, rotary_dim, layout, .. } = self.rope;
        let pairs = rotary_dim / 2;
        out.copy_from_slice(x);
        for (t, row) in out.chunks_exact_mut(width).enumerate() {
            let turns = &self.turns[(position + t) * pairs..][..pairs];
            for head in row.chunks_exact_mut(head_dim) {
                match layout {
                    RopeLayout::Adjacent => {
                        for ([a, b], turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                            turn.apply(a, b);
                        }
                    }
                    RopeLayout::Halves => {
                        let (first, rest) = head.split_at_mut(pairs);
                        for ((a, b), turn) in first.iter_mut().zip(rest).zip(turns) {
                            turn.apply(a, b);
                        }
                    }
                }
            }
        }
    }
}

impl Turn {
    fn apply(self, a: &mut f32, b: &mut f32) {
        (*a, *b) = (*a * self.cos - *b * self.sin, *a * self.sin + *b * self.cos);
    }
}

/// Where the elements of pair `j` stand in a head.
fn pair(layout: RopeLayout, j: usize, pairs: usize) -> (usize, usize) {
    match layout {
        RopeLayout::Adjacent => (2 * j, 2 * j + 1),
        RopeLayout::Halves => (j, j + pairs),
    }
}
