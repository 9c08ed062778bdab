//! The table: what suits a device, by who made it.
//!
//! A row has as many invocations as such devices hold at once, or somewhat fewer, since kernels with many registers have fewer.
//! What a device is told apart by is its vendor and what it says of its architecture; the newest of a maker, and those that say
//! nothing, are taken for the better ones, since the first-run measurement tries what lesser ones need. No row but those of
//! software and of NVIDIA was measured (`docs/performance.md`): the others follow from what makers publish.

use super::{Tiles, Tuning};
use crate::DeviceFacts;

/// Who made a device, as far as that decides its kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Nvidia,
    Amd,
    Intel,
    Apple,
    Arm,
    /// Qualcomm, Imagination, Samsung.
    Mobile,
    Unknown,
}

/// Vendors by their PCI or Khronos number, which native drivers tell, and by the name that browsers have for them.
const VENDORS: [(&str, u32, Maker); 9] = [
    ("nvidia", 0x10de, Maker::Nvidia),
    ("amd", 0x1002, Maker::Amd),
    ("intel", 0x8086, Maker::Intel),
    ("apple", 0x106b, Maker::Apple),
    ("arm", 0x13b5, Maker::Arm),
    ("qualcomm", 0x5143, Maker::Mobile),
    // By way of D3D12.
    ("qualcomm", 0x4d4f_4351, Maker::Mobile),
    ("img-tec", 0x1010, Maker::Mobile),
    ("samsung", 0x144d, Maker::Mobile),
];

/// The number of the vendor that browsers call `name`; 0 of one that is not known.
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) fn vendor_id(name: &str) -> u32 {
    VENDORS.iter().find(|(known, ..)| *known == name).map_or(0, |&(_, id, _)| id)
}

impl Maker {
    fn of(facts: &DeviceFacts) -> Maker {
        // Metal has no numbers.
        if facts.vendor == 0 && facts.name.starts_with("Apple ") {
            return Maker::Apple;
        }
        VENDORS.iter().find(|(_, id, _)| *id == facts.vendor).map_or(Maker::Unknown, |&(.., maker)| maker)
    }
}

/// Architectures without an instruction for four products of bytes: Intel before Xe (Gen 12), AMD's GCN and first RDNA, Arm before
/// Valhall. Apple's GPUs have none, and Qualcomm's own kernels for them are in f16.
const WITHOUT_DOT4: [&str; 8] = ["gen-7", "gen-8", "gen-9", "gen-11", "gcn-", "rdna-1", "midgard", "bifrost"];

fn has_dot4(facts: &DeviceFacts, maker: Maker) -> bool {
    !matches!(maker, Maker::Apple | Maker::Mobile)
        && !WITHOUT_DOT4.iter().any(|name| facts.architecture.starts_with(name))
}

impl Tuning {
    /// A software adapter runs a workgroup's invocations one after the other, and each barrier makes it switch between
    /// all of them: 628 ms with a shared tree, 78 ms without, for 8192 x 2048.
    pub const SOFTWARE: Tuning = Tuning {
        lanes: 1,
        workgroup: 16,
        threads: 0,
        mantissa: false,
        ints: false,
        coarse: false,
        eight: false,
        ahead: false,
        held: false,
        subgroups: false,
        tiled_matmul: false,
        tiles: Tiles::Bytes,
    };

    /// What suits a GPU that nothing is known about, and NVIDIA's, of which an H200 was measured: it holds 132 x 2048
    /// invocations, and a laptop's with 20 multiprocessors 20 x 1536, for which a candidate has a fourth as many. Where a
    /// workgroup may not have as many invocations it has what it may.
    pub const GPU: Tuning = Tuning {
        lanes: 8,
        workgroup: 256,
        threads: 1 << 16,
        mantissa: true,
        ints: true,
        coarse: false,
        eight: true,
        ahead: false,
        held: true,
        subgroups: true,
        tiled_matmul: true,
        tiles: Tiles::Bytes,
    };

