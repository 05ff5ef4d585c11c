-- What the nodes' user needs, as in README.md, section "Rights of the server's user"; dev/terraform.sh compares the two.
GRANT USAGE ON SCHEMA public, edge TO atelier_edge;
-- What answers show, and carts.
GRANT SELECT ON products, features, styles, related, reviews, reviews_photos, characteristics, characteristic_reviews,
    questions, answers, answers_photos, carts TO atelier_edge;
-- What readers write. Ids come from identity columns, which need no right on their sequences.
GRANT INSERT ON reviews, reviews_photos, characteristic_reviews, questions, answers, answers_photos, carts, interactions TO atelier_edge;
GRANT UPDATE (helpfulness, reported) ON reviews TO atelier_edge;
GRANT UPDATE (helpful, reported) ON questions, answers TO atelier_edge;
GRANT UPDATE (count) ON carts TO atelier_edge;
-- Which version and which life of the database this is; a new life is begun by the node that finds it.
GRANT SELECT ON edge.schema_version TO atelier_edge;
GRANT SELECT, INSERT ON edge.incarnation TO atelier_edge;
GRANT SELECT, INSERT, UPDATE (gen) ON edge.epoch TO atelier_edge;
-- What was changed: read by every node, pruned by any, and added to by purges, which are audited.
GRANT SELECT, INSERT, DELETE ON edge.outbox TO atelier_edge;
GRANT SELECT, INSERT, DELETE ON edge.mark TO atelier_edge;
GRANT INSERT ON edge.audit TO atelier_edge;
