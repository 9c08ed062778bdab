//! Objects and arrays.

use serde_json::{Map, Value};

use super::super::rules::{Node, all_but};
use super::{GrammarError, SCHEMA, Writer};

/// So many characters of names are parts of one rule: each is inside of the one before.
const NESTED: usize = 8;

impl Writer<'_> {
    pub(super) fn object(&mut self, schema: &Map<String, Value>) -> Result<Node, GrammarError> {
        let empty = Map::new();
        let properties = match schema.get("properties") {
            None => &empty,
            Some(Value::Object(properties)) => properties,
            Some(_) => return self.error_at("properties", "it is an object of schemas"),
        };
        let mut required: Vec<&str> = Vec::new();
        match schema.get("required") {
            None => {}
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                for name in names.iter().filter_map(Value::as_str) {
                    if !required.contains(&name) {
                        required.push(name);
                    }
                }
            }
            Some(_) => return self.error_at("required", "it is a list of names"),
        }
        let others = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(schema),
            None if properties.is_empty() && required.is_empty() => return Ok(self.given("object")),
            None => None,
        };
        let (mut always, mut maybe) = (Vec::new(), Vec::new());
        for (name, schema) in properties {
            let at = self.enter("properties");
            let value = self.node_at(name, schema)?;
            self.leave(at);
            let name_json = Value::String(name.clone()).to_string();
            let pair = self.pair(Node::literal(&name_json), value);
            if required.contains(&name.as_str()) { &mut always } else { &mut maybe }.push(pair);
        }
        for name in required.iter().filter(|name| !properties.contains_key(**name)) {
            let value = match others {
                Some(schema) => self.node_at("additionalProperties", schema)?,
                // None is let in, so there is no such object.
                None if schema.contains_key("additionalProperties") => return Ok(Node::Choice(Vec::new())),
                None if properties.is_empty() => self.given("value"),
                None => {
                    return self.error_at("required", "it names what properties does not have");
                }
            };
            let pair = self.pair(Node::literal(&Value::String((*name).to_owned()).to_string()), value);
            always.push(pair);
        }
        // What may stand behind the properties so far, from the last to the first.
        let mut rest = match others {
            None => Node::Sequence(Vec::new()),
            Some(schema) => {
                let value = self.node_at("additionalProperties", schema)?;
                let names: Vec<&str> =
                    properties.keys().map(String::as_str).chain(required.iter().copied()).collect();
                let name = if names.is_empty() { self.given("string") } else { self.other_names(&names)? };
                let pair = self.pair(name, value);
                let more = self.with_comma(pair.clone()).times(0, None);
                maybe.push(Node::Sequence(vec![pair, more.clone()]));
                self.in_rule(more)
            }
        };
        // Without a required one, the first of the optional ones has no comma before it.
        let mut firsts = Vec::new();
        let n_named = maybe.len() - usize::from(others.is_some());
        if others.is_some() {
            firsts.extend(maybe.pop());
        }
        for pair in maybe.into_iter().take(n_named).rev() {
            firsts.push(Node::Sequence(vec![pair.clone(), rest.clone()]));
            let next = Node::Sequence(vec![self.with_comma(pair).optional(), rest]);
            rest = self.in_rule(next);
        }
        let space = self.given("space");
        let mut parts = vec![Node::literal("{"), space.clone()];
        if always.is_empty() {
            parts.push(Node::Choice(firsts).optional());
        } else {
            for (i, pair) in always.into_iter().enumerate() {
                parts.push(if i == 0 { pair } else { self.with_comma(pair) });
            }
            parts.push(rest);
        }
        parts.extend([space, Node::literal("}")]);
        Ok(Node::Sequence(parts))
    }

    /// A property, in a rule of its own, as several places name it.
    fn pair(&mut self, name: Node, value: Node) -> Node {
        let space = self.given("space");
        let pair = Node::Sequence(vec![name, space.clone(), Node::literal(":"), space, value]);
        self.in_rule(pair)
    }

    fn in_rule(&mut self, node: Node) -> Node {
        Node::Rule(self.rules.add(Some(node)))
    }

    fn with_comma(&self, node: Node) -> Node {
        Node::Sequence(vec![Node::literal(","), self.given("space"), node])
    }

    /// Strings that are none of `names`: those that part from all of them at a plain character, or end before, or go on.
    fn other_names(&mut self, names: &[&str]) -> Result<Node, GrammarError> {
        let start = self.rules.add(None);
        // What is still to be written: names, without what they have begun with, and the rule of what is none of them.
        let mut open = vec![(start, names.to_vec())];
        while let Some((rule, names)) = open.pop() {
            let node = self.others(&names, NESTED, &mut open)?;
            self.rules.rules[rule].node = Some(node);
        }
        let name = Node::Sequence(vec![Node::literal("\""), Node::Rule(start), Node::literal("\"")]);
        Ok(self.in_rule(name))
    }

    /// A string, or the rest of one, that is none of `names`; beyond `depth` characters, in rules that stay open.
    fn others<'n>(
        &mut self,
        names: &[&'n str],
        depth: usize,
        open: &mut Vec<(usize, Vec<&'n str>)>,
    ) -> Result<Node, GrammarError> {
        // As many states.
        self.spend(4 * SCHEMA)?;
        let mut choices = Vec::new();
        // As JSON writes it; what has to be escaped begins no other name, whatever escape another one has.
        let mut taken = vec![(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F)];
        let mut begun = Vec::new();
        for c in names.iter().filter_map(|name| name.chars().next()) {
            if begun.contains(&c) {
                continue;
            }
            begun.push(c);
            let further: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(c)).collect();
            let text = Value::String(c.to_string()).to_string();
            let written = Node::literal(&text[1..text.len() - 1]);
            let others = if depth == 0 {
                let rule = self.rules.add(None);
                open.push((rule, further));
                Node::Rule(rule)
            } else {
                self.others(&further, depth - 1, open)?
            };
            choices.push(Node::Sequence(vec![written, others]));
            taken.push((c.into(), c.into()));
        }
        choices.push(Node::Sequence(vec![Node::Class(all_but(taken)), self.given("chars")]));
        let node = Node::Choice(choices);
        // A name that ends here must go on; any other beginning may be the whole.
        Ok(if names.contains(&"") { node } else { node.optional() })
    }

    pub(super) fn array(&mut self, schema: &Map<String, Value>) -> Result<Node, GrammarError> {
        let (least, most) = (self.count(schema, "minItems")?.unwrap_or(0), self.count(schema, "maxItems")?);
        // Before 2020-12, `items` was the list.
        let (first_word, first) = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(first), _) => ("prefixItems", Some(first)),
            (None, Some(first @ Value::Array(_))) => ("items", Some(first)),
            _ => ("", None),
        };
        let first = match first {
            None => &[][..],
            Some(Value::Array(first)) => first,
            Some(_) => return self.error_at(first_word, "it is a list of schemas"),
        };
        let items = schema.get("items").filter(|items| !items.is_array() && **items != Value::Bool(false));
        let items = match items {
            Some(items) => Some(self.node_at("items", items)?),
            None if schema.get("items") == Some(&Value::Bool(false)) => None,
            None if first.is_empty() || least as usize > first.len() => Some(self.given("value")),
            None => None,
        };
        let mut parts = Vec::new();
        for (i, schema) in first.iter().enumerate().take(most.unwrap_or(u32::MAX) as usize) {
            let at = self.enter(first_word);
            let node = self.node_at(&i.to_string(), schema)?;
            self.leave(at);
            parts.push(if i == 0 { node } else { self.with_comma(node) });
        }
        let n_first = parts.len() as u32;
        let (least, most) = (least.saturating_sub(n_first), most.map(|most| most.saturating_sub(n_first)));
        if most.is_some_and(|most| most < least) {
            return Ok(Node::Choice(Vec::new()));
        }
        match items {
            Some(item) if most != Some(0) => {
                let item = self.in_rule(item);
                let further = self.with_comma(item.clone());
                if n_first > 0 {
                    parts.push(further.times(least, most));
                } else {
                    let one = u32::from(n_first == 0);
                    let further = further.times(least.saturating_sub(one), most.map(|most| most - one));
                    let all = Node::Sequence(vec![item, further]);
                    parts.push(if least == 0 { all.optional() } else { all });
                }
            }
            _ if least > 0 => return Ok(Node::Choice(Vec::new())),
            _ => {}
        }
        let space = self.given("space");
        let mut all = vec![Node::literal("["), space.clone()];
        all.extend(parts);
        all.extend([space, Node::literal("]")]);
        Ok(Node::Sequence(all))
    }
}
