//! What the shape of a number says, whatever a model makes of it: an address has four octets, a card its check digit, `415-555-2671` is
//! a telephone number, `24/7` no date. A word directly before the number can say otherwise.

use super::near;
use crate::context::{self, Kind, Kinds};
use crate::offsets::{ceil_char_boundary, floor_char_boundary};
use crate::recognisers::{COORDINATES, is_calendar_date, is_card, whole_phone};
use crate::{Entity, Label};

/// The most that a model is believed about a card without its check digit.
const UNPROVEN: f32 = 0.9;

/// What becomes of a model's finding.
enum Verdict {
    Stays,
    Is(Label),
    Goes,
}

/// Sets right what a model says of numbers, and takes telephone numbers whole. `recognised` is sorted; `hint` is what the field's name
/// says of the text; `may` is whether a label in another's place is as good for the caller.
pub(crate) fn settle(
    text: &str,
    model: &mut Vec<Entity>,
    recognised: &[Entity],
    hint: Kinds,
    may: &dyn Fn(&Entity, &Label) -> bool,
) {
    model.retain_mut(|entity| {
        let near = recognised[near(recognised, entity)].iter();
        let near: Vec<&Entity> = near.filter(|other| other.overlaps(entity)).collect();
        match judge(&Number { text, entity, near: &near, hint }) {
            Verdict::Goes => return false,
            Verdict::Is(label) if may(entity, &label) => {
                // A recogniser that knows it as that knows where it begins and ends.
                if let Some(same) = near.iter().find(|other| other.label == label) {
                    (entity.start, entity.end) = (entity.start.min(same.start), entity.end.max(same.end));
                }
                entity.label = label;
            }
            _ => {}
        }
        // What fails the check of every card gives way to what it is called by.
        if entity.label == Label::CreditCard && !Groups::of(entity.text(text)).is_card() {
            entity.score = entity.score.min(UNPROVEN);
        }
        true
    });
    for at in 0..model.len() {
        if model[at].label != Label::Phone {
            continue;
        }
        let (start, end) = whole_phone(text, model[at].start, model[at].end);
        // What the model took for something else beside it stays that.
        let free = |from: usize, to: usize| {
            let others = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|i| model.get(i));
            others.into_iter().all(|other| other.end <= from || to <= other.start)
        };
        let start = if free(start, model[at].start) { start } else { model[at].start };
        let end = if free(model[at].end, end) { end } else { model[at].end };
        (model[at].start, model[at].end) = (start, end);
    }
}

/// A model's finding and what is known about its place.
struct Number<'t> {
    text: &'t str,
    entity: &'t Entity,
    near: &'t [&'t Entity],
    hint: Kinds,
}

fn judge(number: &Number<'_>) -> Verdict {
    let value = number.entity.text(number.text);
    if !value.bytes().any(|b| b.is_ascii_digit()) {
        return match number.entity.label {
            Label::Email | Label::Url => address(value),
            _ => Verdict::Stays,
        };
    }
    match number.entity.label {
        Label::IpAddress => ip(number, value),
        Label::Phone => phone(number, value),
        Label::Date | Label::DateOfBirth | Label::Age => date(number, value),
        Label::Iban if !value.bytes().any(|b| b.is_ascii_alphabetic()) => Verdict::Is(Label::AccountNumber),
        Label::IdNumber | Label::AccountNumber | Label::CreditCard | Label::PostalCode => {
            identifier(number, value)
        }
        Label::Email | Label::Url => address(value),
        _ => Verdict::Stays,
    }
}

