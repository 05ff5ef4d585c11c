//! What becomes of a row as a whole.

use super::*;

#[test]
fn an_id_is_a_positive_integer_that_was_not_there_before() {
    gives(
        File::Features,
        "0,1,f,v\n-1,1,f,v\n2147483648,1,f,v\nx,1,f,v\n,1,f,v\n1.0,1,f,v\n2147483647,1,f,v\n007,1,f,v\n",
        "2147483647|1|f|v\n7|1|f|v",
        "rejected id 6: 2 3 4 5 6 7;",
    );
    // Next to each other and far apart, equal or not, and even when the first was refused.
    gives(
        File::Features,
        "1,1,a,v\n1,1,a,v\n2,1,b,v\n3,9,c,v\n1,2,d,v\n3,1,e,v\n",
        "1|1|a|v\n2|1|b|v",
        "orphan product_id 1: 5; rejected duplicate id 3: 3 (first in 2) 6 (first in 2) 7 (first in 5);",
    );
    let mut rows = String::new();
    for id in 1..=12 {
        write!(rows, "{id},1,f,v\n{id},1,f,v\n").unwrap();
    }
    let (_, report) = read(File::Features, format!("id,product_id,feature,value\n{rows}").as_bytes()).unwrap();
    let reason = &report.reasons[&(Outcome::Rejected, "duplicate id")];
    assert_eq!((reason.count, reason.lines.len(), reason.lines[9].line, reason.lines[9].first), (12, 10, 21, Some(20)));
}

#[test]
fn ids_come_unsorted_and_with_gaps() {
    let text = b"id,review_id,url\n8,1,u\n5655719,2,u\n7,1,u\n";
    let (rows, report) = read(File::ReviewsPhotos, text).unwrap();
    assert_eq!((rows.as_str(), report.highest_id), ("8|1|u\n5655719|2|u\n7|1|u\n", 5_655_719));
    assert_eq!(
        read(File::ReviewsPhotos, b"id,review_id,url\n9,4,u\n1,1,u\n").unwrap().1.highest_id,
        1,
        "only loaded ids count"
    );
}

#[test]
fn a_row_has_as_many_fields_as_there_are_columns() {
    gives(File::Features, "1,1,f\n2,1,f,v,w\n3\n4,1,f,v\n", "4|1|f|v", "rejected fields 3: 2 3 4;");
}

#[test]
fn a_row_that_is_no_text_is_rejected() {
    let text = b"id,product_id,feature,value\n1,1,\xff,v\n2,1,a\0b,v\n3,1,\xc3,\xa4\n4,1,\xc3\xa4,v\n";
    whole(File::Features, text, "4|1|ä|v", "rejected NUL 1: 3; rejected UTF-8 2: 2 4;");
}

#[test]
fn a_parent_must_be_loaded() {
    gives(
        File::Features,
        "1,0,f,v\n2,4,f,v\n3,99999999999,f,v\n4,3,f,v\n5,x,f,v\n",
        "4|3|f|v",
        "orphan product_id 3: 2 3 4; rejected product_id 1: 6;",
    );
    gives(File::Photos, "1,9,u,t\n2,1,u,t\n", "2|1|u|t", "orphan styleId 1: 2;");
    // Of two references the first that fails is named.
    gives(
        File::CharacteristicReviews,
        "1,9,9,5\n2,1,9,5\n3,9,1,5\n4,1,1,5\n",
        "4|1|1|5",
        "orphan characteristic_id 2: 2 4; orphan review_id 1: 3;",
    );
    // What is wrong in itself is rejected, whatever its parent.
    gives(File::CharacteristicReviews, "1,9,9,6\n", "", "rejected value 1: 2;");
}

#[test]
fn a_row_whose_parent_was_rejected_is_an_orphan() {
    let known = Known::default();
    let products = Bytes(b"id,name,slogan,description,category,default_price\n1,a,,,,-5\n2,a,,,,5\n".to_vec());
    clean(&products, File::Product, &known, |_| Ok::<_, Infallible>(())).unwrap();
    let features = Bytes(b"id,product_id,feature,value\n1,1,f,v\n2,2,f,v\n".to_vec());
    let report = clean(&features, File::Features, &known, |_| Ok::<_, Infallible>(())).unwrap();
    assert_eq!(said(&report), "orphan product_id 1: 2; ");
}

#[test]
fn relations_to_nowhere_are_dropped_and_the_others_kept() {
    gives(
        File::Related,
        "1,1,2\n2,1,2\n3,1,1\n4,1,0\n5,1,999999\n6,9,2\n7,0,0\n8,1,99999999999\n",
        "1|1|2\n2|1|2\n3|1|1",
        "dropped related id 0 1: 5; dropped related unknown 2: 6 9; orphan current_product_id 2: 7 8;",
    );
}

#[test]
fn odd_but_harmless_rows_are_loaded_and_noted() {
    gives(
        File::CharacteristicReviews,
        "1,1,1,5\n2,1,2,5\n3,2,2,5\n",
        "1|1|1|5\n2|1|2|5\n3|2|2|5",
        "note rating for another product's characteristic 1;",
    );
    gives(
        File::Characteristics,
        "1,1,Fit\n2,1,Fit\n3,2,Fit\n4,1,fit\n",
        "1|1|Fit\n2|1|Fit\n3|2|Fit\n4|1|fit",
        "note name twice in a product 1;",
    );
    gives(File::Skus, "1,1,M,3\n2,1,M,4\n", "1|1|M|3\n2|1|M|4", "");
    let url = format!("https://img.example/{}", "a".repeat(600));
    gives(File::AnswersPhotos, &format!("1,1,{url}\n"), &format!("1|1|{url}"), "");
}

#[test]
fn a_photo_line_is_repaired_as_long_as_it_has_four_fields() {
    gives(
        File::Photos,
        "1,1,\"u\",\"t\n2,1,u,\"t\"\n3,1,\"u,t\"\n4,1,\"u,v\",\"t\n5,1,\"u,v\",t\n6,1,\"u,t,\"\n",
        "1|1|u|t\n2|1|u|t\n3|1|u|t\n5|1|u,v|t",
        "repaired closing quote 2: 2 4; rejected fields 2: 5 7;",
    );
    // Also as the last line, without a newline.
    gives(File::Photos, "1,1,\"u\",\"t", "1|1|u|t", "repaired closing quote 1: 2;");
}
