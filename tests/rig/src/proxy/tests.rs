use std::time::Instant;

use super::*;

/// A server that answers every piece with `<` and the piece, and a connection to it.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let _ = stream.write_all(&[b"<", &buffer[..length]].concat());
                }
            });
        }
    });
    address
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends a piece and reads what comes, nothing if the connection is closed.
fn ask(stream: &mut TcpStream, piece: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 1024];
    if stream.write_all(piece).is_err() {
        return Vec::new();
    }
    let length = stream.read(&mut buffer).unwrap_or(0);
    buffer[..length].to_vec()
}

#[test]
fn what_is_sent_comes_through_until_the_line_is_cut_and_again_when_it_is_healed() {
    let proxy = Proxy::start(echo());
    let mut first = client(&proxy);
    assert_eq!(ask(&mut first, b"one"), b"<one");
    proxy.set(None, Fault::Cut);
    assert_eq!(ask(&mut first, b"two"), b"");
    assert_eq!(ask(&mut client(&proxy), b"two"), b"");
    proxy.heal(None);
    assert_eq!(ask(&mut client(&proxy), b"three"), b"<three");
}

#[test]
fn a_silent_line_gives_what_it_held_when_it_is_healed() {
    let proxy = Proxy::start(echo());
    let mut held = client(&proxy);
    assert_eq!(ask(&mut held, b"one"), b"<one");
    proxy.set(None, Fault::Silent);
    held.write_all(b"two").unwrap();
    held.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(held.read(&mut [0; 8]).is_err());
    held.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    proxy.heal_all();
    let mut buffer = [0; 8];
    let length = held.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"<two");
}

#[test]
fn a_reply_can_be_lost_behind_its_request_or_in_its_middle() {
    let proxy = Proxy::start(echo());
    proxy.set(None, Fault::CutBehindRequest(b"COMMIT".to_vec()));
    let mut writer = client(&proxy);
    assert_eq!(ask(&mut writer, b"begin"), b"<begin");
    assert_eq!(ask(&mut writer, b"x COMMIT x"), b"");
    proxy.set(None, Fault::CutBehindReply(b"COMMIT".to_vec()));
    let mut writer = client(&proxy);
    assert_eq!(ask(&mut writer, b"x COMMIT x"), b"<x COMMIT");
    assert_eq!(ask(&mut writer, b"more"), b"");
    assert_eq!(proxy.found(), 2);
    proxy.set(None, Fault::Replace(b"hint".to_vec(), b"hinX".to_vec()));
    assert_eq!(ask(&mut client(&proxy), b"a hint"), b"<a hinX");
}

#[test]
fn a_fault_can_be_for_one_application() {
    let (proxy, other) = (Proxy::start(echo()), echo());
    let named = |name: &str| {
        let mut stream = client(&proxy);
        // Who asks for encryption is told that there is none, and goes on without.
        assert_eq!(ask(&mut stream, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), b"N");
        let greeted = ask(&mut stream, format!("user\0x\0application_name\0{name}\0\0").as_bytes());
        (stream, !greeted.is_empty())
    };
    let (mut poll, mut write) = (named("poll").0, named("write").0);
    assert_eq!(proxy.applications().len(), 2);
    proxy.set(Some("poll"), Fault::Cut);
    assert_eq!((ask(&mut poll, b"a"), ask(&mut write, b"a")), (b"".to_vec(), b"<a".to_vec()));
    assert!(!named("poll").1 && named("write").1 && !named("poll").1);
    proxy.heal(Some("poll"));
    assert!(named("poll").1);
    proxy.route("write", other);
    assert_eq!(ask(&mut write, b"a"), b"");
    assert!(named("write").1);
}

#[test]
fn a_refusing_line_listens_no_more_until_it_is_healed() {
    let proxy = Proxy::start(echo());
    let mut open = client(&proxy);
    assert_eq!(ask(&mut open, b"one"), b"<one");
    proxy.set(None, Fault::Refuse);
    assert_eq!(ask(&mut open, b"two"), b"");
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.heal(None);
    assert_eq!(ask(&mut client(&proxy), b"three"), b"<three");
}