fn ip(number: &Number<'_>, value: &str) -> Verdict {
    if number.is(&Label::MacAddress) {
        return Verdict::Is(Label::MacAddress);
    }
    let groups = Groups::of(value);
    if groups.extension || !value.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return if groups.is_phone() { Verdict::Is(Label::Phone) } else { Verdict::Stays };
    }
    let octet = |group: &&str| group.len() <= 3 && group.parse::<u16>().is_ok_and(|octet| octet < 256);
    match groups.list.len() {
        4 if groups.list.iter().all(octet) => Verdict::Stays,
        _ if number.is(&Label::Date) || number.is(&Label::DateOfBirth) => Verdict::Is(Label::Date),
        _ if groups.is_phone() => Verdict::Is(Label::Phone),
        // A decimal, or a version.
        0..=2 => Verdict::Goes,
        _ if groups.digits() < 7 || number.is_version() => Verdict::Goes,
        _ => Verdict::Is(Label::IdNumber),
    }
}

fn phone(number: &Number<'_>, value: &str) -> Verdict {
    let groups = Groups::of(value);
    let lens = groups.lens();
    let bare =
        groups.list.len() == 1 && !number.text[..number.entity.start].ends_with('+') && !value.contains('+');
    // What it is called outweighs a telephone that is spoken of behind it.
    let named = bare && is_named(number.before()) && !number.hint.has(PHONE) && !is_called(number.before());
    let called = !named && (number.hint.has(PHONE) || number.has_near(PHONE) || is_called(number.before()));
    let code = value.as_bytes();
    match () {
        () if number.is_of_coordinates() || is_decimal(value) && !called => Verdict::Goes,
        () if called => Verdict::Stays,
        () if lens == [3, 2, 4] && groups.separators != "/" && number.is(&Label::Ssn) => {
            Verdict::Is(Label::Ssn)
        }
        () if groups.is_card() => Verdict::Is(Label::CreditCard),
        () if named => Verdict::Is(Label::IdNumber),
        () if code[0].is_ascii_uppercase() && code.get(1).is_some_and(u8::is_ascii_digit) => {
            Verdict::Is(Label::IdNumber)
        }
        // No plan writes so many without a plus, and eight digits beside a name are a number of that person's.
        () if bare && lens[0] == 12 || bare && lens[0] == 8 && number.is_set_off() => {
            Verdict::Is(Label::IdNumber)
        }
        () => Verdict::Stays,
    }
}

fn identifier(number: &Number<'_>, value: &str) -> Verdict {
    let groups = Groups::of(value);
    let before = number.before();
    if number.is_of_coordinates() || is_pressure(value, before) {
        return Verdict::Goes;
    }
    let named = is_named(before);
    match () {
        () if groups.is_phone() && !named => Verdict::Is(Label::Phone),
        () if named || !groups.is_whole => Verdict::Stays,
        () if groups.is_card() => Verdict::Is(Label::CreditCard),
        () if number.entity.label == Label::CreditCard && number.is(&Label::Phone) => {
            Verdict::Is(Label::Phone)
        }
        () if (7..=15).contains(&groups.digits())
            && (is_called(before) || is_numbered(before) && number.has_near(PHONE)) =>
        {
            Verdict::Is(Label::Phone)
        }
        () => Verdict::Stays,
    }
}

fn date(number: &Number<'_>, value: &str) -> Verdict {
    let before = number.before();
    // "25. prosince" is nobody's age, and "Tue" of "Tue 3 Feb 1976" no part to leave behind.
    let longer = number.near.iter().find(|other| {
        matches!(other.label, Label::Date | Label::DateOfBirth)
            && other.score >= 0.6
            && other.start <= number.entity.start
            && other.end >= number.entity.end
            && other.end - other.start > value.len()
    });
    if let Some(longer) = longer {
        return Verdict::Is(longer.label.clone());
    }
    if number.entity.label == Label::Age {
        return Verdict::Stays;
    }
    // The house number "209A".
    if value.len() <= 5
        && value.strip_suffix(char::is_alphabetic).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    {
        return Verdict::Goes;
    }
    let groups = Groups::of(value);
    if !groups.is_whole || groups.separators.contains(' ') {
        return Verdict::Stays;
    }
    let lens = groups.lens();
    let bracketed = before.ends_with('(') && number.text[number.entity.end..].starts_with(')');
    match groups.list[..] {
        _ if number.is_of_coordinates() || is_pressure(value, before) => Verdict::Goes,
        ["24", "7"] => Verdict::Goes,
        // Of a row of messages.
        ["1", _] if groups.separators == "/" && bracketed => Verdict::Goes,
        [_, _] if is_decimal(value) => Verdict::Goes,
        [_, _] if groups.separators == "/" && lens.iter().any(|&len| len > 4) => Verdict::Is(Label::IdNumber),
        [_, _, _] if !is_calendar_date(&lens, groups.joined().as_bytes()) => match groups.digits() {
            ..7 if groups.separators.starts_with('.') => Verdict::Goes,
            ..6 => Verdict::Stays,
            _ => Verdict::Is(Label::IdNumber),
        },
        [_, _, _] if groups.separators.starts_with('.') && lens[2] < 4 && number.is_version() => {
            Verdict::Goes
        }
        _ => Verdict::Stays,
    }
}

