//! Composes a shader from its file, the files it includes, and the flags that hold.
//!
//! A line of a shader may be a directive; nothing else about a shader is touched:
//!
//! - `#include "lib/x.wgsl"` stands for that file of `shaders/`, once a shader.
//! - `#if flag`, `#else`, `#endif` keep lines when the flag is set. `!flag` negates, `a | b` holds
//!   when either does. They nest.
//!
//! A kernel that uses subgroups has the flag `subgroups`, one that computes with f16 the flag `f16`.

use crate::GpuError;

static SHADERS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// The WGSL of `shaders/<name>.wgsl` with the conditions resolved for `flags`.
pub(crate) fn compose(name: &str, flags: &[&str]) -> Result<String, GpuError> {
    let mut text = String::new();
    // Browsers ask for the line, naga refuses it.
    if flags.contains(&"web") && flags.contains(&"subgroups") {
        text.push_str("enable subgroups;\n");
    }
    if flags.contains(&"f16") {
        text.push_str("enable f16;\n");
    }
    let mut composer = Composer { flags, included: Vec::new(), text };
    composer.include(&format!("{name}.wgsl"))?;
    Ok(composer.text)
}

struct Composer<'a> {
    flags: &'a [&'a str],
    included: Vec<&'static str>,
    text: String,
}

impl Composer<'_> {
    fn include(&mut self, path: &str) -> Result<(), GpuError> {
        let fault = |what: &str| GpuError::Shader { name: path.to_owned(), message: what.to_owned() };
        let (path, source) =
            SHADERS.iter().find(|(p, _)| *p == path).ok_or_else(|| fault("no such shader"))?;
        if self.included.contains(path) {
            return Ok(());
        }
        self.included.push(path);
        // For each open `#if`: whether lines are kept now.
        let mut open: Vec<bool> = Vec::new();
        for line in source.lines() {
            let keep = open.iter().all(|&k| k);
            match line.split_once(' ').map_or((line, ""), |(d, rest)| (d, rest.trim())) {
                ("#if", condition) => open.push(self.holds(condition)),
                ("#else", _) => {
                    let last = open.last_mut().ok_or_else(|| fault("#else without #if"))?;
                    *last = !*last;
                }
                ("#endif", _) => drop(open.pop().ok_or_else(|| fault("#endif without #if"))?),
                ("#include", target) if keep => self.include(target.trim_matches('"'))?,
                ("#include", _) => {}
                _ if keep => {
                    self.text.push_str(line);
                    self.text.push('\n');
                }
                _ => {}
            }
        }
        if open.is_empty() { Ok(()) } else { Err(fault("#if without #endif")) }
    }

    fn holds(&self, condition: &str) -> bool {
        condition.split('|').map(str::trim).any(|term| match term.strip_prefix('!') {
            Some(flag) => !self.flags.contains(&flag),
            None => self.flags.contains(&term),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shader_closes_its_conditions_and_finds_its_includes() {
        for (path, _) in SHADERS {
            let name = path.strip_suffix(".wgsl").expect("only .wgsl files are embedded");
            compose(name, &[]).unwrap();
        }
    }

    /// Browsers want parentheses around the operands of `&`, `|` and `^` where those are made by another operator; naga does not.
    #[test]
    fn bitwise_operators_stand_between_parentheses() {
        let mixed = |line: &str| {
            // For each open parenthesis: whether a bitwise operator came, and whether another.
            let mut open = vec![(false, false)];
            for word in line
                .replace(['(', '['], " ( ")
                .replace([')', ']'], " ) ")
                .replace([',', ';'], " , ")
                .split(' ')
            {
                let Some(last) = open.last_mut() else { return true };
                match word {
                    "(" => open.push((false, false)),
                    ")" => drop(open.pop()),
                    "," | "&&" | "||" | "=" | "return" | "&=" | "|=" | "^=" => *last = (false, false),
                    "&" | "|" | "^" => last.0 = true,
                    "<" | ">" | "<=" | ">=" | "==" | "!=" | "<<" | ">>" | "+" | "-" | "*" | "/" | "%" => {
                        last.1 = true
                    }
                    _ => {}
                }
                if open.last() == Some(&(true, true)) {
                    return true;
                }
            }
            false
        };
        assert!(mixed("let a = b >= c & d;") && !mixed("let a = (b >= c) & (d << 1u);"));
        for (path, source) in SHADERS {
            // A statement that goes on begins a line of its own inside of parentheses, or with an operator.
            for line in source.lines().filter(|line| {
                !line.starts_with('#') && line.matches('(').count() == line.matches(')').count()
            }) {
                assert!(!mixed(line), "{path}: {line}");
            }
        }
    }

    #[test]
    fn an_unknown_shader_is_named() {
        let error = compose("absent", &[]).unwrap_err();
        assert_eq!(error.to_string(), "shader absent.wgsl: no such shader");
    }
}
