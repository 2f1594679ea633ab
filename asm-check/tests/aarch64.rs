//! The rules on AArch64 code. The words are what LLVM's assembler makes of the text beside them;
//! handlers use the C convention, so pc is x0 and dispatch goes through a scratch register.

use asm_check::descriptor::{Backend, Descriptor, Kind, Named, Threading};
use asm_check::image::{Image, Machine};
use asm_check::listing;
use asm_check::measure;
use asm_check::ops::Op;
use asm_check::program::{NamesFrom, Program};
use asm_check::rules::{self, Checked, Rule};

const START: u64 = 0x1000;

const ADD_ACC_L0: u32 = 0x8b04_0063; // add x3, x3, x4
const LOAD_NEXT: u32 = 0xf840_8c09; // ldr x9, [x0, #8]!
const JUMP_NEXT: u32 = 0xd61f_0120; // br x9
const PUSH_PAIR: u32 = 0xa9bf_7bfd; // stp x29, x30, [sp, #-16]!
const POP_PAIR: u32 = 0xa8c1_7bfd; // ldp x29, x30, [sp], #16
const MOV_FP_SP: u32 = 0x9100_03fd; // mov x29, sp
const CALL_NEXT_WORD: u32 = 0x9400_0001; // bl .+4
const CALL_X9: u32 = 0xd63f_0120; // blr x9
const RET: u32 = 0xd65f_03c0; // ret
const SPILL: u32 = 0xf81f_83e3; // stur x3, [sp, #-8]
const SUB_SP: u32 = 0xd100_83ff; // sub sp, sp, #32
const ADDRESS_OF_SLOT: u32 = 0x9100_23e8; // add x8, sp, #8
const DIV: u32 = 0x9ac4_0863; // udiv x3, x3, x4
const IF_ZERO_SKIP_3: u32 = 0xb400_0084; // cbz x4, .+16

/// Checks `words` as the one handler; `cold` is the address of a named continuation.
fn check(words: &[u32], threading: Threading, cold: Option<u64>) -> (Program, Checked) {
    let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let image = Image::from_code(Machine::Aarch64, START, &code);
    let named = cold.map(|address| Named { name: "cold".into(), address, kind: Kind::Cold });
    let descriptor = Descriptor {
        table_hash: 0,
        backend: Backend::Sibling,
        threading,
        table: 0,
        handlers: vec![START],
        named: named.into_iter().collect(),
    };
    let op = Op { name: "op".into(), effect: String::new(), family: String::new(), size: 8 };
    let program = Program::new(image, descriptor, vec![op], NamesFrom::Table);
    let function = program.function("op").expect("the handler");
    let checked = rules::check(&program, function);
    (program, checked)
}

fn broken(words: &[u32]) -> Vec<Rule> {
    let (_, checked) = check(words, Threading::Direct, None);
    let mut rules: Vec<Rule> = checked.findings.iter().map(|f| f.rule).collect();
    rules.dedup();
    rules
}

/// What linkers make of a load at an address where a Cortex-A53 may get it wrong.
#[test]
fn an_instruction_that_the_linker_has_moved_is_followed() {
    const JUMP_4_WORDS: u32 = 0x1400_0004; // b .+16
    const BACK_4_WORDS: u32 = 0x17ff_fffc; // b .-16
    const BACK_3_WORDS: u32 = 0x17ff_fffd; // b .-12
    let check = |back, moved| {
        let code = [JUMP_4_WORDS, LOAD_NEXT, JUMP_NEXT, RET, moved, back];
        let (_, checked) = check(&code, Threading::Direct, Some(START + 12));
        checked.findings.iter().map(|found| found.rule).collect::<Vec<_>>()
    };
    assert_eq!(check(BACK_4_WORDS, ADD_ACC_L0), []);
    // One that is kept elsewhere must keep to the rules too, and come back to where it was.
    assert_eq!(check(BACK_4_WORDS, SPILL), [Rule::StackAccess]);
    assert_eq!(check(BACK_3_WORDS, ADD_ACC_L0), [Rule::Exit]);
}