/// What is neither the address of a mailbox nor of a page: `stdio.h`, `o.s.web.Dispatcher`.
fn address(value: &str) -> Verdict {
    let spoken = value
        .contains(|c: char| c.is_whitespace() || matches!(c, '@' | '(' | '[' | '{' | '%' | '＠' | '/' | ':'));
    let Some((_, top)) = value.rsplit_once('.').filter(|_| !spoken) else { return Verdict::Stays };
    let class =
        top.starts_with(|c: char| c.is_ascii_uppercase()) && top.contains(|c: char| c.is_ascii_lowercase());
    let is_top = (2..=24).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic()) && !class;
    match is_top {
        true => Verdict::Is(Label::Url),
        false => Verdict::Goes,
    }
}

const PHONE: Kinds = Kinds::of(&[Kind::Phone]);
const VERSION: Kinds = Kinds::of(&[Kind::Version]);

impl<'t> Number<'t> {
    /// The rest of the line before it, as far as it says what the number is.
    fn before(&self) -> &'t str {
        const REACH: usize = 28;
        let start = self.entity.start;
        &self.text[ceil_char_boundary(self.text, start.saturating_sub(REACH))..start]
    }

    /// Whether a recogniser takes most of it for this.
    fn is(&self, label: &Label) -> bool {
        let (start, end) = (self.entity.start, self.entity.end);
        let shared = |other: &Entity| end.min(other.end).saturating_sub(start.max(other.start));
        self.near.iter().any(|other| other.label == *label && 4 * shared(other) >= 3 * (end - start))
    }

    fn is_of_coordinates(&self) -> bool {
        self.near.iter().any(|other| other.explain.recogniser == COORDINATES && other.score >= 0.5)
    }

    /// Whether a word around it speaks of `kinds`.
    fn has_near(&self, kinds: Kinds) -> bool {
        let from = ceil_char_boundary(self.text, self.entity.start.saturating_sub(context::BEFORE));
        let to = floor_char_boundary(self.text, (self.entity.end + context::AFTER).min(self.text.len()));
        context::find(&self.text[from..to.max(from)]).iter().any(|hit| hit.kinds.has(kinds))
    }

    fn is_version(&self) -> bool {
        let before = self.before();
        let word = before.trim_end_matches([' ', ':', '=', '"', '\'']);
        before.ends_with(['@', '^', '~', 'v', 'V'])
            || word.ends_with('#')
            || context::find(before).iter().any(|hit| hit.kinds.has(VERSION))
    }

    /// Between brackets or commas, as what is said of somebody in passing.
    fn is_set_off(&self) -> bool {
        let (before, after) = (&self.text[..self.entity.start], &self.text[self.entity.end..]);
        let value = self.entity.text(self.text);
        (before.ends_with('(') || value.starts_with('(') || before.ends_with(", "))
            && (after.is_empty() || after.starts_with([')', ',', '\n']))
    }
}

/// A number's groups of digits.
struct Groups<'t> {
    list: Vec<&'t str>,
    /// What stands between them, one mark each, `#` where it is more than that.
    separators: String,
    /// `x12` behind it.
    extension: bool,
    /// Nothing but digits, marks and spaces.
    is_whole: bool,
}

