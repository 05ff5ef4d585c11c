//! The vocabulary: what shops, their customers and their sellers say. None of it holds a quote or a newline.

/// A kind of product: its category, what things are called in it, and whether sizes are those of shoes.
#[derive(Debug)]
pub(super) struct Trade {
    pub(super) category: &'static str,
    pub(super) things: [&'static str; 6],
    pub(super) sizes: &'static [&'static str],
}

const CLOTHES: &[&str] = &["XS", "S", "M", "L", "XL", "XXL"];
const SHOES: &[&str] = &["7", "7.5", "8", "8.5", "9", "9.5", "10", "10.5", "11", "12"];
const ONE: &[&str] = &["One Size"];

pub(super) const TRADES: [Trade; 8] = [
    Trade { category: "Jackets", things: ["Shell", "Parka", "Anorak", "Bomber", "Raincoat", "Vest"], sizes: CLOTHES },
    Trade { category: "Pants", things: ["Chinos", "Joggers", "Slacks", "Jeans", "Shorts", "Trousers"], sizes: CLOTHES },
    Trade { category: "Shirts", things: ["Oxford", "Flannel", "Tee", "Polo", "Henley", "Blouse"], sizes: CLOTHES },
    Trade {
        category: "Dress Shoes",
        things: ["Loafers", "Brogues", "Heels", "Derbys", "Mules", "Flats"],
        sizes: SHOES,
    },
    Trade {
        category: "Kicks",
        things: ["Runners", "High Tops", "Trainers", "Slip-Ons", "Courts", "Skates"],
        sizes: SHOES,
    },
    Trade {
        category: "Knitwear",
        things: ["Sweater", "Cardigan", "Turtleneck", "Poncho", "Pullover", "Beanie"],
        sizes: CLOTHES,
    },
    Trade { category: "Accessories", things: ["Sunglasses", "Belt", "Scarf", "Gloves", "Wallet", "Cap"], sizes: ONE },
    Trade { category: "Bags", things: ["Tote", "Backpack", "Satchel", "Duffel", "Pouch", "Sling"], sizes: ONE },
];

pub(super) const NAMES: [&str; 32] = [
    "Harbor", "Alder", "Summit", "Juniper", "Slate", "Meadow", "Copper", "Drift", "Lantern", "Orchard", "Prairie",
    "Quarry", "Raven", "Saffron", "Tundra", "Willow", "Basalt", "Clover", "Dune", "Ember", "Fjord", "Granite", "Heron",
    "Indigo", "Kestrel", "Larch", "Mistral", "North", "Opal", "Pine", "River", "Sable",
];

pub(super) const SLOGANS: [&str; 24] = [
    "Made for the long way home",
    "Light on the shoulder",
    "Wear it until it is yours",
    "Quiet by design",
    "For days that change their mind",
    "Simple, then simpler",
    "Warm without the weight",
    "Built to be mended",
    "Goes with Monday",
    "The one you reach for",
    "Less to carry",
    "Soft where it counts",
    "Ready before you are",
    "Cut for moving",
    "Never in the way",
    "Better in the rain",
    "A little louder than plain",
    "Room for one more",
    "Good company on the road",
    "From desk to dusk",
    "No fuss, no fade",
    "Holds its shape",
    "Takes you further",
    "Easy does it",
];

pub(super) const DESCRIPTIONS: [&str; 24] = [
    "Woven from long fibres that keep their colour.",
    "The seams are flat, so nothing rubs.",
    "It packs down to the size of a fist.",
    "A brushed inside holds the warmth.",
    "Pockets are where hands look for them.",
    "The cut is straight and forgiving.",
    "Reinforced where it wears first.",
    "It dries overnight, even without sun.",
    "Buttons are sewn on twice.",
    "Cool in summer, useful in spring.",
    "The dye is low on water and high on depth.",
    "Stretch in two directions keeps up with you.",
    "It softens with every wash.",
    "Lined with cotton, faced with wool.",
    "The sole can be replaced by any cobbler.",
    "A single strap does the work of two.",
    "Made in small lots, numbered by hand.",
    "Tested by people who cycle to work.",
    "It looks better after a year.",
    "Everything that can be repaired, can be repaired.",
    "The zip runs both ways.",
    "Weighs less than an apple.",
    "Shown here in the colour we like best.",
    "Care for it once a season and it stays.",
];

pub(super) const FEATURES: [(&str, [&str; 4]); 10] = [
    ("Fabric", ["Cotton", "Merino", "Linen", "Canvas"]),
    ("Lining", ["Fleece", "Mesh", "Satin", "Down"]),
    ("Sole", ["Rubber", "Cork", "Leather", "Foam"]),
    ("Buttons", ["Horn", "Brass", "Corozo", "Snaps"]),
    ("Cut", ["Straight", "Slim", "Loose", "Tapered"]),
    ("Lens", ["Polarised", "Amber", "Grey", "Clear"]),
    ("Frame", ["Acetate", "Steel", "Bamboo", "Titanium"]),
    ("Stitching", ["Double", "Flat", "Saddle", "Hidden"]),
    ("Care", ["Cold wash", "Hand wash", "Wipe clean", "Dry flat"]),
    ("Origin", ["Porto", "Leeds", "Kobe", "Bergamo"]),
];

