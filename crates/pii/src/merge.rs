//! From overlapping findings to a clean list. Trust decides ([`By`]), then score, then length; a finding that
//! gives way keeps what the winner does not cover, so that nothing that anyone saw is left in the open.

use crate::entity::Other;
use crate::{By, Entity, Label};

/// Fewest letters or digits that the uncovered rest of a finding must be able to hold, in bytes.
const LEAST_REST: usize = 3;

/// Sorts, resolves overlaps, and drops what scores below `threshold`.
pub fn merge(found: Vec<Entity>, threshold: f32) -> Vec<Entity> {
    merge_by(found, &|_| threshold)
}

/// As [`merge`], with a threshold a label.
pub fn merge_by(mut found: Vec<Entity>, threshold: &dyn Fn(&Label) -> f32) -> Vec<Entity> {
    found.retain(|entity| entity.start < entity.end && entity.score >= threshold(&entity.label));
    sort_by_place(&mut found);
    let mut merged = Vec::with_capacity(found.len());
    let mut cluster: Vec<Entity> = Vec::new();
    let mut cluster_end = 0;
    for entity in found {
        if entity.start >= cluster_end && !cluster.is_empty() {
            resolve(std::mem::take(&mut cluster), &mut merged);
        }
        cluster_end = cluster_end.max(entity.end);
        cluster.push(entity);
    }
    resolve(cluster, &mut merged);
    merged
}

/// Sorts by start, then by end. Each place that sorts has a copy of the standard library's sort, which is most of what it
/// adds to the download; so this is the only one for entities.
#[inline(never)]
pub(crate) fn sort_by_place(entities: &mut [Entity]) {
    entities.sort_by_key(|entity| (entity.start, entity.end));
}

/// Entities that hold others whole and lose nothing by it: an e-mail address in a URL, a key in a PEM block, all of what a model saw
/// a part of under the same label.
fn is_container(outer: &Entity, inner: &Entity) -> bool {
    let spans = outer.start <= inner.start
        && inner.end <= outer.end
        && (outer.start, outer.end) != (inner.start, inner.end);
    spans
        && inner.by != By::User
        && (matches!(outer.label, Label::Url | Label::Address | Label::Email | Label::Secret | Label::Iban)
            || outer.label == inner.label && inner.by < By::Validated)
        && !(outer.label == Label::Url && inner.label == Label::Email && outer.start == inner.start)
}

fn resolve(mut cluster: Vec<Entity>, merged: &mut Vec<Entity>) {
    if cluster.len() <= 1 {
        merged.append(&mut cluster);
        return;
    }
    let contained = |entity: &Entity| cluster.iter().any(|outer| is_container(outer, entity));
    let mut ranked: Vec<(bool, Entity)> =
        cluster.iter().map(|entity| (contained(entity), entity.clone())).collect();
    ranked.sort_by(|(a_in, a), (b_in, b)| {
        let key = |entity: &Entity| (entity.by, ordered(entity.score), entity.end - entity.start);
        a_in.cmp(b_in).then_with(|| key(b).cmp(&key(a))).then_with(|| a.start.cmp(&b.start))
    });
    // Winners in order of place. A cluster of many findings in one place stays cheap: each looks up its neighbours only.
    let mut winners: std::collections::BTreeMap<usize, Entity> = std::collections::BTreeMap::new();
    for (_, entity) in ranked {
        let mut rest = vec![(entity.start, entity.end)];
        let overlapping: Vec<usize> = winners
            .range(..entity.end)
            .rev()
            .take_while(|(_, winner)| winner.end > entity.start)
            .map(|(&start, _)| start)
            .collect();
        for start in &overlapping {
            let Some(winner) = winners.get_mut(start) else { continue };
            winner.explain.gave_way.push(Other {
                label: entity.label.clone(),
                score: entity.score,
                by: entity.by,
                recogniser: entity.explain.recogniser.clone(),
            });
            // A model that sees a date does not contradict the word "born" before it.
            if (entity.start, entity.end) == (winner.start, winner.end)
                && entity.label.is_kind_of(&winner.label)
            {
                winner.label = entity.label.clone();
            }
            let (from, to) = (winner.start, winner.end);
            rest = rest
                .into_iter()
                .flat_map(|(a, b)| [(a, b.min(from)), (a.max(to), b)])
                .filter(|(a, b)| a < b)
                .collect();
        }
        if overlapping.is_empty() {
            winners.insert(entity.start, entity);
            continue;
        }
        for (start, end) in rest.into_iter().filter(|(a, b)| b - a >= LEAST_REST) {
            // Only what has no shape to lose is cut: a piece of a phone number is no phone number, but is still in the open.
            if entity.by >= By::Model || matches!(entity.label, Label::Address | Label::Url | Label::Secret) {
                winners.insert(start, Entity { start, end, ..entity.clone() });
            }
        }
    }
    merged.extend(winners.into_values());
}

