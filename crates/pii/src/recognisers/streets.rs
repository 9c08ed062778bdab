//! The words that streets, house numbers and the parts of buildings are known by, in a dozen languages.

use super::words::{Words, words};

words! {
    /// Words that follow a street's name: `12 Main Street`.
    pub(super) AFTER_NAME = "street st avenue ave road rd lane ln drive dr boulevard blvd court ct way place pl square sq terrace crescent close parkway pkwy highway hwy circle cir row gardens \
    mews alley trail loop quay streets lanes avenues roadway laneway"
}
words! {
    /// Further ones, most of them of the US Postal Service's Publication 28, less those that headlines count (`10 Easy Ways`): words of
    /// their own, so only behind what is no year.
    pub(super) SELDOM_AFTER_NAME = "bend bluff bluffs branch brook brooks burg burgs bypass camp canyon cape causeway circles cliff cliffs courts cove coves creek crest crossing \
    crossroad curve dale divide drives expressway falls ferry flat flats ford fords forge forges fork forks fort freeway glen glens grove groves harbor \
    harbors haven heights hill hills hollow inlet isle junction junctions knoll knolls lake locks lodge manor manors meadow meadows mill mills mission \
    motorway mount mountain mountains neck orchard oval overpass passage path pike pine pines plain prairie radial ramp ranch rapid rapids ridge ridges \
    roads shoal shoals shore shores skyway spring spur spurs squares stravenue throughway trace trafficway tunnel turnpike underpass valley valleys \
    viaduct village villages ville vista wood woods marg nagar chowk ganj quays dell glade cutting esplanade promenade"
}
words! {
    /// Those of that list, and of Australia's (AS 4590), that things in print are counted by: beside what is somebody's name alone, behind a unit, or
    /// where a model sees a name.
    pub(super) DOUBTFUL_AFTER_NAME = "bridge broadway center common corner corners course dam estate estates extension extensions field fields forest gap gateway green \
    greens island islands key keys land landing light lights loaf lock mall outlook park parks pass place places plains plaza plazas point points port ports quad rest \
    ride ridgeway rise river route rue run springs square station stream summit track trailer triangle union unions vale via view views vistas walk walks ways well wells \
    arcade close chase copse wynd wharf villas circuit parade fairway zila trails terraces"
}
words! {
    /// Words that come before it: `Calle Mayor 5`, `12 rue de la Paix`.
    pub(super) BEFORE_NAME = "calle c/ avenida av avda paseo plaza camino carretera ronda travesía rue avenue boulevard place quai chemin impasse allée allées cours route passage square via viale piazza corso \
    largo vicolo rua travessa praça estrada alameda strada borgo contrada rotonda viaduto ladeira beco privada andador callejón calzada calz cerrada circuito glorieta pasaje retorno ulica ul улица ул \
    blvd carrer rambla pasadizo urbanización aleja plac intrarea bulevardul aleea piața piazzale lungomare stradă paseig faubourg avinguda"
}
words! {
    /// Those of them that other things are called by as well: only with a capital, and before what is no year.
    pub(super) SELDOM_BEFORE_NAME = "cuesta acceso vial cañada stretto canale incrocio campo favela vale sítio morro núcleo residencial conjunto estação rodovia sentier"
}
words! {
    /// Such words cut short, before their dot alone.
    pub(super) SHORT_BEFORE_NAME = "al pl os cl bd c"
}
/// Endings of names written in one word that say street and nothing else: `Hauptstraße 12`, `Keizersgracht 5`; of most of them the whole
/// word too.
pub(super) const ENDINGS: [&str; 5] = ["straße", "strasse", "str", "straat", "gracht"];
/// Endings that words of other meanings have as well.
pub(super) const SELDOM_ENDINGS: [&str; 22] = [
    "weg",
    "platz",
    "allee",
    "gasse",
    "damm",
    "ufer",
    "ring",
    "laan",
    "plein",
    "kade",
    "gatan",
    "vägen",
    "vej",
    "dreef",
    "singel",
    "dijk",
    "steeg",
    "boulevard",
    "promenade",
    "hof",
    "baan",
    "pad",
];
words! {
    /// Words with such an ending that no street is called.
    pub(super) NO_STREETS = "bahnhof friedhof gasthof innenhof bauhof kirchhof bauernhof ipad notepad thinkpad keypad touchpad launchpad spring engineering monitoring manufacturing string \
    offering hearing steering restaurantring herring wondering ordering gathering sponsoring scoring pouring clearing filtering rendering mastering hauptbahnhof busbahnhof \
    loopbaan norweg umweg ausweg hinweg rückweg loweg spielplatz arbeitsplatz marktplatz parkplatz sitzplatz stellplatz"
}
words! {
    /// Before such a name, as part of it: `Koning Albertlaan 141`.
    pub(super) BEFORE_ENDING = "koning koningin prins prinses sint burgemeester van oude nieuwe lange korte kleine grote hoge alte neue obere untere große am an im auf zur zum den der"
}
words! {
    /// Small words inside a name.
    pub(super) SMALL = "de del la las los el le les des du d di della delle dei dos da do das van der den am an der the of y e und et"
}
words! {
    /// Parts of a building, before their number.
    pub(super) UNITS = "apt apartment suite ste unit floor flat room level studio penthouse building bldg lot piso puerta pta planta esc escalera bloque portal int interno interior depto dpto \
    oficina scala piano appartement appt étage bât bte boîte bus stiege top wohnung apto ap apartamento bloco bl casa andar sala sc et"
}
words! {
    /// Parts of a building that have none.
    pub(super) NUMBERLESS_UNITS = "fundos bajo ático rdc dcha izq"
}
words! {
    /// Units that an address begins with: `Flat 3B, 27 Mortimer Road`.
    pub(super) OPENING_UNITS = "apt apartment suite ste unit flat room level studio penthouse"
}
words! {
    /// Between a street and its number.
    pub(super) NUMBER_MARKS = "nº n° no no. n n. n.º n.° nr nr. nro nro. núm núm. num. numéro"
}

words! {
    /// Words before a street's name that stand for nothing else, with a number or without: `chemin Brun`.
    ALONE_BEFORE_NAME = "calle rue chemin impasse allée avenida avda viale piazza vicolo rua travessa carrer ulica ul blvd bulevardul strada calz carretera via"
}

/// Where the street starts that is called by the name at `name`: `chemin` before `Brun`, `calle de la` before `Luna`.
pub(crate) fn street_of(text: &str, name: usize) -> Option<usize> {
    let mut at = name;
    for _ in 0..4 {
        let head = text.get(..at)?;
        let head = head.strip_suffix(' ')?;
        let word = head.strip_suffix('.').unwrap_or(head);
        let start = word
            .rfind(|c: char| !c.is_alphabetic())
            .map_or(0, |i| i + word[i..].chars().next().map_or(1, char::len_utf8));
        let word = &word[start..];
        // In English, one goes `via` somewhere.
        if listed(&ALONE_BEFORE_NAME, word) && (word != "via" || text[..start].ends_with("in ")) {
            return Some(start);
        }
        if !listed(&SMALL, word) {
            return None;
        }
        at = start;
    }
    None
}

/// The longest of the lists' words, with a dot.
const LONGEST: usize = 16;

/// Whether a list has a word in any case, with or without the dot that abbreviates it.
pub(super) fn listed(list: &Words, word: &str) -> bool {
    word.len() <= LONGEST && list.has(&word.trim_end_matches('.').to_lowercase())
}
