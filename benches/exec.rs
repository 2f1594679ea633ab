//! Instructions spent executing the kernels of benches/kernels, each with a size that takes some
//! million instructions: enough that translation and instantiation, which are not counted, would
//! not show, and little enough for every run of CI.
//!
//! Callgrind also simulates a branch predictor that expects every indirect jump to go where it went
//! last time. That is pessimistic, but it does not vary, and what it mispredicts is what better ones
//! find hard.

use std::hint::black_box;
use std::path::Path;

use iai_callgrind::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use threadle::{CompilationMode, Config, Engine, Error, Func, Instance, Module, Store, Val};

/// A kernel ready to run.
struct Ready {
    store: Store<()>,
    run: Func,
    size: i32,
    results: Vec<Val>,
}

fn kernel(name: &str, size: i32) -> Ready {
    let set_up = || -> Result<_, Error> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/kernels").join(name);
        let mut config = Config::new();
        config.compilation_mode(CompilationMode::Eager);
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, wat::parse_file(file.with_extension("wat"))?)?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let run = instance
            .get_func(&mut store, "run")
            .ok_or_else(|| Error::msg("a kernel exports `run`"))?;
        let results = vec![Val::I32(0); run.ty(&store).results().len()];
        Ok(Ready { store, run, size, results })
    };
    set_up().unwrap_or_else(|error| panic!("kernel `{name}`: {error:?}"))
}

#[library_benchmark]
#[bench::bulk(args = ("bulk", 2_000), setup = kernel)]
#[bench::crc32(args = ("crc32", 8), setup = kernel)]
#[bench::fib(args = ("fib", 18), setup = kernel)]
#[bench::globals(args = ("globals", 15_000), setup = kernel)]
#[bench::heapsort(args = ("heapsort", 800), setup = kernel)]
#[bench::indirect(args = ("indirect", 15_000), setup = kernel)]
#[bench::mandelbrot(args = ("mandelbrot", 32), setup = kernel)]
#[bench::matmul(args = ("matmul", 24), setup = kernel)]
#[bench::nbody(args = ("nbody", 300), setup = kernel)]
#[bench::select(args = ("select", 15_000), setup = kernel)]
#[bench::sieve(args = ("sieve", 40_000), setup = kernel)]
#[bench::strings(args = ("strings", 3_000), setup = kernel)]
#[bench::vm(args = ("vm", 5_000), setup = kernel)]
fn run(mut ready: Ready) -> Ready {
    let Ready { store, run, size, results } = &mut ready;
    assert!(black_box(run.call(store, &[Val::I32(*size)], results)).is_ok());
    ready
}

library_benchmark_group!(name = exec; benchmarks = run);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--branch-sim=yes"]));
    library_benchmark_groups = exec
);
