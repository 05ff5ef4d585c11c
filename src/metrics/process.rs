//! What the kernel says of this process, under the names that every Prometheus client uses.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use rustix::process::{Resource, getrlimit};

/// What the kernel says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Seconds of processor time, of users and the kernel.
    pub cpu: f64,
    /// Bytes in memory.
    pub resident: u64,
    /// Bytes of addresses.
    pub virtual_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// How many there may be.
    pub descriptors_max: u64,
    /// Threads.
    pub threads: u64,
    /// When it began, in seconds since 1970.
    pub start: f64,
}

impl Process {
    /// Asks for all of it; what the kernel does not say is 0.
    pub fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let booted = fs::read_to_string("/proc/stat").unwrap_or_default();
        let booted = booted.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        Self {
            descriptors: descriptors(),
            descriptors_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            ..Self::of(&stat, booted.unwrap_or_default())
        }
    }

    /// What stands in `/proc/<pid>/stat`, on a machine that was started then.
    fn of(stat: &str, booted: f64) -> Self {
        // The name of the program, in parentheses, may hold anything.
        let fields: Vec<_> = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split_whitespace().collect();
        // Fields are numbered from 1 in proc(5), and the first behind the name is the third.
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let page = rustix::param::page_size() as u64;
        Self {
            cpu: (field(14) + field(15)) as f64 / ticks,
            threads: field(20),
            start: booted + field(22) as f64 / ticks,
            virtual_bytes: field(23),
            resident: field(24) * page,
            ..Self::default()
        }
    }
}

/// How many descriptors are open. Since Linux 6.2 that is the size of their folder; before, they have to be counted.
fn descriptors() -> u64 {
    const FOLDER: &str = "/proc/self/fd";
    let told = fs::metadata(FOLDER).map_or(0, |folder| folder.len());
    // The one that reads the folder is among them.
    let counted = || fs::read_dir(FOLDER).map_or(0, |entries| entries.count().saturating_sub(1) as u64);
    if told > 0 { told } else { counted() }
}

/// Asks whenever it is scraped.
#[derive(Debug)]
pub(super) struct Asked;

impl Collector for Asked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let process = Process::read();
        const CPU: &str = "Seconds of processor time, of users and the kernel";
        encoder
            .encode_descriptor("process_cpu_seconds", CPU, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&process.cpu, None)?;
        let gauges = [
            ("process_resident_memory_bytes", "Bytes in memory", process.resident as f64),
            ("process_virtual_memory_bytes", "Bytes of addresses", process.virtual_bytes as f64),
            ("process_open_fds", "Open descriptors", process.descriptors as f64),
            ("process_max_fds", "How many descriptors there may be", process.descriptors_max as f64),
            ("process_threads", "Threads", process.threads as f64),
            ("process_start_time_seconds", "When it began, in seconds since 1970", process.start),
        ];
        for (name, help, value) in gauges {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_behind_the_name() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!(
            "77 (a ) b) S 1 77 77 0 -1 4194560 1 0 0 0 {} {} 0 0 20 0 9 0 {} 4096 3 18446744073709551615",
            ticks * 2,
            ticks / 2,
            ticks * 10
        );
        let process = Process::of(&stat, 1000.0);
        assert_eq!((process.cpu, process.threads, process.start), (2.5, 9, 1010.0));
        assert_eq!((process.virtual_bytes, process.resident), (4096, 3 * rustix::param::page_size() as u64));
        assert_eq!(Process::of("", 5.0), Process { start: 5.0, ..Process::default() });
    }

    #[test]
    fn this_process_takes_something_of_everything() {
        let process = Process::read();
        assert!(process.resident > 1 << 20 && process.virtual_bytes > process.resident, "{process:?}");
        assert!(process.threads >= 1 && process.descriptors >= 3, "{process:?}");
        assert!(process.descriptors_max >= process.descriptors && process.start > 1.6e9, "{process:?}");
    }
}
