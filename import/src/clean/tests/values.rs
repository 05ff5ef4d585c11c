//! How a field becomes a value.

use super::*;

#[test]
fn text_is_kept_as_it_stands_and_the_rest_is_trimmed() {
    gives(File::Features, "1,1,plain,x\n", "1|1|plain|x", "");
    gives(File::Features, "\" 2 \", 1 ,  kept ,\" as it is \"\n", "2|1|  kept | as it is ", "");
    gives(File::Features, "1,1,\"a, \"\"b\"\"\",\"two\nlines\"\n2,1,x,y\n", "1|1|a, \"b\"|two\\nlines\n2|1|x|y", "");
    gives(
        File::Features,
        "1,1,\"Ünï 日本 \u{202e}עב 🧥 e\u{301}\",\"\u{2028}\"\n",
        "1|1|Ünï 日本 \u{202e}עב 🧥 e\u{301}|\u{2028}",
        "",
    );
    gives(File::Features, "1,1,\"a\r\nb\rc\",d\n", "1|1|a\\r\\nb\\rc|d", "");
    let long = "x".repeat(900_000);
    gives(File::Features, &format!("1,1,{long},\n"), &format!("1|1|{long}|-"), "nulls value 1;");
}

#[test]
fn null_and_empty_are_null_only_where_a_column_may_be() {
    gives(
        File::Features,
        "1,1,f,null\n2,1,f,\"null\"\n3,1,f,\n4,1,f,\"\"\n5,1,f,NULL\n6,1,f, null\n",
        "1|1|f|-\n2|1|f|-\n3|1|f|-\n4|1|f|-\n5|1|f|NULL\n6|1|f| null",
        "nulls value 4;",
    );
    gives(File::Features, "1,1,null,v\n2,1,,v\n", "1|1|null|v\n2|1||v", "note null as text 1;");
    gives(
        File::Styles,
        "5,1,s,null,10,1\n6,1,s,\"null\",10,1\n7,1,s, null ,10,1\n8,1,s,,10,1\n9,1,s,0,10,1\n10,1,s,1,null,1\n",
        "5|1|s|-|1000|true\n6|1|s|-|1000|true\n7|1|s|-|1000|true\n8|1|s|-|1000|true\n9|1|s|0|1000|true",
        "nulls sale_price 4; rejected original_price 1: 7;",
    );
    gives(
        File::Skus,
        "1,1,null,null\n2,1,,\"\"\n3,1,M,0\n",
        "1|1|-|-\n2|1|-|-\n3|1|M|0",
        "nulls quantity 2; nulls size 2;",
    );
    gives(File::Photos, "1,1,null,\"null\"\n2,1,,x\n", "1|1|-|-\n2|1|-|x", "nulls thumbnail_url 1; nulls url 2;");
    gives(File::ReviewsPhotos, "1,1,null\n2,1,\n", "1|1|null\n2|1|", "note null as text 1;");
}

#[test]
fn prices_are_digits_with_at_most_two_decimals() {
    gives(
        File::Product,
        "1,,,,,140\n2,,,,, 140.5 \n3,,,,,\"140.00\"\n4,,,,,default_price: 140\n5,,,,,\"default_price:0\"\n6,,,,,0\n",
        "1|||||14000\n2|||||14050\n3|||||14000\n4|||||14000\n5|||||0\n6|||||0",
        "",
    );
    let wrong = ["-1", "+1", "1.234", "1.", ".5", "$5", "5 USD", "1e3", "null", "", "1 000", "0x10"];
    let rows: String = wrong.iter().enumerate().map(|(row, price)| format!("{},,,,,{price}\n", row + 1)).collect();
    gives(File::Product, &rows, "", "rejected default_price 12: 2 3 4 5 6 7 8 9 10 11;");
}

#[test]
fn flags_are_words_letters_or_digits_in_any_case() {
    let flags = ["true", "FALSE", "t", "F", "1", "0", "\" True \""];
    let rows: String = flags.iter().enumerate().map(|(row, flag)| format!("{},1,s,,1,{flag}\n", row + 5)).collect();
    gives(
        File::Styles,
        &rows,
        "5|1|s|-|100|true\n6|1|s|-|100|false\n7|1|s|-|100|true\n8|1|s|-|100|false\n9|1|s|-|100|true\n10|1|s|-|100|false\n11|1|s|-|100|true",
        "nulls sale_price 7;",
    );
    gives(File::Styles, "5,1,s,,1,yes\n6,1,s,,1,2\n7,1,s,,1,\n", "", "rejected default_style 3: 2 3 4;");
}

#[test]
fn times_are_milliseconds_dates_or_instants() {
    let question = |id: u32, time: &str| format!("{id},1,,{time},,,0,0\n");
    let good = [
        ("1596080481467", "1596080481467"),
        ("0", "0"),
        ("\"2018-01-04\"", "1515024000000"),
        ("1970-01-01", "0"),
        ("2020-02-29", "1582934400000"),
        ("2020-07-30T03:41:21Z", "1596080481000"),
        (" 2020-07-30T03:41:21.467999Z ", "1596080481467"),
        ("2020-07-30T03:41:21.4Z", "1596080481400"),
        ("9999-12-31", "253402214400000"),
        ("1596080481", "1596080481"),
    ];
    let rows: String = good.iter().zip(1..).map(|((time, _), id)| question(id, time)).collect();
    let values: Vec<_> = good.iter().zip(1..).map(|((_, millis), id)| format!("{id}|1||{millis}|||false|0")).collect();
    gives(File::Questions, &rows, &values.join("\n"), "");
    let wrong = [
        "2021-02-29",
        "1969-12-31",
        "253402300800000",
        "-1",
        "2020-07-30T03:41:21",
        "2020-07-30 03:41:21Z",
        "30.07.2020",
        "null",
        "",
    ];
    let rows: String = wrong.iter().zip(1..).map(|(time, id)| question(id, time)).collect();
    gives(File::Questions, &rows, "", "rejected date_written 9: 2 3 4 5 6 7 8 9 10;");
}

#[test]
fn numbers_have_their_range() {
    gives(
        File::Skus,
        "1,1,M,2147483647\n2,1,M,-1\n3,1,M,2147483648\n4,1,M,1.5\n5,1,M,many\n",
        "1|1|M|2147483647",
        "rejected quantity 4: 3 4 5 6;",
    );
    gives(
        File::CharacteristicReviews,
        "1,1,1,1\n2,1,1,5\n3,1,1,0\n4,1,1,6\n5,1,1,x\n6,1,1,null\n",
        "1|1|1|1\n2|1|1|5",
        "rejected value 4: 4 5 6 7;",
    );
    gives(File::Questions, "1,1,,0,,,0,-1\n2,1,,0,,,0,3\n", "2|1||0|||false|3", "rejected helpful 1: 2;");
    let review = |id: u32, rating: &str, helpfulness: &str| format!("{id},1,{rating},0,,,1,0,,,,{helpfulness}\n");
    gives(
        File::Reviews,
        &(review(1, "6", "0") + &review(2, "5", "-2") + &review(3, "3", "0")),
        "3|1|3|0|||true|false|||-|0",
        "nulls response 1; rejected helpfulness 1: 3; rejected rating 1: 2;",
    );
}
