//! Changes: every table × verb × column × path, and some that touch several tables at once.

use crate::shop::Tags;
use crate::tables::{TABLES, Table};

/// Stands in a statement for a file that the server may write.
pub(crate) const FILE: &str = "$file";

/// What a change must do.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// It notes these tags and no others.
    Tags(Tags),
    /// It fails with SQLSTATE 23000.
    Refusal,
}

/// A change.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The table whose triggers it is about.
    pub(crate) table: &'static str,
    /// The change and its path, for people.
    pub(crate) name: String,
    /// The change alone: what it does to answers is the same on every path.
    pub(crate) what: String,
    pub(crate) sql: String,
    pub(crate) expect: Expect,
}

fn tags(tags: &[&str]) -> Expect {
    Expect::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect())
}

/// One statement on every path that any statement can take.
fn paths(table: &'static str, what: &str, sql: &str, all: &[&str], own: &[&str]) -> Vec<Case> {
    let case = |path: &str, sql: String, expect: Expect| Case {
        table,
        name: format!("{what}, {path}"),
        what: what.to_owned(),
        sql,
        expect,
    };
    let unfinished = "SAVEPOINT inner_one; DELETE FROM products WHERE id = 2; ROLLBACK TO SAVEPOINT inner_one";
    vec![
        case("plain", sql.to_owned(), tags(all)),
        case("in a savepoint", format!("SAVEPOINT one; SAVEPOINT two; {sql}; RELEASE SAVEPOINT one"), tags(all)),
        case("in a savepoint that is undone", format!("SAVEPOINT one; {sql}; ROLLBACK TO SAVEPOINT one"), tags(&[])),
        case("beside another that is undone", format!("{unfinished}; {sql}"), tags(all)),
        // Foreign keys do nothing then: children stay.
        case("as a replica", format!("SET LOCAL session_replication_role = replica; {sql}"), tags(own)),
        case("as a role with rights on this table alone", format!("SET LOCAL ROLE only_{table}; {sql}"), tags(all)),
    ]
}

/// A statement with RETURNING as part of another.
fn in_a_cte(table: &'static str, what: &str, sql: &str, all: &[&str]) -> Case {
    Case {
        table,
        name: format!("{what}, in a CTE"),
        what: what.to_owned(),
        sql: format!("WITH done AS ({sql} RETURNING 1) SELECT count(*) FROM done"),
        expect: tags(all),
    }
}

fn one(table: &'static str, what: &str, sql: &str, expect: Expect) -> Case {
    Case { table, name: what.to_owned(), what: what.to_owned(), sql: sql.to_owned(), expect }
}

/// COPY of a row that is given as a list of expressions.
fn copy(into: &str, columns: &str, row: &str) -> String {
    format!("COPY (SELECT {row}) TO '{FILE}'; COPY {into} ({columns}) FROM '{FILE}'")
}

