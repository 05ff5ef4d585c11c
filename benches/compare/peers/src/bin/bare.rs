//! The least that can be done with hyper: a map from path to bytes, and four headers. No timers, no limits, no freshness.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn answer(documents: &HashMap<String, Bytes>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(body) = documents.get(request.uri().path()) else {
        let mut missing = Response::new(Full::new(Bytes::new()));
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let mut response = Response::new(Full::new(body.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    // With the length and the date, which hyper adds, these are five.
    headers.insert(ETAG, HeaderValue::from_static("\"0123456789abcdef0123456789abcdef\""));
    response
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (listen, documents) = atelier_peers::documents();
    let documents = Arc::new(documents);
    let listener = TcpListener::bind(&listen).await.expect("the address is free");
    println!("serving {}", listener.local_addr().expect("it has an address"));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let documents = Arc::clone(&documents);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(&documents, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
