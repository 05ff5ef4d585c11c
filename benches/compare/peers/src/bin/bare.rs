//! The least that can be done with hyper: a map from path to bytes, and four headers. No timers, no limits, no freshness.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};

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

async fn serve(listener: TcpListener, documents: Arc<HashMap<String, Bytes>>) {
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

/// A listener beside which others may listen at the same address: the kernel deals connections out by a hash of their addresses.
fn shared(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket can be had");
    socket.set_reuseport(true).expect("the kernel knows it");
    socket.bind(address).expect("the address is free");
    socket.listen(1024).expect("it can be listened on")
}

/// `WORKERS` threads, 1 if nothing is said. They share one runtime or, with `SHAPE=apart`, have one each and accept for themselves.
fn main() {
    let (listen, documents) = atelier_peers::documents();
    let (documents, listen) = (Arc::new(documents), listen.parse().expect("an address"));
    let workers = std::env::var("WORKERS").map_or(1, |workers| workers.parse().expect("a number"));
    let say = |listener: &TcpListener| println!("serving {}", listener.local_addr().expect("it has an address"));
    if std::env::var("SHAPE").is_ok_and(|shape| shape == "apart") {
        let begin = move |first: bool| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = shared(listen);
                if first {
                    say(&listener);
                }
                serve(listener, documents).await;
            });
        };
        for _ in 1..workers {
            let begin = begin.clone();
            std::thread::spawn(move || begin(false));
        }
        return begin(true);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime");
    let accepting = async move {
        let listener = shared(listen);
        say(&listener);
        serve(listener, documents).await;
    };
    // The accepting task is one of the workers', as it was spawned.
    runtime.block_on(async { tokio::spawn(accepting).await.expect("it does not end") });
}
