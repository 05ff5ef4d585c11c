//! One shopper's visit: looks at a product, writes about it, finds what was written, votes, takes some of it back, buys.
//!
//! Others write about the same products meanwhile. So of what all share only what cannot fall is checked, and of what belongs to
//! this visit everything.

use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use super::Plan;
use super::browser::Browser;
use super::shelf::Shelf;
use super::tally::Tally;

/// How often a write is looked for. Behind a round robin the requests go to different nodes.
const LOOKS: u32 = 3;

/// Between two looks of those that have no token.
const PAUSE: Duration = Duration::from_millis(1);

/// How many writes a visit has that can be seen, if it takes nothing back; one of them is looked for without its token, too.
const WRITES: u32 = 9;

/// A visit.
#[derive(Debug)]
pub(super) struct Round<'a> {
    plan: &'a Plan,
    shelf: &'a Shelf,
    tally: &'a mut Tally,
    browser: Browser,
    chance: Rng,
    /// What nobody else writes.
    mark: String,
    /// Which of the writes is first looked for without its token.
    without_token: u32,
    writes: u32,
}

/// The element of a list of objects whose field is this.
fn with<'v>(list: &'v Value, field: &str, value: &str) -> Option<&'v Value> {
    list.as_array()?.iter().find(|element| element[field] == value)
}

/// The first of an object's values whose field is this.
fn among<'v>(object: &'v Value, field: &str, value: &str) -> Option<&'v Value> {
    object.as_object()?.values().find(|element| element[field] == value)
}

/// The sum of an object's counts, which are texts; none when one is not a count.
fn sum(counts: &Value) -> Option<u64> {
    counts.as_object()?.values().map(|count| count.as_str()?.parse::<u64>().ok()).sum()
}