fn of_table(table: &Table, cases: &mut Vec<Case>) {
    let Table { name, sample, new: (columns, values), .. } = *table;
    let one = |path: &str, what: &str, sql: String, all: &[&str]| Case {
        name: format!("{what}, {path}"),
        what: what.to_owned(),
        ..one(name, what, &sql, tags(all))
    };

    let what = format!("{name}: INSERT");
    let insert = format!("INSERT INTO {name} ({columns}) VALUES ({values})");
    cases.extend(paths(name, &what, &insert, table.insert, table.insert));
    cases.push(in_a_cte(name, &what, &insert, table.insert));
    cases.push(one("COPY", &what, copy(name, columns, values), table.insert));
    let merge = format!("MERGE INTO {name} USING (SELECT 1) AS s ON false WHEN NOT MATCHED THEN");
    cases.push(one("MERGE", &what, format!("{merge} INSERT ({columns}) VALUES ({values})"), table.insert));
    let conflict = format!("ON CONFLICT ON CONSTRAINT {name}_pkey DO");
    cases.push(one("upsert", &what, format!("{insert} {conflict} UPDATE SET id = 0"), table.insert));

    let shown = table.shown.iter().map(|(column, value, tags)| (*column, *value, *tags));
    let hidden = table.hidden.iter().map(|(column, value)| {
        let own = if name == "reviews" { &table.own[..1] } else { table.own };
        (*column, *value, own)
    });
    for (column, value, all) in shown.chain(hidden) {
        let what = format!("{name}: UPDATE {column}");
        let update = format!("UPDATE {name} SET {column} = {value} WHERE id = {sample}");
        cases.extend(paths(name, &what, &update, all, all));
        cases.push(in_a_cte(name, &what, &update, all));
        let merge =
            format!("MERGE INTO {name} AS t USING (SELECT {sample} AS id) AS s ON t.id = s.id WHEN MATCHED THEN");
        cases.push(one("MERGE", &what, format!("{merge} UPDATE SET {column} = {value}"), all));
        let again = format!("INSERT INTO {name} SELECT * FROM {name} WHERE id = {sample}");
        cases.push(one("upsert", &what, format!("{again} {conflict} UPDATE SET {column} = {value}"), all));
    }
    let what = format!("{name}: UPDATE of nothing");
    let all = if name == "reviews" { &table.own[..1] } else { table.own };
    cases.push(one("plain", &what, format!("UPDATE {name} SET id = id WHERE id = {sample}"), all));

    let what = format!("{name}: DELETE");
    let delete = format!("DELETE FROM {name} WHERE id = {sample}");
    cases.extend(paths(name, &what, &delete, table.delete, table.own));
    cases.push(in_a_cte(name, &what, &delete, table.delete));
    let merge =
        format!("MERGE INTO {name} AS t USING (SELECT {sample} AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE");
    cases.push(one("MERGE", &what, merge, table.delete));

    let (alone, cascading) = table.truncate;
    let what = format!("{name}: TRUNCATE");
    if !alone.is_empty() {
        cases.push(one("plain", &what, format!("TRUNCATE {name}"), alone));
        let replica = format!("SET LOCAL session_replication_role = replica; TRUNCATE {name}");
        cases.push(one("as a replica", &what, replica, alone));
        cases.push(one("by another role", &what, format!("SET LOCAL ROLE only_{name}; TRUNCATE {name}"), alone));
    }
    cases.push(one("CASCADE", &what, format!("TRUNCATE {name} CASCADE"), cascading));
    // While there are foreign keys, those who refer are truncated too, and may note the same.
    let alone: Vec<String> = table.classes().iter().map(|class| format!("{class}:*")).collect();
    let sql = format!(
        "DO $$ DECLARE c record; BEGIN
             FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint WHERE confrelid = '{name}'::regclass LOOP
                 EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
             END LOOP;
         END $$; TRUNCATE {name}"
    );
    cases.push(Case {
        expect: Expect::Tags(alone.iter().cloned().collect()),
        ..one("no references", &what, sql.clone(), &[])
    });
    let replica = sql.replace("END $$;", "END $$; SET LOCAL session_replication_role = replica;");
    cases.push(Case {
        expect: Expect::Tags(alone.into_iter().collect()),
        ..one("no references, as a replica", &what, replica, &[])
    });
    let replica = format!("SET LOCAL session_replication_role = replica; TRUNCATE {name} CASCADE");
    cases.push(one("CASCADE as a replica", &what, replica, cascading));

    for (column, value) in table.fixed {
        let what = format!("{name}: a move by {column}");
        let sets = format!("UPDATE {name} SET {column} = {value} WHERE id = {sample}");
        let merge =
            format!("MERGE INTO {name} AS t USING (SELECT {sample} AS id) AS s ON t.id = s.id WHEN MATCHED THEN");
        let again = format!("INSERT INTO {name} SELECT * FROM {name} WHERE id = {sample}");
        let by_trigger = format!(
            "CREATE FUNCTION pg_temp.move() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.{column} := {value}; RETURN NEW; END'; \
             CREATE TRIGGER a_move BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION pg_temp.move(); \
             UPDATE {name} SET id = id WHERE id = {sample}"
        );
        for (path, sql) in [
            ("plain", sets.clone()),
            ("as a replica", format!("SET LOCAL session_replication_role = replica; {sets}")),
            ("MERGE", format!("{merge} UPDATE SET {column} = {value}")),
            ("upsert", format!("{again} {conflict} UPDATE SET {column} = {value}")),
            ("by a trigger of somebody", by_trigger),
        ] {
            cases.push(Case { expect: Expect::Refusal, ..one(path, &what, sql, &[]) });
        }
    }
}

