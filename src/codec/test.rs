//! What the tests of the encodings share: bytes at random that are the same in every run.

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % u64::from(bound)) as u32
    }
}

/// Bytes of every length from 0 to 300, and all that there are.
pub(super) fn samples() -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::new(64);
    let at_random = (0..=300).map(move |length| (0..length).map(|_| random.below(256) as u8).collect());
    at_random.chain([(0..=255).collect()])
}
