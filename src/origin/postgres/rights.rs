//! What the server's user must be allowed to do. It is checked before anything is answered: half of the rights would be
//! half of the answers.

use tokio_postgres::Client;

use super::connect::ConnectError;

/// Tables with the rights on them.
const TABLES: &[(&str, &[&str])] = &[
    ("products", &["SELECT"]),
    ("features", &["SELECT"]),
    ("styles", &["SELECT"]),
    ("related", &["SELECT"]),
    ("reviews", &["SELECT", "INSERT", "UPDATE"]),
    ("reviews_photos", &["SELECT", "INSERT"]),
    ("characteristics", &["SELECT"]),
    ("characteristic_reviews", &["SELECT", "INSERT"]),
    ("questions", &["SELECT", "INSERT", "UPDATE"]),
    ("answers", &["SELECT", "INSERT", "UPDATE"]),
    ("answers_photos", &["SELECT", "INSERT"]),
    ("carts", &["SELECT", "INSERT", "UPDATE"]),
    ("interactions", &["INSERT"]),
    ("edge.outbox", &["SELECT", "INSERT", "DELETE"]),
    ("edge.incarnation", &["SELECT", "INSERT"]),
    ("edge.mark", &["SELECT", "INSERT", "DELETE"]),
    ("edge.epoch", &["SELECT", "UPDATE"]),
    ("edge.audit", &["INSERT"]),
];

/// Finds the rights that the user lacks.
///
/// # Errors
/// With all of them, as the statements that would grant them.
pub(super) async fn check(client: &Client) -> Result<(), ConnectError> {
    let (tables, rights): (Vec<&str>, Vec<&str>) =
        TABLES.iter().flat_map(|(table, rights)| rights.iter().map(|right| (*table, *right))).unzip();
    let lacking = client
        .query_one(
            "SELECT current_user::text, (SELECT string_agg(format('%s on %s', rights, name), '; ') FROM ( \
                 SELECT name, string_agg(privilege, ', ') AS rights \
                 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (name, privilege, place) \
                 WHERE NOT coalesce(has_table_privilege(to_regclass(name), privilege), false) \
                 GROUP BY name ORDER BY min(place)) AS lacking)",
            &[&tables, &rights],
        )
        .await?;
    let (user, lacking): (&str, Option<&str>) = (lacking.try_get(0)?, lacking.try_get(1)?);
    match lacking {
        None => Ok(()),
        Some(lacking) => Err(format!("the user {user} lacks rights, or these tables are not there: {lacking}").into()),
    }
}
