//! One copy of a sort for what is sorted once a model. Each place that calls the standard library's has a copy of its own, of some 2 KB
//! of what a page downloads.

use std::cmp::Ordering;

/// Sorts as `Vec::sort_by` does: what compares equal stays in its order.
pub fn sort_by<T>(items: &mut Vec<T>, compare: &dyn Fn(&T, &T) -> Ordering) {
    let order = sorted(items.len(), &|a, b| compare(&items[a], &items[b]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|at| taken[at].take()));
}

/// The numbers below `count`, sorted.
#[inline(never)]
fn sorted(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| compare(a, b));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(items in prop::collection::vec((0_u8..8, any::<String>()), 0..40)) {
            let (mut here, mut there) = (items.clone(), items);
            super::sort_by(&mut here, &|a, b| a.0.cmp(&b.0));
            there.sort_by_key(|item| item.0);
            prop_assert_eq!(here, there);
        }
    }
}
