//! What sentence-transformers keeps beside an encoder: `modules.json` says what follows it, the pooling's own
//! `config.json` which, and `sentence_bert_config.json` how many tokens it reads.

use sotto_format::{Metadata, Value};

use super::{Config, HfError};

/// The files, as far as there are any.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentenceFiles<'a> {
    /// `modules.json`.
    pub modules: Option<&'a [u8]>,
    /// The file that [`pooling_config`] names.
    pub pooling: Option<&'a [u8]>,
    /// `sentence_bert_config.json`.
    pub limits: Option<&'a [u8]>,
}

/// Where the folder of `modules.json` keeps the pooling's settings: `1_Pooling/config.json`.
pub fn pooling_config(modules: &[u8]) -> Result<Option<String>, HfError> {
    let pooling = list(modules)?.into_iter().find(|module| module.kind == "Pooling");
    // A path that leaves the folder is nobody's module.
    let inside = |path: &String| !path.split(['/', '\\']).any(|part| part == "..") && !path.starts_with('/');
    Ok(pooling.map(|module| module.path).filter(inside).map(|path| format!("{path}/config.json")))
}

/// Writes what an encoder of sentences does with its states. Without `modules.json` it is their mean as it is, which is
/// what sentence-transformers makes of a plain encoder.
pub(super) fn write(files: &SentenceFiles<'_>, metadata: &mut Metadata) -> Result<(), HfError> {
    let architecture = metadata.str("general.architecture").unwrap_or_default().to_owned();
    let key = |name: &str| format!("{architecture}.{name}");
    let modules = files.modules.map(list).transpose()?.unwrap_or_default();
    if let Some(other) =
        modules.iter().find(|m| !matches!(m.kind.as_str(), "Transformer" | "Pooling" | "Normalize"))
    {
        let expected = "Transformer, Pooling, Normalize";
        return Err(HfError::Setting { key: "modules.json".to_owned(), value: other.kind.clone(), expected });
    }
    let normalise = modules.iter().any(|module| module.kind == "Normalize");
    metadata.insert(key("pooling_normalise"), Value::Bool(normalise));
    let mode = match files.pooling {
        Some(json) => mode(&Config::parse(json)?)?,
        None => 1,
    };
    metadata.insert(key("pooling_type"), Value::U32(mode));
    let limit = files.limits.map(Config::parse).transpose()?;
    let limit = limit.map(|config| config.size_opt("max_seq_length")).transpose()?.flatten();
    let context = metadata.u32_opt(&key("context_length")).ok().flatten();
    if let (Some(limit), Some(context)) = (limit.filter(|&limit| limit > 0), context) {
        metadata.insert(key("context_length"), Value::U32(limit.min(context)));
    }
    Ok(())
}

/// A row of `modules.json`.
struct Module {
    /// The last part of its Python name.
    kind: String,
    path: String,
}

fn list(modules: &[u8]) -> Result<Vec<Module>, HfError> {
    const FILE: &str = "modules.json";
    let json: serde_json::Value =
        serde_json::from_slice(modules).map_err(|e| HfError::Json { file: FILE, message: e.to_string() })?;
    let rows = json.as_array();
    let rows = rows.ok_or(HfError::Json { file: FILE, message: "it is not a list".to_owned() })?;
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let kind = |name: String| name.rsplit('.').next().unwrap_or_default().to_owned();
    Ok(rows.iter().map(|row| Module { kind: kind(text(row, "type")), path: text(row, "path") }).collect())
}

/// The pooling as llama.cpp counts them. Newer files name it, older ones have a flag for each.
fn mode(config: &Config) -> Result<u32, HfError> {
    const FLAGS: [(&str, &str); 6] = [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_lasttoken", "lasttoken"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ];
    let named = match config.get("pooling_mode") {
        Some(serde_json::Value::Array(_)) => config.texts_opt("pooling_mode")?.unwrap_or_default(),
        Some(_) => config.text_opt("pooling_mode")?.into_iter().collect(),
        None => {
            let mut set = Vec::new();
            for (flag, mode) in FLAGS {
                if config.flag_opt(flag)? == Some(true) {
                    set.push(mode);
                }
            }
            set
        }
    };
    match named[..] {
        [] | ["mean"] => Ok(1),
        ["cls"] => Ok(2),
        ["lasttoken"] => Ok(3),
        ref other => Err(HfError::Setting {
            key: "the pooling's config.json: pooling_mode".to_owned(),
            value: other.join(" and "),
            expected: "one of mean, cls, lasttoken",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(pooling: &str) -> Result<u32, HfError> {
        mode(&Config::parse(pooling.as_bytes()).unwrap())
    }

    #[test]
    fn old_and_new_files_name_their_pooling() {
        assert_eq!(
            pooled(r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#).unwrap(),
            2
        );
        assert_eq!(pooled(r#"{"pooling_mode": "lasttoken"}"#).unwrap(), 3);
        assert_eq!(pooled("{}").unwrap(), 1);
        let both = pooled(r#"{"pooling_mode": ["cls", "mean"]}"#).unwrap_err().to_string();
        assert!(both.contains("cls and mean"), "{both}");
        assert!(pooled(r#"{"pooling_mode_max_tokens": true}"#).is_err());
    }

    #[test]
    fn modules_say_where_the_pooling_is_and_what_follows() {
        let modules = |path: &str, last: &str| {
            format!(
                r#"[{{"type": "sentence_transformers.models.Transformer", "path": ""}},
                    {{"type": "sentence_transformers.models.Pooling", "path": "{path}"}}, {{"type": "x.{last}", "path": "2"}}]"#
            )
        };
        let path = |modules: String| pooling_config(modules.as_bytes()).unwrap();
        assert_eq!(path(modules("1_Pooling", "Normalize")).as_deref(), Some("1_Pooling/config.json"));
        assert_eq!(path(modules("../secrets", "Normalize")), None);
        let written = |last: &str| {
            let mut metadata = Metadata::new();
            metadata.insert("general.architecture", Value::String("bert".to_owned()));
            metadata.insert("bert.context_length", Value::U32(512));
            let modules = modules("1_Pooling", last);
            let limits = br#"{"max_seq_length": 256}"#;
            let files =
                SentenceFiles { modules: Some(modules.as_bytes()), pooling: None, limits: Some(limits) };
            write(&files, &mut metadata).map(|()| metadata)
        };
        let metadata = written("Normalize").unwrap();
        assert!(metadata.bool("bert.pooling_normalise").unwrap());
        assert_eq!(metadata.u32("bert.context_length").unwrap(), 256);
        assert!(written("Dense").unwrap_err().to_string().contains("Dense"));
    }
}
