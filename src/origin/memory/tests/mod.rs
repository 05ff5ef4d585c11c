//! A catalogue small enough to be asked everything after every write.

mod polls;
mod stamps;
mod tags;
mod writes;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll as Progress, Waker};

use atelier_import::source::Embedded;
use atelier_import::{File, Source, Sources};
use proptest::prelude::*;

use super::*;
use crate::command::{NewAnswer, NewQuestion, NewReview, Purge, Purged, Subject, Vote};
use crate::key::{Key, Page, Resource, Sort};
use crate::origin::Tags;
use crate::tag::{Kind, Tag};

/// The time of new rows: 2020-09-13T12:26:40.007Z, later than every other.
const AT: i64 = 1_600_000_000_007;

const SOMEBODY: Owner = Owner([1; 32]);

/// Product 3 has nothing, review 3, question 2 and answer 2 are hidden, review 2 cannot be found more helpful.
struct World;

impl Sources for World {
    fn source(&self, file: File) -> Option<Box<dyn Source>> {
        let text: &'static str = match file {
            File::Product => "id,name,slogan,description,category,default_price\n1,a,,,c,5\n2,b,,,c,6\n3,c,,,c,7\n",
            File::Styles => {
                "id,productId,name,sale_price,original_price,default_style\n1,1,s,null,5,1\n2,2,s,null,6,1\n"
            }
            File::Skus => "id,styleId,size,quantity\n11,1,S,3\n12,1,M,0\n21,2,S,1\n",
            File::Reviews => {
                "id,product_id,rating,date,summary,body,recommend,reported,reviewer_name,reviewer_email,response,helpfulness\n\
                 1,1,5,1500000000000,s,b,true,false,n,e@example.com,null,2\n\
                 2,1,4,1500000000000,s,b,false,false,n,e@example.com,null,2147483647\n\
                 3,1,1,1500000000000,s,b,true,true,n,e@example.com,null,1\n\
                 7,2,3,1500000000000,s,b,true,false,n,e@example.com,null,0\n"
            }
            File::ReviewsPhotos => "id,review_id,url\n5,1,u\n",
            File::Characteristics => "id,product_id,name\n1,1,Fit\n2,1,Length\n3,2,Fit\n",
            File::CharacteristicReviews => "id,characteristic_id,review_id,value\n1,1,1,4\n2,1,2,5\n3,1,3,5\n4,3,7,1\n",
            File::Questions => {
                "id,product_id,body,date_written,asker_name,asker_email,reported,helpful\n\
                 1,1,b,1500000000000,n,e@example.com,0,3\n\
                 2,1,b,1500000000000,n,e@example.com,1,3\n\
                 3,2,b,1500000000000,n,e@example.com,0,0\n"
            }
            File::Answers => {
                "id,question_id,body,date_written,answerer_name,answerer_email,reported,helpful\n\
                 1,1,b,1500000000000,n,e@example.com,0,1\n\
                 2,1,b,1500000000000,n,e@example.com,1,0\n\
                 3,2,b,1500000000000,n,e@example.com,0,0\n\
                 4,3,b,1500000000000,n,e@example.com,0,0\n"
            }
            File::AnswersPhotos => "id,answer_id,url\n9,1,u\n",
            File::Features | File::Photos | File::Related | File::Cart => return None,
        };
        Some(Box::new(Embedded(text.as_bytes())))
    }
}

fn memory() -> Memory {
    let rules = Rules { rows_max: 100, extras: crate::model::Extras::default() };
    let memory = Memory::load(&World, rules).unwrap();
    assert!(memory.reports.iter().all(|report| report.read == report.loaded), "{:?}", memory.reports);
    memory
}

/// Nothing waits here: what is asked for is there at once.
fn now<T>(mut asking: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
    match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Progress::Ready(answer) => answer,
        Progress::Pending => panic!("the in-memory origin waits"),
    }
}

fn text(memory: &Memory, key: &str) -> String {
    let (fetched, _) = now(memory.fetch(key.parse().unwrap())).unwrap();
    String::from_utf8(fetched.body.unwrap().to_vec()).unwrap()
}

fn write(memory: &Memory, command: Command) -> Result<Written, WriteError> {
    now(memory.write(command, AT))
}

fn poll(memory: &Memory, position: Option<&Position>) -> Poll {
    now(memory.poll(position, usize::MAX)).unwrap()
}