#[test]
fn a_leaf_that_jumps_on_passes() {
    let (program, checked) = check(&[ADD_ACC_L0, LOAD_NEXT, JUMP_NEXT], Threading::Direct, None);
    assert_eq!(checked.findings, []);
    let cost = measure::cost(&checked);
    assert_eq!((cost.shortest, cost.longest, cost.bytes), (3, 3, 12));
    let shown = listing::render(&listing::lines(&program, &checked));
    assert!(shown.contains("add x3, x3, x4") && shown.contains("add acc, acc, l0"), "{shown}");
    assert!(shown.contains("; dispatch"), "{shown}");
}

#[test]
fn what_llvm_makes_of_a_handler_passes() {
    // ldr x9, [x0, #16]! / ldurh w8, [x0, #-8] / ldr x8, [x1, x8, lsl #3] / add x3, x3, x8 / br x9
    let words = [0xf841_0c09, 0x785f_8008, 0xf868_7828, 0x8b08_0063, JUMP_NEXT];
    assert_eq!(broken(&words), []);
}

#[test]
fn a_jump_through_the_handler_table_is_a_dispatch_only_with_table_threading() {
    // add x0, x0, #2 / ldrh w9, [x0] / adrp x7, . / add x7, x7, #64 / ldr x9, [x7, x9, lsl #3] / br x9
    let words = [0x9100_0800, 0x7940_0009, 0x9000_0007, 0x9101_00e7, 0xf869_78e9, JUMP_NEXT];
    let (_, checked) = check(&words, Threading::Table, None);
    assert_eq!(checked.findings, []);
    assert_eq!(broken(&words), [Rule::Dispatch]);
}

#[test]
fn a_frame_and_a_call_are_found() {
    let words = [PUSH_PAIR, MOV_FP_SP, CALL_NEXT_WORD, POP_PAIR, LOAD_NEXT, JUMP_NEXT];
    let rules = broken(&words);
    for rule in [Rule::PushPop, Rule::StackAddress, Rule::Call, Rule::StackAccess] {
        assert!(rules.contains(&rule), "{rule:?} in {rules:?}");
    }
}

#[test]
fn a_dispatch_that_became_a_call_is_found() {
    assert_eq!(broken(&[LOAD_NEXT, CALL_X9, RET]), [Rule::DispatchCall, Rule::Return]);
}

#[test]
fn a_spill_and_an_escaping_slot_are_found() {
    assert_eq!(broken(&[SPILL, LOAD_NEXT, JUMP_NEXT]), [Rule::StackAccess]);
    assert_eq!(broken(&[SUB_SP, LOAD_NEXT, JUMP_NEXT]), [Rule::StackPointer]);
    assert_eq!(broken(&[ADDRESS_OF_SLOT, LOAD_NEXT, JUMP_NEXT]), [Rule::StackAddress]);
}

#[test]
fn a_jump_to_a_named_continuation_is_cold_and_allowed() {
    // cbz to the continuation behind the handler.
    let words = [IF_ZERO_SKIP_3, DIV, LOAD_NEXT, JUMP_NEXT, RET];
    let (program, checked) = check(&words, Threading::Direct, Some(START + 16));
    assert_eq!(checked.findings, []);
    assert_eq!(checked.graph.nodes.len(), 4);
    let shown = listing::render(&listing::lines(&program, &checked));
    assert!(shown.contains("cbz x4, cold"), "{shown}");
    // Without the name, the path goes on into the return.
    assert_eq!(broken(&words), [Rule::Return]);
}

#[test]
fn a_word_that_is_no_instruction_fails() {
    assert_eq!(broken(&[0xffff_ffff, JUMP_NEXT]), [Rule::Decode]);
}
