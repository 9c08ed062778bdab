//! Each operation of [`sotto_plan::Op`] as a plain function. Matrices are row-major; `width` is the number
//! of elements a row, the number of rows follows from the slice's length.

use sotto_plan::{Attention, DeltaNet, Gated, KvCache, Map, Rope, RopeLayout, TableRow};

/// `out[t] = scale * table[ids[t]]`; `row(id, out)` writes one row of the table.
pub fn embed(ids: &[u32], scale: f32, width: usize, mut row: impl FnMut(u32, &mut [f32])) -> Vec<f32> {
    let mut out = vec![0.0; ids.len() * width];
    for (&id, out) in ids.iter().zip(out.chunks_exact_mut(width)) {
        row(id, out);
        out.iter_mut().for_each(|v| *v *= scale);
    }
    out
}

/// `out[t] = x[t] + table[r(t)]`, where row `t` stands at `position + t`; `at(row, out)` writes one row of the table.
pub fn add_row(
    x: &[f32],
    width: usize,
    position: usize,
    row: TableRow,
    mut at: impl FnMut(usize, &mut [f32]),
) -> Vec<f32> {
    let mut out = x.to_vec();
    let mut added = vec![0.0; width];
    for (t, out) in out.chunks_exact_mut(width).enumerate() {
        match row {
            TableRow::Position(first) => at(first + position + t, &mut added),
            TableRow::Always(row) => at(row, &mut added),
        }
        out.iter_mut().zip(&added).for_each(|(o, a)| *o += a);
    }
    out
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias`, over rows of `weight.len()` elements. Sums are f64: a sum of many
/// numbers away from 0 would lose in f32 what the difference from it shows.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: Option<&[f32]>, eps: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    let n = weight.len() as f64;
    for row in x.chunks_exact(weight.len()) {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        let (mean, scale) = (mean as f32, 1.0 / (variance as f32 + eps).sqrt());
        out.extend(
            row.iter()
                .zip(weight)
                .enumerate()
                .map(|(i, (v, w))| (v - mean) * scale * w + bias.map_or(0.0, |b| b[i])),
        );
    }
    out
}

/// `x / sqrt(mean(x^2) + eps) * weight`, over groups of `weight.len()` elements.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for group in x.chunks_exact(weight.len()) {
        let mean_square = group.iter().map(|v| v * v).sum::<f32>() / weight.len() as f32;
        let scale = 1.0 / (mean_square + eps).sqrt();
        out.extend(group.iter().zip(weight).map(|(v, w)| v * scale * w));
    }
    out
}

/// `out[t, o] = bias[o] + sum_i weight[o, i] * x[t, i]`; `row(o, out)` writes one row of the weight.
pub fn linear(
    x: &[f32],
    (out_width, in_width): (usize, usize),
    mut row: impl FnMut(usize, &mut [f32]),
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let n_rows = x.len() / in_width;
    let mut out = vec![0.0; n_rows * out_width];
    let mut weight = vec![0.0; in_width];
    for o in 0..out_width {
        row(o, &mut weight);
        for (t, x) in x.chunks_exact(in_width).enumerate() {
            let dot: f32 = weight.iter().zip(x).map(|(w, x)| w * x).sum();
            out[t * out_width + o] = dot + bias.map_or(0.0, |b| b[o]);
        }
    }
    out
}

/// Rotates each head of each row; row `t` stands at `position + t`.
pub fn rope(x: &[f32], width: usize, position: usize, rope: &Rope, factors: Option<&[f32]>) -> Vec<f32> {
    let mut out = x.to_vec();
    for (t, row) in out.chunks_exact_mut(width).enumerate() {
        for head in row.chunks_exact_mut(rope.head_dim) {
            for j in 0..rope.rotary_dim / 2 {
                let exponent = -2.0 * j as f32 / rope.rotary_dim as f32;
                let frequency = rope.base.powf(exponent) / factors.map_or(1.0, |f| f[j]);
                let angle = (position + t) as f32 * rope.position_scale * frequency;
                let (sin, cos) = angle.sin_cos();
                let magnitude = rope.magnitude * rope.growth.map_or(1.0, |growth| growth.at(position + t));
                let (sin, cos) = (sin * magnitude, cos * magnitude);
                let (i0, i1) = match rope.layout {
                    RopeLayout::Adjacent => (2 * j, 2 * j + 1),
                    RopeLayout::Halves => (j, j + rope.rotary_dim / 2),
                };
                let (x0, x1) = (head[i0], head[i1]);
                head[i0] = x0 * cos - x1 * sin;
                head[i1] = x0 * sin + x1 * cos;
            }
        }
    }
    out
}

/// Attention of queries at `position..` over `keys` and `values`, both `[positions, n_kv_heads, head_dim]`;
/// `sinks` are `[n_heads]`.
pub fn attention(
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    cache: KvCache,
    position: usize,
    attention: &Attention,
    sinks: Option<&[f32]>,
) -> Vec<f32> {
    let KvCache { n_kv_heads, head_dim } = cache;
    let group = attention.n_heads / n_kv_heads;
    let mut out = vec![0.0; q.len()];
    let heads = q.chunks_exact(head_dim).zip(out.chunks_exact_mut(head_dim));
    for (row, (q, out)) in heads.enumerate() {
        let (t, head) = (row / attention.n_heads, row % attention.n_heads);
        let here = position + t;
        let start = attention.window.map_or(0, |w| (here + 1).saturating_sub(w as usize));
        let last = attention.window.map_or(usize::MAX, |w| here.saturating_add(w as usize));
        let end = if attention.causal { here + 1 } else { last.min(keys.len() / (n_kv_heads * head_dim)) };
        let at = |p: usize| (p * n_kv_heads + head / group) * head_dim;
        let mut scores: Vec<f32> = (start..end)
            .map(|p| {
                let key = &keys[at(p)..][..head_dim];
                let score = attention.scale * q.iter().zip(key).map(|(q, k)| q * k).sum::<f32>();
                attention.softcap.map_or(score, |cap| cap * (score / cap).tanh())
            })
            .collect();
        // A sink is one more score, whose value is 0.
        scores.extend(sinks.map(|sinks| sinks[head]));
        softmax(&mut scores);
        for (p, weight) in (start..end).zip(scores) {
            let value = &values[at(p)..][..head_dim];
            out.iter_mut().zip(value).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}

/// As [`attention`], of which every query head has a key/value head of its own, with the distance of query and key in the
/// scores: `relative_keys` and `relative_queries` are `[2 * span, n_heads * head_dim]`, `buckets` `[positions]`.
pub fn relative_attention(
    q: &[f32],
    [keys, values]: [&[f32]; 2],
    cache: KvCache,
    position: usize,
    attention: &Attention,
    [relative_keys, relative_queries]: [&[f32]; 2],
    buckets: &[f32],
) -> Vec<f32> {
    let KvCache { n_kv_heads, head_dim } = cache;
    let width = n_kv_heads * head_dim;
    let span = (relative_keys.len() / width / 2) as i64;
    let n_keys = keys.len() / width;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mut out = vec![0.0; q.len()];
    for (row, (q, out)) in q.chunks_exact(head_dim).zip(out.chunks_exact_mut(head_dim)).enumerate() {
        let (here, head) = (position + row / n_kv_heads, row % n_kv_heads);
        let end = if attention.causal { here + 1 } else { n_keys };
        let at = |p: usize| p * width + head * head_dim;
        let mut scores: Vec<f32> = (0..end)
            .map(|p| {
                let bucket = buckets[here.abs_diff(p)] as i64;
                let signed = if p > here { -bucket } else { bucket };
                let r = at((span + signed).clamp(0, 2 * span - 1) as usize);
                let key = &keys[at(p)..][..head_dim];
                let distance =
                    dot(q, &relative_keys[r..][..head_dim]) + dot(&relative_queries[r..][..head_dim], key);
                attention.scale * (dot(q, key) + distance)
            })
            .collect();
        softmax(&mut scores);
        for (p, weight) in scores.into_iter().enumerate() {
            out.iter_mut().zip(&values[at(p)..][..head_dim]).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}

/// `exp(x - max) / sum(exp(x - max))`, in place.
pub fn softmax(x: &mut [f32]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|v| *v = (*v - max).exp());
    let sum: f32 = x.iter().sum();
    x.iter_mut().for_each(|v| *v /= sum);
}

/// `kind(gate, up)`.
pub fn gated(kind: Gated, gate: &[f32], up: &[f32]) -> Vec<f32> {
    gate.iter().zip(up).map(|(&gate, &up)| kind.apply(gate, up)).collect()
}

/// `a + b`.
pub fn add(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// `map(x)`.
pub fn map(map: Map, x: &[f32]) -> Vec<f32> {
    x.iter().map(|&v| map.apply(v)).collect()
}

/// The `n_used` experts of each row of `logits`, largest first, and their weights: `[rows, 2 * n_used]`.
pub fn route(logits: &[f32], n_experts: usize, n_used: usize, normalise: bool) -> Vec<f32> {
    let mut out = Vec::new();
    for row in logits.chunks_exact(n_experts) {
        let mut probabilities = row.to_vec();
        softmax(&mut probabilities);
        let mut order: Vec<usize> = (0..n_experts).collect();
        // A stable sort leaves ties in the order of their indices.
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let chosen = &order[..n_used];
        let sum: f32 = chosen.iter().map(|&e| probabilities[e]).sum();
        let scale = if normalise { 1.0 / sum } else { 1.0 };
        out.extend(chosen.iter().map(|&e| e as f32));
        out.extend(chosen.iter().map(|&e| probabilities[e] * scale));
    }
    out
}

/// `out[t, s, o] = bias[e, o] + sum_i weight[e, o, i] * x[t, s, i]` with `e = routes[t, s]`. `row(e * out_width + o, out)`
/// writes one row of the weight. Rows of `x` hold `in_width` elements for all slots, or as many for each.
pub fn expert_linear(
    x: &[f32],
    routes: &[f32],
    n_used: usize,
    (out_width, in_width): (usize, usize),
    mut row: impl FnMut(usize, &mut [f32]),
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let n_rows = routes.len() / (2 * n_used);
    let shared = x.len() == n_rows * in_width;
    let mut out = vec![0.0; n_rows * n_used * out_width];
    let mut weight = vec![0.0; in_width];
    for (at, out) in out.chunks_exact_mut(out_width).enumerate() {
        let (t, slot) = (at / n_used, at % n_used);
        let expert = routes[t * 2 * n_used + slot] as usize;
        let x = &x[if shared { t } else { at } * in_width..][..in_width];
        for (o, out) in out.iter_mut().enumerate() {
            row(expert * out_width + o, &mut weight);
            let dot: f32 = weight.iter().zip(x).map(|(w, x)| w * x).sum();
            *out = dot + bias.map_or(0.0, |b| b[expert * out_width + o]);
        }
    }
    out
}

/// `out[t, i] = sum_s routes[t, n_used + s] * x[t, s, i]`.
pub fn expert_sum(x: &[f32], routes: &[f32], n_used: usize) -> Vec<f32> {
    let n_rows = routes.len() / (2 * n_used);
    let width = x.len() / (n_rows * n_used).max(1);
    let mut out = vec![0.0; n_rows * width];
    for (t, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
        for slot in 0..n_used {
            let weight = routes[(2 * t + 1) * n_used + slot];
            let x = &x[(t * n_used + slot) * width..][..width];
            out.iter_mut().zip(x).for_each(|(o, x)| *o += weight * x);
        }
    }
    out
}

/// The gated delta rule of [`DeltaNet`], over `x`, `a` and `b`; `state` is `[n_v_heads, k_dim, v_dim]`.
pub fn delta_net(
    [x, a, b]: [&[f32]; 3],
    decay: &[f32],
    bias: &[f32],
    net: DeltaNet,
    state: &mut [f32],
) -> Vec<f32> {
    let DeltaNet { n_k_heads, n_v_heads, k_dim, v_dim } = net;
    let mut out = vec![0.0; x.len() / net.width() * n_v_heads * v_dim];
    for (t, x) in x.chunks_exact(net.width()).enumerate() {
        let (queries, rest) = x.split_at(n_k_heads * k_dim);
        let (keys, values) = rest.split_at(n_k_heads * k_dim);
        for h in 0..n_v_heads {
            let key_head = h % n_k_heads;
            let head = key_head * k_dim..(key_head + 1) * k_dim;
            let (query, key) = (unit(&queries[head.clone()]), unit(&keys[head]));
            let value = &values[h * v_dim..][..v_dim];
            let state = &mut state[h * k_dim * v_dim..][..k_dim * v_dim];
            let at = t * n_v_heads + h;
            let kept = (decay[h] * softplus(a[at] + bias[h])).exp();
            let rate = 1.0 / (1.0 + (-b[at]).exp());
            state.iter_mut().for_each(|s| *s *= kept);
            let mut change = value.to_vec();
            for (k, row) in key.iter().zip(state.chunks_exact(v_dim)) {
                change.iter_mut().zip(row).for_each(|(c, s)| *c -= k * s);
            }
            let out = &mut out[at * v_dim..][..v_dim];
            for ((k, q), row) in key.iter().zip(&query).zip(state.chunks_exact_mut(v_dim)) {
                for ((s, c), out) in row.iter_mut().zip(&change).zip(out.iter_mut()) {
                    *s += k * rate * c;
                    *out += q / (k_dim as f32).sqrt() * *s;
                }
            }
        }
    }
    out
}

fn unit(x: &[f32]) -> Vec<f32> {
    const EPS: f32 = 1e-6;
    let length = (x.iter().map(|v| v * v).sum::<f32>() + EPS).sqrt();
    x.iter().map(|v| v / length).collect()
}

fn softplus(x: f32) -> f32 {
    // Beyond 20 it is x to the last bit.
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

/// `out[t, i] = sum_j weight[i, j] * x[t + j + 1 - taps, i]`, with `weight` `[width, taps]`. `history` holds
/// the rows before the step, the last of them `x[-1]`; what it does not hold is 0.
pub fn short_conv(x: &[f32], history: &[f32], weight: &[f32], width: usize) -> Vec<f32> {
    let taps = weight.len() / width;
    let past = history.len() / width;
    let all = [history, x].concat();
    let mut out = vec![0.0; x.len()];
    for (t, out) in out.chunks_exact_mut(width).enumerate() {
        for (j, back) in (0..taps).rev().enumerate() {
            let Some(row) = (past + t).checked_sub(back) else { continue };
            let x = &all[row * width..][..width];
            for (i, out) in out.iter_mut().enumerate() {
                *out += weight[i * taps + j] * x[i];
            }
        }
    }
    out
}
