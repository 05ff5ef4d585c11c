//! What the peers share: which documents they serve.

use std::collections::HashMap;

use bytes::Bytes;

/// The documents that the command line names, as `path=file`, behind the address to listen on.
pub fn documents() -> (String, HashMap<String, Bytes>) {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().expect("an address to listen on");
    let documents = arguments
        .map(|argument| {
            let (path, file) = argument.split_once('=').expect("path=file");
            (path.to_owned(), Bytes::from(std::fs::read(file).expect("the file can be read")))
        })
        .collect();
    (listen, documents)
}