/// Photos and skus as rows, through their views.
fn of_views(cases: &mut Vec<Case>) {
    const STYLES: &[&str] = &["styles:1"];
    let views = [
        ("photos", 211, "id, style_id, url, thumbnail_url", "219, 21, 'x', NULL", &["url", "thumbnail_url"][..]),
        ("skus", 213, "id, style_id, size, quantity", "219, 21, 'XS', NULL", &["size", "quantity"][..]),
    ];
    for (view, sample, columns, values, shown) in views {
        let what = format!("{view}: INSERT");
        let insert = format!("INSERT INTO {view} ({columns}) VALUES ({values})");
        let drawn = format!(
            "INSERT INTO {view} SELECT nextval('photo_ids') + 900, style_id, NULL, NULL FROM {view} WHERE id = {sample}"
        );
        let with_path = |path: &str, what: &str, sql: String| Case {
            name: format!("{what}, {path}"),
            ..one("styles", what, &sql, tags(STYLES))
        };
        cases.push(with_path("plain", &what, insert.clone()));
        cases.push(with_path("from a SELECT", &what, drawn));
        cases.push(with_path("in a savepoint", &what, format!("SAVEPOINT one; {insert}; RELEASE SAVEPOINT one")));
        // A view's trigger cannot be made to fire always: then its rows do not change, and there is nothing to note.
        let as_replica = |what: &str, sql: &str| Case {
            expect: tags(&[]),
            ..with_path("as a replica", what, format!("SET LOCAL session_replication_role = replica; {sql}"))
        };
        cases.push(as_replica(&what, &insert));
        cases.push(in_a_cte("styles", &what, &insert, STYLES));
        cases.push(with_path("COPY", &what, copy(view, columns, values)));
        for column in shown {
            let what = format!("{view}: UPDATE {column}");
            let update = format!("UPDATE {view} SET {column} = '7' WHERE id = {sample}");
            cases.push(with_path("plain", &what, update.clone()));
            cases.push(as_replica(&what, &update));
            cases.push(in_a_cte("styles", &what, &update, STYLES));
        }
        let what = format!("{view}: DELETE");
        let delete = format!("DELETE FROM {view} WHERE id = {sample}");
        cases.push(with_path("plain", &what, delete.clone()));
        cases.push(in_a_cte("styles", &what, &delete, STYLES));
        cases.push(one(
            "styles",
            &format!("{view}: all of them"),
            &format!("DELETE FROM {view}"),
            tags(&["styles:1", "styles:2"]),
        ));
        for column in ["id", "style_id"] {
            let sql = format!("UPDATE {view} SET {column} = 22 WHERE id = {sample}");
            cases.push(one("styles", &format!("{view}: a move by {column}"), &sql, Expect::Refusal));
        }
    }
}