/// A count of an object; what is not there is zero.
fn count(counts: &Value, name: &str) -> u64 {
    counts[name].as_str().and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn falls(list: &Value, field: &str) -> bool {
    let numbers: Option<Vec<u64>> =
        list.as_array().and_then(|list| list.iter().map(|element| element[field].as_u64()).collect());
    numbers.is_some_and(|numbers| numbers.is_sorted_by(|one, next| one >= next))
}

impl<'a> Round<'a> {
    pub(super) fn new(plan: &'a Plan, shelf: &'a Shelf, number: u64, tally: &'a mut Tally) -> Self {
        let mut chance = Rng::with_seed(plan.seed.wrapping_mul(1_000_003).wrapping_add(number));
        // A seed may be played twice against the same shop.
        let mark = format!("visit {number} of {} ({:016x})", plan.seed, fastrand::u64(..));
        let without_token = chance.u32(1..=WRITES);
        let browser = Browser::new(plan.address, plan.tokens);
        Self { plan, shelf, tally, browser, chance, mark, without_token, writes: 0 }
    }

    /// All of it, or up to the first write that fails or is in no read: nobody knows what is right after that.
    pub(super) fn play(mut self) {
        let product = self.shelf.products[self.chance.usize(..self.shelf.products.len())];
        self.tally.rounds += 1;
        self.browser.log_in(&self.mark.clone());
        let stays = self.chance.u8(..4) == 0;
        self.browse(product);
        let _ = self.review(product, stays).and_then(|()| self.question(product, stays)).and_then(|()| self.buy());
    }

    /// A read that must look right.
    fn look<T>(&mut self, target: &str, right: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let page = self.browser.get(target, self.tally)?;
        let found = right(&page.value);
        if found.is_none() {
            self.tally.wrong(|| format!("GET {target}: {}", page.value));
        }
        found
    }

    /// What a product page shows.
    fn browse(&mut self, product: u64) {
        let text = product.to_string();
        let page = self.chance.u32(1..=5);
        self.look(&format!("/products?page={page}&count=20"), |list| {
            let ids: Option<Vec<u64>> = list.as_array()?.iter().map(|product| product["id"].as_u64()).collect();
            ids?.is_sorted_by(|one, next| one < next).then_some(())
        });
        self.look(&format!("/products/{product}"), |it| {
            (it["id"] == product && it["features"].is_array()).then_some(())
        });
        self.look(&format!("/products/{product}/styles"), |it| {
            let whole = |style: &Value| {
                style["photos"].as_array().is_some_and(|photos| !photos.is_empty())
                    && style["skus"].as_object().is_some_and(|skus| !skus.is_empty())
            };
            (it["product_id"] == *text && it["results"].as_array()?.iter().all(whole)).then_some(())
        });
        let related = self.look(&format!("/products/{product}/related"), |it| {
            it.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()
        });
        if let Some(related) = related.and_then(|related| related.first().copied()) {
            self.look(&format!("/products/{related}"), |it| (it["id"] == related).then_some(()));
        }
        self.look(&format!("/reviews?product_id={product}&count=10"), |it| {
            let right = it["product"] == *text && it["page"] == 0 && it["count"] == 10;
            (right && falls(&it["results"], "helpfulness")).then_some(())
        });
        let question = self.look(&format!("/qa/questions?product_id={product}&count=10"), |it| {
            let right = it["product_id"] == *text && falls(&it["results"], "question_helpfulness");
            right.then(|| it["results"][0]["question_id"].as_u64())
        });
        if let Some(question) = question.flatten() {
            self.look(&format!("/qa/questions/{question}/answers"), |it| {
                (it["question"] == *question.to_string() && falls(&it["results"], "helpfulness")).then_some(())
            });
        }
    }

    /// The meta data of a product: counts of one rating, of one recommendation, and the ids of its characteristics.
    fn meta(&mut self, product: u64, rating: u64, recommend: bool) -> Option<(u64, u64, Vec<String>)> {
        self.look(&format!("/reviews/meta?product_id={product}"), |it| {
            let right = it["product_id"] == *product.to_string() && sum(&it["ratings"])? == sum(&it["recommended"])?;
            let ids = it["characteristics"].as_object()?.values().map(|one| Some(one["id"].as_u64()?.to_string()));
            let counts =
                (count(&it["ratings"], &rating.to_string()), count(&it["recommended"], &recommend.to_string()));
            right.then_some((counts.0, counts.1, ids.collect::<Option<_>>()?))
        })
    }

    /// Writes, and finds it: whoever has a token at once in every read, whoever has none within the bound. What is found is
    /// returned.
    fn write<T>(
        &mut self,
        (method, target, body): (&str, &str, Option<Value>),
        shown: &[&str],
        found: impl Fn(usize, &Value) -> Option<T>,
    ) -> Option<T> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let done = self.browser.write(method, target, &body, self.tally)?;
        self.writes += 1;
        self.tally.looked_for += 1;
        if self.writes == self.without_token {
            self.wait(done, shown[0], |value| found(0, value).is_some());
        }
        let mut last = None;
        for (place, page) in shown.iter().enumerate() {
            for look in 0..LOOKS {
                // One without an answer is counted already, and says nothing about what is seen.
                let Some(read) = self.browser.get(page, self.tally) else { continue };
                match found(place, &read.value) {
                    Some(what) => last = Some(what),
                    None => self.tally.unseen(|| {
                        let after = read.sent.duration_since(done);
                        format!("{method} {target}, look {look} after {after:?}: GET {page}: {}", read.value)
                    }),
                }
            }
        }
        last
    }

    /// Looks until it is seen. Only reads sent when the bound had passed have to see it.
    fn wait(&mut self, done: Instant, page: &str, found: impl Fn(&Value) -> bool) {
        loop {
            let Some(read) = self.browser.get_without_token(page, self.tally) else { return };
            let late = read.sent.saturating_duration_since(done);
            if found(&read.value) {
                return self.tally.delay(late);
            }
            if late > self.plan.bound && !read.stale {
                self.tally.delay(late);
                return self.tally.unseen(|| format!("without token after {late:?}: GET {page}: {}", read.value));
            }
            // Stale answers are not the promise's business, but nobody waits for ever.
            if late > self.plan.bound * 10 {
                self.tally.delay(late);
                return self.tally.failed(|| format!("only stale answers for {late:?}: GET {page}"));
            }
            sleep(PAUSE);
        }
    }

    fn review(&mut self, product: u64, stays: bool) -> Option<()> {
        let (rating, recommend) = (self.chance.u64(1..=5), self.chance.bool());
        let (rated, recommended, characteristics) = self.meta(product, rating, recommend)?;
        let newest = format!("/reviews?product_id={product}&sort=newest&count=100");
        let helpful = format!("/reviews?product_id={product}&sort=helpful&count=10000");
        let meta = format!("/reviews/meta?product_id={product}");
        let mark = self.mark.clone();
        let values: serde_json::Map<_, _> =
            characteristics.into_iter().map(|id| (id, json!(self.chance.u8(1..=5)))).collect();
        let body = json!({
            "product_id": product, "rating": rating, "summary": "From a visit", "body": mark, "recommend": recommend,
            "name": "visitor", "email": "visitor@example.com", "photos": ["https://img.example/v/1.jpg"],
            "characteristics": values,
        });
        let counted = |it: &Value, rated: u64, recommended: u64| {
            let right = count(&it["ratings"], &rating.to_string()) >= rated
                && count(&it["recommended"], &recommend.to_string()) >= recommended
                && it["characteristics"].as_object()?.values().all(|one| one["value"].is_string());
            right.then_some(0)
        };
        let voted = |it: &Value, helpfulness: u64| {
            let review = with(&it["results"], "body", &mark)?;
            let whole = review["rating"] == rating
                && review["recommend"] == recommend
                && review["reviewer_name"] == "visitor"
                && review["photos"].as_array().is_some_and(|photos| photos.len() == 1);
            (whole && review["helpfulness"] == helpfulness).then(|| review["review_id"].as_u64())?
        };
        // Meta first, since what is found last counts. It has no id; 0 stands for one.
        let review = self.write(("POST", "/reviews", Some(body)), &[&meta, &newest], |place, it| match place {
            0 => counted(it, rated + 1, recommended + 1),
            _ => voted(it, 0),
        });
        let review = review.filter(|id| *id > 0)?;
        let vote = format!("/reviews/{review}/helpful");
        for votes in 1..=2 {
            self.write(("PUT", &vote, None), &[&newest, &helpful], |place, it| {
                voted(it, votes).filter(|_| place == 0 || falls(&it["results"], "helpfulness"))
            })?;
        }
        if !stays {
            let report = format!("/reviews/{review}/report");
            self.write(("PUT", &report, None), &[&newest, &helpful, &meta], |place, it| match place {
                2 => counted(it, rated + 1, recommended + 1).map(|_| ()),
                _ => (it["results"].is_array() && with(&it["results"], "body", &mark).is_none()).then_some(()),
            })?;
        }
        Some(())
    }

    fn question(&mut self, product: u64, stays: bool) -> Option<()> {
        let questions = format!("/qa/questions?product_id={product}&count=10000");
        let mark = self.mark.clone();
        let asked = |it: &Value, helpfulness: u64| {
            let question = with(&it["results"], "question_body", &mark)?;
            let right = question["question_helpfulness"] == helpfulness && question["reported"] == false;
            right.then(|| question["question_id"].as_u64())?
        };
        let body = json!({"product_id": product, "body": mark, "name": "visitor", "email": "visitor@example.com"});
        let question = self.write(("POST", "/qa/questions", Some(body)), &[&questions], |_, it| {
            let unanswered = with(&it["results"], "question_body", &mark)?["answers"] == json!({});
            asked(it, 0).filter(|_| unanswered)
        })?;
        let vote = format!("/qa/questions/{question}/helpful");
        self.write(("PUT", &vote, None), &[&questions], |_, it| asked(it, 1))?;

        // Before it is written the page of answers was looked at, so that there is something to be outdated.
        let answers = format!("/qa/questions/{question}/answers");
        self.look(&answers, |it| (it["results"] == json!([])).then_some(()));
        let body = json!({
            "body": mark, "name": "visitor", "email": "visitor@example.com",
            "photos": ["https://img.example/v/2.jpg", "https://img.example/v/3.jpg"],
        });
        let answered = |place: usize, it: &Value, helpfulness: u64| {
            let (answer, id) = if place == 0 {
                (with(&it["results"], "body", &mark)?, "answer_id")
            } else {
                (among(&with(&it["results"], "question_body", &mark)?["answers"], "body", &mark)?, "id")
            };
            let whole = answer["photos"].as_array().is_some_and(|photos| photos.len() == 2);
            (whole && answer["helpfulness"] == helpfulness).then(|| answer[id].as_u64())?
        };
        let shown = [answers.as_str(), questions.as_str()];
        let answer = self.write(("POST", &answers, Some(body)), &shown, |place, it| answered(place, it, 0))?;
        let vote = format!("/qa/answers/{answer}/helpful");
        self.write(("PUT", &vote, None), &shown, |place, it| answered(place, it, 1))?;
        if !stays {
            let report = format!("/qa/answers/{answer}/report");
            self.write(("PUT", &report, None), &shown, |place, it| match place {
                0 => (it["results"] == json!([])).then_some(()),
                _ => (with(&it["results"], "question_body", &mark)?["answers"] == json!({})).then_some(()),
            })?;
            let report = format!("/qa/questions/{question}/report");
            self.write(("PUT", &report, None), &[&questions], |_, it| {
                (it["results"].is_array() && with(&it["results"], "question_body", &mark).is_none()).then_some(())
            })?;
        }
        Some(())
    }

    fn buy(&mut self) -> Option<()> {
        let sku = self.shelf.sku;
        self.look("/cart", |it| (*it == json!([])).then_some(()));
        for (body, count) in [(json!({"sku_id": sku, "count": 2}), 2), (json!({"sku_id": sku.to_string()}), 3)] {
            self.write(("POST", "/cart", Some(body)), &["/cart"], |_, it| {
                (*it == json!([{"sku_id": sku, "count": count}])).then_some(())
            })?;
        }
        let body = json!({"element": "<button>Add to cart</button>", "widget": "visit", "time": self.mark});
        self.browser.write("POST", "/interactions", &body.to_string(), self.tally)?;
        Some(())
    }
}
