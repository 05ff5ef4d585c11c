use super::*;

fn text(document: &impl Serialize) -> String {
    String::from_utf8(json(document).unwrap().to_vec()).unwrap()
}

#[test]
fn prices_have_two_decimals() {
    let prices = [0, 5, 14_000, 125_000, 9_999_900].map(Price);
    assert_eq!(text(&prices), r#"["0.00","0.05","140.00","1250.00","99999.00"]"#);
}

#[test]
fn times_are_utc_with_three_decimals() {
    let times = [0, 42, 1_596_080_481_467, 1_582_934_400_000, 253_402_300_799_999].map(Time);
    let expected = r#"["1970-01-01T00:00:00.000Z","1970-01-01T00:00:00.042Z","2020-07-30T03:41:21.467Z","2020-02-29T00:00:00.000Z","9999-12-31T23:59:59.999Z"]"#;
    assert_eq!(text(&times), expected);
}

#[test]
fn a_style_without_photos_and_skus_has_placeholders() {
    let style = Style {
        style_id: 1,
        name: "n",
        original_price: Price(0),
        sale_price: Some(Price(0)),
        is_default: false,
        photos: vec![],
        skus: vec![],
    };
    let expected = r#"{"style_id":1,"name":"n","original_price":"0.00","sale_price":"0.00","default?":false,"photos":[{"thumbnail_url":null,"url":null}],"skus":{"null":{"quantity":null,"size":null}}}"#;
    assert_eq!(text(&style), expected);
}

#[test]
fn meta_leaves_out_what_nobody_said_and_shows_a_name_once() {
    let characteristic =
        |id, value: Option<&'static str>| Characteristic { id, name: "Fit", value: value.map(Into::into) };
    let meta = Meta {
        product_id: IdText(9),
        ratings: Ratings([1, 0, 0, 12, 0]),
        recommended: Recommended { no: 0, yes: 13 },
        characteristics: vec![characteristic(4, None), characteristic(5, Some("2.0000000000000000"))],
    };
    let expected = r#"{"product_id":"9","ratings":{"1":"1","4":"12"},"recommended":{"true":"13"},"characteristics":{"Fit":{"id":4,"value":null}}}"#;
    assert_eq!(text(&meta), expected);
}

#[test]
fn an_empty_response_is_null() {
    let review = Review {
        review_id: 1,
        rating: 5,
        summary: "",
        recommend: true,
        response: Some(""),
        body: "\u{2028}\"\\\t",
        date: Time(0),
        reviewer_name: "é",
        helpfulness: 0,
        photos: vec![Photo { id: 1, url: "u" }],
    };
    let expected = "{\"review_id\":1,\"rating\":5,\"summary\":\"\",\"recommend\":true,\"response\":null,\"body\":\"\u{2028}\\\"\\\\\\t\",\"date\":\"1970-01-01T00:00:00.000Z\",\"reviewer_name\":\"é\",\"helpfulness\":0,\"photos\":[{\"id\":1,\"url\":\"u\"}]}";
    assert_eq!(text(&review), expected);
}
