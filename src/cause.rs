//! An error together with what led to it, in one line for the log. What a client is told says none of it.

use std::error::Error;
use std::fmt;

/// Shows an error, then its causes, each behind a colon.
#[derive(Debug)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let cause = error.to_string();
            // Some errors repeat their cause in their own text.
            if !said.contains(&cause) {
                write!(f, ": {cause}")?;
                said = cause;
            }
            next = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Layer {
        #[error("no answer")]
        Outer(#[source] Box<Layer>),
        #[error("db error: {0}")]
        Repeats(#[source] Box<Layer>),
        #[error("refused")]
        Inner,
    }

    #[test]
    fn every_cause_is_said_once() {
        assert_eq!(Causes(&Layer::Inner).to_string(), "refused");
        let error = Layer::Outer(Box::new(Layer::Repeats(Box::new(Layer::Inner))));
        assert_eq!(Causes(&error).to_string(), "no answer: db error: refused");
    }
}
