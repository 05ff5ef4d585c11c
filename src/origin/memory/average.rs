//! The text of PostgreSQL's `avg(value)::text` over integers, for an origin that has no PostgreSQL.
//!
//! PostgreSQL divides the sum by the number as base-10000 numerics and keeps at least 16 significant digits; how many
//! decimals that makes depends on how many base-10000 digits the quotient is expected to have (`select_div_scale`).

/// Base of PostgreSQL's numeric digits.
const BASE: u64 = 10_000;

/// The average of `number` values that add up to `sum`, as PostgreSQL prints it: rounded half up at its last decimal.
pub(super) fn text(sum: u64, number: u64) -> String {
    if number == 0 {
        return String::new();
    }
    let decimals = decimals(sum, number);
    // Long division, one decimal at a time, on 128 bits: no sum of ratings comes near the limit.
    let (sum, number) = (u128::from(sum), u128::from(number));
    let mut digits = (sum / number).to_string().into_bytes();
    let whole = digits.len();
    let mut rest = sum % number;
    for _ in 0..decimals {
        rest *= 10;
        digits.push(b'0' + (rest / number) as u8);
        rest %= number;
    }
    let mut whole = whole;
    if rest * 2 >= number {
        whole += round_up(&mut digits);
    }
    let mut text = String::with_capacity(digits.len() + 1);
    for (place, digit) in digits.into_iter().enumerate() {
        if place == whole {
            text.push('.');
        }
        text.push(char::from(digit));
    }
    text
}

/// Adds one to the last digit; 1 if that made the number longer.
fn round_up(digits: &mut Vec<u8>) -> usize {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return 0;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
    1
}

/// 16 - 4q decimals, where q is how many base-10000 digits the quotient has beyond its first.
fn decimals(sum: u64, number: u64) -> usize {
    let (sum_digits, sum_lead) = shape(sum);
    let (number_digits, number_lead) = shape(number);
    let mut q = sum_digits - number_digits;
    if sum_lead <= number_lead {
        q -= 1;
    }
    usize::try_from((16 - 4 * q).max(0)).unwrap_or(0)
}

/// How many base-10000 digits a number has, and the first of them.
fn shape(mut number: u64) -> (i64, u64) {
    let mut digits = 1;
    while number >= BASE {
        number /= BASE;
        digits += 1;
    }
    (digits, number)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn averages_are_the_text_that_postgresql_prints() {
        let table = [
            (2, 2, "1.00000000000000000000"),
            (3, 2, "1.5000000000000000"),
            (4, 2, "2.0000000000000000"),
            (7, 2, "3.5000000000000000"),
            (14, 3, "4.6666666666666667"),
            (10, 2, "5.0000000000000000"),
            (1, 2, "0.50000000000000000000"),
            (15_000, 10_000, "1.50000000000000000000"),
            (4, 1, "4.0000000000000000"),
            (1, 1, "1.00000000000000000000"),
            (10, 3, "3.3333333333333333"),
            (9_999, 9_999, "1.00000000000000000000"),
            (49_995, 9_999, "5.0000000000000000"),
        ];
        for (sum, number, expected) in table {
            assert_eq!(text(sum, number), expected, "{sum} / {number}");
        }
    }

    #[test]
    fn rounding_may_carry_into_the_whole_number() {
        // 199999999999999999995 / 10^20 would be needed within real ratings; any digits do to show the carry.
        let mut digits = b"0999".to_vec();
        assert_eq!(super::round_up(&mut digits), 0);
        assert_eq!(digits, b"1000");
        let mut digits = b"99".to_vec();
        assert_eq!(super::round_up(&mut digits), 1);
        assert_eq!(digits, b"100");
    }
}
