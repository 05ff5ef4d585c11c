//! `schema.sql` in parts: rows go in before keys and triggers, keys before references.

use atelier_import::{File, Group};

/// The whole file.
pub(crate) const SCHEMA: &str = include_str!("../../../schema.sql");

/// What `edge.schema_version` must hold; the file above writes it.
pub(crate) const VERSION: i32 = 3;

/// The tables of a group, parents first.
pub(crate) const fn tables(group: Group) -> &'static [&'static str] {
    match group {
        Group::Products => &["products", "features", "styles", "related"],
        Group::Reviews => &["reviews", "reviews_photos", "characteristics", "characteristic_reviews"],
        Group::Questions => &["questions", "answers", "answers_photos"],
        Group::Cart => &[],
    }
}

/// Every table of the catalogue, parents first.
pub(crate) fn all_tables() -> impl Iterator<Item = &'static str> {
    [Group::Products, Group::Reviews, Group::Questions].into_iter().flat_map(tables).copied()
}

/// The table in the schema `edge` that counts the rows of a table, which changes places with it.
pub(crate) fn counts(table: &str) -> Option<&'static str> {
    (table == "products").then_some("product_counts")
}

/// The statements that make such a table for new rows.
pub(crate) fn count(table: &str) -> Option<String> {
    let counts = counts(table)?;
    Some(format!(
        "CREATE TABLE {counts} (LIKE edge.{counts} INCLUDING ALL); \
         INSERT INTO {counts} (bucket, n, level) SELECT bucket, n, level FROM edge.tally(ARRAY(SELECT id FROM {table})); \
         ANALYZE {counts}"
    ))
}

/// The tables by which deep pages of a table are found, and which are emptied when other rows take its place.
pub(crate) fn steps(table: &str) -> &'static [&'static str] {
    if table == "reviews" { &["edge.review_steps", "edge.review_moves"] } else { &[] }
}

/// The table that takes the rows of a file: photos and skus go into their styles, the cart nowhere.
pub(crate) const fn table(file: File) -> Option<&'static str> {
    Some(match file {
        File::Product => "products",
        File::Features => "features",
        File::Styles | File::Photos | File::Skus => "styles",
        File::Related => "related",
        File::Reviews => "reviews",
        File::ReviewsPhotos => "reviews_photos",
        File::Characteristics => "characteristics",
        File::CharacteristicReviews => "characteristic_reviews",
        File::Questions => "questions",
        File::Answers => "answers",
        File::AnswersPhotos => "answers_photos",
        File::Cart => return None,
    })
}

/// A foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The table that refers.
    pub(crate) table: &'static str,
    /// The name of the constraint.
    pub(crate) name: &'static str,
    /// The table referred to.
    pub(crate) target: &'static str,
    statement: &'static str,
}

impl Reference {
    /// The statement that makes it hold for what is written from now on, and looks at no row.
    pub(crate) fn add_not_valid(self) -> String {
        self.statement.replace("');", " NOT VALID');")
    }

    /// The statement that looks at every row.
    pub(crate) fn validate(self) -> String {
        format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", self.table, self.name)
    }
}

/// The text between a section's mark and the next.
pub(crate) fn section(name: &str) -> &'static str {
    SCHEMA
        .split("-- @section ")
        .find_map(|part| part.strip_prefix(name).filter(|rest| rest.starts_with('\n')))
        .unwrap_or_default()
}

/// The statement that makes a table, without keys.
pub(crate) fn create_table(table: &str) -> &'static str {
    let all = section("tables");
    let begin = all.find(&format!("CREATE TABLE IF NOT EXISTS {table} (")).unwrap_or(all.len());
    let rest = &all[begin..];
    rest.find("\n);").map_or("", |end| &rest[..end + 3])
}

/// The statements that make the keys, checks and indexes of a table, one each.
pub(crate) fn keys(table: &str) -> impl Iterator<Item = &'static str> {
    statements("keys").filter(move |statement| table_of(statement) == table)
}

/// The statements that give a table its triggers, and what else holds for a table that is served. It has them before it is served, and not before its rows are in: they note
/// what a change outdates, and a new table outdates everything at once.
pub(crate) fn triggers(table: &str) -> impl Iterator<Item = &'static str> {
    statements("triggers").filter(move |statement| table_of(statement) == table)
}

/// The foreign keys of all tables.
pub(crate) fn references() -> impl Iterator<Item = Reference> {
    statements("references").filter_map(|statement| {
        let mut quoted = statement.split('\'').skip(1).step_by(2);
        let (table, name, definition) = (quoted.next()?, quoted.next()?, quoted.next()?);
        let target = definition.split_once("REFERENCES ")?.1.split(' ').next()?;
        Some(Reference { table, name, target, statement })
    })
}

fn statements(name: &str) -> impl Iterator<Item = &'static str> {
    section(name).lines().filter(|line| !line.is_empty() && !line.starts_with("--"))
}

fn table_of(statement: &str) -> &str {
    let quoted = statement.split('\'').nth(1);
    let behind = |words| statement.split_once(words).and_then(|(_, rest): (_, &str)| rest.split(' ').next());
    quoted.or_else(|| behind(" ON ")).or_else(|| behind("ALTER TABLE ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_made_and_has_a_primary_key() {
        for table in all_tables() {
            assert!(create_table(table).ends_with(");"), "{table}");
            assert_eq!(create_table(table).matches("CREATE TABLE").count(), 1, "{table}");
            assert_eq!(keys(table).filter(|key| key.contains("PRIMARY KEY")).count(), 1, "{table}");
        }
        assert_eq!(create_table("nothing"), "");
        assert_eq!(section("nothing"), "");
    }

    #[test]
    fn no_key_and_no_reference_is_lost() {
        let tables: Vec<_> = all_tables().collect();
        assert_eq!(tables.iter().flat_map(|table| keys(table)).count(), statements("keys").count());
        assert_eq!(references().count(), statements("references").count());
        assert_eq!(tables.iter().flat_map(|table| triggers(table)).count(), statements("triggers").count());
        let noted = |table: &&str| triggers(table).filter(|statement| statement.contains('\'')).count();
        assert!(tables.iter().all(|table| noted(table) == 1));
        for reference in references() {
            assert!(tables.contains(&reference.table) && tables.contains(&reference.target), "{reference:?}");
            assert!(reference.add_not_valid().ends_with(" NOT VALID');"), "{reference:?}");
        }
    }

    #[test]
    fn the_version_is_that_of_the_file() {
        for place in [
            format!("(version) VALUES ({VERSION}) ON CONFLICT (one) DO UPDATE SET version = {VERSION};"),
            format!("IF found > {VERSION} THEN"),
        ] {
            assert_eq!(SCHEMA.matches(&place).count(), 1, "{place}");
        }
    }
}