impl<'t> Groups<'t> {
    fn of(value: &'t str) -> Groups<'t> {
        let (number, extension) = match value.rsplit_once(['x', 'X']) {
            Some((number, digits))
                if (2..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) =>
            {
                (number.trim_end(), true)
            }
            _ => (value, false),
        };
        let mut groups = Groups { list: Vec::new(), separators: String::new(), extension, is_whole: true };
        let mut rest = number.trim_end_matches(['.', ',', ')']);
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let between = &rest[..at];
            groups.is_whole &=
                between.chars().all(|c| matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' | '+'));
            if !groups.list.is_empty() {
                let mut marks = between.chars();
                groups.separators.push(marks.next().filter(|_| marks.next().is_none()).unwrap_or('#'));
            }
            let len = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
            groups.list.push(&rest[at..at + len]);
            rest = &rest[at + len..];
        }
        groups.is_whole &= rest.is_empty() && !groups.list.is_empty();
        groups
    }

    fn lens(&self) -> Vec<usize> {
        self.list.iter().map(|group| group.len()).collect()
    }

    fn digits(&self) -> usize {
        self.list.iter().map(|group| group.len()).sum()
    }

    fn joined(&self) -> String {
        self.list.concat()
    }

    fn is_card(&self) -> bool {
        self.is_whole
            && self.separators.chars().all(|c| matches!(c, ' ' | '\u{a0}' | '-'))
            && is_card(self.joined().as_bytes())
    }

    /// `415-555-2671`, `415.555.2671x12`, `0160/36504441`: written as nothing but telephone numbers are.
    fn is_phone(&self) -> bool {
        if !self.is_whole {
            return false;
        }
        let american = matches!(self.lens()[..], [3, 3, 4] | [1, 3, 3, 4])
            && matches!(&self.separators[..], "--" | ".." | "---" | "..." | "#-");
        // With a trunk's zero, or an Italian mobile's prefix.
        let prefixed = match self.lens()[..] {
            [area @ 3..=5, rest @ 5..=9] => {
                let prefix = self.list[0];
                let trunk = prefix.starts_with('0') && !prefix.starts_with("00") && area + rest > 8;
                let italian = prefix.starts_with('3') && self.separators == "/" && (area, rest) == (3, 7);
                (trunk || italian) && matches!(&self.separators[..], "-" | "/")
            }
            _ => false,
        };
        american || prefixed || self.extension && (7..=15).contains(&self.digits())
    }
}

/// `3.14159`, or a row of such.
fn is_decimal(value: &str) -> bool {
    let Some((whole, rest)) = value.split_once('.') else { return false };
    let decimals = rest.bytes().take_while(u8::is_ascii_digit).count();
    let ends = rest.as_bytes().get(decimals).is_none_or(|b| *b == b' ' || *b == b',');
    matches!(whole.len(), 1 | 2)
        && whole.bytes().all(|b| b.is_ascii_digit())
        && (4..10).contains(&decimals)
        && ends
}

/// `BP 138/82`.
fn is_pressure(value: &str, before: &str) -> bool {
    const NAMES: [&str; 8] = ["bp", "rr", "ta", "pa", "pressure", "tension", "blutdruck", "tensión"];
    let Some((high, low)) = value.split_once('/') else { return false };
    let within =
        |part: &str, least, most| part.parse::<u16>().is_ok_and(|value| (least..=most).contains(&value));
    let mut words = before.rsplit(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    within(high, 70, 260)
        && within(low, 30, 150)
        && words.next().is_some_and(|word| NAMES.contains(&&*word.to_lowercase()))
}

/// Whether the last words before a number call it something that is no telephone.
fn is_named(before: &str) -> bool {
    const NAMES: &str = " account acct order orders invoice policy claim case ticket reference ref isbn issn ean upc sku part serial member membership \
        employee staff personnel badge student patient tracking id ids mrn passport licence license tax ssn vat iban docket file item konto kontonummer kunden kundennummer compte \
        cuenta conta pedido bestellung commande rechnung facture factura ";
    let clause = before.rsplit(['\n', ',', ';', '(', '|']).next().unwrap_or_default();
    if clause.trim_end_matches([' ', ':', '=']).to_ascii_lowercase().ends_with("caller id") {
        return false;
    }
    let mut words = clause.rsplit(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).take(3);
    ["n.º ", "nº ", "n° ", "№ "].iter().any(|sign| before.ends_with(sign))
        || words.any(|word| NAMES.split_ascii_whitespace().any(|name| name.eq_ignore_ascii_case(word)))
}

/// `Number is 6114 6952`.
fn is_numbered(before: &str) -> bool {
    const NUMBER: [&str; 5] = ["number", "número", "numéro", "nummer", "numero"];
    let last = before.rsplit(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).take(2);
    last.into_iter().any(|word| NUMBER.contains(&&*word.to_lowercase()))
}

/// Whether the words before a number speak of a telephone, with nothing between that is of something else.
fn is_called(before: &str) -> bool {
    const VERBS: [&str; 12] = [
        "calling", "callback", "called", "text", "texted", "texting", "phoned", "ringing", "line", "dialed",
        "dialled", "recapito",
    ];
    let near = &before[before.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1)..];
    let last = near.rsplit(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).take(3);
    context::find(near).iter().any(|hit| hit.kinds.has(PHONE))
        || last.into_iter().any(|word| VERBS.contains(&&*word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{By, Recognisers};

    /// What a model's finding `value` in `text` becomes; "" if it goes.
    fn settled(text: &str, value: &str, label: Label) -> (String, String) {
        let start = text.find(value).unwrap();
        let mut model = vec![Entity::new(label, start, start + value.len(), 0.95, By::Model, "test")];
        let mut recognised = Recognisers::all().find(text, None);
        crate::merge::sort_by_place(&mut recognised);
        settle(text, &mut model, &recognised, Kinds::NONE, &|_, _| true);
        model.pop().map_or_else(Default::default, |e| (e.label.name().to_owned(), e.text(text).to_owned()))
    }

    #[test]
    fn a_number_is_what_its_shape_says() {
        let (phone, id, account) = (Label::Phone, Label::IdNumber, Label::AccountNumber);
        let (ip, date) = (Label::IpAddress, Label::Date);
        for (label, text, value, want) in [
            (&id, "registered number 725-655-0349x106", "725-655-0349x106", "PHONE"),
            (&id, "the old one is 409.845.4633.", "409.845.4633", "PHONE"),
            (&account, "order 409-845-4633", "409-845-4633", "ACCOUNT_NUMBER"),
            (&account, "Reply: 0160-4674029", "0160-4674029", "PHONE"),
            (&id, "contrato n.º 0306/88669 foi", "0306/88669", "ID_NUMBER"),
            (&id, "phone number?\nCustomer: 748-8026", "748-8026", "PHONE"),
            (&id, "call Kim back? Number is 6114.6952.", "6114.6952", "PHONE"),
            (&id, "The number is 6114.6952.", "6114.6952", "ID_NUMBER"),
            (&id, "a@example.com, 392/2861760.", "392/2861760", "PHONE"),
            (&Label::CreditCard, "Kim Hall +44(0)909 879 0537", "+44(0)909 879 0537", "PHONE"),
            (&phone, "text +44(0)909 879 0537", "+44(0)909 879 0537", "PHONE"),
            (&account, "member number 92504, when calling 5205523163.", "5205523163", "PHONE"),
            (&id, "Callback requested: 2824326142, ask for Al", "2824326142", "PHONE"),
            (&id, "Caller ID: 03 8670 8362", "03 8670 8362", "PHONE"),
            (&id, "Member ID: 03 8670 8362", "03 8670 8362", "ID_NUMBER"),
            (&id, "Reynolds number 2824326142", "2824326142", "ID_NUMBER"),
            (&id, "TA 128/76, pouls 72", "128/76", ""),
            (&id, "policy 128/76", "128/76", "ID_NUMBER"),
            (&ip, "to 685.313.6443x4230", "685.313.6443x4230", "PHONE"),
            (&ip, "to 796.355.0839 (ok)", "796.355.0839", "PHONE"),
            (&ip, "some-lib@7.17.35", "7.17.35", ""),
            (&ip, "[ 1204.682191] usb", "1204.682191", ""),
            (&ip, "Firmware 2.4.32.1108 improves", "2.4.32.1108", ""),
            (&ip, "DHCPACK to 6a:9d:c7:e6:84:2a via", "6a:9d:c7:e6:84:2a", "MAC_ADDRESS"),
            (&ip, "idő: 2006.07.21.", "2006.07.21", "DATE"),
            (&ip, "number: 2002.09.000.", "2002.09.000", "ID_NUMBER"),
            (&ip, "at 10.0.0.1 and", "10.0.0.1", "IP_ADDRESS"),
            (&ip, "at 10.0.0.1:80 and", "10.0.0.1:80", "IP_ADDRESS"),
            (&ip, "at fe80::1 and", "fe80::1", "IP_ADDRESS"),
            (&phone, "Here you go: 555-81-3913. Anything", "555-81-3913", "SSN"),
            (&phone, "call me: 555-81-3913", "555-81-3913", "PHONE"),
            (&phone, "employee number 9804352; verified over the phone", "9804352", "ID_NUMBER"),
            (&date, "Molenlaan 209A in Gent", "209A", ""),
            (&phone, "3.14159 2.71828", "3.14159 2.71828", ""),
            (&phone, "by Kim Bishop (518000767462)", "518000767462", "ID_NUMBER"),
            (&phone, "by Kim Bishop (+518000767462)", "+518000767462", "PHONE"),
            (&phone, "by Kim (95113444)", "(95113444", "ID_NUMBER"),
            (&phone, "ring Kim (95113444)", "95113444", "PHONE"),
            (&phone, "R374-4514-7749", "R374-4514-7749", "ID_NUMBER"),
            (&phone, "4112130738353", "4112130738353", "CREDIT_CARD"),
            (&account, "5555 5555 5555 4444", "5555 5555 5555 4444", "CREDIT_CARD"),
            (&Label::Iban, "CLABE 014320768130278312", "014320768130278312", "ACCOUNT_NUMBER"),
            (&date, "mrn=117-77-09 src", "117-77-09", "ID_NUMBER"),
            (&date, "We are open 24/7, all year", "24/7", ""),
            (&date, "after 2 years (1/16)", "1/16", ""),
            (&date, "seen in March (4/12)", "4/12", "DATE"),
            (&date, "historia: 2067/90893", "2067/90893", "ID_NUMBER"),
            (&date, "v10.21.29 fixes", "10.21.29", ""),
            (&date, "on 21.10.29", "21.10.29", "DATE"),
            (&date, "at -44.74547, 16.21762 - and", "16.21762", ""),
            (&date, "born Tue 3 Feb 1976", "3 Feb 1976", "DATE_OF_BIRTH"),
            (&Label::Age, "zadržela 25. prosince 2019", "25", "DATE"),
            (&Label::Email, "#include <stdio.h>", "stdio.h", ""),
            (&Label::Email, "apoio@a.pt ou stellenwerk.pt", "stellenwerk.pt", "URL"),
            (&Label::Email, "ana at example.com", "ana at example.com", "EMAIL"),
            (&Label::Url, "o.s.web.Dispatcher :", "o.s.web.Dispatcher", ""),
        ] {
            assert_eq!(settled(text, value, label.clone()).0, want, "{text}");
        }
    }

    #[test]
    fn telephones_are_taken_whole() {
        for (text, value, want) in [
            ("0173 485 45 75", "0173 485 45", "0173 485 45 75"),
            ("a (178) 519-3906.", "519-3906", "(178) 519-3906"),
            ("351-855-1468x14953", "351-855-1468", "351-855-1468x14953"),
        ] {
            assert_eq!(settled(text, value, Label::Phone).1, want);
        }
    }
}