    /// AMD: a compute unit of RDNA 2 holds two times 16 waves of 32, so a card of 32 to 96 holds 32k to 96k invocations.
    const AMD: Tuning = Tuning { threads: 1 << 15, ..Tuning::GPU };

    /// AMD beside a processor: 8 to 16 compute units, 8k to 16k invocations.
    const AMD_INTEGRATED: Tuning = Tuning { threads: 1 << 13, workgroup: 128, ..Tuning::GPU };

    /// Intel beside a processor: an execution unit of Xe runs seven threads of 16 lanes, so 96 of them 10,752, and the 24 of
    /// Gen 9 2,688. Subgroups are of 8 to 32, and are 8 or 16 where registers are scarce.
    const INTEL: Tuning = Tuning { threads: 1 << 13, workgroup: 128, ..Tuning::GPU };

    /// Intel's cards: an Arc A770 runs 512 vector engines, eight threads of 16 lanes each, which is 64k.
    const INTEL_CARD: Tuning = Tuning { threads: 1 << 15, ..Tuning::INTEL };

    /// Apple: a core holds 384 to 3,072 invocations by their registers, about 1,024 of ordinary kernels, and an M1 has 8 cores, an M1
    /// Max 32; subgroups of 32. Workgroups of two subgroups with four rows each are what MLX and llama.cpp have.
    const APPLE: Tuning = Tuning { threads: 1 << 14, workgroup: 64, ..Tuning::GPU };

    /// Arm: a Mali-G78 of 20 cores holds 32 warps of 16 in each, 10,240 invocations; their usual numbers are 7 to 14. Workgroup
    /// memory is ordinary memory in a cache, so workgroups are of 64, as Arm advises.
    const ARM: Tuning = Tuning { threads: 1 << 13, workgroup: 64, ..Tuning::GPU };

    /// Other GPUs of phones. Qualcomm's kernels of llama.cpp have waves of 64 and workgroups of few of them.
    const MOBILE: Tuning = Tuning { threads: 1 << 13, workgroup: 64, ..Tuning::GPU };

    /// The table: what suits a device of these facts.
    pub fn of(facts: &DeviceFacts) -> Tuning {
        if facts.software {
            return Tuning::SOFTWARE;
        }
        let maker = Maker::of(facts);
        let row = match maker {
            Maker::Nvidia | Maker::Unknown => Tuning::GPU,
            Maker::Amd if facts.integrated => Tuning::AMD_INTEGRATED,
            Maker::Amd => Tuning::AMD,
            Maker::Intel if is_intel_card(facts) => Tuning::INTEL_CARD,
            Maker::Intel => Tuning::INTEL,
            Maker::Apple => Tuning::APPLE,
            Maker::Arm => Tuning::ARM,
            Maker::Mobile => Tuning::MOBILE,
        };
        if has_dot4(facts, maker) { row } else { row.in_floats() }.within(facts)
    }

    /// What else may suit it; [`GpuDevice::measure`](crate::GpuDevice::measure) tells.
    pub fn candidates(facts: &DeviceFacts) -> Vec<Tuning> {
        if facts.software {
            return Vec::new();
        }
        let row = Tuning::of(facts);
        let lanes = Tuning { held: false, ints: true, ..row };
        let floats = Tuning { ints: false, ..lanes };
        let list = match Maker::of(facts) {
            Maker::Nvidia | Maker::Unknown => vec![
                Tuning { threads: 1 << 14, workgroup: 128, ..row },
                lanes,
                Tuning { threads: 1 << 14, workgroup: 128, ..lanes },
                Tuning { eight: false, threads: 1 << 17, ..lanes },
                floats,
                Tuning { eight: false, workgroup: 128, ..floats },
                // Some convert bytes to floats in one instruction.
                Tuning { mantissa: false, threads: 1 << 14, workgroup: 128, ..floats },
            ],
            // Of each maker there are devices of a fourth of the row's invocations, and of four times as many.
            _ => vec![
                Tuning { threads: 4 * row.threads, ..row },
                Tuning { threads: row.threads / 4, ..row },
                Tuning { held: true, ..lanes },
                lanes,
                floats,
                Tuning { eight: false, workgroup: 2 * row.workgroup, ..floats },
                Tuning { mantissa: false, ..floats },
            ],
        };
        let mut candidates = vec![row];
        for tuning in list.into_iter().map(|tuning| tuning.within(facts)) {
            if !candidates.contains(&tuning) {
                candidates.push(tuning);
            }
        }
        candidates
    }

