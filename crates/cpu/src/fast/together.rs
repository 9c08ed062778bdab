//! Operations that threads share as one job: projections of the same value, and what gates two of them. Each job costs the
//! threads their meeting, at its begin and its end, and a layer has few that must come one after the other.

use sotto_plan::Op;

/// Most operations of a job.
pub const MOST: usize = 3;

/// How many of `ops`, from the first on, can be one job: each reads what was there before, or what the job writes
/// at the same place.
pub fn count(ops: &[Op]) -> usize {
    let Some(&Op::Linear { x: shared, .. }) = ops.first() else { return 1 };
    let of_shared = |op: &&Op| matches!(op, Op::Linear { x, .. } if *x == shared);
    let projections = ops.iter().take(MOST).take_while(of_shared).count();
    match ops {
        [first, second, Op::Gated { gate, up, .. }, ..]
            if projections == 2 && (first.out(), second.out()) == (Some(*gate), Some(*up)) =>
        {
            projections + 1
        }
        _ => projections,
    }
}

#[cfg(test)]
mod tests {
    use sotto_plan::{Gated, ValueId, WeightId};

    use super::*;

    fn linear(x: u32, out: u32) -> Op {
        Op::Linear { x: ValueId(x), weight: WeightId(0), bias: None, out: ValueId(out) }
    }

    #[test]
    fn what_needs_another_operation_of_the_job_waits_for_it() {
        let gated =
            |gate, up| Op::Gated { kind: Gated::Silu, gate: ValueId(gate), up: ValueId(up), out: ValueId(9) };
        for (ops, want) in [
            (vec![linear(0, 1)], 1),
            (vec![linear(0, 1), linear(1, 2)], 1),
            (vec![linear(0, 1), linear(0, 2), linear(0, 3), linear(0, 4)], 3),
            (vec![linear(0, 1), linear(0, 2), gated(1, 2), linear(0, 3)], 3),
            (vec![linear(0, 1), linear(0, 2), gated(2, 1)], 2),
            (vec![linear(0, 1), linear(5, 2), gated(1, 2)], 1),
            (vec![gated(1, 2), linear(0, 1)], 1),
            (vec![], 1),
        ] {
            assert_eq!(count(&ops), want, "{ops:?}");
        }
    }
}
