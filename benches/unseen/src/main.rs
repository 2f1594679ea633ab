//! What programs do around public crates, and around Rust's own collections: a part by name, so many rounds of
//! it, and a line that says what came out.
//!
//! No fused op of Threadle was chosen from these parts. benches/unseen/corpus.py makes a corpus of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::env;

/// Numbers by chance, always the same ones.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.next() % limit) as usize
    }
}

/// Text of at least so many bytes, with some Markdown in it.
fn text(len: usize) -> String {
    const WORDS: [&str; 16] = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "lazy",
        "dog",
        "lorem",
        "ipsum",
        "dolor",
        "sit",
        "amet",
        "interpreter",
        "threaded",
        "code",
    ];
    let mut random = Random(88172645463325252);
    let mut text = String::new();
    while text.len() < len {
        let number = random.next();
        text.push_str(WORDS[(number % 16) as usize]);
        text.push_str(match number >> 60 {
            0 => ".\n\n",
            1 => ", *em* ",
            2 => " `code` ",
            _ => " ",
        });
    }
    text
}

fn lz4(rounds: u64) -> u64 {
    let text = text(200_000);
    let round = |_| {
        let packed = lz4_flex::compress_prepend_size(text.as_bytes());
        let unpacked = lz4_flex::decompress_size_prepended(&packed).expect("what was packed");
        // How well it packs depends on the width of a word.
        unpacked.len() as u64
    };
    (0..rounds).map(round).sum()
}

fn deflate(rounds: u64) -> u64 {
    let text = text(100_000);
    let round = |_| {
        let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6);
        let unpacked = miniz_oxide::inflate::decompress_to_vec(&packed).expect("what was packed");
        (packed.len() + unpacked.len()) as u64
    };
    (0..rounds).map(round).sum()
}

fn sha3(rounds: u64) -> u64 {
    use sha3::Digest;
    let text = text(100_000);
    (0..rounds).map(|_| u64::from(sha3::Sha3_256::digest(text.as_bytes())[0])).sum()
}

fn aes(rounds: u64) -> u64 {
    use aes::cipher::generic_array::GenericArray;
    use aes::cipher::{BlockEncrypt, KeyInit};
    let cipher = aes::Aes128::new(GenericArray::from_slice(&[7; 16]));
    let mut block = GenericArray::clone_from_slice(&[1; 16]);
    for _ in 0..rounds {
        cipher.encrypt_block(&mut block);
    }
    u64::from(block[3])
}

fn chacha(rounds: u64) -> u64 {
    use chacha20::cipher::{KeyIvInit, StreamCipher};
    let mut cipher = chacha20::ChaCha20::new(&[7; 32].into(), &[3; 12].into());
    let mut bytes = vec![0; 65536];
    for _ in 0..rounds {
        cipher.apply_keystream(&mut bytes);
    }
    u64::from(bytes[77])
}

fn markdown(rounds: u64) -> u64 {
    let text = text(100_000);
    let round = |_| {
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&text));
        html.len() as u64
    };
    (0..rounds).map(round).sum()
}

fn rhai(depth: u64) -> u64 {
    use rhai::packages::Package;
    let mut engine = rhai::Engine::new_raw();
    engine.set_max_expr_depths(0, 0);
    rhai::packages::StandardPackage::new().register_into_engine(&mut engine);
    let script =
        format!("fn fib(n) {{ if n < 2 {{ n }} else {{ fib(n - 1) + fib(n - 2) }} }} fib({depth})");
    engine.eval::<i64>(&script).expect("a number") as u64
}

fn fft(rounds: u64) -> u64 {
    use rustfft::num_complex::Complex;
    let transform = rustfft::FftPlannerScalar::<f64>::new().plan_fft_forward(4096);
    let mut values: Vec<_> =
        (0..4096).map(|i| Complex { re: f64::from(i % 17), im: 0.5 }).collect();
    for _ in 0..rounds {
        transform.process(&mut values);
        values.iter_mut().for_each(|value| *value /= 64.0);
    }
    values.iter().map(|value| value.re.abs()).sum::<f64>() as u64
}

fn graph(rounds: u64) -> u64 {
    let mut random = Random(99);
    let mut graph = petgraph::Graph::<(), u32, petgraph::Undirected>::new_undirected();
    let nodes: Vec<_> = (0..5000).map(|_| graph.add_node(())).collect();
    for _ in 0..20_000 {
        let (from, to) = (nodes[random.below(5000)], nodes[random.below(5000)]);
        graph.add_edge(from, to, random.below(100) as u32);
    }
    let round = |i| {
        let costs =
            petgraph::algo::dijkstra(&graph, nodes[i as usize % 5000], None, |edge| *edge.weight());
        costs.values().map(|cost| u64::from(*cost)).sum::<u64>()
    };
    (0..rounds).map(round).sum()
}

