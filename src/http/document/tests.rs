use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::command::{NewAnswer, NewQuestion, NewReview};

const OWNER: Owner = Owner([7; 32]);

/// Every addition, with a body that says all it can say.
const VALID: [(Addition, &str); 5] = [
    (
        Addition::Review,
        r#"{"product_id":2,"rating":4,"summary":"Good","body":"Light and \"sturdy\".","recommend":true,"name":"mira","email":"mira@example.com","photos":["https://img.example/u/9.jpg"],"characteristics":{"5":4,"6":3}}"#,
    ),
    (Addition::Question, r#"{"body":"Is it lined?","name":"olu","email":"olu@example.com","product_id":1}"#),
    (
        Addition::Answer(Some(3)),
        r#"{"body":"It is.","name":"ines","email":"ines@example.com","photos":["https://img.example/a/1.jpg","b"]}"#,
    ),
    (Addition::Cart, r#"{"sku_id":99,"count":2}"#),
    (Addition::Interaction, r#"{"element":"<b class=\"x\">é</b>","widget":"Ratings","time":"12:00"}"#),
];

fn read(addition: Addition, body: impl AsRef<[u8]>) -> Option<Command> {
    command(addition, &mut body.as_ref().to_vec(), OWNER)
}

/// The valid body of an addition with another value for one of its members, or without it.
fn with(addition: Addition, member: &str, value: Option<&str>) -> String {
    let (_, body) = VALID.into_iter().find(|(valid, _)| *valid == addition).unwrap();
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
    assert!(members.contains_key(member), "{member} of {body}");
    let mut text = "{".to_owned();
    for (name, given) in members {
        let given = given.to_string();
        let Some(value) = (if name == member { value } else { Some(given.as_str()) }) else { continue };
        let comma = if text.len() > 1 { "," } else { "" };
        write!(text, "{comma}\"{name}\":{value}").unwrap();
    }
    text + "}"
}

fn review(member: &str, value: &str) -> Option<NewReview> {
    match read(Addition::Review, with(Addition::Review, member, Some(value)))? {
        Command::AddReview(review) => Some(review),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_becomes_the_command_that_it_describes() {
    let text = str::to_owned;
    let commands = [
        Command::AddReview(NewReview {
            product: 2,
            rating: 4,
            summary: text("Good"),
            body: text("Light and \"sturdy\"."),
            recommend: true,
            name: text("mira"),
            email: text("mira@example.com"),
            photos: vec![text("https://img.example/u/9.jpg")],
            characteristics: vec![(5, 4), (6, 3)],
        }),
        Command::AddQuestion(NewQuestion {
            product: 1,
            body: text("Is it lined?"),
            name: text("olu"),
            email: text("olu@example.com"),
        }),
        Command::AddAnswer(NewAnswer {
            question: 3,
            body: text("It is."),
            name: text("ines"),
            email: text("ines@example.com"),
            photos: vec![text("https://img.example/a/1.jpg"), text("b")],
        }),
        Command::AddToCart { owner: OWNER, sku: 99, count: 2 },
        Command::AddInteraction {
            element: text("<b class=\"x\">é</b>"), widget: text("Ratings"), time: text("12:00")
        },
    ];
    for ((addition, body), command) in VALID.into_iter().zip(commands) {
        assert_eq!(read(addition, body), Some(command));
    }
}

#[test]
fn a_required_text_has_to_be_one() {
    let required = [
        (Addition::Review, &["body", "name", "email"][..]),
        (Addition::Question, &["body", "name", "email"]),
        (Addition::Answer(Some(3)), &["body", "name", "email"]),
        (Addition::Interaction, &["element", "widget", "time"]),
    ];
    let good =
        [r#""x""#, r#"" x ""#, r#""0""#, r#""\u200b""#, r#""\ufeff""#, r#""null""#, r#""\ud83d\ude00""#, r#""\u0001""#];
    let bad = [
        "null",
        "0",
        "true",
        "[]",
        r#"["x"]"#,
        "{}",
        r#""""#,
        r#""  ""#,
        r#""\n\t\r ""#,
        // A no-break space, an ideographic one, and the line separator are white space of Unicode.
        "\"\u{a0}\u{3000}\u{2028}\"",
        r#""\u00a0\u3000\u2028""#,
        r#""\u0000""#,
        r#""x\u0000""#,
        r#""x\ud800""#,
        r#""\udc00x""#,
        r#""\ude00\ud83d""#,
    ];
    for (addition, members) in required {
        for member in members {
            for value in good {
                assert!(read(addition, with(addition, member, Some(value))).is_some(), "{member} {value}");
            }
            for value in bad {
                assert_eq!(read(addition, with(addition, member, Some(value))), None, "{member} {value}");
            }
            assert_eq!(read(addition, with(addition, member, None)), None, "no {member}");
        }
    }
}

#[test]
fn texts_are_kept_as_they_were_sent() {
    assert_eq!(review("body", r#"" \tx\u00e9\ud83d\ude00\/ ""#).unwrap().body, " \txé😀/ ");
    assert_eq!(review("name", "\"e\u{301}\"").unwrap().name, "e\u{301}", "not normalised");
    let long = "ü".repeat(100_000);
    assert_eq!(review("body", &format!("\"{long}\"")).unwrap().body, long);
}

#[test]
fn a_summary_is_a_string_and_may_be_empty() {
    for (value, expected) in [(r#""""#, ""), (r#"" ""#, " "), (r#""x""#, "x")] {
        assert_eq!(review("summary", value).unwrap().summary, expected);
    }
    for value in ["null", "1", "false", "[]", r#""\u0000""#, r#""\ud800""#] {
        assert_eq!(review("summary", value), None, "{value}");
    }
    assert_eq!(read(Addition::Review, with(Addition::Review, "summary", None)), None);
}

/// What an integer is, whatever its bounds are; `1` stands for one within them.
const NO_INTEGERS: [&str; 22] = [
    "null", "true", "1.0", "1e0", "10e-1", "-1", "[]", "[1]", "{}", r#""""#, r#""+1""#, r#"" 1""#, r#""1 ""#,
    r#""1.0""#, r#""1e0""#, r#""-1""#, r#""0x1""#, r#""١""#, r#""one""#, "0", r#""0""#, "-0",
];

#[test]
fn ids_are_integers_that_a_column_can_hold() {
    let ids = [(Addition::Review, "product_id"), (Addition::Question, "product_id"), (Addition::Cart, "sku_id")];
    for (addition, member) in ids {
        let id = |value: &str| match read(addition, with(addition, member, Some(value)))? {
            Command::AddReview(review) => Some(review.product),
            Command::AddQuestion(question) => Some(question.product),
            Command::AddToCart { sku, .. } => Some(sku),
            other => panic!("{other:?}"),
        };
        let good = [
            ("1", 1),
            (r#""1""#, 1),
            (r#""0012""#, 12),
            (r#""\u0031\u0032""#, 12),
            ("2147483647", 2_147_483_647),
            (r#""2147483647""#, 2_147_483_647),
        ];
        for (value, expected) in good {
            assert_eq!(id(value), Some(expected), "{member} {value}");
        }
        let high =
            ["2147483648", "4294967297", "9223372036854775808", "18446744073709551617", "1000000000000000000000001"];
        for value in NO_INTEGERS.into_iter().chain(high) {
            assert_eq!(id(value), None, "{member} {value}");
            assert_eq!(id(&format!("\"{value}\"")), None, "{member}, as text: {value}");
        }
        assert_eq!(read(addition, with(addition, member, None)), None, "no {member}");
    }
}

#[test]
fn a_rating_is_one_to_five() {
    for rating in 1..=5 {
        assert_eq!(review("rating", &rating.to_string()).unwrap().rating, rating);
        assert_eq!(review("rating", &format!("\"{rating}\"")).unwrap().rating, rating);
        let of_one = review("characteristics", &format!("{{\"8\":\"{rating}\"}}")).unwrap();
        assert_eq!(of_one.characteristics, [(8, rating)]);
    }
    for value in NO_INTEGERS.into_iter().chain(["6", "256", "257", "4294967297", r#""6""#]) {
        assert_eq!(review("rating", value), None, "{value}");
        assert_eq!(review("characteristics", &format!("{{\"8\":{value}}}")), None, "{value}");
    }
    assert_eq!(read(Addition::Review, with(Addition::Review, "rating", None)), None);
}

#[test]
fn a_recommendation_is_a_boolean_or_the_text_of_one() {
    for (value, expected) in [("true", true), ("false", false), (r#""true""#, true), (r#""false""#, false)] {
        assert_eq!(review("recommend", value).unwrap().recommend, expected);
    }
    for value in ["null", "0", "1", r#""True""#, r#""1""#, r#""""#, r#"" true""#, "[true]", "{}"] {
        assert_eq!(review("recommend", value), None, "{value}");
    }
    assert_eq!(read(Addition::Review, with(Addition::Review, "recommend", None)), None);
}

#[test]
fn photos_are_a_list_of_texts_or_none() {
    for addition in [Addition::Review, Addition::Answer(Some(3))] {
        let photos = |value: Option<&str>| match read(addition, with(addition, "photos", value))? {
            Command::AddReview(review) => Some(review.photos),
            Command::AddAnswer(answer) => Some(answer.photos),
            other => panic!("{other:?}"),
        };
        for none in [None, Some("null"), Some("[]")] {
            assert_eq!(photos(none).unwrap(), Vec::<String>::new(), "{none:?}");
        }
        assert_eq!(photos(Some(r#"["b","a","b"]"#)).unwrap(), ["b", "a", "b"], "in their order, repeated ones too");
        assert_eq!(photos(Some(&format!("[{}\"z\"]", "\"a\",".repeat(5_000)))).unwrap().len(), 5_001);
        let bad = [
            "\"a\"",
            "{}",
            "{\"0\":\"a\"}",
            "0",
            "false",
            "[null]",
            "[1]",
            "[[]]",
            "[[\"a\"]]",
            r#"["a",""]"#,
            r#"["a"," "]"#,
            r#"["a\u0000"]"#,
            r#"["\ud800"]"#,
            r#"[{"url":"a"}]"#,
        ];
        for value in bad {
            assert_eq!(photos(Some(value)), None, "{value}");
        }
    }
}

#[test]
fn characteristics_are_ratings_by_id_or_none() {
    let of = |value: &str| review("characteristics", value).map(|review| review.characteristics);
    assert_eq!(of("null"), Some(vec![]));
    assert_eq!(of("{}"), Some(vec![]));
    let body = with(Addition::Review, "characteristics", None);
    assert!(
        matches!(read(Addition::Review, body), Some(Command::AddReview(review)) if review.characteristics.is_empty())
    );
    assert_eq!(of(r#"{"7":1,"2147483647":5,"10":"2"}"#), Some(vec![(7, 1), (10, 2), (2_147_483_647, 5)]), "by id");
    assert_eq!(of(r#"{"5":1,"6":2,"5":3}"#), Some(vec![(5, 3), (6, 2)]));
    assert_eq!(of(r#"{"5":1,"05":2,"\u0035":4}"#), Some(vec![(5, 4)]), "spellings of one id");
    assert_eq!(of(r#"{"5":9,"05":2}"#), Some(vec![(5, 2)]), "the wrong one does not count");
    assert_eq!(of(r#"{"5":2,"05":9}"#), None);
    for value in ["[]", "[4]", "\"5\"", "5", "true", r#"[{"5":4}]"#] {
        assert_eq!(of(value), None, "{value}");
    }
    let names = ["", "0", "-5", "+5", " 5", "5 ", "5.0", "Fit", "5\\u0000", "2147483648", "99999999999999999999", "٥"];
    for name in names {
        assert_eq!(of(&format!("{{\"{name}\":4}}")), None, "{name}");
    }
}

#[test]
fn a_count_is_up_to_a_million_and_one_unless_it_says_otherwise() {
    let count = |value: Option<&str>| match read(Addition::Cart, with(Addition::Cart, "count", value))? {
        Command::AddToCart { count, .. } => Some(count),
        other => panic!("{other:?}"),
    };
    let good =
        [(None, 1), (Some("null"), 1), (Some("1"), 1), (Some("1000000"), 1_000_000), (Some(r#""1000000""#), 1_000_000)];
    for (value, expected) in good {
        assert_eq!(count(value), Some(expected), "{value:?}");
    }
    for value in NO_INTEGERS.into_iter().filter(|value| *value != "null").chain(["1000001", r#""1000001""#]) {
        assert_eq!(count(Some(value)), None, "{value}");
    }
}

#[test]
fn an_answer_to_a_question_that_no_column_holds_is_none() {
    let (_, body) = VALID[2];
    assert_eq!(read(Addition::Answer(None), body), None);
}

#[test]
fn a_number_beyond_every_double_is_refused_even_where_it_is_ignored() {
    // The parser's own limit, which JSON leaves to parsers (RFC 8259 §6).
    for number in ["1e309".to_owned(), "9".repeat(400)] {
        assert_eq!(read(Addition::Cart, format!("{{\"sku_id\":99,\"x\":{number}}}")), None);
    }
}

/// The same body with something more as its first and as its last member.
fn with_more(body: &str, member: &str) -> [String; 2] {
    [format!("{{{member},{}", &body[1..]), format!("{},{member}}}", &body[..body.len() - 1])]
}

#[test]
fn unknown_members_are_ignored_whatever_they_are() {
    let members = [
        r#""x":null"#,
        r#""":"""#,
        r#""Product_id":"x""#,
        r#""product_id ":"x""#,
        r#""user_token":1048"#,
        r#""x":{"rating":9,"body":""}"#,
        r#""x":[[[{"a":[1.5e-7,-0,true]}]]]"#,
        r#""x":"\u0000""#,
        r#""x":"\ud800""#,
        r#""\udead":["\udead"]"#,
        r#""x":123456789012345678901234567890"#,
        r#""x":-123456789012345678901234567890"#,
        r#""x":1e308"#,
    ];
    for (addition, body) in VALID {
        for member in members {
            for more in with_more(body, member) {
                assert_eq!(read(addition, &more), read(addition, body), "{more}");
            }
        }
    }
}

#[test]
fn of_a_repeated_member_the_last_counts() {
    for (addition, body) in VALID {
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
        let valid = read(addition, body);
        for name in members.keys() {
            for wrong in ["[[]]", "{\"x\":1.5}", r#""\u0000""#, r#""\ud800""#, "-1"] {
                let [first, last] = with_more(body, &format!("\"{name}\":{wrong}"));
                assert_eq!(read(addition, &first), valid, "{first}");
                assert_eq!(read(addition, &last), None, "{last}");
            }
        }
    }
    // Another spelling of a name is the same name.
    let [first, last] = with_more(VALID[3].1, r#""sku\u005fid":7"#);
    assert_eq!(read(Addition::Cart, first), Some(Command::AddToCart { owner: OWNER, sku: 99, count: 2 }));
    assert_eq!(read(Addition::Cart, last), Some(Command::AddToCart { owner: OWNER, sku: 7, count: 2 }));
    // What comes last may be null, too.
    let [_, last] = with_more(VALID[3].1, r#""count":null"#);
    assert_eq!(read(Addition::Cart, last), Some(Command::AddToCart { owner: OWNER, sku: 99, count: 1 }));
}

#[test]
fn sixteen_levels_are_read_and_seventeen_are_not() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}0{}", open.repeat(depth), close.repeat(depth));
    for (addition, body) in VALID {
        // The body's own object is one.
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for more in with_more(body, &format!("\"x\":{}", nested(open, close, 15))) {
                assert_eq!(read(addition, &more), read(addition, body), "{more}");
            }
            for depth in [16, 17, 1_024, 10_000] {
                for more in with_more(body, &format!("\"x\":{}", nested(open, close, depth))) {
                    assert_eq!(read(addition, &more), None, "{depth}");
                }
            }
        }
        for more in with_more(body, &format!("\"x\":{}", "[".repeat(10_000))) {
            assert_eq!(read(addition, more), None);
        }
    }
}

#[test]
fn a_body_that_ends_early_or_late_is_refused() {
    for (addition, body) in VALID {
        for length in 0..body.len() {
            assert_eq!(read(addition, &body.as_bytes()[..length]), None, "{length} bytes of {body}");
        }
        for behind in [" ", "\t", "\n", "\r", " \r\n\t "] {
            assert!(read(addition, format!("{behind}{body}{behind}")).is_some(), "{behind:?}");
        }
        for byte in (0..=u8::MAX).filter(|byte| !b" \t\n\r".contains(byte)) {
            let (before, behind) = ([&[byte], body.as_bytes()].concat(), [body.as_bytes(), &[byte]].concat());
            assert_eq!(read(addition, before), None, "{byte:#x} before {body}");
            assert_eq!(read(addition, behind), None, "{byte:#x} behind {body}");
        }
        for wrong in ["{}", "null", "true", "1", "\"{}\"", "[]", "", " ", "\u{feff}"] {
            assert_eq!(read(addition, wrong), None, "{wrong:?}");
        }
        assert_eq!(read(addition, format!("[{body}]")), None);
        assert_eq!(read(addition, format!("{body}{body}")), None);
        assert_eq!(read(addition, format!("{body},")), None);
        assert_eq!(read(addition, format!("\u{feff}{body}")), None, "a byte order mark is no JSON");
        assert_eq!(read(addition, format!("{},}}", &body[..body.len() - 1])), None, "a comma too many");
        assert_eq!(read(addition, body.replace('"', "'")), None);
    }
}

#[test]
fn what_is_not_utf_8_is_refused_wherever_it_stands() {
    let wrong: [&[u8]; 6] = [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"];
    for (addition, body) in VALID {
        for bytes in wrong {
            let text = [b"{\"x\":\"", bytes, b"\",", &body.as_bytes()[1..]].concat();
            assert_eq!(read(addition, text), None, "{bytes:x?}");
            let name = [b"{\"", bytes, b"\":1,", &body.as_bytes()[1..]].concat();
            assert_eq!(read(addition, name), None, "{bytes:x?}");
        }
        let controls = (0..0x20_u8).map(char::from);
        for control in controls {
            let text = format!("{{\"x\":\"{control}\",{}", &body[1..]);
            assert_eq!(read(addition, text), None, "{control:?} has to be escaped");
        }
    }
}

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        (-1e9..1e9).prop_map(|value: f64| json!(value)),
        ".{0,20}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|list| json!(list)),
            prop::collection::hash_map(".{0,8}", inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// A text that may be stored, with more in it than white space.
fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,40}".prop_filter("blank", |text| !text.trim().is_empty())
}

fn reviews() -> impl Strategy<Value = NewReview> {
    let numbers = (1_u32..=2_147_483_647, 1_u8..=5, any::<bool>());
    let ratings = prop::collection::btree_map(1_u32..=2_147_483_647, 1_u8..=5, 0..6);
    let texts = (text(), text(), text(), "[^\0]{0,20}", prop::collection::vec(text(), 0..4));
    (numbers, texts, ratings).prop_map(
        |((product, rating, recommend), (body, name, email, summary, photos), ratings)| {
            let characteristics = ratings.into_iter().collect();
            NewReview { product, rating, summary, body, recommend, name, email, photos, characteristics }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (addition, _) in VALID {
            prop_assert_eq!(read(addition, &bytes), None);
        }
    }

    #[test]
    fn json_with_bytes_changed_is_read_or_refused(
        valid in prop::sample::select(VALID.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (addition, body) = valid;
        let mut bytes = body.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // Another parser must agree on what is JSON at all, but for lone surrogates, which this one does not mind.
        if read(addition, &bytes).is_some() {
            let other = serde_json::from_slice::<serde_json::Value>(&bytes);
            let text = String::from_utf8(bytes).unwrap();
            prop_assert!(other.is_ok() || text.contains("\\u"), "{}", text);
        }
    }

    #[test]
    fn what_another_parser_reads_is_read(value in anything()) {
        // As pretty as it gets, so that there is white space everywhere.
        let mut text = serde_json::to_vec_pretty(&json!({"x": value, "sku_id": 99})).unwrap();
        let expected = Some(Command::AddToCart { owner: OWNER, sku: 99, count: 1 });
        prop_assert_eq!(command(Addition::Cart, &mut text, OWNER), expected);
    }

    #[test]
    fn a_review_that_is_written_is_read_again(review in reviews()) {
        let ratings: serde_json::Map<_, _> =
            review.characteristics.iter().map(|(id, rating)| (id.to_string(), json!(rating))).collect();
        let body = json!({
            "product_id": review.product, "rating": review.rating, "summary": review.summary, "body": review.body,
            "recommend": review.recommend, "name": review.name, "email": review.email, "photos": review.photos,
            "characteristics": ratings,
        });
        prop_assert_eq!(read(Addition::Review, body.to_string()), Some(Command::AddReview(review.clone())));
        // Every character as an escape.
        let escaped: String = body.to_string().chars().flat_map(|c| match c {
            ' '..='~' => vec![c],
            c => c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| format!("\\u{unit:04x}").chars().collect::<Vec<_>>()).collect(),
        }).collect();
        prop_assert_eq!(read(Addition::Review, escaped), Some(Command::AddReview(review)));
    }
}
