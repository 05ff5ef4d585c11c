//! Interactions.

use crate::shop::Shop;
use crate::times;
use crate::views::Views;

pub(crate) fn an_interaction_is_kept_whole(shop: &Shop) {
    let views = Views::of(shop, &["/products", "/products/1", "/reviews?product_id=1", "/qa/questions?product_id=1"]);
    let begun = times::now();
    let item = "<li class='a b'>\u{e9}\t\u{1f600}</li>";
    let body = |element: &str| {
        serde_json::json!({"element": element, "widget": "Ratings", "time": "yesterday", "x": 1}).to_string()
    };
    shop.post("/interactions", &body(&item.repeat(7_000)));
    shop.post("/api/fec2/hr-x/interactions/", &body("<b>"));
    views.assert_unchanged();
    let stored = format!(
        "SELECT element IN ('<b>', repeat($${item}$$, 7000)), widget, time, received_at FROM interactions
         WHERE widget = 'Ratings' ORDER BY id"
    );
    if let Some(rows) = shop.psql(&stored) {
        let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('|').collect()).collect();
        assert_eq!(rows.len(), 2);
        for row in rows {
            assert_eq!(row[..3], ["t", "Ratings", "yesterday"]);
            assert!((begun..=times::now()).contains(&row[3].parse().unwrap()), "{}", row[3]);
        }
    }
}