/// A score as what can be compared.
pub(crate) fn ordered(score: f32) -> u32 {
    (score.clamp(0.0, 1.0) * 1e6) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entity(label: Label, start: usize, end: usize, score: f32, by: By) -> Entity {
        Entity::new(label, start, end, score, by, "test")
    }

    #[test]
    fn trust_then_score_then_length() {
        let merged = merge(
            vec![
                entity(Label::Phone, 0, 19, 0.9, By::Pattern),
                entity(Label::CreditCard, 0, 19, 0.8, By::Validated),
                entity(Label::Person, 30, 35, 0.5, By::Model),
                entity(Label::Person, 30, 40, 0.5, By::Model),
            ],
            0.5,
        );
        assert_eq!(
            merged.iter().map(|e| (e.label.name(), e.start, e.end)).collect::<Vec<_>>(),
            [("CREDIT_CARD", 0, 19), ("PERSON", 30, 40)]
        );
        assert_eq!(merged[0].explain.gave_way[0].label, Label::Phone);
    }

    #[test]
    fn the_closer_label_of_one_kind_stays() {
        for (model, pattern, want) in [
            (Label::Date, Label::DateOfBirth, Label::DateOfBirth),
            (Label::IdNumber, Label::Passport, Label::Passport),
            (Label::DateOfBirth, Label::Date, Label::DateOfBirth),
            (Label::Date, Label::Phone, Label::Date),
        ] {
            let merged = merge(
                vec![entity(model, 0, 9, 0.9, By::Model), entity(pattern, 0, 9, 0.8, By::Pattern)],
                0.5,
            );
            assert_eq!((merged.len(), &merged[0].label, merged[0].by), (1, &want, By::Model));
        }
    }

    #[test]
    fn what_a_winner_does_not_cover_stays_covered() {
        let merged = merge(
            vec![
                entity(Label::Person, 0, 20, 0.9, By::Model),
                entity(Label::CreditCard, 10, 30, 1.0, By::Validated),
            ],
            0.5,
        );
        assert_eq!(
            merged.iter().map(|e| (e.label.name(), e.start, e.end)).collect::<Vec<_>>(),
            [("PERSON", 0, 10), ("CREDIT_CARD", 10, 30)]
        );
    }

    #[test]
    fn a_name_keeps_the_part_that_a_model_saw() {
        let merged = merge(
            vec![entity(Label::Person, 0, 8, 0.85, By::Pattern), entity(Label::Person, 4, 8, 0.9, By::Model)],
            0.5,
        );
        assert_eq!(merged.iter().map(|e| (e.start, e.end)).collect::<Vec<_>>(), [(0, 8)]);
    }

    #[test]
    fn a_container_keeps_what_it_holds() {
        let merged = merge(
            vec![
                entity(Label::Url, 0, 40, 0.9, By::Pattern),
                entity(Label::Email, 20, 40, 0.98, By::Pattern),
            ],
            0.5,
        );
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].label, Label::Url);
    }

    proptest! {
        #[test]
        fn never_overlapping_always_sorted(spans in prop::collection::vec((0_usize..60, 1_usize..20, 0.0_f32..1.0, 0_u8..4, 0_usize..5), 0..30)) {
            let by = [By::Pattern, By::Model, By::Validated, By::User];
            let labels = [Label::Person, Label::Url, Label::Phone, Label::Address, Label::CreditCard];
            let found = spans.iter().map(|&(s, l, score, b, label)| entity(labels[label].clone(), s, s + l, score, by[b as usize])).collect();
            let merged = merge(found, 0.3);
            for pair in merged.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
        }
    }
}
