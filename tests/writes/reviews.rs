//! Reviews: what is posted, and what readers say of it (contract, sections 4 and 8).

use crate::shop::Shop;
use crate::times;
use crate::views::Views;

/// The row of the newest review of a product, as it must be: `$id`, `$date` and `$photos` stand for what the server chose.
fn newest(shop: &Shop, product: u32, begun: i64, row: &str) -> (u64, String) {
    let target = format!("/reviews?product_id={product}&sort=newest&count=1");
    let document = shop.json(&target);
    let found = &document["results"][0];
    let (id, date) = (found["review_id"].as_u64().unwrap(), found["date"].as_str().unwrap());
    times::assert_since(begun, date);
    assert!(id > 6911, "a new id is above those of the sample");
    let mut row = row.replace("$id", &id.to_string()).replace("$date", date);
    for (place, photo) in found["photos"].as_array().unwrap().iter().enumerate() {
        let id = photo["id"].as_u64().unwrap();
        assert!(id > 2730 && (place == 0 || id > found["photos"][place - 1]["id"].as_u64().unwrap()));
        row = row.replace(&format!("$photo{place}"), &id.to_string());
    }
    let whole = format!(r#"{{"product":"{product}","page":0,"count":1,"results":[{row}]}}"#);
    assert_eq!(shop.get(&target), whole);
    (id, row)
}

pub(crate) fn a_review_is_in_the_next_read_of_every_page_and_counts(shop: &Shop) {
    let lists = [
        "/reviews?product_id=2",
        "/reviews?product_id=2&sort=helpful&count=1000000",
        "/reviews?product_id=2&sort=newest",
        "/reviews?product_id=2&sort=newest&count=1",
        "/api/fec2/hr-x/reviews/?product_id=002&sort=newest&count=2&page=2",
        // Pages that were empty.
        "/reviews?product_id=2&count=2&page=3",
        "/reviews?product_id=2&count=4&page=2&sort=newest",
        "/reviews/meta?product_id=2",
    ];
    let before = shop.get("/reviews?product_id=2");
    let changed = Views::of(shop, &lists);
    let unchanged = Views::of(
        shop,
        &[
            "/reviews?product_id=2&count=2",
            "/reviews?product_id=2&page=9",
            "/reviews?product_id=3",
            "/reviews/meta?product_id=3",
            "/qa/questions?product_id=2",
            "/products/2",
            "/products",
        ],
    );
    let begun = times::now();
    // The example of the contract, with what nobody asked for, and in a text what has to be escaped.
    shop.post(
        "/reviews",
        r#"{"product_id":2,"rating":4,"summary":"Good","body":"Light \"and\" sturdy.\n\ud83d\ude00","recommend":true,"name":"mira","email":"mira@example.com","photos":["https://img.example/u/9.jpg","https://img.example/u/8.jpg"],"characteristics":{"5":4,"6":3},"rating ":9,"reported":true,"helpfulness":99,"response":"x","x":{"y":[null]}}"#,
    );
    changed.assert_changed();
    unchanged.assert_unchanged();

    let (_, row) = newest(
        shop,
        2,
        begun,
        r#"{"review_id":$id,"rating":4,"summary":"Good","recommend":true,"response":null,"body":"Light \"and\" sturdy.\n😀","date":"$date","reviewer_name":"mira","helpfulness":0,"photos":[{"id":$photo0,"url":"https://img.example/u/9.jpg"},{"id":$photo1,"url":"https://img.example/u/8.jpg"}]}"#,
    );
    // Nobody found it helpful yet, so it comes last.
    let all = before.strip_suffix("]}").unwrap();
    assert_eq!(shop.get("/reviews?product_id=2"), format!("{all},{row}]}}"));
    assert_eq!(
        shop.get("/reviews/meta?product_id=2"),
        r#"{"product_id":"2","ratings":{"3":"1","4":"3","5":"2"},"recommended":{"false":"1","true":"5"},"characteristics":{"Comfort":{"id":5,"value":"4.1666666666666667"},"Quality":{"id":6,"value":"3.8000000000000000"}}}"#
    );
    if let Some(stored) = shop.psql("SELECT reviewer_email FROM reviews WHERE product_id = 2 ORDER BY id DESC LIMIT 1")
    {
        assert_eq!(stored, "mira@example.com");
    }
}

pub(crate) fn a_review_needs_no_photos_and_takes_numbers_as_text(shop: &Shop) {
    let page = Views::of(shop, &["/reviews?product_id=12&count=1&page=2", "/reviews/meta?product_id=12"]);
    let begun = times::now();
    shop.post(
        "/api/fec2/hr-x/reviews/?product_id=1",
        r#"{"product_id":"0012","rating":"1","summary":"","body":" b ","recommend":"false","name":"n","email":"no address","photos":null}"#,
    );
    page.assert_changed();
    newest(
        shop,
        12,
        begun,
        r#"{"review_id":$id,"rating":1,"summary":"","recommend":false,"response":null,"body":" b ","date":"$date","reviewer_name":"n","helpfulness":0,"photos":[]}"#,
    );
    assert_eq!(
        shop.get("/reviews/meta?product_id=12"),
        r#"{"product_id":"12","ratings":{"1":"1","5":"1"},"recommended":{"false":"1","true":"1"},"characteristics":{"Quality":{"id":39,"value":"4.0000000000000000"},"Size":{"id":40,"value":"3.0000000000000000"}}}"#
    );
    // One characteristic of two, as text, and twice: the last counts.
    shop.post(
        "/reviews",
        r#"{"product_id":9,"product_id":12,"rating":2,"summary":"s","body":"b","recommend":true,"name":"n","email":"e","photos":[],"characteristics":{"39":5,"039":"1"}}"#,
    );
    assert_eq!(
        shop.get("/reviews/meta?product_id=12"),
        r#"{"product_id":"12","ratings":{"1":"1","2":"1","5":"1"},"recommended":{"false":"1","true":"2"},"characteristics":{"Quality":{"id":39,"value":"2.5000000000000000"},"Size":{"id":40,"value":"3.0000000000000000"}}}"#
    );
}

pub(crate) fn a_review_that_is_posted_twice_is_two(shop: &Shop) {
    let body = r#"{"product_id":11,"rating":5,"summary":"s","body":"b","recommend":true,"name":"n","email":"e"}"#;
    assert_eq!(shop.get("/reviews?product_id=11"), r#"{"product":"11","page":0,"count":5,"results":[]}"#);
    for count in 1..=2 {
        shop.post("/reviews", body);
        assert_eq!(shop.json("/reviews?product_id=11")["results"].as_array().unwrap().len(), count);
        let ratings = format!(
            r#"{{"product_id":"11","ratings":{{"5":"{count}"}},"recommended":{{"true":"{count}"}},"characteristics":{{}}}}"#
        );
        assert_eq!(shop.get("/reviews/meta?product_id=11"), ratings);
    }
    let ids = shop.json("/reviews?product_id=11&sort=newest")["results"].clone();
    assert!(ids[0]["review_id"].as_u64() > ids[1]["review_id"].as_u64());
}

pub(crate) fn a_helpful_review_counts_one_more_for_every_request(shop: &Shop) {
    let list = "/reviews?product_id=7";
    let before = shop.get(list);
    let lists =
        Views::of(shop, &[list, "/reviews?product_id=7&sort=newest&count=1&page=2", "/reviews?product_id=7&count=1"]);
    let meta = Views::of(shop, &["/reviews/meta?product_id=7", "/reviews?product_id=7&page=2"]);
    shop.put("/reviews/14/helpful");
    lists.assert_changed();
    meta.assert_unchanged();
    let with = |of_14, of_15| {
        let of = |name: &str, count| format!(r#""reviewer_name":"{name}","helpfulness":{count}"#);
        before
            .replace(&of("moss_and_co", 5), &of("moss_and_co", of_14))
            .replace(&of("hanneke", 2), &of("hanneke", of_15))
    };
    assert_eq!(shop.get(list), with(6, 2));
    for spelling in ["/reviews/14/helpful/", "/api/fec2/hr-x/reviews/0014/helpful", "/reviews/14/helpful?product_id=1"]
    {
        shop.put(spelling);
    }
    assert_eq!(shop.get(list), with(9, 2));
    shop.put("/reviews/15/helpful");
    assert_eq!(shop.get(list), with(9, 3));
    // It overtakes the other.
    (0..7).for_each(|_| shop.put("/reviews/15/helpful"));
    let order = shop.json(list)["results"].clone();
    assert_eq!([0, 1].map(|place| order[place]["review_id"].as_u64().unwrap()), [15, 14]);
}

pub(crate) fn a_reported_review_is_hidden_for_good_and_still_counted(shop: &Shop) {
    let list = "/reviews?product_id=20";
    let lists =
        Views::of(shop, &[list, "/reviews?product_id=20&sort=newest&count=1&page=2", "/reviews?product_id=20&count=1"]);
    let meta = Views::of(shop, &["/reviews/meta?product_id=20"]);
    shop.put("/reviews/41/report");
    lists.assert_changed();
    let left = shop.get(list);
    assert_eq!(
        left,
        r#"{"product":"20","page":0,"count":5,"results":[{"review_id":42,"rating":4,"summary":"","recommend":true,"response":null,"body":"Keeps within two seconds a day. The gold one can be visited, if you ask.","date":"2021-06-13T00:00:00.000Z","reviewer_name":"Zoë Ødegård","helpfulness":2,"photos":[]}]}"#
    );
    // Once more, and helpful besides: both are possible, and it stays hidden.
    shop.put("/reviews/41/report/");
    shop.put("/reviews/41/helpful");
    assert_eq!(shop.get(list), left);
    meta.assert_unchanged();
    shop.put("/reviews/42/report");
    assert_eq!(shop.get(list), r#"{"product":"20","page":0,"count":5,"results":[]}"#);
    meta.assert_unchanged();
    if let Some(stored) = shop.psql("SELECT id, helpfulness, reported FROM reviews WHERE id IN (41, 42) ORDER BY id") {
        assert_eq!(stored, "41|8|t\n42|2|t");
    }
}
