//! `goldcrest setup`: what it writes, what it refuses, and what it leaves behind.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::{Ran, command, output, packed_model, root};
use crate::support::{Broker, Daemon, Subscriber, free_port};

/// Folders for the model, for what is written, and for temporary files.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        for name in ["model", "out", "tmp", "bin"] {
            fs::create_dir(bench.at(name)).unwrap();
        }
        packed_model(&bench.at("model"));
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().into()
    }

    /// A program that shows a bottle for ever.
    fn eye(&self) -> String {
        let picture = root().join("tests/recordings/bottles/bottles-20.jpg");
        let script = format!("#!/bin/sh\nwhile cat {picture:?}; do sleep 0.1; done\n");
        self.script("bin/eye", &script)
    }

    fn script(&self, path: &str, text: &str) -> String {
        fs::write(self.at(path), text).unwrap();
        fs::set_permissions(self.at(path), Permissions::from_mode(0o755)).unwrap();
        self.text(path)
    }

    /// `setup` with these arguments and the model, ready to run.
    fn prepared(&self, arguments: &[&str]) -> Command {
        let model = self.text("model/convnext_tiny_128_int8.onnx");
        let all = [&["setup", "--model", &model], arguments].concat();
        let mut command = command(&all);
        command.env("TMPDIR", self.at("tmp"));
        command
    }

    /// Runs it into `out/config.toml`.
    fn setup(&self, arguments: &[&str]) -> Ran {
        let out = self.text("out/config.toml");
        let all = [&["--out", &out, "--no-service"], arguments].concat();
        output(&mut self.prepared(&all))
    }

    /// Runs it likewise on a terminal, where a person takes these steps.
    fn on_a_terminal(&self, steps: &[[&str; 2]], arguments: &[&str]) -> serde_json::Value {
        let out = self.text("out/config.toml");
        let all = [&["--out", &out, "--no-service"], arguments].concat();
        let setup = self.prepared(&all);
        let mut python = Command::new("python3");
        python
            .arg(root().join("tests/support/terminal.py"))
            .arg(serde_json::to_string(steps).unwrap())
            .arg(setup.get_program())
            .args(setup.get_args())
            .current_dir(root())
            .env("TMPDIR", self.at("tmp"))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        let ran = output(&mut python);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn config(&self) -> String {
        fs::read_to_string(self.at("out/config.toml")).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn address(broker: &Broker) -> String {
    format!("127.0.0.1:{}", broker.port())
}

#[test]
fn flags_alone_make_a_configuration_that_publishes() {
    let (bench, broker) = (Bench::new(), Broker::start());
    let (eye, picture) = (bench.eye(), bench.text("out/frame.jpg"));
    let ran = bench.setup(&[
        "--process",
        &eye,
        "--broker",
        &address(&broker),
        "--id",
        "porch",
        "--no-home-assistant",
        "--picture",
        &picture,
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("broker         ok"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("goldcrest run --config"),
        "{}",
        ran.stdout
    );
    let frame = image::open(&picture).unwrap();
    assert!(frame.width() > 64 && frame.width() <= 640);
    assert_eq!(bench.files("out"), ["config.toml", "frame.jpg"]);
    assert_eq!(mode(&bench.at("out/config.toml")), 0o644);
    // The comments are those of the shipped file.
    let comments = |text: &str| text.lines().filter(|l| l.starts_with("# ")).count();
    let shipped = fs::read_to_string(root().join("config.toml")).unwrap();
    assert_eq!(comments(&bench.config()), comments(&shipped));

    let subscriber = Subscriber::new(&broker, "goldcrest/porch/#");
    let Bench { folder } = bench;
    let config = folder.path().join("out/config.toml");
    let _daemon = Daemon::of_file(folder, &config);
    subscriber.expect_that("label", |message| message.json()["label"].is_string());
}

#[test]
fn a_configuration_is_replaced_only_by_a_yes() {
    let (bench, broker) = (Bench::new(), Broker::start());
    fs::write(bench.at("out/config.toml"), "id = \"mine\"\n").unwrap();
    let address = address(&broker);
    let flags = ["--synthetic", "--broker", &address, "--id", "porch"];
    let ran = bench.setup(&flags);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert!(ran.stderr.contains("--yes replaces it"), "{}", ran.stderr);
    assert_eq!(bench.config(), "id = \"mine\"\n");
    assert_eq!(bench.files("out"), ["config.toml"]);

    let ran = bench.setup(&[&flags[..], &["--yes"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(bench.config().contains("\nid = \"porch\"\n"));
    let kept = fs::read_to_string(bench.at("out/config.toml.bak")).unwrap();
    assert_eq!(kept, "id = \"mine\"\n");
}

#[test]
fn without_a_terminal_a_missing_answer_names_its_flag() {
    let bench = Bench::new();
    let ran = bench.setup(&[]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    for flag in ["--camera", "--stream", "--process", "--synthetic"] {
        assert!(ran.stderr.contains(flag), "{}", ran.stderr);
    }
    // Whoever runs a broker at its usual port has an answer.
    if TcpStream::connect("127.0.0.1:1883").is_err() {
        let ran = bench.setup(&["--synthetic"]);
        assert_eq!(ran.code, 64, "{}", ran.stderr);
        assert!(ran.stderr.contains("--broker"), "{}", ran.stderr);
    }
    assert!(bench.files("out").is_empty() && bench.files("tmp").is_empty());
}

#[test]
fn what_does_not_work_is_not_written() {
    let bench = Bench::new();
    let nobody = format!("127.0.0.1:{}", free_port());
    let broker = Broker::start();
    let address = address(&broker);
    for (flags, code, words) in [
        (
            &["--synthetic", "--broker", &nobody][..],
            69,
            "failed: broker; nothing was written",
        ),
        (
            &["--synthetic", "--broker", "http://hub"],
            64,
            "setup: --broker: mqtt.url: must",
        ),
        (
            &["--synthetic", "--broker", "hub:99999"],
            64,
            "setup: --broker: mqtt.url: must have a port of 1 to 65535",
        ),
        (
            &["--synthetic", "--broker", &address, "--id", "a/b"],
            64,
            "setup: --id: id: must be 1 to 64 letters",
        ),
        (
            &["--stream", "ftp://cam", "--broker", &address],
            64,
            "--stream",
        ),
        (
            &["--process", "/nowhere/eye", "--broker", &address],
            66,
            "failed: source",
        ),
    ] {
        let ran = bench.setup(flags);
        assert_eq!(ran.code, code, "{flags:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(words), "{flags:?}: {}", ran.stderr);
        assert!(bench.files("out").is_empty() && bench.files("tmp").is_empty());
    }
}

#[test]
fn a_password_stands_in_a_file_of_its_own() {
    let (bench, broker) = (Bench::new(), Broker::with_login("gold", "cuckoo"));
    let word = bench.text("tmp/word");
    fs::write(&word, "cuckoo\n").unwrap();
    let flags = [
        "--synthetic",
        "--broker",
        &address(&broker),
        "--id",
        "porch",
    ];
    if rustix::process::geteuid().is_root() {
        // As with sudo: the file is the person's own.
        std::os::unix::fs::chown(&word, Some(1000), Some(1000)).unwrap();
    }
    let login = ["--username", "gold", "--password-file", &word];
    let ran = bench.setup(&[&flags[..], &login].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let file = bench.at("out/mqtt-password");
    assert_eq!(fs::read_to_string(&file).unwrap(), "cuckoo");
    assert_eq!(mode(&file), 0o600);
    let printed = ran.stdout + &ran.stderr + &bench.config();
    assert!(!printed.contains("cuckoo"), "{printed}");
    let out = bench.text("out/config.toml");
    let check = output(&mut command(&["check", "--config", &out]));
    assert!(
        check.stdout.contains("took the connection"),
        "{}",
        check.stdout
    );
}

/// A `systemctl` that writes its arguments down, and starts the daemon when it shall.
fn systemctl(bench: &Bench) -> String {
    let etc = bench.text("etc/goldcrest");
    let (calls, pid) = (bench.text("calls"), bench.text("pid"));
    let goldcrest = env!("CARGO_BIN_EXE_goldcrest");
    bench.script(
        "bin/systemctl",
        &format!(
            "#!/bin/sh\necho \"$*\" >> '{calls}'\ncase \"$1\" in\nis-active) exit 3 ;;\nenable)\n\
             CREDENTIALS_DIRECTORY='{etc}' '{goldcrest}' run --config '{etc}/config.toml' \
             >/dev/null 2>&1 </dev/null &\necho $! > '{pid}' ;;\nesac\n"
        ),
    );
    format!("{}:{}", bench.text("bin"), std::env::var("PATH").unwrap())
}

#[test]
fn the_unit_is_enabled_and_its_first_label_told() {
    let (bench, broker) = (Bench::new(), Broker::with_login("gold", "cuckoo"));
    for folder in ["run/systemd/system", "etc/systemd/system"] {
        fs::create_dir_all(bench.at(folder)).unwrap();
    }
    let (eye, path, word) = (bench.eye(), systemctl(&bench), bench.text("tmp/word"));
    fs::write(&word, "cuckoo").unwrap();
    let mut setup = bench.prepared(&[
        "--root",
        bench.folder.path().to_str().unwrap(),
        "--process",
        &eye,
        "--broker",
        &address(&broker),
        "--id",
        "porch",
        "--username",
        "gold",
        "--password-file",
        &word,
    ]);
    let ran = output(setup.env("PATH", path));
    if let Ok(pid) = fs::read_to_string(bench.at("pid")) {
        Command::new("kill").arg(pid.trim()).status().unwrap();
    }
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let calls = fs::read_to_string(bench.at("calls")).unwrap();
    let wanted = "daemon-reload\nis-active --quiet goldcrest\nenable --now goldcrest\n";
    assert_eq!(calls, wanted);
    let told = "on goldcrest/porch/label";
    assert!(
        ran.stdout.contains("first label: ") && ran.stdout.contains(told),
        "{}",
        ran.stdout
    );
    for words in [
        "mosquitto_sub -h 127.0.0.1",
        "-u gold",
        "\"Goldcrest porch\"",
    ] {
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("cuckoo"), "{}", ran.stdout);

    let drop_ins = "etc/systemd/system/goldcrest.service.d";
    assert_eq!(bench.files(drop_ins), ["password.conf", "program.conf"]);
    let line = format!(
        "LoadCredential=mqtt-password:{}\n",
        bench.text("etc/goldcrest/mqtt-password")
    );
    let drop_in = fs::read_to_string(bench.at(drop_ins).join("password.conf")).unwrap();
    assert!(drop_in.ends_with(&line), "{drop_in}");
    let config = fs::read_to_string(bench.at("etc/goldcrest/config.toml")).unwrap();
    assert!(config.contains("\npassword_file = \"credential:mqtt-password\"\n"));
}

#[test]
fn an_instance_has_a_file_and_a_unit_of_its_own() {
    let (bench, broker) = (Bench::new(), Broker::start());
    for folder in ["run/systemd/system", "etc"] {
        fs::create_dir_all(bench.at(folder)).unwrap();
    }
    let calls = bench.text("calls");
    // It refuses to start anything, so no label is waited for.
    bench.script(
        "bin/systemctl",
        &format!("#!/bin/sh\necho \"$*\" >> '{calls}'\necho no such unit >&2\n[ \"$1\" = daemon-reload ]\n"),
    );
    let path = format!("{}:{}", bench.text("bin"), std::env::var("PATH").unwrap());
    let mut setup = bench.prepared(&[
        "--root",
        bench.folder.path().to_str().unwrap(),
        "--instance",
        "porch",
        "--synthetic",
        "--broker",
        &address(&broker),
    ]);
    let ran = output(setup.env("PATH", path));
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    assert!(ran.stderr.contains("no such unit"), "{}", ran.stderr);
    let calls = fs::read_to_string(calls).unwrap();
    assert!(calls.ends_with("enable --now goldcrest@porch\n"), "{calls}");
    let config = fs::read_to_string(bench.at("etc/goldcrest/porch.toml")).unwrap();
    assert!(config.contains("\nid = \"porch\"\n"));
}

#[test]
fn a_person_answers_on_a_terminal() {
    let (bench, broker) = (Bench::new(), Broker::with_login("gold", "cuckoo"));
    let address = address(&broker);
    let typed = format!("{address}\r");
    let mut steps = vec![["right picture", "y"]];
    if TcpStream::connect("127.0.0.1:1883").is_ok() {
        steps.push(["answers on this machine", "n"]);
    }
    steps.extend([
        ["HOST:PORT", &typed],
        ["Over TLS", "n"],
        ["User name", "gold\r"],
        ["Password", "cuckoo\r"],
        ["name in topics", "\r"],
        ["Home Assistant", "y"],
    ]);
    let ran = bench.on_a_terminal(&steps, &["--synthetic"]);
    let shown = ran["shown"].as_str().unwrap();
    assert_eq!(
        (&ran["code"], &ran["left"]),
        (&0.into(), &0.into()),
        "{shown}"
    );
    assert!(!shown.contains("cuckoo") && ran["echo"] == true, "{shown}");
    // The frame is drawn in half-block characters.
    assert!(
        shown.contains('\u{2580}') && shown.contains("48;5;"),
        "{shown}"
    );
    let config = bench.config();
    assert!(config.contains(&format!("\nurl = \"mqtt://{address}\"\n")));
    assert!(config.contains("\nusername = \"gold\"\n"));
    let word = fs::read_to_string(bench.at("out/mqtt-password")).unwrap();
    assert_eq!(word, "cuckoo");
    // The picture stays for whoever wants to copy it.
    let left = bench.files("tmp");
    assert!(left.len() == 1 && left[0].ends_with(".jpg"), "{left:?}");
}

#[test]
fn ctrl_c_leaves_everything_as_it_was() {
    let bench = Bench::new();
    fs::write(bench.at("out/config.toml"), "id = \"mine\"\n").unwrap();
    let nobody = format!("127.0.0.1:{}\r", free_port());
    let here = TcpStream::connect("127.0.0.1:1883").is_ok();
    let broker = match here {
        true => ["answers on this machine", "y"],
        false => ["HOST:PORT", &nobody],
    };
    let mut to_password = vec![["Replace it", "y"], ["right picture", "y"], broker];
    if !here {
        to_password.push(["Over TLS", "n"]);
    }
    to_password.extend([["User name", "gold\r"], ["Password", "cuck\u{3}"]]);
    for (steps, flags) in [
        (vec![["Replace it", "\u{3}"]], &[][..]),
        (vec![["Replace it", "y"], ["Which camera", "\u{3}"]], &[]),
        (
            vec![["Replace it", "y"], ["right picture", "\u{3}"]],
            &["--synthetic"],
        ),
        (to_password, &["--synthetic"]),
    ] {
        let ran = bench.on_a_terminal(&steps, flags);
        let shown = ran["shown"].as_str().unwrap();
        assert_eq!(
            (&ran["code"], &ran["left"]),
            (&130.into(), &0.into()),
            "{shown}"
        );
        assert!(shown.contains("everything is as it was"), "{shown}");
        let (hidden, visible) = (shown.rfind("\u{1b}[?25l"), shown.rfind("\u{1b}[?25h"));
        assert!(visible > hidden && ran["echo"] == true, "{shown:?}");
        assert_eq!(bench.config(), "id = \"mine\"\n");
        assert_eq!(bench.files("out"), ["config.toml"]);
        assert!(bench.files("tmp").is_empty(), "{:?}", bench.files("tmp"));
    }
}
