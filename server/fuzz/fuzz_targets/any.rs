//! One program for all targets, since each would link the whole server again: `FUZZ_TARGET` says which.

#![no_main]

use std::env;
use std::sync::LazyLock;

use authgate_fuzz::TARGETS;
use libfuzzer_sys::fuzz_target;

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let asked = env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a folder of corpus/");
    TARGETS.into_iter().find(|(name, _)| *name == asked).expect("FUZZ_TARGET names a folder of corpus/").1
});

fuzz_target!(|data: &[u8]| CHECK(data));
