//! What is refused, and that it changes nothing.

use std::net::TcpListener;

use atelier_rig::Node;

use crate::SERVER;
use crate::shop::{Shop, assert_class};
use crate::views::Views;

const READS: [&str; 9] = [
    "/reviews?product_id=13",
    "/reviews?product_id=13&sort=newest&count=1",
    "/reviews?product_id=13&page=9",
    "/reviews/meta?product_id=13",
    "/qa/questions?product_id=13",
    "/qa/questions?product_id=10&count=2",
    "/qa/questions/5/answers",
    "/products",
    "/products/13",
];

const TEXTS: [(&str, &str); 5] = [
    ("/reviews", "Error: Review body contains invalid entries"),
    ("/qa/questions", "Error: Question body contains invalid entries"),
    ("/qa/questions/5/answers", "Error: Answer body contains invalid entries"),
    ("/cart", "Error: Cart body contains invalid entries"),
    ("/interactions", "Error: Interaction body contains invalid entries"),
];

/// A body that would be taken, for each of [`TEXTS`].
const GOOD: [&str; 5] = [
    r#"{"product_id":13,"rating":4,"summary":"s","body":"b","recommend":true,"name":"n","email":"e","photos":["p"],"characteristics":{}}"#,
    r#"{"product_id":13,"body":"b","name":"n","email":"e"}"#,
    r#"{"body":"b","name":"n","email":"e","photos":["p"]}"#,
    r#"{"sku_id":99,"count":1}"#,
    r#"{"element":"e","widget":"w","time":"t"}"#,
];

pub(crate) fn bodies_that_are_not_as_described_change_nothing(shop: &Shop) {
    let views = Views::of(shop, &READS);
    for ((target, text), good) in TEXTS.into_iter().zip(GOOD) {
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(good).unwrap();
        for (name, value) in &members {
            let with =
                |value: &str| good.replace(&format!("\"{name}\":{}", members[name]), &format!("\"{name}\":{value}"));
            for wrong in ["{\"a\":1}", "\"\\u0000\"", "\"\\ud800\"", "1.0", "[[]]", "-1", "\" \""] {
                // A blank summary is one.
                if name != "summary" || wrong != "\" \"" {
                    let body = with(wrong);
                    assert_ne!(body, good);
                    shop.refused("POST", target, body.as_bytes(), 422, text);
                }
            }
            let optional = matches!(name.as_str(), "photos" | "characteristics" | "count");
            if !optional {
                let without = good.replace(&format!("\"{name}\":{value}"), "\"x\":0");
                shop.refused("POST", target, without.as_bytes(), 422, text);
                shop.refused("POST", target, with("null").as_bytes(), 422, text);
            }
        }
        let deep = format!("{},\"x\":{}{}}}", &good[..good.len() - 1], "[".repeat(10_000), "]".repeat(10_000));
        let cut = &good[..good.len() - 1];
        for body in ["", " ", "null", "[]", "{}", "\"{}\"", "{", "a=b&c=d", cut, &format!("[{good}]"), &deep] {
            shop.refused("POST", target, body.as_bytes(), 422, text);
        }
        shop.refused("POST", target, &[good.as_bytes(), b"\0"].concat(), 422, text);
        shop.refused("POST", target, &[b"{\"x\":\"\xff\",", &good.as_bytes()[1..]].concat(), 422, text);
    }
    views.assert_unchanged();
}

pub(crate) fn references_to_what_is_not_there_change_nothing(shop: &Shop) {
    let views = Views::of(shop, &READS);
    for id in ["5000", "999999", "2147483647", "2147483648", "9223372036854775807", "18446744073709551616", "0"] {
        for at in [0, 1] {
            let body = GOOD[at].replace("\"product_id\":13", &format!("\"product_id\":{id}"));
            shop.refused("POST", TEXTS[at].0, body.as_bytes(), 422, TEXTS[at].1);
        }
        // There is a sku 5000; between 46 and 99 there is none.
        let sku = if id == "5000" { "47" } else { id };
        shop.refused("POST", "/cart", format!("{{\"sku_id\":{sku}}}").as_bytes(), 422, TEXTS[3].1);
    }
    for id in ["999999", "2147483647", "2147483648", "9223372036854775807"] {
        shop.refused("POST", &format!("/qa/questions/{id}/answers"), GOOD[2].as_bytes(), 422, TEXTS[2].1);
    }
    // Characteristics of another product, and some that nobody has: none of the others is taken either.
    for ids in ["\"5\":4", "\"999999\":4", "\"2147483648\":4", "\"0\":4", "\"Fit\":4", "\"1\":4,\"5\":4"] {
        let body = GOOD[0].replace("\"characteristics\":{}", &format!("\"characteristics\":{{{ids}}}"));
        shop.refused("POST", "/reviews", body.as_bytes(), 422, TEXTS[0].1);
    }
    let one_of_two = r#"{"product_id":1,"rating":4,"summary":"","body":"b","recommend":true,"name":"n","email":"e","photos":["p"],"characteristics":{"1":4,"5":4}}"#;
    let of_one =
        Views::of(shop, &["/reviews?product_id=1", "/reviews/meta?product_id=1", "/reviews/meta?product_id=2"]);
    shop.refused("POST", "/reviews", one_of_two.as_bytes(), 422, TEXTS[0].1);
    of_one.assert_unchanged();
    views.assert_unchanged();
}

pub(crate) fn votes_for_what_is_not_there_change_nothing(shop: &Shop) {
    let views = Views::of(shop, &READS);
    for id in ["999999", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "0", "x", "%31"] {
        for verb in ["helpful", "report"] {
            for (path, named) in [("reviews", "review"), ("qa/questions", "question"), ("qa/answers", "answer")] {
                let text = format!("Error: invalid {named} id provided");
                shop.refused("PUT", &format!("/{path}/{id}/{verb}"), b"{}", 404, &text);
            }
        }
    }
    for target in ["/reviews/5", "/qa/answers/5", "/qa/questions/5", "/reviews/5/helpful/x", "/cart/1"] {
        shop.refused("PUT", target, b"", 404, "Error: unknown path");
    }
    views.assert_unchanged();
}

#[test]
fn without_the_database_a_write_is_503_and_what_is_wrong_is_still_said() {
    // A port that was free a moment ago, and where nobody answers.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = Node::launch(SERVER, &[("DATABASE_URL", &format!("postgres://nobody@127.0.0.1:{port}/none"))]);
    let mut client = node.client();
    for ((target, text), good) in TEXTS.into_iter().zip(GOOD) {
        let down = client.request("POST", target, &[], good.as_bytes());
        assert_eq!((down.status, down.text()), (503, "Error: temporarily unavailable"), "{target}");
        assert_class(&down, "unavailable");
        let refused = client.request("POST", target, &[], b"{}");
        assert_eq!((refused.status, refused.text()), (422, text));
    }
    for (method, target) in
        [("PUT", "/reviews/5/helpful"), ("PUT", "/qa/answers/9/report"), ("GET", "/cart"), ("HEAD", "/cart")]
    {
        let down = client.request(method, target, &[], b"");
        assert_eq!(down.status, 503, "{target}");
        assert_class(&down, "unavailable");
    }
    assert_eq!(client.request("PUT", "/reviews/2147483648/helpful", &[], b"").status, 404);
    assert_eq!(client.request("POST", "/qa/questions/2147483648/answers", &[], GOOD[2].as_bytes()).status, 422);
}
