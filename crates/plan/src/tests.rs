use sotto_format::{BlockType, TensorInfo};

use crate::*;

fn tensor(name: &str, shape: &[u64]) -> TensorInfo {
    let elements: u64 = shape.iter().product();
    TensorInfo {
        name: name.to_owned(),
        shape: shape.to_vec(),
        ty: BlockType::F32,
        file: 0,
        offset: 0,
        bytes: 4 * elements,
    }
}

#[test]
fn a_small_plan_prints_one_operation_a_line() {
    let tensors = [tensor("embed", &[10, 8]), tensor("norm", &[8])];
    let mut b = PlanBuilder::new(&tensors);
    let table = b.weight("embed", &[10, 8]).unwrap();
    let norm = b.weight("norm", &[8]).unwrap();
    let x = b.embed(table, 1.0);
    let x = b.select_outputs(x);
    let x = b.rms_norm(x, norm, 1e-5).unwrap();
    let logits = b.linear(x, table, None).unwrap();
    let plan = b.finish(logits);
    assert_eq!(
        plan.to_string(),
        "%0[tokens, 8] = embed embed[10, 8]:F32\n\
         %1[outputs, 8] = select_outputs %0\n\
         %2[outputs, 8] = rms_norm %1 norm[1, 8]:F32 eps=0.00001\n\
         %3[outputs, 10] = linear %2 embed[10, 8]:F32\n"
    );
    assert_eq!(plan.output_width(), 10);
    assert_eq!(plan.weight_bytes(), 4 * 88);
}

#[test]
fn contradictions_are_named() {
    let tensors = [tensor("embed", &[10, 8]), tensor("wide", &[4, 9])];
    let mut b = PlanBuilder::new(&tensors);
    assert_eq!(b.weight("absent", &[1]).unwrap_err(), PlanError::MissingTensor { name: "absent".to_owned() });
    assert!(matches!(b.weight("embed", &[10, 9]).unwrap_err(), PlanError::TensorShape { .. }));
    let table = b.weight("embed", &[10, 8]).unwrap();
    let wide = b.weight("wide", &[4, 9]).unwrap();
    let x = b.embed(table, 1.0);
    assert_eq!(
        b.linear(x, wide, None).unwrap_err(),
        PlanError::Shape { op: "linear", what: "input width", found: 8, expected: 9 }
    );
    let cache = b.cache(2, 4);
    assert!(b.kv_write(x, x, cache).is_ok());
    let odd = Attention { n_heads: 3, scale: 1.0, causal: true, window: None, softcap: None, sinks: None };
    assert!(b.attention(x, cache, odd).is_err());
}

#[test]
fn encoders_say_how_long_a_sequence_may_be() {
    let tensors = [tensor("embed", &[10, 8]), tensor("position", &[7, 8]), tensor("norm", &[8])];
    let mut b = PlanBuilder::new(&tensors);
    let [table, positions] =
        [("embed", 10), ("position", 7)].map(|(name, rows)| b.weight(name, &[rows, 8]).unwrap());
    let norm = b.weight("norm", &[8]).unwrap();
    let x = b.embed(table, 1.0);
    assert!(b.add_row(x, positions, TableRow::Always(7)).is_err());
    let x = b.add_row(x, positions, TableRow::Position(2)).unwrap();
    let x = b.layer_norm(x, norm, Some(norm), 1e-5).unwrap();
    let cache = b.cache(2, 4);
    b.kv_write(x, x, cache).unwrap();
    let banded =
        Attention { n_heads: 2, scale: 1.0, causal: false, window: Some(3), softcap: None, sinks: None };
    let x = b.attention(x, cache, banded).unwrap();
    let plan = b.finish(x);
    assert!(plan.is_bidirectional());
    assert_eq!(plan.max_positions(), Some(5));
    let lines: Vec<String> = plan.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines[1], "%1[tokens, 8] = add_row %0 position[7, 8]:F32 position+2");
    assert_eq!(lines[2], "%2[tokens, 8] = layer_norm %1 norm[1, 8]:F32 eps=0.00001 bias=norm[1, 8]:F32");
    assert!(lines[4].ends_with("bidirectional window=3"), "{}", lines[4]);
}

#[test]
fn a_tensor_can_be_read_in_parts() {
    let tensors = [tensor("embed", &[10, 8]), tensor("qkv", &[6, 8]), tensor("bias", &[6])];
    let mut b = PlanBuilder::new(&tensors);
    let table = b.weight("embed", &[10, 8]).unwrap();
    let x = b.embed(table, 1.0);
    let part = b.weight_rows("qkv", &[6, 8], 2..6).unwrap();
    let bias = b.weight_rows("bias", &[6], 2..6).unwrap();
    assert_eq!(part, b.weight_rows("qkv", &[6, 8], 2..6).unwrap());
    assert!(b.weight_rows("qkv", &[6, 8], 2..7).is_err());
    let y = b.linear(x, part, Some(bias)).unwrap();
    let plan = b.finish(y);
    assert_eq!((plan.weight(part).rows, plan.weight(part).cols, plan.weight(part).offset), (4, 8, 64));
    assert_eq!((plan.weight(bias).rows, plan.weight(bias).cols, plan.weight(bias).offset), (1, 4, 8));
    assert_eq!(plan.weights.len(), 3);
    assert_eq!(
        plan.to_string().lines().nth(1),
        Some("%1[tokens, 4] = linear %0 qkv+64[4, 8]:F32 bias=bias+8[1, 4]:F32")
    );
}