fn template(rounds: u64) -> u64 {
    const TEXT: &str = "<ul>{% for i in items %}<li class={{ loop.index }}>{{ i.name|upper }}: {{ i.value + 1 }}</li>\
                        {% endfor %}</ul>";
    let mut templates = minijinja::Environment::new();
    templates.add_template("list", TEXT).expect("a template");
    let items: Vec<_> =
        (0..200).map(|i| minijinja::context! { name => format!("n{i}"), value => i }).collect();
    let round = |_| {
        let template = templates.get_template("list").expect("the template");
        template.render(minijinja::context! { items => items }).expect("a page").len() as u64
    };
    (0..rounds).map(round).sum()
}

fn roaring(rounds: u64) -> u64 {
    let mut random = Random(5);
    let mut set =
        || (0..50_000).map(|_| random.below(1_000_000) as u32).collect::<roaring::RoaringBitmap>();
    let (a, b) = (set(), set());
    let round =
        |_| (&a & &b).len() + (&a | &b).len() + (&a ^ &b).iter().map(u64::from).sum::<u64>();
    (0..rounds).map(round).sum()
}

fn rope(rounds: u64) -> u64 {
    let mut rope = ropey::Rope::from_str(&text(50_000));
    let mut random = Random(3);
    let round = |_| {
        rope.insert(random.below(rope.len_chars() as u64), "hello\n");
        let at = random.below(rope.len_chars() as u64 - 5);
        rope.remove(at..at + 5);
        rope.char_to_line(at) as u64
    };
    (0..rounds).map(round).sum()
}

fn linalg(rounds: u64) -> u64 {
    let entry =
        |i: usize, j: usize| ((i * 7 + j * 13) % 31) as f64 + if i == j { 50.0 } else { 0.0 };
    let matrix = nalgebra::DMatrix::<f64>::from_fn(60, 60, entry);
    let round = |_| {
        let determinant = matrix.clone().lu().determinant();
        determinant.ln() as u64 + matrix.clone().qr().r()[(1, 1)].abs() as u64
    };
    (0..rounds).map(round).sum()
}

fn toml(rounds: u64) -> u64 {
    let table = |i| {
        format!(
            "[pkg{i}]\nname = \"p{i}\"\nversion = \"1.{i}.0\"\ndeps = [\"a\", \"b{i}\"]\nx = {i}.5\n"
        )
    };
    let text: String = (0..300).map(table).collect();
    (0..rounds).map(|_| text.parse::<toml::Table>().expect("tables").len() as u64).sum()
}

fn fst(rounds: u64) -> u64 {
    use fst::{IntoStreamer, Streamer};
    let key = |i: u32| format!("{:08}", i.wrapping_mul(2_654_435_761) % 100_000_000);
    let mut keys: Vec<String> = (0..20_000).map(key).collect();
    keys.sort();
    keys.dedup();
    let round = |_| {
        let set = fst::Set::from_iter(&keys).expect("a set of sorted keys");
        let mut found = set.range().ge("5").into_stream();
        let mut sum = 0;
        while let Some(key) = found.next() {
            sum += u64::from(key[7]);
        }
        sum
    };
    (0..rounds).map(round).sum()
}

fn csv(rounds: u64) -> u64 {
    let line = |i| format!("{i},\"x, {i}\",{}.25,foo\n", i * 3);
    let text: String = std::iter::once("a,b,c,d\n".to_owned()).chain((0..3000).map(line)).collect();
    let round = |_| {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = |record: csv::Result<csv::StringRecord>| {
            let record = record.expect("a line");
            let (number, float) = (record[0].parse::<u64>(), record[2].parse::<f64>());
            number.expect("a number") + float.expect("a number") as u64 + record[1].len() as u64
        };
        reader.records().map(record).sum::<u64>()
    };
    (0..rounds).map(round).sum()
}

fn md5(rounds: u64) -> u64 {
    let text = text(500_000);
    (0..rounds).map(|_| u64::from(md5::compute(&text).0[0])).sum()
}

fn maps(rounds: u64) -> u64 {
    let mut random = Random(7);
    let mut round = |_| {
        let (mut hashed, mut sorted) = (HashMap::<u64, u32>::new(), BTreeMap::new());
        for i in 0..20_000 {
            let key = random.next() % 30_000;
            *hashed.entry(key).or_insert(0) += i;
            sorted.insert(key, i);
        }
        let sum: u64 = hashed.values().map(|value| u64::from(*value)).sum();
        sum + sorted.range(100..20_000).map(|(key, value)| key ^ u64::from(*value)).sum::<u64>()
    };
    (0..rounds).map(&mut round).sum()
}

