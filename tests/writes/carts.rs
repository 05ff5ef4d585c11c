//! Carts.

use atelier_rig::{Response, Scratch};

use crate::shop::{Origin, Shop, assert_class};

fn cart(shop: &Shop, headers: &[&str]) -> Response {
    let response = shop.client().get("/cart", headers);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_class(&response, "cart");
    response
}

fn assert_cart(shop: &Shop, headers: &[&str], expected: &str) {
    assert_eq!(cart(shop, headers).text(), expected, "{headers:?}");
}

pub(crate) fn a_cart_holds_the_sum_of_what_was_added(shop: &Shop) {
    let ada = &["Authorization: ada"];
    assert_cart(shop, ada, "[]");
    let products = shop.get("/products/6/styles");
    shop.post_as("/cart", ada, r#"{"sku_id":100}"#);
    assert_cart(shop, ada, r#"[{"sku_id":100,"count":1}]"#);
    shop.post_as("/cart/", ada, r#"{"sku_id":"99","count":"2","user_token":1048}"#);
    assert_cart(shop, ada, r#"[{"sku_id":99,"count":2},{"sku_id":100,"count":1}]"#);
    shop.post_as("/api/fec2/hr-x/cart", ada, r#"{"sku_id":99,"count":1000000}"#);
    shop.post_as("/cart", ada, r#"{"sku_id":99,"count":1000000}"#);
    shop.post_as("/cart", ada, r#"{"count":null,"sku_id":100}"#);
    let whole = r#"[{"sku_id":99,"count":2000002},{"sku_id":100,"count":2}]"#;
    for target in ["/cart", "/cart/", "/api/fec2/hr-x/cart", "/cart?page=2&count=1"] {
        assert_eq!(shop.client().get(target, ada).text(), whole, "{target}");
    }
    // More was put into it than there is, and what there is stays what it was.
    assert_eq!(shop.get("/products/6/styles"), products);
    for body in ["", "{}", r#"{"sku_id":99,"count":0}"#, r#"{"sku_id":99,"count":1000001}"#, r#"{"sku_id":999999999}"#]
    {
        let response = shop.client().request("POST", "/cart", ada, body.as_bytes());
        assert_eq!((response.status, response.text()), (422, "Error: Cart body contains invalid entries"), "{body}");
        assert_class(&response, "refused");
    }
    assert_cart(shop, ada, whole);
}

pub(crate) fn every_credential_has_a_cart_and_those_without_share_one(shop: &Shop) {
    shop.post("/cart", r#"{"sku_id":1}"#);
    shop.post_as("/cart", &["Authorization:"], r#"{"sku_id":2}"#);
    shop.post_as("/cart", &["Authorization: Grace"], r#"{"sku_id":3}"#);
    shop.post_as("/cart", &["Authorization: Bearer Grace"], r#"{"sku_id":4}"#);
    let nobody = r#"[{"sku_id":1,"count":1},{"sku_id":2,"count":1}]"#;
    assert_cart(shop, &[], nobody);
    assert_cart(shop, &["Authorization:"], nobody);
    assert_cart(shop, &["Cookie: a=b", "X-Forwarded-For: 10.1.2.3"], nobody);
    assert_cart(shop, &["Authorization: Grace"], r#"[{"sku_id":3,"count":1}]"#);
    assert_cart(shop, &["Authorization: Bearer Grace"], r#"[{"sku_id":4,"count":1}]"#);
    for other in ["Authorization: grace", "Authorization: Grac", "Authorization: Grace2", "Authorization: \u{e9}"] {
        assert_cart(shop, &[other], "[]");
    }
    // The credential itself is nowhere.
    assert!(!shop.node.log().contains("Grace"));
    if let Some(owners) = shop.psql("SELECT encode(owner, 'hex') FROM carts WHERE sku_id = 3") {
        let stored = shop.psql("SELECT encode(sha256('Grace'), 'hex')").unwrap();
        assert_eq!(owners, stored);
        assert_eq!(shop.psql("SELECT count(*) FROM carts WHERE position('Grace' IN carts::text) > 0").unwrap(), "0");
    }
}

pub(crate) fn a_cart_says_whether_it_has_changed(shop: &Shop) {
    let joan = "Authorization: joan";
    let empty = cart(shop, &[joan]);
    let condition = |response: &Response| format!("If-None-Match: W/\"x\", {}", response.header("etag").unwrap());
    for method in ["GET", "HEAD"] {
        let unchanged = shop.client().request(method, "/cart", &[joan, &condition(&empty)], b"");
        assert_eq!((unchanged.status, unchanged.text()), (304, ""));
        assert_class(&unchanged, "cart-unchanged");
    }
    shop.post_as("/cart", &[joan], r#"{"sku_id":5}"#);
    let full = cart(shop, &[joan, &condition(&empty)]);
    let head = shop.client().request("HEAD", "/cart", &[joan], b"");
    assert_class(&head, "cart");
    assert_eq!(head.header("content-length").unwrap(), full.body.len().to_string());
    assert_eq!(head.header("etag"), full.header("etag"));
    assert_eq!(shop.client().get("/cart", &[joan, &condition(&full)]).status, 304);
    // The validator is of the bytes, so another one's equal cart has it too; that says nothing of whose it is.
    shop.post_as("/cart", &["Authorization: jean"], r#"{"sku_id":5}"#);
    assert_eq!(cart(shop, &["Authorization: jean"]).header("etag"), full.header("etag"));
}

pub(crate) fn a_long_cart_is_not_encoded(shop: &Shop) {
    let mary = "Authorization: mary";
    let mut expected = Vec::new();
    for sku in (101..=198).rev() {
        shop.post_as("/cart", &[mary], &format!("{{\"sku_id\":{sku},\"count\":{sku}}}"));
        expected.insert(0, format!("{{\"sku_id\":{sku},\"count\":{sku}}}"));
    }
    assert_cart(shop, &[mary, "Accept-Encoding: br, gzip"], &format!("[{}]", expected.join(",")));
}

#[test]
fn with_a_demanded_token_there_is_one_cart() {
    let scratch = Scratch::new("token");
    let token = scratch.write("token", "letmein\n").display().to_string();
    let shop = Shop::open_with(Origin::InProcess, &[("ATELIER_API_TOKEN_FILE", &token)]);
    let right = "Authorization: letmein";
    for wrong in [&[][..], &["Authorization:"], &["Authorization: other"]] {
        for (method, body) in [("GET", ""), ("POST", r#"{"sku_id":1}"#)] {
            let response = shop.client().request(method, "/cart", wrong, body.as_bytes());
            assert_eq!((response.status, response.text()), (401, "Error: invalid token"), "{wrong:?}");
            assert_eq!(response.header("www-authenticate"), Some("Token"));
        }
    }
    assert_cart(&shop, &[right], "[]");
    shop.post_as("/cart", &[right], r#"{"sku_id":1}"#);
    shop.post_as("/cart", &[right, "Cookie: another=1"], r#"{"sku_id":2}"#);
    assert_cart(&shop, &[right], r#"[{"sku_id":1,"count":1},{"sku_id":2,"count":1}]"#);
    assert!(!shop.node.log().contains("letmein"));
}
