//! People who name themselves or are greeted in lower case, as in a chat: `hey its fatima, new number`, `ik ben femke`.

use super::capitals::{WORD, word_at};
use super::lexicon::{Kinds, look, titled};
use super::scan::{Scan, Word};
use crate::Label;

/// Less than a name with a capital, and more than a half.
const LOWER: f32 = 0.6;

/// How far a name may be believed behind an introduction.
#[derive(Clone, Copy, PartialEq)]
enum Frame {
    /// `my name is`: any word is a name.
    Name,
    /// `im`, `this is`: a given name.
    Speaker,
    /// `hi`: a given name and a mark.
    Greeting,
}

/// At a word in lower case: the name that it introduces.
pub(super) fn at(scan: &mut Scan<'_>, word: Word) {
    let Some(text) = scan.text.get(word.start..word.end) else { return };
    let ends = |phrase: &str| scan.text[..word.end].ends_with(phrase);
    // As bytes, a match looks at each once; as text, it would compare one word after another.
    let frame = match text.as_bytes() {
        b"im" | b"soy" | b"sono" | b"its" => Frame::Speaker,
        b"m" if ends("i'm") || ends("i’m") => Frame::Speaker,
        b"s" if ends("it's") || ends("it’s") => Frame::Speaker,
        b"s" if ends("my name's") || ends("my name’s") => Frame::Name,
        b"am" if ends("i am") => Frame::Speaker,
        b"is" if ends("my name is") => Frame::Name,
        b"is" if ends("this is") || ends("dit is") => Frame::Speaker,
        b"est" if ends("c'est") || ends("c’est") => Frame::Speaker,
        b"bin" if ends("ich bin") => Frame::Speaker,
        b"ist" if ends("hier ist") => Frame::Speaker,
        b"ben" if ends("ik ben") => Frame::Speaker,
        b"suis" if ends("je suis") => Frame::Speaker,
        b"met" if ends("hoi met") || ends("hallo met") => Frame::Speaker,
        b"o" | b"a" if ends("aqui é o") || ends("aqui é a") => Frame::Speaker,
        b"chamo" | b"llamo" if ends("me chamo") || ends("me llamo") => Frame::Name,
        b"chiamo" if ends("mi chiamo") => Frame::Name,
        b"hei\xc3\x9fe" if ends("ich heiße") => Frame::Name,
        b"hi" | b"hey" | b"hiya" | b"hello" | b"hola" | b"ciao" | b"oi" | b"hee" | b"hoi" | b"hallo"
        | b"salut" | b"coucou" => Frame::Greeting,
        _ => return,
    };
    if scan.byte(word.end) == b' ' {
        name(scan, word.end + 1, frame);
    }
}

fn name(scan: &mut Scan<'_>, start: usize, frame: Frame) {
    let first = word_at(scan, start);
    let is_lower = |word: &str| word.len() > 1 && !word.contains(char::is_uppercase);
    if !is_lower(first) {
        return;
    }
    let kinds = look(&titled(first));
    let end = start + first.len();
    let more = if scan.byte(end) == b' ' { word_at(scan, end + 1) } else { "" };
    let rest = scan.text.get(end..).unwrap_or_default();
    let closes =
        |at: usize| matches!(scan.byte(at), b',' | b'!' | b'.' | b'\n' | b'?' | b')' | b'"' | b';' | 0);
    let spoken =
        [" from ", " here", " btw", " its ", " it's ", " this is "].iter().any(|word| rest.starts_with(word));
    let known = kinds.has(Kinds::GIVEN)
        || kinds.has(Kinds::WEAK) && (!kinds.has(Kinds::STOP) || rest.starts_with(" btw"));
    let after = end + 1 + more.len();
    let surname = is_lower(more) && {
        let kinds = look(&titled(more));
        let alone = kinds.has(Kinds::SURNAME) && !kinds.has(Kinds::STOP);
        // Between a given name and a comma any word may be the surname.
        alone
            || known
                && frame != Frame::Greeting
                && kinds == Kinds::default()
                && matches!(scan.byte(after), b',' | b'.')
                && more.len() > 3
                && !more.ends_with("ing")
    };
    let said = known
        && (surname
            || closes(end)
            || frame != Frame::Greeting && spoken
            || frame == Frame::Greeting && rest.starts_with(" it"));
    let told = frame == Frame::Name && (known || surname);
    if said || told {
        let mut end = if surname { after } else { end };
        if frame == Frame::Name {
            end = surnames(scan, end);
        }
        scan.push("introduced_name", Label::Person, (start, end), LOWER, false, None);
    }
}

/// The end of the surnames and particles behind `end`: `de almeida prado`.
fn surnames(scan: &Scan<'_>, mut end: usize) -> usize {
    let mut at = end;
    while scan.byte(at) == b' ' && at < end + WORD {
        let word = word_at(scan, at + 1);
        let kinds = look(&titled(word));
        let is_name = kinds.has(Kinds::SURNAME) || kinds.has(Kinds::GIVEN);
        at += 1 + word.len();
        if is_name && !kinds.has(Kinds::STOP) && word.len() > 2 {
            end = at;
        } else if !matches!(word, "de" | "da" | "do" | "dos" | "das" | "van" | "von" | "der" | "la") {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn people_in_lower_case() {
        check(
            "PERSON",
            &[
                "hey its fatima, new number",
                "hi melissa its denise from accounts",
                "im mark btw, 33",
                "coucou c'est cécile, je suis",
                "this is priya",
                "i am clifford brown, email",
                "i'm jeffrey",
                "ik ben femke",
                "hola georgina, soy",
                "my name's jatin patla.",
            ],
            &[
                "this is different from that",
                "im will not",
                "its grace and beauty",
                "hi team, please",
                "it's may",
                "i am sure, thanks",
                "hey guys, im tired btw",
                "this is art",
                "Dit is het",
            ],
        );
        assert_eq!(spans("PERSON", "me chamo marcela moraes de almeida cpf"), ["marcela moraes de almeida"]);
        assert_eq!(spans("PERSON", "can u venmo me, im sean mcallister. or"), ["sean mcallister"]);
        assert_eq!(spans("PERSON", "hi melissa its denise from accounts"), ["melissa", "denise"]);
    }
}
