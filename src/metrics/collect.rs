//! What is counted elsewhere, in the form in which it is scraped.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;

use super::lookup;
use super::reply::{Group, Reply};
use super::template::Template;
use super::traffic::{self, CLASSES, Timed};

/// A histogram of times, with the buckets of all others.
#[derive(Clone, Debug)]
pub struct Seconds(Histogram);

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(traffic::seconds()))
    }
}

impl Seconds {
    /// Counts a time.
    pub fn observe(&self, time: std::time::Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

impl EncodeMetric for Seconds {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

/// Adds up what threads have counted whenever it is scraped.
#[derive(Debug)]
pub(super) struct Answers;

type Labels<'a> = [(&'a str, &'a str); 2];

fn number(encoder: &mut MetricEncoder<'_>, labels: &Labels<'_>, number: u64) -> Result<(), fmt::Error> {
    encoder.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&number, None)
}

fn times(encoder: &mut MetricEncoder<'_>, labels: &Labels<'_>, timed: &Timed) -> Result<(), fmt::Error> {
    let bounds = traffic::seconds().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(timed.buckets).collect();
    let sum = timed.sum as f64 / 1e9;
    encoder.encode_family(labels)?.encode_histogram::<NoLabelSet>(sum, timed.count(), &buckets, None)
}

impl Collector for Answers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let totals = traffic::totals();
        let mut counter = |name, help, each: &mut dyn FnMut(&mut MetricEncoder<'_>) -> Result<(), fmt::Error>| {
            each(&mut encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
        };
        counter("requests", "Answers, by route and class of status", &mut |encoder| {
            for template in Template::ALL {
                for (class, status) in CLASSES.into_iter().enumerate() {
                    let labels = [("route", template.name()), ("status", status)];
                    number(encoder, &labels, totals.of_status(template, class))?;
                }
            }
            Ok(())
        })?;
        counter("answers", "Answers, by route and where they came from", &mut |encoder| {
            for template in Template::ALL {
                for reply in Reply::ALL {
                    let answers = totals.of_reply(template, reply);
                    if answers > 0 {
                        number(encoder, &[("route", template.name()), ("result", reply.name())], answers)?;
                    }
                }
            }
            Ok(())
        })?;
        counter("response_bytes", "Bytes of bodies, by route", &mut |encoder| {
            for template in Template::ALL {
                let labels = [("route", template.name())];
                let mut encoder = encoder.encode_family(&labels)?;
                encoder.encode_counter::<NoLabelSet, _, f64>(&totals.bytes(template), None)?;
            }
            Ok(())
        })?;
        counter("lookups", "What tiers said to whoever asked them", &mut |encoder| {
            for (tier, result, lookups) in lookup::all(&totals) {
                number(encoder, &[("tier", tier), ("result", result)], lookups)?;
            }
            Ok(())
        })?;
        const TIMES: &str = "How long answers took, from the head of the request until they were there to be sent. Of hits one in \
                             sixteen is timed and counts for all";
        let mut encoder = encoder.encode_descriptor("request_seconds", TIMES, None, MetricType::Histogram)?;
        for template in Template::ALL {
            for group in Group::ALL {
                let timed = totals.times(template, group);
                if timed.count() > 0 {
                    times(&mut encoder, &[("route", template.name()), ("result", group.name())], timed)?;
                }
            }
        }
        Ok(())
    }
}
