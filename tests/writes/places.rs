//! `Atelier-Ord` on reads, for clients that never want to go back in time.

use atelier_rig::Node;

use crate::SERVER;

/// Reads, and whether each is an answer of the catalogue, which has a place in its history.
const READS: [(&str, u16, bool); 5] = [
    ("/products/1", 200, true),
    ("/products/1/styles", 200, true),
    ("/products/999999", 404, true),
    ("/products/x", 404, false),
    ("/reviews", 422, false),
];

#[test]
fn reads_say_their_place_in_the_history_if_they_are_to_also_that_something_is_not_there() {
    for (setting, wanted) in [("on", true), ("off", false)] {
        let node = Node::start(SERVER, &[("ATELIER_ORD_HEADER", setting)]);
        let mut client = node.client();
        for (target, status, of_the_catalogue) in READS {
            let response = client.get(target, &[]);
            let has_place = response.header("atelier-ord").is_some();
            assert_eq!((response.status, has_place), (status, wanted && of_the_catalogue), "{target} with {setting}");
        }
        let etag = format!("If-None-Match: {}", client.get("/products/1", &[]).header("etag").unwrap());
        let unchanged = client.get("/products/1", &[&etag]);
        assert_eq!((unchanged.status, unchanged.header("atelier-ord").is_some()), (304, wanted));
    }
}