pub(super) const COLOURS: [&str; 20] = [
    "Forest Green",
    "Black",
    "Sky Blue",
    "Sand",
    "Charcoal",
    "Rust",
    "Ivory",
    "Navy",
    "Olive",
    "Burgundy",
    "Mustard",
    "Plum",
    "Teal",
    "Ash",
    "Coral",
    "Stone",
    "Moss",
    "Cobalt",
    "Blush",
    "Walnut",
];

pub(super) const CHARACTERISTICS: [&str; 6] = ["Fit", "Length", "Comfort", "Quality", "Size", "Width"];

pub(super) const SUMMARIES: [&str; 20] = [
    "Would buy again",
    "Not what I hoped",
    "Great value",
    "Runs small",
    "My new favourite",
    "Fine for the price",
    "Better than the picture",
    "Sent it back",
    "A present that worked",
    "Solid",
    "Warm and light",
    "The colour fades",
    "Wear it every day",
    "Almost perfect",
    "Comfortable at once",
    "Too long for me",
    "Nicely made",
    "Just as described",
    "Good, not great",
    "Worth the wait",
];

pub(super) const OPENINGS: [&str; 16] = [
    "I ordered this in spring and",
    "After two months",
    "My sister has the same one and",
    "To be honest,",
    "Out of the box",
    "For the price",
    "On long walks",
    "At the office",
    "Compared with my old one",
    "From day one",
    "When it rains",
    "With thick socks",
    "Even after many washes",
    "Against all advice",
    "On the train",
    "At first",
];

pub(super) const MIDDLES: [&str; 20] = [
    "it feels sturdy",
    "the fit is a touch wide",
    "the colour is deeper than shown",
    "nothing has come loose",
    "it keeps its shape",
    "the seams scratch a little",
    "people ask where it is from",
    "it is lighter than I thought",
    "the sleeves are long",
    "it holds more than it seems",
    "the zip sticks now and then",
    "it breathes well",
    "the material is soft",
    "I forget that I wear it",
    "one button went missing",
    "it creases easily",
    "the sole grips well",
    "it smells new for a week",
    "it dries fast",
    "the stitching is even",
];

pub(super) const ENDINGS: [&str; 20] = [
    "and I am happy with it.",
    "so I kept it.",
    "which is what I wanted.",
    "but I can live with that.",
    "and the shop was quick to help.",
    "so take one size up.",
    "and it was here within days.",
    "though the bag was torn.",
    "so I bought a second one.",
    "and my son took it over.",
    "but the next one will be blue.",
    "which surprised me.",
    "and that is all one can ask.",
    "so it goes with everything.",
    "and I would recommend it.",
    "but not for winter.",
    "even on the hottest day.",
    "as far as I can tell.",
    "and the price was fair.",
    "so thank you.",
];

pub(super) const QUESTIONS: [&str; 24] = [
    "Does it come in other colours?",
    "Can it go into the dryer?",
    "Is the lining removable?",
    "How heavy is it?",
    "Where is it made?",
    "Does it run large?",
    "Is it warm enough for winter?",
    "Will there be more in my size?",
    "Can the strap be made shorter?",
    "Does the colour fade?",
    "Is it waterproof?",
    "How long is the sleeve?",
    "Does it fit under a coat?",
    "Is there a matching belt?",
    "Can I return it in the shop?",
    "Is the fabric stretchy?",
    "Does it smell when new?",
    "Are the pockets deep?",
    "Is it suited to running?",
    "What is the lens made of?",
    "Does it need breaking in?",
    "Is gift wrapping possible?",
    "Is it vegan?",
    "How many laptops fit in?",
];

pub(super) const ANSWERS: [&str; 24] = [
    "Yes, it does.",
    "No, sadly not.",
    "I have had mine for a year and it is fine.",
    "Only the larger sizes do.",
    "It depends on how you wash it.",
    "The label says so.",
    "I asked the shop and they said yes.",
    "Not in my experience.",
    "It took about a week.",
    "Mine did, at first.",
    "Two fit, three if you push.",
    "It is printed inside the collar.",
    "I would take the next size up.",
    "Better than I expected.",
    "We will have more in autumn.",
    "Only by hand.",
    "It is light, about as much as a book.",
    "Try it on in a shop if you can.",
    "I wear it from October to April.",
    "Yes, with a zipper.",
    "There is a small card with it that explains it.",
    "I never noticed any.",
    "About a hand wider than the picture shows.",
    "Ours came without.",
];

pub(super) const RESPONSES: [&str; 8] = [
    "Thank you for telling us!",
    "We are sorry to hear that. Please write to us.",
    "Glad that it fits.",
    "We have passed this on to our cutters.",
    "A new one is on its way.",
    "Enjoy it!",
    "The next lot has stronger buttons.",
    "Thank you, that helps others to choose.",
];

pub(super) const FIRST: [&str; 24] = [
    "mira", "tomas", "olu", "ines", "jonas", "priya", "kenji", "lotte", "amir", "sofia", "pavel", "nadia", "hugo",
    "yara", "emil", "zoe", "bram", "leila", "oskar", "mei", "dario", "freya", "ravi", "clara",
];

pub(super) const SECOND: [&str; 24] = [
    "walker", "baker", "fox", "rivers", "stone", "field", "lake", "hill", "reed", "marsh", "wolf", "finch", "brook",
    "thorn", "vale", "heath", "dale", "frost", "lark", "moss", "storm", "birch", "crane", "ford",
];
