//! What writers may do to products and reviews, as statements drawn at random.

/// The statement that adds the products with these ids, given as a query of one column.
pub(crate) fn add(ids: &str) -> String {
    format!(
        "INSERT INTO products (id, name, slogan, description, category, default_price) \
         SELECT DISTINCT n::integer, '', '', '', '', 1 FROM ({ids}) AS i (n)"
    )
}

/// One change of the catalogue by somebody whose ids leave the rest `own` when divided by 4, with what makes it unlike the others.
pub(crate) fn change(random: &mut fastrand::Rng, own: i32) -> String {
    let first = random.i32(0..4000) * 4 + own + 4;
    let some = random.i32(1..900);
    match random.u32(0..100) {
        0..20 => format!("{} ON CONFLICT DO NOTHING", add(&format!("SELECT {first} + 4 * generate_series(0, {some})"))),
        20..40 => {
            format!("{} ON CONFLICT (id) DO UPDATE SET name = 'x'", add(&format!("VALUES ({first}), ({first} + 4)")))
        }
        // Anywhere among all the ids there are.
        40..50 => {
            let far = format!(
                "SELECT (hashint8(n * {first}) & 536870911)::bigint * 4 + {own} FROM generate_series(1, {some}) AS n"
            );
            format!("{} WHERE n > 0 ON CONFLICT DO NOTHING", add(&far))
        }
        50..65 => format!("DELETE FROM products WHERE id % 4 = {own} AND id BETWEEN {first} AND {first} + {some} * 4"),
        65..75 => format!("DELETE FROM products WHERE id = {first}"),
        75..80 => format!("DELETE FROM products WHERE id % 4 = {own} AND id > 100000 AND hashint4(id) % 3 = 0"),
        80..85 => format!("UPDATE products SET name = 'y' WHERE id % 4 = {own} AND id < {first}"),
        85..93 => format!(
            "MERGE INTO products AS p USING (SELECT ({first} + 4 * n)::integer AS id FROM generate_series(0, {some}) AS n) AS n ON p.id = n.id \
             WHEN MATCHED AND p.id % 8 = {own} THEN DELETE WHEN MATCHED THEN UPDATE SET name = 'z' \
             WHEN NOT MATCHED THEN INSERT (id, name, slogan, description, category, default_price) VALUES (n.id, '', '', '', '', 1)"
        ),
        // A part that is undone.
        93..99 => format!(
            "SAVEPOINT one; DELETE FROM products WHERE id % 4 = {own}; ROLLBACK TO SAVEPOINT one; DELETE FROM products WHERE id = {first}"
        ),
        _ => "TRUNCATE products CASCADE".to_owned(),
    }
}

/// One change of reviews, most of them of product 1, by somebody whose ids leave the rest `own` when divided by 4.
pub(crate) fn change_of_reviews(random: &mut fastrand::Rng, own: i32) -> String {
    let first = random.i32(0..3000) * 4 + own + 4;
    let some = random.i32(1..300);
    let range = format!("id % 4 = {own} AND id BETWEEN {first} AND {first} + 4 * {some}");
    match random.u32(0..100) {
        0..25 => {
            format!("{} ON CONFLICT DO NOTHING", review(&format!("SELECT {first} + 4 * generate_series(0, {some})")))
        }
        25..55 => format!("UPDATE reviews SET helpfulness = helpfulness + 1 WHERE id = {first}"),
        55..62 => format!("UPDATE reviews SET reported = NOT reported WHERE {range}"),
        62..70 => format!("UPDATE reviews SET date = date + 7, helpfulness = helpfulness / 2 WHERE {range}"),
        70..80 => format!("DELETE FROM reviews WHERE {range}"),
        80..86 => format!(
            "SAVEPOINT one; DELETE FROM reviews WHERE id % 4 = {own}; ROLLBACK TO SAVEPOINT one; DELETE FROM reviews WHERE id = {first}"
        ),
        86..90 => format!("UPDATE reviews SET summary = 'x' WHERE {range}"),
        90..99 => format!(
            "{} ON CONFLICT (id) DO UPDATE SET helpfulness = reviews.helpfulness + 3",
            review(&format!("SELECT {first} + 4 * generate_series(0, {some} / 9)"))
        ),
        _ => "TRUNCATE reviews CASCADE".to_owned(),
    }
}

/// The statement that adds the reviews with these ids, with many equal dates and helpfulnesses.
pub(crate) fn review(ids: &str) -> String {
    format!(
        "INSERT INTO reviews (id, product_id, date, helpfulness, reported, rating, recommend, summary, body, reviewer_name, reviewer_email) \
         SELECT n, CASE WHEN n % 7 = 0 THEN 2 ELSE 1 END, hashint4(n) & 63, hashint4(n + 1) & 7, hashint4(n + 2) % 9 = 0, 5, true, '', '', '', '' \
         FROM ({ids}) AS i (n)"
    )
}
