//! How a model's findings and the recognisers' come together before [`merge`](mod@crate::merge) settles what still overlaps: each step lets one side
//! take from the other what that knows better.

mod addresses;
mod doubts;
mod edges;
mod kinds;
mod names;
mod shapes;
mod told;
mod whole;

use std::ops::Range;

use crate::context::Kinds;
use crate::label::Group;
use crate::merge::sort_by_place;
use crate::recognisers::Nameless;
use crate::{Entity, Label};

pub(crate) use addresses::{join_towns, trim_places};

/// A model's score below which a word of the language is no name, and below which a recogniser's label of the same name stands; chosen
/// on the texts that pii-mini's card scores.
pub(crate) const UNSURE: (f32, f32) = (0.8, 0.93);

/// Bytes that no name and no number reaches.
const LONGEST: usize = 256;

/// The score of a recogniser that knows whose name it is by more than the name: by a legal form (`Palmgren HB`), or by what stands before
/// it (`Patient: Vega, Gary`).
pub(crate) const SURE_NAME: f32 = 0.9;

/// Lets a model's findings and the recognisers' (`found`, in any order) take from each other. `nameless` are the parts that the text says hold no names, `hint`
/// is what the name of the field says of its value, and `may` says of a finding whether the caller would have it under a label with a score.
pub(crate) fn join(
    text: &str,
    model: &mut Vec<Entity>,
    found: &mut Vec<Entity>,
    nameless: Vec<Nameless>,
    hint: Kinds,
    may: &dyn Fn(&Entity, &Label, f32) -> bool,
) {
    sort_by_place(found);
    edges::leave_addresses(text, model, found);
    doubts::drop_nobody(text, model);
    doubts::doubt_words(text, model);
    told::heed(text, model, found, nameless);
    edges::take_edges(model, found);
    addresses::join_addresses(text, model, found);
    names::take_names(text, model, found);
    whole::whole_names(text, model);
    names::agree(model, found);
    shapes::settle(text, model, found, hint, &|one, label| may(one, label, one.score));
    kinds::take_kinds(model, found, &|one, other| may(one, &other.label, one.score.max(other.score)));
}

/// Whether what has this label is made of digits, by and large.
pub(crate) fn is_number(label: &Label) -> bool {
    matches!(label, Label::Phone | Label::PostalCode)
        || matches!(
            label.group(),
            Group::Device | Group::Financial | Group::Government | Group::Credential | Group::Time
        )
}

pub(crate) fn is_name(label: &Label) -> bool {
    matches!(label, Label::Person | Label::Location | Label::Organization)
}

/// Which of the recognisers' findings, which are sorted, may overlap a model's.
fn near(recognised: &[Entity], entity: &Entity) -> Range<usize> {
    let from = recognised.partition_point(|other| other.start + LONGEST < entity.start);
    let to = recognised.partition_point(|other| other.start < entity.end);
    from..to.max(from)
}
