//! Fusion, seen from the list of nodes.

use sotto_format::{BlockType, TensorInfo};
use sotto_plan::{Attention, Gated, Plan, PlanBuilder, Rope, RopeLayout};

use super::arena::{Arena, Capacity};
use super::fuse::{Fusions, fuse, groups};
use super::node::Node;

const DIM: usize = 64;
const HIDDEN: usize = 96;
const LAYERS: usize = 3;

/// A decoder with the shapes of Llama; `bias` adds biases to Q, K and V.
fn decoder(bias: bool) -> Plan {
    let mut shapes: Vec<(String, Vec<u64>)> =
        vec![("embed".into(), vec![10, DIM as u64]), ("norm".into(), vec![DIM as u64])];
    for layer in 0..LAYERS {
        let mut tensor = |name: &str, shape: &[usize]| {
            shapes.push((format!("{layer}.{name}"), shape.iter().map(|&n| n as u64).collect()));
        };
        for name in ["q", "k", "v"] {
            let rows = if name == "q" { DIM } else { DIM / 2 };
            tensor(name, &[rows, DIM]);
            tensor(&format!("{name}_bias"), &[rows]);
        }
        tensor("o", &[DIM, DIM]);
        tensor("gate", &[HIDDEN, DIM]);
        tensor("up", &[HIDDEN, DIM]);
        tensor("down", &[DIM, HIDDEN]);
        tensor("norm_1", &[DIM]);
        tensor("norm_2", &[DIM]);
    }
    let tensors: Vec<_> = shapes
        .into_iter()
        .map(|(name, shape)| TensorInfo { name, shape, ty: BlockType::F32, file: 0, offset: 0, bytes: 0 })
        .collect();
    let rope = Rope {
        head_dim: 16,
        rotary_dim: 16,
        layout: RopeLayout::Adjacent,
        base: 10_000.0,
        position_scale: 1.0,
        magnitude: 1.0,
        growth: None,
        factors: None,
    };
    let mut b = PlanBuilder::new(&tensors);
    let table = b.weight("embed", &[10, DIM]).unwrap();
    let mut x = b.embed(table, 1.0);
    for layer in 0..LAYERS {
        let weight = |b: &mut PlanBuilder<'_>, name: &str, shape: &[usize]| {
            b.weight(&format!("{layer}.{name}"), shape).unwrap()
        };
        let norm = weight(&mut b, "norm_1", &[DIM]);
        let h = b.rms_norm(x, norm, 1e-5).unwrap();
        let [q, k, v] = [("q", DIM), ("k", DIM / 2), ("v", DIM / 2)].map(|(name, rows)| {
            let projection = weight(&mut b, name, &[rows, DIM]);
            let bias = bias.then(|| weight(&mut b, &format!("{name}_bias"), &[rows]));
            b.linear(h, projection, bias).unwrap()
        });
        let (q, k) = (b.rope(q, rope).unwrap(), b.rope(k, rope).unwrap());
        let cache = b.cache(2, 16);
        b.kv_write(k, v, cache).unwrap();
        let attention =
            Attention { n_heads: 4, scale: 0.25, causal: true, window: None, softcap: None, sinks: None };
        let a = b.attention(q, cache, attention).unwrap();
        let o = weight(&mut b, "o", &[DIM, DIM]);
        let a = b.linear(a, o, None).unwrap();
        x = b.add(x, a).unwrap();
        let norm = weight(&mut b, "norm_2", &[DIM]);
        let h = b.rms_norm(x, norm, 1e-5).unwrap();
        let gate = weight(&mut b, "gate", &[HIDDEN, DIM]);
        let up = weight(&mut b, "up", &[HIDDEN, DIM]);
        let down = weight(&mut b, "down", &[DIM, HIDDEN]);
        let (gate, up) = (b.linear(h, gate, None).unwrap(), b.linear(h, up, None).unwrap());
        let h = b.gated(Gated::Silu, gate, up).unwrap();
        let h = b.linear(h, down, None).unwrap();
        x = b.add(x, h).unwrap();
    }
    let x = b.select_outputs(x);
    let norm = b.weight("norm", &[DIM]).unwrap();
    let x = b.rms_norm(x, norm, 1e-5).unwrap();
    let logits = b.linear(x, table, None).unwrap();
    b.finish(logits)
}

