//! The process as the kernel sees it, under the names that Prometheus clients share. Linux only: elsewhere these are left
//! out.

use std::fmt::Write as _;
use std::fs;

use super::catalogue::{
    PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_THREADS,
    PROCESS_VIRTUAL,
};
use super::metric::Metric;

/// Ticks a second in `/proc`: the kernel promises 100 to programs, whatever it counts in itself.
const TICKS: f64 = 100.0;

/// The lines to add to the exposition; what cannot be read is left out.
pub fn render() -> String {
    let mut text = String::new();
    let mut add = |metric: &Metric, value: Option<f64>| {
        if let Some(value) = value {
            let Metric { name, kind, help, .. } = metric;
            let kind = kind.as_str();
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
    };
    let stat = read("/proc/self/stat");
    // The name of the program stands in parentheses and may have blanks; field 3 of proc_pid_stat(5) follows.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse::<f64>().ok();
    add(&PROCESS_CPU, field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS));
    let booted = after(&read("/proc/stat"), "btime ");
    add(&PROCESS_START, booted.zip(field(22)).map(|(booted, ticks)| booted + ticks / TICKS));
    let status = read("/proc/self/status");
    add(&PROCESS_RESIDENT, after(&status, "VmRSS:").map(|kib| kib * 1024.0));
    add(&PROCESS_VIRTUAL, after(&status, "VmSize:").map(|kib| kib * 1024.0));
    add(&PROCESS_THREADS, after(&status, "Threads:"));
    add(&PROCESS_OPEN_FDS, open_files());
    add(&PROCESS_MAX_FDS, after(&read("/proc/self/limits"), "Max open files"));
    text
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The number that follows `name` at the beginning of a line.
fn after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<f64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    // Reading the folder opens it.
    u32::try_from(open.saturating_sub(1)).ok().map(f64::from)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_kernel_says() {
        let text = render();
        let value = |metric: &Metric| after(&text, &format!("{} ", metric.name)).expect(metric.name);
        assert!(value(&PROCESS_RESIDENT) > 1e6 && value(&PROCESS_VIRTUAL) >= value(&PROCESS_RESIDENT));
        assert!(value(&PROCESS_THREADS) >= 1.0 && value(&PROCESS_CPU) >= 0.0);
        let file = fs::File::open("/proc/self/stat").unwrap();
        let (open, most) = (value(&PROCESS_OPEN_FDS), value(&PROCESS_MAX_FDS));
        assert!(open >= 3.0 && most >= open, "{open} of {most}");
        drop(file);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!(value(&PROCESS_START) > 1e9 && value(&PROCESS_START) <= now + 1.0);
    }
}
