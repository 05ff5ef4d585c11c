//! What holds for a whole file: line ends, headers, quotes that stay open.

use super::*;

#[test]
fn a_quote_that_stays_open_is_an_error_with_its_line() {
    fails(
        File::Features,
        b"id,product_id,feature,value\n1,1,f,v\n2,1,\"f,v\n3,1,f,v\n",
        "features.csv: line 3: open quote: the quoted field that begins here is not closed before the end of the file",
    );
    fails(
        File::Features,
        b"id,product_id,feature,value\n1,1,\"a\nb\",\"v\n",
        "features.csv: line 3: open quote: the quoted field that begins here is not closed before the end of the file",
    );
    let text = format!("id,product_id,feature,value\n1,1,f,\"{}\n\"\n", "line\n".repeat(300_000));
    fails(
        File::Features,
        text.as_bytes(),
        "features.csv: line 2: open quote: the quoted field that begins here is not closed within 1 MiB",
    );
    let text = format!("id,product_id,feature,value\n1,1,f,{}\n", "x".repeat(2 << 20));
    fails(File::Features, text.as_bytes(), "features.csv: line 2: the record is longer than 1 MiB");
}

#[test]
fn line_ends_and_byte_order_marks_are_never_part_of_a_value() {
    whole(
        File::Features,
        b"\xef\xbb\xbfid,product_id,feature,value\r\n1,1,f,v\r\n\r\n2,1,f,\"v\"\r\n",
        "1|1|f|v\n2|1|f|v",
        "note CRLF line ends 3; note byte order mark 1;",
    );
    whole(
        File::Photos,
        b"\xef\xbb\xbfid,styleId,url,thumbnail_url\r\n1,1,u,\"t\r\n",
        "1|1|u|t",
        "note CRLF line ends 2; note byte order mark 1; repaired closing quote 1: 2;",
    );
    whole(
        File::Features,
        b"\xef\xbb\xbf\"id\",product_id,feature,value\n1,1,f,v",
        "1|1|f|v",
        "note byte order mark 1;",
    );
    // Blank lines count as lines, not as rows; the last row needs no newline.
    whole(
        File::Features,
        b"\n\nid,product_id,feature,value\n\n\n1,1,f,v\n\n2,8,f,v",
        "1|1|f|v",
        "orphan product_id 1: 8;",
    );
}

#[test]
fn line_numbers_are_those_of_the_file() {
    gives(
        File::Features,
        "1,1,\"two\nlines\",v\n2,8,\"three\n\nlines\",v\n3,8,f,v\n",
        "1|1|two\\nlines|v",
        "orphan product_id 2: 4 7;",
    );
}

#[test]
fn names_in_the_header_are_trimmed_and_stand_in_any_order() {
    whole(
        File::Product,
        b"id, name, slogan, description, category, default_price\n1,a,b,c,d,default_price: 5\n",
        "1|a|b|c|d|500",
        "",
    );
    whole(File::Questions, b"id, product_id, body, date_written, asker_name, asker_email, reported, helpful\n1,1,b,\"2018-01-04\",n,e,0,4\n",
        "1|1|b|1515024000000|n|e|false|4", "");
    whole(File::Photos, b"\"id\", \"styleId\", url, thumbnail_url\n1,1,u,t\n", "1|1|u|t", "");
    whole(File::Features, b"value,feature,id,product_id\nv,f,1,2\n", "1|2|f|v", "");
    whole(File::Features, b"id,product_id,feature,value\n", "", "");
}

#[test]
fn a_wrong_header_is_an_error_that_names_all_that_is_wrong() {
    const RIGHT: &str = "the header should be id,product_id,feature,value";
    let cases: [(&[u8], &str); 5] = [
        (b"", "features.csv:1: the file is empty: the header is missing"),
        (b"id,product_id,feature\n", "the column \"value\" is missing"),
        (b"id,product_id,feature,value,colour\n", "the column name \"colour\" is unknown"),
        (b"id,product_id,feature,feature,value\n", "the column name \"feature\" is repeated"),
        (
            b"id,Product_id,feature,value,value\n",
            "the column name \"Product_id\" is unknown; the column name \"value\" is repeated; the column \"product_id\" is missing",
        ),
    ];
    for (text, problem) in cases {
        let expected = if text.is_empty() { problem.to_owned() } else { format!("features.csv:1: {problem}; {RIGHT}") };
        fails(File::Features, text, &expected);
    }
    // A file without header: nothing of its first row is told.
    let error = read(File::Reviews, b"1,1,5,0,s,b,1,0,mira,mira@example.com,,0\n").unwrap_err().to_string();
    assert!(error.starts_with("reviews.csv:1: the first line is not a header") && !error.contains("mira"), "{error}");
}

#[test]
fn a_file_needs_the_files_it_refers_to() {
    let features = Bytes(b"id,product_id,feature,value\n".to_vec());
    let error = clean(&features, File::Features, &Known::default(), |_| Ok::<_, Infallible>(())).unwrap_err();
    assert_eq!(error.to_string(), "features.csv: needs product.csv, which is not there");
}

#[test]
fn the_cart_is_counted_and_not_loaded() {
    gives(File::Cart, "1,17,1,1\n2,x,y,z\n", "", "dropped cart is not loaded 2: 2 3;");
    fails(
        File::Cart,
        b"id,user_session,product_id\n1,17,1\n",
        "cart.csv:1: the column \"active\" is missing; the header should be id,user_session,product_id,active",
    );
}

#[test]
fn nothing_becomes_known_of_a_file_that_was_not_read_to_its_end() {
    let known = Known::default();
    let broken = Bytes(b"id,name,slogan,description,category,default_price\n1,a,,,,1\n2,\"a,,,,1\n".to_vec());
    assert!(clean(&broken, File::Product, &known, |_| Ok::<_, Infallible>(())).is_err());
    assert!(known.ids(File::Product).is_none());
    let good = Bytes(b"id,name,slogan,description,category,default_price\n1,a,,,,1\n".to_vec());
    let error = clean(&good, File::Product, &known, |_| Err("full")).unwrap_err();
    assert_eq!(error.to_string(), "full");
    assert!(known.ids(File::Product).is_none());
}
