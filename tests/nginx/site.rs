//! `nginx.conf` and `local/site.conf` as they are shipped: TLS, HTTP/2, what a client may take, who is sent away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use atelier_rig::{Authority, Client, Manner, Mirror, Nginx};

const NAME: &str = "api.example.com";

/// What curl prints, and its status.
fn curl(authority: &Authority, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--cacert"]).arg(authority.file()).args(arguments);
    let output = command.output().expect("curl is installed");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

fn closes_without_a_word(address: SocketAddr, request: &str) {
    let mut client = Client::connect(address);
    client.send(request.as_bytes());
    assert_eq!(client.rest(), b"");
}

#[test]
fn the_site_as_shipped_serves_its_name_over_tls_and_limits_each_client() {
    let (authority, mirror) = (Authority::new(), Mirror::start());
    let nginx = Nginx::as_shipped(&[mirror.address()], &authority.issue(&[&format!("DNS:{NAME}")]));
    let port = nginx.address.port();
    let resolve = format!("{NAME}:{port}:127.0.0.1");
    let here = |path: &str| format!("https://{NAME}:{port}{path}");
    let ask = |more: &[&str], path: &str| {
        let said = curl(&authority, &[&["--resolve", &*resolve][..], more, &[&*here(path)]].concat());
        assert_eq!(said.1, 0, "{path}: {}", said.0);
        said.0
    };

    let head = ask(&["--http2", "-i"], "/products/1");
    assert!(head.starts_with("HTTP/2 200"), "{head}");
    assert!(head.contains("strict-transport-security: max-age=31536000\r\n"), "{head}");
    assert!(ask(&["--http1.1", "-i"], "/products/1").starts_with("HTTP/1.1 200"));
    let written = ask(&["--http2", "-X", "PUT", "-w", "%{http_code}"], "/reviews/5/helpful");
    assert!(written.ends_with("200"), "{written}");

    // A header that is too large ends the connection, and is noted without a status.
    let large = ["--resolve", &*resolve, "--http2", "-H", &*format!("X: {}", "y".repeat(17_000)), &*here("/large")];
    assert_ne!(curl(&authority, &large).1, 0);
    assert!(nginx.asked_once(4).iter().any(|asked| asked.path == "/large" && asked.status == 0));

    // Older versions of TLS, other names, and names that do not belong to the connection.
    let old = ["--resolve", &*resolve, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", &*here("/products/1")];
    assert_eq!(curl(&authority, &old).1, 35);
    let other = format!("other.example:{port}:127.0.0.1");
    assert_eq!(curl(&authority, &["--resolve", &other, &format!("https://other.example:{port}/products/1")]).1, 35);
    assert_eq!(ask(&["-H", "Host: other.example", "-w", "%{http_code}"], "/"), "Error: misdirected request421");

    // Without TLS there is only the way to it.
    let mut client = Client::connect(nginx.plain);
    client.send(format!("PUT /reviews/5/helpful?a=%20b HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes());
    let moved = client.read(false);
    let there = format!("https://{NAME}/reviews/5/helpful?a=%20b");
    assert_eq!((moved.status, moved.header("location")), (308, Some(&*there)));
    closes_without_a_word(nginx.plain, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    closes_without_a_word(nginx.plain, "GET / HTTP/1.0\r\n\r\n");

    // What it tells of itself.
    let mut client = Client::connect(nginx.status);
    assert_eq!(client.get("/", &[]).status, 204);
    assert!(client.get("/nginx_status", &[]).text().starts_with("Active connections: "));
    assert_eq!(client.get("/products/1", &[]).status, 404);

    // 200 a second, and 400 at once above that.
    let heard = mirror.heard().len();
    let codes =
        ask(&["--http2", "-Z", "--parallel-max", "20", "-o", "/dev/null", "-w", "%{http_code}\n"], "/a?[1-1500]");
    let mut counted = BTreeMap::new();
    codes.lines().for_each(|code| *counted.entry(code.to_owned()).or_insert(0_usize) += 1);
    let (served, refused) = (counted["200"], counted.get("429").copied().unwrap_or(0));
    assert_eq!(served + refused, 1_500, "{counted:?}");
    assert!((400..1_500).contains(&served), "{counted:?}");
    assert_eq!(mirror.heard().len() - heard, served, "what is refused reaches no node");
    let refused = nginx.asked().into_iter().find(|asked| asked.status == 429).unwrap();
    assert_eq!((&refused.noted["limit"], refused.nodes.len()), (&"REJECTED".into(), 0));
}

#[test]
fn a_client_is_an_address_or_an_ipv6_network_and_is_told_when_it_asks_for_too_much() {
    let mirror = Mirror::start();
    let http = "limit_req_zone $atelier_client zone=rate:1m rate=1r/m; limit_req_status 429;
        set_real_ip_from 127.0.0.1; real_ip_header X-Client;";
    let nginx = Nginx::start_with(&[mirror.address()], http, "limit_req zone=rate;");
    let mut client = Client::connect(nginx.address);
    let mut asks = |address: &str| client.get("/products/1", &[&format!("X-Client: {address}")]);
    // Each line is one client.
    for addresses in [
        &["192.0.2.1", "192.0.2.1"][..],
        &["192.0.2.2", "192.0.2.2"],
        &["::ffff:192.0.2.3", "::ffff:192.0.2.3"],
        &["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", "2001:db8:1:2:ffff::"],
        &["2001:db8:1:3:3:4:5:6"],
        &["2001:db8::1", "2001:db8::1:2:3:4"],
        &["2001:db9::1", "2001:db9::2"],
        &["::1", "::1"],
    ] {
        let statuses: Vec<_> = addresses.iter().map(|address| asks(address).status).collect();
        let expected: Vec<_> = (0..addresses.len()).map(|place| if place == 0 { 200 } else { 429 }).collect();
        assert_eq!(statuses, expected, "{addresses:?}");
    }
    let refused = asks("192.0.2.1");
    assert_eq!((refused.status, refused.text()), (429, "Error: too many requests"));
    assert_eq!((refused.header("retry-after"), refused.header("cache-control")), (Some("1"), Some("no-store")));
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn who_asks_too_much_at_once_is_told_so() {
    let mirror = Mirror::start();
    mirror.set(Manner::Answer(200, String::new(), Duration::from_millis(1_300)));
    let http = "limit_conn_zone $atelier_client zone=connections:1m; limit_conn_status 429;";
    let nginx = Nginx::start_with(&[mirror.address()], http, "limit_conn connections 2;");
    let mut statuses: Vec<_> = thread::scope(|scope| {
        let ask = || Client::connect(nginx.address).get("/products/1", &[]).status;
        let asks: Vec<_> = (0..5).map(|_| scope.spawn(ask)).collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 429, 429, 429]);
}
