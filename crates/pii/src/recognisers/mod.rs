//! Recognisers that need no model: one file a family, all fed by one pass over the text (`scan`), plus the
//! caller's own lists and patterns (`custom`).

mod address;
mod age;
mod australia;
mod brazil;
mod canada;
mod capitals;
mod card;
mod codes;
mod coordinates;
mod credential;
mod crypto;
mod cues;
mod custom;
mod date;
mod date_numbers;
mod date_words;
mod device;
mod email;
mod fields;
mod firms;
mod forms;
mod france;
mod germany;
mod iban;
mod india;
mod institutions;
mod introductions;
mod ip;
mod italy;
mod keyed;
mod letterhead;
mod lexicon;
mod listed;
mod mailed;
mod mailing;
mod names;
mod nobody;
mod numbers;
mod penalty;
mod phone;
mod phone_extent;
mod phone_plans;
mod postal;
mod postcode;
mod quick;
mod scan;
mod secret;
mod spain;
mod streets;
mod table;
mod tagged;
mod titles;
mod uk;
mod units;
mod url;
mod us;
mod username;
pub(crate) mod words;

pub use custom::{Custom, CustomError};

use crate::context::{self, Kinds};
use crate::normal::View;
use crate::{By, Entity, Label};

pub(crate) use card::is_card;
pub(crate) use coordinates::NAME as COORDINATES;
pub(crate) use date_numbers::is_calendar_date;
pub(crate) use fields::{Nameless, is_told};
pub(crate) use lexicon::{is_given_name, is_no_name, is_surname, is_unknown, is_word_of_the_language};
pub(crate) use listed::is_state;
pub(crate) use nobody::{is_acronym, is_blood_pressure, is_finding, is_nobody, is_role};
pub(crate) use phone_extent::whole as whole_phone;

/// Bytes around a position within which recognisers decide about it.
pub(crate) use scan::REACH;
pub(crate) use streets::street_of;
pub(crate) use table::{Head, Table, tables_of};
pub(crate) use titles::{is_title, is_titled};

/// The recognisers to run: the built-in ones, less those switched off, and the caller's.
#[derive(Clone, Debug, Default)]
pub struct Recognisers {
    off: Vec<Label>,
    custom: Custom,
}

impl Recognisers {
    /// All built-in recognisers.
    pub fn all() -> Self {
        Recognisers::default()
    }

    /// Switches off the built-in recognisers of a label.
    #[must_use]
    pub fn without(mut self, label: Label) -> Self {
        self.off.push(label);
        self
    }

    /// Adds the caller's own patterns and lists.
    #[must_use]
    pub fn with(mut self, custom: Custom) -> Self {
        self.custom = custom;
        self
    }

    /// The caller's own patterns and lists.
    pub fn custom(&self) -> &Custom {
        &self.custom
    }

    /// Everything found in `text`, in no order and possibly overlapping; offsets are those of `text`.
    /// `field` is the name of the field or column that `text` is the value of; it counts as context.
    pub fn find(&self, text: &str, field: Option<&str>) -> Vec<Entity> {
        self.read(text, field, None).0
    }

    /// As [`Recognisers::find`], and where no names are. `open`: the head of a table that goes on where the text begins.
    pub(crate) fn read(
        &self,
        text: &str,
        field: Option<&str>,
        open: Option<&Head>,
    ) -> (Vec<Entity>, Vec<Nameless>) {
        let view = View::spaced(text);
        let hint = field.map_or(Kinds::NONE, context::of_name);
        let (mut found, mut nameless) = scan::Scan::run(view.text(), hint, open);
        if let Some(field) = field {
            fields::of_value(field, view.text(), &mut found, &mut nameless);
        }
        found.retain(|entity| !self.off.contains(&entity.label));
        for entity in &mut found {
            (entity.start, entity.end) = view.original(entity.start, entity.end);
        }
        for part in &mut nameless {
            (part.start, part.end) = view.original(part.start, part.end);
        }
        self.find_custom(text, &mut found);
        found.retain(|entity| {
            entity.start < entity.end && (entity.by == By::User || !self.custom.allows(entity.text(text)))
        });
        (found, nameless)
    }

    /// What the caller's patterns and lists find: they were written for text as it stands, without spaces of ours.
    fn find_custom(&self, text: &str, found: &mut Vec<Entity>) {
        if self.custom.is_empty() {
            return;
        }
        let (view, first) = (View::new(text), found.len());
        self.custom.find(view.text(), found);
        for entity in &mut found[first..] {
            (entity.start, entity.end) = view.original(entity.start, entity.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::spans;

    #[test]
    fn values_that_scripts_without_spaces_touch() {
        for (label, text, want) in [
            ("CREDIT_CARD", "信用卡号4111111111111111到期", "4111111111111111"),
            ("CREDIT_CARD", "カード番号は4111-1111-1111-1111です", "4111-1111-1111-1111"),
            ("CREDIT_CARD", "카드 4111111111111111입니다", "4111111111111111"),
            ("IBAN", "账户DE89370400440532013000请", "DE89370400440532013000"),
            ("EMAIL", "邮箱wang@example.com谢谢", "wang@example.com"),
            ("URL", "网址https://example.com/a谢谢", "https://example.com/a"),
            ("PHONE", "我叫王伟，电话是13800138000", "13800138000"),
            ("PHONE", "携帯は090-1234-5678です", "090-1234-5678"),
            ("PHONE", "拨打+8613812345678联系", "+8613812345678"),
            ("PHONE", "电话：本日13812345678", "13812345678"),
            ("CREDIT_CARD", "本月4111111111111111日结", "4111111111111111"),
            ("EMAIL", "「taro@example.jp」へ", "taro@example.jp"),
            ("URL", "看https://example.com/a，然后打开", "https://example.com/a"),
            (
                "URL",
                "见https://example.com/用户123/reset?token=abc 吧",
                "https://example.com/用户123/reset?token=abc",
            ),
            ("EMAIL", "写给ana@例子1.公司", "ana@例子1.公司"),
            ("DATE", "于2010年5月3日入职", "2010年5月3日"),
        ] {
            assert_eq!(spans(label, text), [want], "{text}");
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Recognisers;
    use crate::merge::merge;

    /// The balanced operating point.
    const THRESHOLD: f32 = 0.5;

    /// Texts found as `label` after merging.
    pub(crate) fn spans<'t>(label: &str, text: &'t str) -> Vec<&'t str> {
        let found = merge(Recognisers::all().find(text, None), THRESHOLD);
        found.iter().filter(|e| e.label.name() == label).map(|e| e.text(text)).collect()
    }

    /// Every accepted text holds one entity of `label`, no refused one does, alone and inside a sentence.
    pub(crate) fn check(label: &str, accepted: &[&str], refused: &[&str]) {
        let mut wrong = Vec::new();
        for text in accepted {
            for wrapped in [(*text).to_owned(), format!("So \"{text}\" it is"), format!("x\n{text}\ny")] {
                if spans(label, &wrapped).is_empty() {
                    wrong.push(format!(
                        "not found in {wrapped:?}, but {:?}",
                        merge(Recognisers::all().find(&wrapped, None), 0.0)
                    ));
                }
            }
        }
        for text in refused {
            let found = spans(label, text);
            if !found.is_empty() {
                wrong.push(format!("found in {text:?}: {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{label}:\n{}", wrong.join("\n"));
    }
}
