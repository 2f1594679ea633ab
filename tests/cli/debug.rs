//! `threadle run -g`.

use std::io::BufRead;
use std::net::TcpStream;

use super::*;

#[test]
fn a_debugger_gets_the_program_and_can_let_it_go() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let mut child = threadle(&["run", "-g", "0", "--invoke", "add", &functions(), "2", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut line = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    errors.read_line(&mut line).expect("a line");
    let address = line.trim().rsplit(' ').next().expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    let mut stream = TcpStream::connect(address).expect("a connection");
    // Detaches.
    stream.write_all(b"$D#44").expect("sent");
    let ran = ran(child.wait_with_output().expect("the command ends"));
    assert_eq!((ran.code, &*ran.out), (0, "5\n"));
}
