//! What months and days of the week are called.

use std::sync::LazyLock;

use super::words::words;

/// Names of months by month, separated by spaces: English, Spanish, French, German, Italian, Portuguese, Dutch, the Nordic languages,
/// Polish, Czech, Slovak, Croatian, Russian and Ukrainian (genitive), Hungarian, Romanian, Turkish, Indonesian.
const MONTHS: [&str; 12] = [
    "january jan enero ene janvier janv januar jänner gennaio gen janeiro januari stycznia ledna januára siječnja января січня tammikuu \
     január ianuarie ocak",
    "february feb febrero février fevrier févr fevr februar febbraio fevereiro fev februari lutego února februára veljače февраля лютого \
     helmikuu február februarie şubat",
    "march marzo mars märz maerz mär mrz março marco maart mrt marts marca března ožujka марта березня maaliskuu március martie mart \
     maret",
    "april apr abril abr avril avr aprile kwietnia dubna apríla travnja апреля квітня huhtikuu április aprilie nisan",
    "may mayo mai maggio mag maio mei maj maja května mája svibnja мая травня toukokuu május mayıs",
    "june jun junio juin juni giugno giu junho czerwca června júna lipnja июня червня kesäkuu június iunie haziran",
    "july jul julio juillet juil juli luglio lug julho lipca července júla июля липня heinäkuu július iulie temmuz",
    "august aug agosto août aout sierpnia srpna augusta kolovoza augustus augusti августа серпня elokuu augusztus ağustos agustus",
    "september sept sep septiembre setiembre septembre settembre setembro września září septembra rujna сентября вересня syyskuu \
     szeptember septembrie eylül",
    "october oct octubre octobre oktober okt ottobre ott outubro października října októbra октября жовтня lokakuu október octombrie \
     ekim",
    "november nov noviembre novembre novembro listopada listopadu novembra studenoga ноября листопада marraskuu noiembrie kasım",
    "december dec diciembre dic décembre decembre dezember dez dicembre dezembro grudnia prosince decembra prosinca декабря грудня \
     joulukuu decembrie desember aralık",
];
words! {
    /// Names that are also words or other abbreviations: months only with a year beside them.
    pub(super) AMBIGUOUS = " may mar mars marco mai mag gen ago set out mei maj mär jun jul dec marzo marca avr lug ott giu okt abr ene fev dic dez
        mart maret ocak nisan ekim maja mája augusta "
}
/// Those of them that are sure behind a day with a full stop, as several languages write it.
pub(super) const COUNTED: [&str; 7] = ["mars", "mai", "maj", "jun", "jul", "mája", "augusta"];
const SHORT: [(&str, u32); 5] = [("mar", 3), ("ago", 8), ("set", 9), ("out", 10), ("dic", 12)];

/// Every name with its month, sorted.
static NAMES: LazyLock<Vec<(&str, u32)>> = LazyLock::new(|| {
    let long = MONTHS
        .iter()
        .zip(1..)
        .flat_map(|(names, number)| names.split_ascii_whitespace().map(move |name| (name, number)));
    let mut names: Vec<(&str, u32)> = long.chain(SHORT).collect();
    names.sort_unstable();
    names.dedup_by_key(|(name, _)| *name);
    names
});

/// The month that a word in lower case means.
pub(super) fn month(word: &str) -> Option<u32> {
    // Finnish says "in", "of" and "on" by its endings: "lokakuussa", "lokakuun", "lokakuuta".
    let stem = ["ssa", "ta", "n"].iter().find_map(|ending| word.strip_suffix(ending));
    let word = stem.filter(|stem| stem.ends_with("kuu")).unwrap_or(word);
    let index = NAMES.binary_search_by_key(&word, |(name, _)| name).ok()?;
    NAMES.get(index).map(|&(_, number)| number)
}

words! {
    /// In English, Spanish, French, German, Italian, Portuguese and Dutch.
    WEEKDAYS = " mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday lunes martes miércoles
        jueves viernes sábado domingo lundi mardi mercredi jeudi vendredi samedi dimanche montag dienstag mittwoch donnerstag freitag samstag
        sonnabend sonntag lunedì martedì mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
        segunda-feira terça-feira quarta-feira quinta-feira sexta-feira "
}

/// Whether a word names a day of the week.
pub(super) fn is_weekday(word: &str) -> bool {
    let short = word.len() < 4;
    (!short || word.starts_with(|c: char| c.is_ascii_uppercase())) && WEEKDAYS.has(&word.to_lowercase())
}
