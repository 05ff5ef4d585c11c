//! axum and moka, as a team would write it in an afternoon: a fallback route, a cache by path, four headers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use moka::future::Cache;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

async fn answer(State(cache): State<Cache<String, Arc<Bytes>>>, uri: Uri) -> Response {
    match cache.get(uri.path()).await {
        Some(body) => (
            [
                (header::CONTENT_TYPE, "application/json; charset=utf-8"),
                (header::CACHE_CONTROL, "public, no-cache"),
                (header::ETAG, "\"0123456789abcdef0123456789abcdef\""),
            ],
            Bytes::clone(&body),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (listen, documents) = atelier_peers::documents();
    let cache = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(3_600)).build();
    for (path, body) in documents {
        cache.insert(path, Arc::new(body)).await;
    }
    let listener = TcpListener::bind(&listen).await.expect("the address is free");
    println!("serving {}", listener.local_addr().expect("it has an address"));
    let app = Router::new().fallback(answer).with_state(cache);
    axum::serve(listener, app).await.expect("it serves");
}