fn strings(rounds: u64) -> u64 {
    let text = text(200_000);
    let round = |_| {
        let found = text.matches("interpreter threaded").count();
        let longest = text.split_whitespace().map(str::len).max().unwrap_or(0);
        let replaced = text.replace("fox", "cat").len();
        let letters = text.to_uppercase().chars().filter(|c| *c == 'E').count();
        (found + longest + replaced + letters) as u64
    };
    (0..rounds).map(round).sum()
}

fn astar(rounds: u64) -> u64 {
    const SIDE: i32 = 200;
    let mut random = Random(11);
    let walls: Vec<bool> = (0..SIDE * SIDE).map(|_| random.below(4) == 0).collect();
    let round = |_| {
        let mut costs = vec![u32::MAX; walls.len()];
        let mut queue = BinaryHeap::from([(Reverse(0), 0)]);
        costs[0] = 0;
        while let Some((Reverse(cost), place)) = queue.pop() {
            if costs[place as usize] < cost {
                continue;
            }
            for (dx, dy) in [(0, 1), (1, 0), (0, -1), (-1, 0)] {
                let (x, y) = (place % SIDE + dx, place / SIDE + dy);
                let next = y * SIDE + x;
                if !(0..SIDE).contains(&x) || !(0..SIDE).contains(&y) || walls[next as usize] {
                    continue;
                }
                let cost = cost + 1 + next as u32 * 7 % 5;
                if cost < costs[next as usize] {
                    costs[next as usize] = cost;
                    queue.push((Reverse(cost), next));
                }
            }
        }
        costs.iter().filter(|cost| **cost != u32::MAX).map(|cost| u64::from(*cost)).sum::<u64>()
    };
    (0..rounds).map(round).sum()
}

fn life(rounds: u64) -> u64 {
    const SIDE: usize = 256;
    let mut random = Random(21);
    let mut cells: Vec<u8> = (0..SIDE * SIDE).map(|_| random.below(2) as u8).collect();
    for _ in 0..rounds {
        let mut next = vec![0; cells.len()];
        for y in 1..SIDE - 1 {
            for x in 1..SIDE - 1 {
                let at = y * SIDE + x;
                let row = |at: usize| cells[at - 1] + cells[at] + cells[at + 1];
                let around = row(at - SIDE) + row(at) + row(at + SIDE) - cells[at];
                next[at] = u8::from(around == 3 || (around == 2 && cells[at] == 1));
            }
        }
        cells = next;
    }
    cells.iter().map(|cell| u64::from(*cell)).sum()
}

fn u128(rounds: u64) -> u64 {
    let (mut value, mut mixed) = (0x1234_5678_90ab_cdef_u64, 0);
    for i in 0..rounds {
        let wide = u128::from(value) * u128::from(i | 1) + 12_345;
        value = (wide % u128::from(u64::MAX - 58)) as u64;
        mixed ^= value.rotate_left(7);
    }
    mixed
}

fn deque(rounds: u64) -> u64 {
    let mut queue: VecDeque<u32> = (0..1000).collect();
    for i in 0..rounds as u32 {
        let value = queue.pop_front().expect("a thousand");
        queue.push_back(value.wrapping_mul(17) ^ i);
        if i % 7 == 0 {
            let value = queue.pop_back().expect("a thousand");
            queue.push_front(value);
        }
    }
    queue.iter().map(|value| u64::from(*value)).sum()
}

/// The parts: name, function, and rounds that take a fast interpreter some tenths of a second.
const PARTS: [(&str, fn(u64) -> u64, u64); 23] = [
    ("lz4", lz4, 200),
    ("deflate", deflate, 40),
    ("sha3", sha3, 300),
    ("aes", aes, 300_000),
    ("chacha", chacha, 400),
    ("markdown", markdown, 150),
    ("rhai", rhai, 24),
    ("fft", fft, 600),
    ("graph", graph, 100),
    ("template", template, 500),
    ("roaring", roaring, 60),
    ("rope", rope, 60_000),
    ("linalg", linalg, 300),
    ("toml", toml, 80),
    ("fst", fst, 14),
    ("csv", csv, 120),
    ("md5", md5, 80),
    ("maps", maps, 40),
    ("strings", strings, 80),
    ("astar", astar, 60),
    ("life", life, 150),
    ("u128", u128, 3_000_000),
    ("deque", deque, 20_000_000),
];

/// With the name of a part, runs it; without, lists all.
fn main() {
    let mut args = env::args().skip(1);
    let Some(name) = args.next() else {
        PARTS.iter().for_each(|(name, ..)| println!("{name}"));
        return;
    };
    let (_, part, rounds) = PARTS.iter().find(|part| part.0 == name).expect("the name of a part");
    let rounds = args.next().map_or(*rounds, |rounds| rounds.parse().expect("a number of rounds"));
    println!("{name} {rounds} {}", part(rounds));
}