fn names(nodes: &[Node]) -> Vec<&'static str> {
    let name = |node: &Node| match node {
        Node::Embed { .. } => "embed",
        Node::AddRow { .. } => "row",
        Node::LayerNorm { .. } => "layer_norm",
        Node::RmsNorm { .. } => "norm",
        Node::Linear { norm: None, residual: None, .. } => "linear",
        Node::Linear { norm: Some(_), residual: None, .. } => "norm+linear",
        Node::Linear { norm: None, residual: Some(_), .. } => "linear+add",
        Node::Linear { norm: Some(_), residual: Some(_), .. } => "norm+linear+add",
        Node::GatedLinear { norm: None, .. } => "gated",
        Node::GatedLinear { norm: Some(_), .. } => "norm+gated",
        Node::Qkv { norm: None, .. } => "qkv",
        Node::Qkv { norm: Some(_), .. } => "norm+qkv",
        Node::Rope { .. } => "rope",
        Node::KvWrite { .. } => "kv",
        Node::Attention { .. } => "attention",
        Node::Gated { .. } => "activation",
        Node::Add { .. } => "add",
        Node::SelectOutputs { .. } => "select",
        Node::Plain(_) => "plain",
    };
    nodes.iter().map(name).collect()
}

#[test]
fn a_layer_of_a_decoder_becomes_five_nodes() {
    let plan = decoder(false);
    let layer = ["norm+qkv", "attention", "linear+add", "norm+gated", "linear+add"];
    let mut expected = vec!["embed"];
    (0..LAYERS).for_each(|_| expected.extend(layer));
    expected.push("norm+linear");
    let nodes = fuse(&plan, Fusions::ONE_ROW, &|_| true);
    assert_eq!(names(&nodes), expected);
    assert_eq!(groups(&nodes, &|_| true).len(), 2 * LAYERS);
    expected.insert(expected.len() - 1, "select");
    assert_eq!(names(&fuse(&plan, Fusions::MATVEC, &|_| true)), expected);
}

#[test]
fn without_fusion_every_operation_stands_alone() {
    let plan = decoder(false);
    assert_eq!(fuse(&plan, Fusions::NONE, &|_| true).len(), plan.ops.len());
}

#[test]
fn weights_that_cannot_lie_together_stay_apart() {
    let plan = decoder(false);
    let nodes = fuse(&plan, Fusions::ONE_ROW, &|ids| ids.len() == 1);
    assert!(names(&nodes).iter().all(|name| !name.contains("qkv") && !name.contains("gated")));
    assert!(groups(&nodes, &|ids| ids.len() == 1).is_empty());
    // Q and K alike, V of another type.
    let nodes = fuse(&plan, Fusions::ONE_ROW, &|ids| ids.len() < 3);
    assert_eq!(names(&nodes)[1], "norm+qkv");
    assert_eq!(groups(&nodes, &|ids| ids.len() < 3)[0].len(), 2);
}

#[test]
fn biases_fuse_where_the_device_has_a_binding_for_them() {
    let plan = decoder(true);
    let nodes = fuse(&plan, Fusions { biased_qkv: true, ..Fusions::ONE_ROW }, &|_| true);
    assert_eq!(names(&nodes)[1], "norm+qkv");
    let nodes = fuse(&plan, Fusions::ONE_ROW, &|_| true);
    assert_eq!(names(&nodes)[1..4], ["norm+linear", "norm+linear", "norm+linear"]);
}

#[test]
fn values_that_live_together_have_slots_of_their_own() {
    let plan = decoder(false);
    let capacity = Capacity { tokens: 7, outputs: 2 };
    for fusions in [Fusions::NONE, Fusions::MATVEC] {
        let nodes = fuse(&plan, fusions, &|_| true);
        let output = plan.output.unwrap();
        let mut arena = Arena::default();
        let slots = arena.assign(&plan, &nodes, capacity, &[output]);
        for (at, node) in nodes.iter().enumerate() {
            let Some(out) = node.out().filter(|&out| out != output) else { continue };
            let live = |value| nodes[at..].iter().any(|n| n.inputs().any(|i| i == value));
            let earlier = nodes[..at].iter().filter_map(Node::out).filter(|&value| live(value));
            earlier.for_each(|value| assert_ne!(slots[&value], slots[&out], "{node:?}"));
        }
        assert!(arena.len() <= 6, "{} slots", arena.len());
    }
}