/// The answer to every key that the tests may change, and to some that nothing may change.
fn everything(memory: &Memory) -> BTreeMap<String, Fetched> {
    let pages = [(1, 1), (2, 1), (1, 5), (2, 2), (1, 1000)].map(|(number, count)| Page::new(number, count).unwrap());
    let mut keys: Vec<_> = pages.map(Key::Products).into();
    for product in 1..=4 {
        keys.extend([Key::Product(product), Key::Styles(product), Key::Related(product), Key::Meta(product)]);
        for page in pages {
            keys.extend([Sort::Helpful, Sort::Newest].map(|sort| Key::Reviews { product, sort, page }));
            keys.push(Key::Questions { product, page });
        }
    }
    keys.extend((1..=12).flat_map(|question| pages.map(|page| Key::Answers { question, page })));
    keys.into_iter().map(|key| (key.to_string(), now(memory.fetch(key)).unwrap().0)).collect()
}

fn some_review(product: u32) -> NewReview {
    NewReview {
        product,
        rating: 2,
        summary: "S".to_owned(),
        body: "B".to_owned(),
        recommend: true,
        name: "N".to_owned(),
        email: "e@example.com".to_owned(),
        photos: Vec::new(),
        characteristics: Vec::new(),
    }
}

fn some_question(product: u32) -> NewQuestion {
    let [body, name, email] = ["B", "N", "e@example.com"].map(str::to_owned);
    NewQuestion { product, body, name, email }
}

fn some_answer(question: u32) -> NewAnswer {
    let [body, name, email] = ["B", "N", "e@example.com"].map(str::to_owned);
    NewAnswer { question, body, name, email, photos: Vec::new() }
}

fn purge(what: Purged) -> Command {
    Command::Purge(Purge { what, actor: "test".to_owned(), peer: "-".to_owned(), reason: "a test".to_owned() })
}

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn hard(texts: &[&str]) -> Vec<(Tag, Kind)> {
    tags(texts).into_iter().map(|tag| (tag, Kind::Hard)).collect()
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Soft), Just(Kind::Hard), Just(Kind::Erase)]
}

/// Few rows, so that they meet each other and unknown ones.
fn any_tag() -> impl Strategy<Value = Tag> {
    let classes = prop_oneof![Just(Resource::Reviews), Just(Resource::Questions), Just(Resource::Answers)];
    prop_oneof![
        1 => Just(Tag::All),
        1 => classes.clone().prop_map(Tag::Class),
        6 => (classes, 1..4_u32).prop_map(|(class, id)| Tag::Row(class, id)),
    ]
}

/// Any write; about a third of them does not fit the catalogue.
fn any_command() -> impl Strategy<Value = Command> {
    let urls = || prop::collection::vec(Just("u".to_owned()), 0..3);
    let ratings = prop::collection::vec((1..4_u32, 1..=5_u8), 0..3);
    let review = (1..5_u32, 0..=5_u8, any::<bool>(), urls(), ratings).prop_map(
        |(product, rating, recommend, photos, characteristics)| {
            Command::AddReview(NewReview { rating, recommend, photos, characteristics, ..some_review(product) })
        },
    );
    let question = (1..5_u32).prop_map(|product| Command::AddQuestion(some_question(product)));
    let answer = (1..6_u32, urls())
        .prop_map(|(question, photos)| Command::AddAnswer(NewAnswer { photos, ..some_answer(question) }));
    let subject = prop_oneof![Just(Subject::Review), Just(Subject::Question), Just(Subject::Answer)];
    let vote = prop_oneof![3 => Just(Vote::Helpful), 1 => Just(Vote::Report)];
    let vote = (subject, 1..9_u32, vote).prop_map(|(subject, id, vote)| Command::Vote(subject, id, vote));
    let cart = (prop_oneof![Just(11_u32), Just(21), Just(99)], 1..4_u32).prop_map(|(sku, count)| Command::AddToCart {
        owner: SOMEBODY,
        sku,
        count,
    });
    let interaction =
        Just(Command::AddInteraction { element: String::new(), widget: String::new(), time: String::new() });
    let purged = prop_oneof![
        3 => (prop::collection::vec(any_tag(), 0..4), any_kind()).prop_map(|(tags, kind)| Purged::Tags(tags, kind)),
        1 => Just(Purged::Epoch),
    ];
    prop_oneof![4 => review, 2 => question, 3 => answer, 6 => vote, 1 => cart, 1 => interaction, 2 => purged.prop_map(purge)]
}