#[test]
fn a_reset_is_not_an_end() {
    let proxy = Proxy::start(echo());
    let mut open = client(&proxy);
    assert_eq!(ask(&mut open, b"one"), b"<one");
    proxy.set(None, Fault::Reset);
    let mut later = client(&proxy);
    later.write_all(b"two").unwrap();
    for stream in [&mut open, &mut later] {
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn what_went_into_a_black_hole_does_not_come_back() {
    let proxy = Proxy::start(echo());
    let mut open = client(&proxy);
    assert_eq!(ask(&mut open, b"one"), b"<one");
    proxy.set(None, Fault::BlackHole);
    let mut later = client(&proxy);
    open.write_all(b"two").unwrap();
    later.write_all(b"two").unwrap();
    for stream in [&mut open, &mut later] {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(stream.read(&mut [0; 8]).is_err());
    }
    proxy.heal(None);
    for stream in [&mut open, &mut later] {
        stream.write_all(b"three").unwrap();
        assert!(stream.read(&mut [0; 8]).is_err());
    }
    assert_eq!(ask(&mut client(&proxy), b"four"), b"<four");
}

#[test]
fn replies_drip_and_stop_in_their_middle() {
    let proxy = Proxy::start(echo());
    proxy.set(None, Fault::Drip(1, Duration::from_millis(20)));
    let (mut slow, begun) = (client(&proxy), Instant::now());
    assert_eq!(ask(&mut slow, b"four"), b"<");
    let mut rest = [0; 4];
    slow.read_exact(&mut rest).unwrap();
    assert!(&rest == b"four" && begun.elapsed() >= Duration::from_millis(80));
    proxy.set(None, Fault::CutAfter(4));
    let mut short = client(&proxy);
    assert_eq!(ask(&mut short, b"one"), b"<one");
    assert_eq!(ask(&mut short, b"three"), b"<thr");
    assert_eq!(ask(&mut short, b"one"), b"");
}

#[test]
fn one_bit_of_a_reply_is_another() {
    let proxy = Proxy::start(echo());
    proxy.set(None, Fault::Corrupt(3));
    let mut stream = client(&proxy);
    assert_eq!(ask(&mut stream, b"ab"), b"<ab");
    let got = ask(&mut stream, b"abcdefgh");
    let other: u32 = got.iter().zip(b"<abcdefgh").map(|(got, sent)| (got ^ sent).count_ones()).sum();
    assert_eq!((got.len(), &got[..3], other, proxy.found()), (9, &b"<ab"[..], 1, 1));
}

#[test]
fn a_half_closed_line_still_takes_what_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap());
    let mut stream = client(&proxy);
    stream.write_all(b"one").unwrap();
    let (mut server, mut buffer) = (listener.accept().unwrap().0, [0; 8]);
    assert_eq!(server.read(&mut buffer).unwrap(), 3);
    proxy.set(None, Fault::HalfClose);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    stream.write_all(b"three").unwrap();
    assert_eq!(server.read(&mut buffer).unwrap(), 5);
}

#[test]
fn swapped_replies_go_to_whoever_is_next() {
    let proxy = Proxy::start(echo());
    let (mut one, mut two) = (client(&proxy), client(&proxy));
    assert_eq!((ask(&mut one, b"a"), ask(&mut two, b"a")), (b"<a".to_vec(), b"<a".to_vec()));
    proxy.set(None, Fault::Swap);
    one.write_all(b"mine").unwrap();
    wait_until("the reply is parked", PATIENCE, || (proxy.found() == 1).then_some(()));
    assert_eq!(ask(&mut two, b"yours"), b"<mine");
    assert_eq!(ask(&mut one, b"more"), b"<yours");
}
