//! Answers that were read before a write, to be read again behind it.

use atelier_rig::Response;

use crate::shop::{Shop, assert_class};

/// What some targets answered.
pub(crate) struct Views<'s> {
    shop: &'s Shop,
    answers: Vec<(String, Response)>,
}

impl<'s> Views<'s> {
    /// Reads each twice, so that it is held in process.
    pub(crate) fn of(shop: &'s Shop, targets: &[&str]) -> Self {
        let mut client = shop.client();
        let answers = targets.iter().map(|target| {
            client.get(target, &[]);
            let answer = client.get(target, &[]);
            assert_eq!(answer.status, 200, "{target}");
            ((*target).to_owned(), answer)
        });
        Self { shop, answers: answers.collect() }
    }

    /// The first request that asks for any of them finds it changed, whatever it is: GET, HEAD, or on a condition.
    pub(crate) fn assert_changed(&self) {
        for (place, (target, before)) in self.answers.iter().enumerate() {
            let mut client = self.shop.client();
            let old = format!("If-None-Match: {}", before.header("etag").unwrap());
            let (method, condition) = [("GET", true), ("HEAD", false), ("HEAD", true), ("GET", false)][place % 4];
            let headers = if condition { vec![old.as_str()] } else { vec![] };
            let first = client.request(method, target, &headers, b"");
            assert_eq!(first.status, 200, "{method} {target} {headers:?} says that nothing has changed");
            assert_class(&first, "found");
            let now = client.get(target, &[]);
            assert_ne!(now.body, before.body, "{target}");
            assert_eq!(first.header("etag"), now.header("etag"), "{target}");
            let new = format!("If-None-Match: {}", now.header("etag").unwrap());
            assert_eq!(client.get(target, &[&new]).status, 304, "{target}");
            assert_eq!(client.get(target, &[&old]).status, 200, "{target}");
        }
    }

    /// None of them has changed.
    pub(crate) fn assert_unchanged(&self) {
        let mut client = self.shop.client();
        for (target, before) in &self.answers {
            let now = client.get(target, &[]);
            assert_eq!((now.status, now.text()), (200, before.text()), "{target}");
            let old = format!("If-None-Match: {}", before.header("etag").unwrap());
            let unchanged = client.get(target, &[&old]);
            assert_eq!(unchanged.status, 304, "{target}");
            assert_class(&unchanged, "unchanged");
        }
    }
}
