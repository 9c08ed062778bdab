//! Which tokens a grammar allows, as llama.cpp allows them, and which texts a schema takes, as it and `jsonschema` take them.

use super::*;

#[test]
fn tokens_allowed_are_those_of_llama_cpp() {
    let fixture = fixture("masks");
    let grammars: HashMap<&str, Grammar> = fixture["grammars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (g["name"].as_str().unwrap(), Grammar::from_gbnf(g["text"].as_str().unwrap()).unwrap()))
        .collect();
    let vocabs = ["llama-spm", "gpt-2"].map(|name| (name, common::llamacpp(name)));
    let mut compared = 0;
    for (name, tokenizer) in &vocabs {
        let tokens = index(tokenizer);
        let never = |&byte: &u8| [0, 0xC0, 0xC1].contains(&byte) || byte >= 0xF5;
        let counted =
            |id: &u32| !tokenizer.is_eog(*id) && !tokenizer.token_bytes(*id).unwrap().iter().any(never);
        let walks = fixture["walks"].as_array().unwrap().iter().filter(|walk| walk["vocab"] == *name);
        for walk in walks {
            let what = format!("{} over {name}", walk["grammar"]);
            let mut matcher = Matcher::new(&grammars[walk["grammar"].as_str().unwrap()], &tokens).unwrap();
            let mut text = Vec::new();
            for step in walk["steps"].as_array().unwrap() {
                let mask = matcher.allowed(true).unwrap_or_else(|e| panic!("{what}: {e}")).to_vec();
                let allowed: Vec<u32> = ids(&mask).into_iter().filter(counted).collect();
                let shown = String::from_utf8_lossy(&text).into_owned();
                assert_eq!(step[0], allowed.len(), "{what} after {shown:?}");
                assert_eq!(step[1], fnv(&allowed), "{what} after {shown:?}");
                // llama.cpp lets a text end inside of a character.
                if std::str::from_utf8(&text).is_ok() {
                    assert_eq!(step[2], matcher.may_end(), "{what} after {shown:?}");
                }
                assert!(!ids(&mask).iter().any(|&id| tokenizer.is_special(id) && !tokenizer.is_eog(id)));
                assert_eq!(ids(&mask).iter().any(|&id| tokenizer.is_eog(id)), matcher.may_end());
                if let Some(id) = step[3].as_u64() {
                    assert!(matcher.accept(tokenizer, id as u32).unwrap());
                    text.extend(tokenizer.token_bytes(id as u32).unwrap());
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn json_that_is_taken_is_valid_and_what_llama_cpp_takes_is_taken() {
    let tokens = index(&common::llamacpp("gpt-2"));
    let (mut taken, mut refused) = (0, 0);
    for case in fixture("schemas").as_array().unwrap() {
        let grammar = Grammar::from_json_schema(&case["schema"]).unwrap();
        for told in case["texts"].as_array().unwrap() {
            let (text, valid, by_llama_cpp) = (told[0].as_str().unwrap(), told[1] == true, told[2] == true);
            let found = takes(&grammar, &tokens, text);
            assert!(valid || !found, "{}: {text} is not valid, but taken", case["name"]);
            assert!(found || !valid || !by_llama_cpp, "{}: {text} is valid, but not taken", case["name"]);
            if found { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
}
