//! What the server's user must be allowed to do. It is checked before anything is answered: half of the rights would be
//! half of the answers.

use tokio_postgres::Client;

use super::connect::ConnectError;

/// Rights on whole tables.
const TABLES: &[(&str, &[&str])] = &[
    ("products", &["SELECT"]),
    ("features", &["SELECT"]),
    ("styles", &["SELECT"]),
    ("related", &["SELECT"]),
    ("reviews", &["SELECT", "INSERT"]),
    ("reviews_photos", &["SELECT", "INSERT"]),
    ("characteristics", &["SELECT"]),
    ("characteristic_reviews", &["SELECT", "INSERT"]),
    ("questions", &["SELECT", "INSERT"]),
    ("answers", &["SELECT", "INSERT"]),
    ("answers_photos", &["SELECT", "INSERT"]),
    ("carts", &["SELECT", "INSERT"]),
    ("interactions", &["INSERT"]),
    ("edge.product_counts", &["SELECT"]),
    ("edge.counted", &["SELECT"]),
    ("edge.review_steps", &["SELECT"]),
    ("edge.review_moves", &["SELECT"]),
    ("edge.outbox", &["SELECT", "INSERT", "DELETE"]),
    ("edge.incarnation", &["SELECT", "INSERT"]),
    ("edge.mark", &["SELECT", "INSERT", "DELETE"]),
    ("edge.epoch", &["SELECT", "INSERT"]),
    ("edge.audit", &["INSERT"]),
];

/// Columns that are updated; other columns are nobody's business here.
const COLUMNS: &[(&str, &[&str])] = &[
    ("reviews", &["helpfulness", "reported"]),
    ("questions", &["helpful", "reported"]),
    ("answers", &["helpful", "reported"]),
    ("carts", &["count"]),
    ("edge.epoch", &["gen"]),
];

/// What is wanted and not had, a line for each table. A table or column that is not there gives NULL, and lacks as well.
const LACKING: &str = "
    SELECT current_user::text, (SELECT string_agg(format('%s on %s', rights, name), '; ') FROM (
        SELECT name, string_agg(say, ', ' ORDER BY place) AS rights FROM (
            SELECT name, privilege AS say, place, has_table_privilege(to_regclass(name), privilege) AS had
            FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (name, privilege, place)
            UNION ALL
            SELECT name, format('UPDATE (%s)', col), 1000 + place, (
                SELECT has_column_privilege(attrelid, attnum, 'UPDATE') FROM pg_attribute
                WHERE attrelid = to_regclass(name) AND attname = col)
            FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS wanted (name, col, place)
        ) AS wanted
        WHERE NOT coalesce(had, false)
        GROUP BY name ORDER BY min(place)) AS lacking)";

/// Each table with each of its words.
fn pairs(of: &[(&'static str, &'static [&'static str])]) -> (Vec<&'static str>, Vec<&'static str>) {
    of.iter().flat_map(|(table, words)| words.iter().map(|word| (*table, *word))).unzip()
}

/// Finds the rights that the user lacks.
///
/// # Errors
/// With all of them, as the statements that would grant them.
pub(super) async fn check(client: &Client) -> Result<(), ConnectError> {
    let ((tables, rights), (of_columns, columns)) = (pairs(TABLES), pairs(COLUMNS));
    let lacking = client.query_one(LACKING, &[&tables, &rights, &of_columns, &columns]).await?;
    let (user, lacking): (&str, Option<&str>) = (lacking.try_get(0)?, lacking.try_get(1)?);
    match lacking {
        None => Ok(()),
        Some(lacking) => Err(format!("the user {user} lacks rights, or these tables are not there: {lacking}").into()),
    }
}