/// Statements and transactions that change several rows or tables.
fn of_several(cases: &mut Vec<Case>) {
    const QUESTION: &str = "INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email) VALUES (85, 2, 1, 'a', 'b', 'c')";
    let both = |table, what: &str, sql: &str, all: &[&str]| one(table, what, sql, tags(all));
    cases.extend([
        both("products", "every product", "UPDATE products SET name = 'x'", &["product:1", "product:2", "product:3", "list:*"]),
        both("styles", "every style", "UPDATE styles SET name = 'x'", &["styles:1", "styles:2"]),
        both("reviews", "every review", "UPDATE reviews SET helpfulness = 7, rating = 3 WHERE id <> 42", &["reviews:1", "reviews:2", "meta:1", "meta:2"]),
        both("reviews", "some with other stars", "UPDATE reviews SET rating = 5, body = 'x'", &["reviews:1", "reviews:2", "meta:1", "meta:2"]),
        both("reviews", "stars of one, text of another", "UPDATE reviews SET body = 'x', rating = CASE id WHEN 43 THEN 1 ELSE rating END", &["reviews:1", "reviews:2", "meta:2"]),
        both("answers", "every answer", "UPDATE answers SET body = 'x'", &["answers:81", "answers:83", "questions:1", "questions:2"]),
        both("answers_photos", "every photo of an answer", "UPDATE answers_photos SET url = 'x'", &["answers:81", "answers:83", "questions:1", "questions:2"]),
        both("reviews_photos", "every photo of a review", "DELETE FROM reviews_photos", &["reviews:1", "reviews:2"]),
        both("characteristic_reviews", "every rating", "UPDATE characteristic_reviews SET value = 4", &["meta:1", "meta:2"]),
        both("reviews", "a review that rates another product", "DELETE FROM reviews WHERE id = 43", &["reviews:2", "meta:2", "meta:1"]),
        both("related", "a product that others are related to", "DELETE FROM products WHERE id = 2",
             &["product:2", "list:*", "styles:2", "related:1", "related:2", "reviews:2", "meta:2", "meta:1", "questions:2", "answers:83"]),
        both("questions", "a question with answer and photo in one statement",
             &format!("WITH q AS ({QUESTION} RETURNING id),
                       a AS (INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email)
                             SELECT 95, id, 1, 'a', 'b', 'c' FROM q RETURNING id)
                       INSERT INTO answers_photos (answer_id, url) SELECT id, 'x' FROM a"),
             &["questions:2", "answers:85"]),
        both("reviews", "a review with photo and rating in one statement",
             "WITH r AS (INSERT INTO reviews (product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
                         VALUES (1, 1, 1, true, '', '', '', '') RETURNING id),
              p AS (INSERT INTO reviews_photos (review_id, url) SELECT id, 'x' FROM r)
              INSERT INTO characteristic_reviews (characteristic_id, review_id, value) SELECT 61, id, 1 FROM r",
             &["reviews:1", "meta:1"]),
        both("answers", "an answer and its photo deleted in one statement",
             "WITH p AS (DELETE FROM answers_photos WHERE answer_id = 91) DELETE FROM answers WHERE id = 91", &["answers:81", "questions:1"]),
        both("reviews", "two updates of one table in one statement",
             "WITH a AS (UPDATE reviews SET body = 'x' WHERE id = 41) UPDATE reviews SET rating = 5 WHERE id = 43", &["reviews:1", "reviews:2", "meta:2"]),
        both("features", "all verbs in one MERGE",
             "MERGE INTO features AS t USING (VALUES (1, 11), (2, 13), (3, 19)) AS s (product, id) ON t.id = s.id
              WHEN MATCHED AND t.id = 11 THEN DELETE WHEN MATCHED THEN UPDATE SET value = 'x'
              WHEN NOT MATCHED THEN INSERT (id, product_id, feature) VALUES (s.id, s.product, 'x')",
             &["product:1", "product:2", "product:3"]),
        both("reviews", "both sides of an upsert",
             "INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
              VALUES (43, 2, 1, 1, true, '', '', '', ''), (45, 1, 1, 1, true, '', '', '', '')
              ON CONFLICT (id) DO UPDATE SET body = 'x'", &["reviews:1", "meta:1", "reviews:2"]),
        both("styles", "a style moved by delete and insert",
             "WITH moved AS (DELETE FROM styles WHERE id = 22 RETURNING *)
              INSERT INTO styles (id, product_id, name, original_price, default_style) SELECT 24, 2, name, original_price, default_style FROM moved",
             &["styles:1", "styles:2"]),
        both("reviews", "a review moved by delete and insert, under its old id",
             "CREATE TEMPORARY TABLE moved ON COMMIT DROP AS SELECT * FROM reviews WHERE id = 44; UPDATE moved SET product_id = 2;
              DELETE FROM reviews WHERE id = 44; INSERT INTO reviews SELECT * FROM moved; DROP TABLE moved",
             &["reviews:1", "meta:1", "reviews:2", "meta:2"]),
        both("questions", "a question moved by delete and insert, with a new answer",
             "DELETE FROM questions WHERE id = 81;
              INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email) VALUES (81, 2, 1, 'a', 'b', 'c');
              INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email) VALUES (95, 81, 1, 'a', 'b', 'c')",
             &["questions:1", "answers:81", "questions:2"]),
        both("reviews", "children that a replica left behind, found by a new parent",
             "SET LOCAL session_replication_role = replica; DELETE FROM reviews WHERE id = 41;
              INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
              VALUES (41, 2, 1, 1, true, '', '', '', '')", &["reviews:1", "meta:1", "reviews:2", "meta:2"]),
        both("reviews", "a review that is not shown", "UPDATE reviews SET body = 'x' WHERE id = 42", &["reviews:1"]),
        both("answers", "an answer that is not shown", "UPDATE answers SET body = 'x' WHERE id = 94", &["answers:81", "questions:1"]),
        both("answers_photos", "a photo of an answer that is not shown", "DELETE FROM answers_photos WHERE id = 103", &["answers:81", "questions:1"]),
        both("questions", "a question that is not shown", "DELETE FROM questions WHERE id = 84", &["questions:1"]),
        // What readers leave besides is in no answer.
        both("carts", "a cart", "INSERT INTO carts VALUES (1, 213, 'x'); UPDATE carts SET count = 2; DELETE FROM carts", &[]),
        both("interactions", "an interaction", "INSERT INTO interactions (received_at, element, widget, time) VALUES (1, 'a', 'b', 'c')", &[]),
    ]);
}

/// Every change that is tried.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for table in &TABLES {
        of_table(table, &mut cases);
    }
    of_views(&mut cases);
    of_several(&mut cases);
    cases
}
