//! Questions and answers (contract, sections 5 and 8).

use crate::shop::Shop;
use crate::times;
use crate::views::Views;

pub(crate) fn a_question_is_in_the_next_read(shop: &Shop) {
    let list = "/qa/questions?product_id=11";
    let lists =
        Views::of(shop, &[list, "/qa/questions?product_id=11&count=1", "/qa/questions/?product_id=011&count=99"]);
    let others = Views::of(
        shop,
        &["/qa/questions?product_id=11&page=2", "/qa/questions?product_id=1", "/reviews/meta?product_id=11"],
    );
    let begun = times::now();
    shop.post(
        "/qa/questions",
        r#"{"body":"What is it?","name":"ulla","email":"ulla@example.com","product_id":11,"question_id":7,"answers":{"1":{}}}"#,
    );
    lists.assert_changed();
    others.assert_unchanged();
    let found = shop.json(list)["results"][0].clone();
    let (id, date) = (found["question_id"].as_u64().unwrap(), found["question_date"].as_str().unwrap());
    times::assert_since(begun, date);
    assert!(id > 3252);
    let row = format!(
        r#"{{"question_id":{id},"question_body":"What is it?","question_date":"{date}","asker_name":"ulla","question_helpfulness":0,"reported":false,"answers":{{}}}}"#
    );
    assert_eq!(shop.get(list), format!(r#"{{"product_id":"11","results":[{row}]}}"#));

    // The same again is another one, and comes behind it.
    shop.post("/qa/questions/", r#"{"body":"What is it?","name":"ulla","email":"e","product_id":"11"}"#);
    let ids = shop.json(list)["results"].clone();
    assert_eq!(ids[0]["question_id"].as_u64(), Some(id));
    assert!(ids[1]["question_id"].as_u64() > Some(id));

    // It can be answered.
    shop.post(&format!("/qa/questions/{id}/answers"), r#"{"body":"A riddle.","name":"edda","email":"e"}"#);
    let answers = shop.json(&format!("/qa/questions/{id}/answers"));
    assert_eq!(answers["results"][0]["body"], "A riddle.");
}

pub(crate) fn an_answer_is_in_both_lists_that_show_it(shop: &Shop) {
    let (answers, questions) = ("/qa/questions/2/answers", "/qa/questions?product_id=1");
    let before = (shop.get(answers), shop.get(questions));
    let views = Views::of(
        shop,
        &[
            answers,
            "/qa/questions/2/answers?count=2&page=2",
            "/api/fec2/hr-x/qa/questions/02/answers/?count=100",
            questions,
            "/qa/questions?product_id=1&count=1",
        ],
    );
    let others = Views::of(
        shop,
        &[
            "/qa/questions/2/answers?count=2",
            "/qa/questions/2/answers?page=2",
            "/qa/questions/1/answers",
            "/qa/questions?product_id=1&count=1&page=2",
            "/qa/questions?product_id=2",
        ],
    );
    let begun = times::now();
    shop.post(
        "/qa/questions/2/answers",
        r#"{"body":"Only if you pull.","name":"olu","email":"olu@example.com","photos":["https://img.example/u/b.jpg","https://img.example/u/a.jpg"],"question_id":1}"#,
    );
    views.assert_changed();
    others.assert_unchanged();
    let found = shop.json(answers)["results"][2].clone();
    let (id, date) = (found["answer_id"].as_u64().unwrap(), found["date"].as_str().unwrap());
    times::assert_since(begun, date);
    let photos = [0, 1].map(|place| found["photos"][place]["id"].as_u64().unwrap());
    assert!(id > 6296 && photos[0] > 1921 && photos[1] > photos[0]);
    // A new answer comes last, with its photos as objects.
    let row = format!(
        r#"{{"answer_id":{id},"body":"Only if you pull.","date":"{date}","answerer_name":"olu","helpfulness":0,"photos":[{{"id":{},"url":"https://img.example/u/b.jpg"}},{{"id":{},"url":"https://img.example/u/a.jpg"}}]}}"#,
        photos[0], photos[1]
    );
    assert_eq!(shop.get(answers), format!("{},{row}]}}", before.0.strip_suffix("]}").unwrap()));
    // And in the question, with its photos as plain urls.
    let member = format!(
        r#","{id}":{{"id":{id},"body":"Only if you pull.","date":"{date}","answerer_name":"olu","helpfulness":0,"photos":["https://img.example/u/b.jpg","https://img.example/u/a.jpg"]}}"#
    );
    let last = r#""answerer_name":"ines","helpfulness":5,"photos":[]}"#;
    assert_eq!(shop.get(questions), before.1.replace(last, &format!("{last}{member}")));
}

pub(crate) fn a_helpful_question_and_a_helpful_answer_count_one_more(shop: &Shop) {
    let (answers, questions) = ("/qa/questions/4/answers", "/qa/questions?product_id=2");
    let before = (shop.get(answers), shop.get(questions));
    let views = Views::of(shop, &[questions, "/qa/questions?product_id=2&count=1"]);
    let others = Views::of(shop, &[answers, "/qa/questions?product_id=2&page=2"]);
    shop.put("/qa/questions/4/helpful");
    views.assert_changed();
    others.assert_unchanged();
    shop.put("/api/fec2/hr-x/qa/questions/04/helpful/");
    let (was, is) = (r#""question_helpfulness":3"#, r#""question_helpfulness":5"#);
    assert_eq!(shop.get(questions), before.1.replace(was, is));

    let views = Views::of(shop, &[questions, answers, "/qa/questions/4/answers?count=1"]);
    let others = Views::of(shop, &["/qa/questions/4/answers?page=2", "/qa/questions?product_id=1"]);
    shop.put("/qa/answers/1/helpful");
    views.assert_changed();
    others.assert_unchanged();
    shop.put("/qa/answers/1/helpful");
    let with = |text: &str| text.replace(r#""helpfulness":4"#, r#""helpfulness":6"#);
    assert_eq!(shop.get(answers), with(&before.0));
    assert_eq!(shop.get(questions), with(&before.1.replace(was, is)));
}

pub(crate) fn a_reported_question_is_hidden_and_can_still_be_answered(shop: &Shop) {
    let (answers, questions) = ("/qa/questions/17/answers?count=100", "/qa/questions?product_id=17");
    let before = shop.json(questions)["results"].as_array().unwrap().len();
    let views = Views::of(shop, &[questions, "/qa/questions?product_id=17&count=1"]);
    let others = Views::of(shop, &[answers, "/qa/questions/17/answers"]);
    shop.put("/qa/questions/17/report");
    views.assert_changed();
    others.assert_unchanged();
    let left = shop.get(questions);
    assert_eq!(shop.json(questions)["results"].as_array().unwrap().len(), before - 1);
    assert!(!left.contains(r#""question_id":17,"#));
    shop.put("/qa/questions/17/report");
    shop.put("/qa/questions/17/helpful");
    let count = shop.json(answers)["results"].as_array().unwrap().len();
    shop.post("/qa/questions/17/answers", r#"{"body":"Who asks?","name":"n","email":"e","photos":[]}"#);
    assert_eq!(shop.json(answers)["results"].as_array().unwrap().len(), count + 1);
    assert_eq!(shop.get(questions), left);
}

pub(crate) fn a_reported_answer_is_hidden_in_both_lists(shop: &Shop) {
    let (answers, questions) = ("/qa/questions/11/answers", "/qa/questions?product_id=9");
    let views = Views::of(shop, &[answers, "/qa/questions/11/answers?count=1&page=2", questions]);
    let others = Views::of(shop, &["/qa/questions/11/answers?page=2", "/qa/questions?product_id=9&page=2"]);
    shop.put("/qa/answers/8/report");
    views.assert_changed();
    others.assert_unchanged();
    assert_eq!(
        shop.get(answers),
        r#"{"question":"11","page":1,"count":5,"results":[{"answer_id":13,"body":"The wool programme at 20 degrees is fine, I have done it for a year.","date":"2021-10-19T08:20:21.543Z","answerer_name":"edda","helpfulness":5,"photos":[]}]}"#
    );
    assert_eq!(
        shop.get(questions),
        r#"{"product_id":"9","results":[{"question_id":11,"question_body":"How do I wash it?","question_date":"2020-10-10T10:00:59.231Z","asker_name":"hanneke","question_helpfulness":4,"reported":false,"answers":{"13":{"id":13,"body":"The wool programme at 20 degrees is fine, I have done it for a year.","date":"2021-10-19T08:20:21.543Z","answerer_name":"edda","helpfulness":5,"photos":[]}}}]}"#
    );
    shop.put("/qa/answers/8/report/");
    shop.put("/qa/answers/8/helpful");
    shop.put("/qa/answers/13/report");
    assert_eq!(shop.get(answers), r#"{"question":"11","page":1,"count":5,"results":[]}"#);
    assert!(shop.get(questions).ends_with(r#""answers":{}}]}"#));
}