    /// What tiles of a prefill may hold at best, the most exact first; [`GpuDevice::measure`](crate::GpuDevice::measure) tells. On an
    /// H200 halves were slower than floats, and both take half of what bytes do, which NVIDIA's have since Pascal.
    pub(crate) fn tile_candidates(facts: &DeviceFacts) -> &'static [Tiles] {
        match Maker::of(facts) {
            Maker::Nvidia => &[Tiles::Floats, Tiles::Bytes],
            maker if has_dot4(facts, maker) => &[Tiles::Floats, Tiles::Halves, Tiles::HalfSums, Tiles::Bytes],
            _ => &[Tiles::Floats, Tiles::Halves, Tiles::HalfSums],
        }
    }

    /// The same without products of bytes.
    fn in_floats(self) -> Tuning {
        Tuning { ints: false, held: false, tiles: Tiles::Floats, ..self }
    }
}

fn is_intel_card(facts: &DeviceFacts) -> bool {
    // Xe's high-power kinds, as browsers call them: gen-12-hp, xe-hpg, xe2-hpg. Some that are called Arc are a processor's.
    let names = ["Arc(TM) A", "Arc(TM) B"];
    !facts.integrated
        && (names.iter().any(|name| facts.name.contains(name)) || facts.architecture.contains("hp"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::device;

    /// What a device tells: vendor, name, architecture, whether it is integrated, its smallest subgroup.
    type Told = (u32, &'static str, &'static str, bool, u32);

    fn facts((vendor, name, architecture, integrated, subgroup_min): Told) -> DeviceFacts {
        DeviceFacts {
            vendor,
            name: name.to_owned(),
            architecture: architecture.to_owned(),
            integrated,
            software: false,
            f16: true,
            subgroups: true,
            subgroup_min,
            subgroup_max: subgroup_min.max(32),
            ..device().device.facts().clone()
        }
    }

    #[test]
    fn devices_get_the_row_of_their_kind() {
        let floats = |row: Tuning| row.in_floats();
        let cases: [(Told, Tuning); 23] = [
            // As native drivers tell.
            ((0x10de, "NVIDIA H200", "", false, 32), Tuning::GPU),
            ((0x1002, "AMD Radeon RX 6800 XT (RADV NAVI21)", "", false, 32), Tuning::AMD),
            ((0x1002, "AMD Radeon 780M (RADV PHOENIX)", "", true, 32), Tuning::AMD_INTEGRATED),
            ((0x8086, "Intel(R) Iris(R) Xe Graphics (TGL GT2)", "", true, 8), Tuning::INTEL),
            ((0x8086, "Intel(R) Arc(TM) A770 Graphics (DG2)", "", false, 8), Tuning::INTEL_CARD),
            ((0x8086, "Intel(R) Arc(TM) B390 GPU (PTL)", "", true, 16), Tuning::INTEL),
            ((0, "Apple M1 Pro", "", true, 32), floats(Tuning::APPLE)),
            ((0x13b5, "Mali-G710", "", true, 16), Tuning::ARM),
            ((0x5143, "Adreno (TM) 740", "", true, 64), floats(Tuning::MOBILE)),
            ((0x1010, "PowerVR B-Series BXM-8-256", "", true, 32), floats(Tuning::MOBILE)),
            // As Chromium does: a vendor by name, an architecture, and mostly no name of the device.
            ((vendor_id("nvidia"), "", "lovelace", false, 32), Tuning::GPU),
            ((vendor_id("amd"), "", "rdna-3", false, 32), Tuning::AMD),
            ((vendor_id("amd"), "", "rdna-1", false, 32), floats(Tuning::AMD)),
            ((vendor_id("amd"), "", "gcn-5", false, 64), floats(Tuning::AMD)),
            ((vendor_id("intel"), "", "gen-12-lp", false, 8), Tuning::INTEL),
            ((vendor_id("intel"), "", "xe2-hpg", false, 16), Tuning::INTEL_CARD),
            ((vendor_id("intel"), "", "gen-9", false, 8), floats(Tuning::INTEL)),
            ((vendor_id("apple"), "", "metal-3", false, 32), floats(Tuning::APPLE)),
            ((vendor_id("arm"), "", "valhall", false, 16), Tuning::ARM),
            ((vendor_id("arm"), "", "bifrost", false, 8), floats(Tuning::ARM)),
            ((vendor_id("qualcomm"), "", "adreno-7xx", false, 64), floats(Tuning::MOBILE)),
            // Nothing is known, of one that says so and of one that is new.
            ((vendor_id(""), "", "", false, 0), Tuning { subgroups: false, ..Tuning::GPU }),
            ((vendor_id("moore-threads"), "", "musa", false, 32), Tuning::GPU),
        ];
        for (told, row) in cases {
            assert_eq!(Tuning::of(&facts(told)), row, "{told:?}");
        }
        let software = DeviceFacts { software: true, ..facts(cases[0].0) };
        assert_eq!(Tuning::of(&software), Tuning::SOFTWARE);
        assert_eq!(Tuning::candidates(&software), []);
    }

    /// What a device cannot do is no candidate, and none is there twice; what a phone gets is no crowd of a card's.
    #[test]
    fn candidates_suit_the_device() {
        for told in [
            (0x10de, "NVIDIA H200", "", false, 32),
            (0x1002, "", "gcn-5", false, 64),
            (0x8086, "", "gen-9", true, 8),
            (0x8086, "", "xe-lpg", true, 4),
            (0x106b, "", "metal-3", false, 32),
            (0x13b5, "", "valhall", false, 16),
            (0x5143, "", "adreno-6xx", false, 64),
            (0, "", "", false, 0),
        ] {
            for f16 in [false, true] {
                let facts = DeviceFacts { f16, ..facts(told) };
                let (table, candidates) = (Tuning::of(&facts), Tuning::candidates(&facts));
                assert_eq!(candidates[0], table, "{told:?}");
                assert!((4..=8).contains(&candidates.len()), "{told:?}: {}", candidates.len());
                for (at, tuning) in candidates.iter().enumerate() {
                    assert_eq!(tuning.within(&facts), *tuning, "{told:?}");
                    assert!(!candidates[..at].contains(tuning), "{told:?}: {tuning} twice");
                    assert_eq!(tuning.to_string().parse(), Ok(*tuning), "{told:?}");
                    let halves = matches!(tuning.tiles, Tiles::Halves | Tiles::HalfSums);
                    assert!(!halves, "a table has what every device of its kind has");
                    let crowd = if told.0 == 0x10de || told.0 == 0 { 1 << 17 } else { 4 * table.threads };
                    assert!((1 << 11..=crowd).contains(&tuning.threads), "{told:?}: {tuning}");
                }
                let tiles = Tuning::tile_candidates(&facts);
                assert!(tiles.contains(&table.tiles) && tiles[0] == Tiles::Floats, "{told:?}: {tiles:?}");
                assert_eq!(tiles.contains(&Tiles::Bytes), table.ints, "{told:?}: {tiles:?}");
                let arithmetics = [true, false].map(|ints| candidates.iter().any(|t| t.ints == ints));
                assert_eq!(arithmetics, [true; 2], "{told:?}");
            }
        }
    }
}
