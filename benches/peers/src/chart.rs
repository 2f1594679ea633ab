//! A comparison as a picture: a line for each workload, a dot for each engine.

use crate::engines::KNOWN;
use crate::report::{Line, Report};
use crate::workload::Group;
use std::fmt::Write as _;

/// The colours of the engines in the order of [`KNOWN`]: ones that stay apart for people who do
/// not see all of them (after Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#b59d00", "#56b4e9", "#7f7f7f", "#222222"];
/// The colours of further builds of one engine.
const FURTHER: [&str; 4] = ["#ff9d5c", "#8c3a00", "#e8b500", "#a0522d"];

const WIDTH: f64 = 960.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 112.0;
const BOTTOM: f64 = 40.0;
const ROW: f64 = 17.0;
const GAP: f64 = 12.0;

/// Draws the speeds of all engines on all workloads relative to the fastest peer interpreter, on
/// a logarithmic axis, with the geometric mean of each group below the group.
pub fn draw(report: &Report) -> String {
    let groups: Vec<Group> =
        Group::ALL.into_iter().filter(|group| lines(report, *group).next().is_some()).collect();
    let count = groups.iter().map(|group| lines(report, *group).count() + 2).sum::<usize>();
    let height = TOP + count as f64 * ROW + groups.len() as f64 * GAP + BOTTOM;
    let axis = Axis::over(report);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    text(
        &mut svg,
        16.0,
        26.0,
        "start",
        "#111111",
        17,
        "Speed relative to the fastest peer interpreter",
    );
    text(&mut svg, 16.0, 46.0, "start", "#555555", 12, &caption(report));
    text(&mut svg, 16.0, 62.0, "start", "#555555", 12, report.machine.peers);
    legend(&mut svg, report);
    grid(&mut svg, &axis, TOP, height - BOTTOM);
    let mut y = TOP;
    for group in groups {
        y += ROW;
        text(&mut svg, 16.0, y, "start", "#111111", 13, group.title());
        for line in lines(report, group) {
            y += ROW;
            text(&mut svg, LEFT - 10.0, y, "end", "#333333", 12, short_name(&line.workload));
            let speeds = line.cells.iter().map(|cell| cell.speed);
            dots(&mut svg, report, &axis, y - 4.0, speeds, 4.0);
        }
        y += ROW;
        text(&mut svg, LEFT - 10.0, y, "end", "#111111", 12, "geometric mean");
        let means =
            (0..report.engines.len()).map(|index| Some(report.mean_speed(index, &[group])?.0));
        dots(&mut svg, report, &axis, y - 4.0, means, 6.0);
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn lines(report: &Report, group: Group) -> impl Iterator<Item = &Line> {
    report.rows.iter().filter(move |row| row.group == group.prefix())
}

fn caption(report: &Report) -> String {
    let shortened = if report.quick { ", shortened programs" } else { "" };
    format!("{}{shortened}", report.machine.line())
}

fn short_name(workload: &str) -> &str {
    workload.split_once('/').map_or(workload, |(_, name)| name)
}

/// A logarithmic axis from one power of two to another.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn over(report: &Report) -> Axis {
        let speeds = report.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.speed);
        let (low, high) =
            speeds.fold((1.0f64, 1.0f64), |(low, high), speed| (low.min(speed), high.max(speed)));
        Axis {
            low: (low.log2().floor() as i32).max(-6),
            high: (high.log2().ceil() as i32).clamp(1, 8),
        }
    }

    /// Where `speed` lies; what is off the axis is put at its end.
    fn x(&self, speed: f64) -> f64 {
        let share = (speed.log2() - f64::from(self.low)) / f64::from(self.high - self.low);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

fn grid(svg: &mut String, axis: &Axis, top: f64, bottom: f64) {
    for power in axis.low..=axis.high {
        let x = axis.x(f64::from(power).exp2());
        let (colour, width) = if power == 0 { ("#444444", 1.5) } else { ("#dddddd", 1.0) };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        );
        let label = if power < 0 { format!("1/{}", 1 << -power) } else { (1 << power).to_string() };
        text(svg, x, top - 6.0, "middle", "#555555", 11, &label);
        text(svg, x, bottom + 16.0, "middle", "#555555", 11, &label);
    }
}

fn legend(svg: &mut String, report: &Report) {
    let mut x = 20.0;
    for (index, engine) in report.engines.iter().enumerate() {
        dot(svg, x, 80.0, 4.0, colour(report, index), engine.kind, &engine.label);
        text(svg, x + 8.0, 84.0, "start", "#333333", 12, &engine.label);
        x += 28.0 + 7.5 * engine.label.chars().count() as f64;
    }
}

fn dots(
    svg: &mut String,
    report: &Report,
    axis: &Axis,
    y: f64,
    speeds: impl Iterator<Item = Option<f64>>,
    radius: f64,
) {
    let mut marks: Vec<(usize, f64)> =
        speeds.enumerate().filter_map(|(index, speed)| Some((index, speed?))).collect();
    // Ours is drawn last, on top of the others.
    marks.sort_by_key(|(index, _)| {
        report.engines.get(*index).is_some_and(|engine| engine.kind == "ours")
    });
    for (index, speed) in marks {
        let Some(engine) = report.engines.get(index) else {
            continue;
        };
        let title = format!("{}: {speed:.2}", engine.label);
        dot(svg, axis.x(speed), y, radius, colour(report, index), engine.kind, &title);
    }
}

/// A mark: filled for ours, a ring for interpreters, a square for compilers.
fn dot(svg: &mut String, x: f64, y: f64, radius: f64, colour: &str, kind: &str, title: &str) {
    let title = escape(title);
    let _ = match kind {
        "ours" => writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{}\" fill=\"{colour}\"><title>{title}</title></circle>",
            radius + 1.0
        ),
        "compiler" => writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"><title>{title}</title></rect>",
            x - radius + 0.5,
            y - radius + 0.5,
            side = 2.0 * radius - 1.0
        ),
        _ => writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"#ffffff\" fill-opacity=\"0.6\" stroke=\"{colour}\" stroke-width=\"2\"><title>{title}</title></circle>"
        ),
    };
}

fn colour(report: &Report, index: usize) -> &'static str {
    let base = |label: &str| label.split('@').next().unwrap_or(label).to_owned();
    let Some(engine) = report.engines.get(index) else { return FURTHER[0] };
    let name = base(&engine.label);
    let earlier =
        report.engines.iter().take(index).filter(|other| base(&other.label) == name).count();
    match (earlier, KNOWN.iter().position(|known| known.name == name)) {
        (0, Some(position)) => COLOURS[position % COLOURS.len()],
        (count, _) => FURTHER[count.saturating_sub(1) % FURTHER.len()],
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, size: u32, words: &str) {
    let words = escape(words);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\" font-size=\"{size}\">{words}</text>"
    );
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
