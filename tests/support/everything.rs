//! A configuration with everything on, so that a daemon has every thread that there is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::Broker;
use super::daemon::configuration;
use super::program::root;

/// Feeds the pipe with frames until the value is dropped.
struct Camera {
    path: PathBuf,
    closed: Arc<AtomicBool>,
}

impl Camera {
    fn start(folder: &Path) -> Self {
        let path = folder.join("camera");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let frame = fs::read(root().join("tests/recordings/bottles/bottles-20.jpg")).unwrap();
        let closed = Arc::<AtomicBool>::default();
        let (pipe, ended) = (path.clone(), Arc::clone(&closed));
        thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(pipe).unwrap();
            while !ended.load(Relaxed) && pipe.write_all(&frame).is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self { path, closed }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
    }
}

/// A folder with the configuration, the model and all that a daemon keeps.
pub struct Everything {
    /// The configuration.
    pub config: PathBuf,
    _folder: TempDir,
    _camera: Camera,
}

impl Everything {
    /// For a daemon at `broker` that sees frames from a pipe.
    pub fn new(broker: &Broker) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let camera = Camera::start(folder.path());
        let source = format!(
            "kind = \"recording\"\npath = {:?}\nframe_rate = 20.0\n",
            camera.path
        );
        let more = format!(
            "[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n[outbox]\nfolder = \"outbox\"\n\
             [commands]\nenabled = true\nkeep = true\nfolder = \"commands\"\n\
             [homeassistant]\nenabled = true\nfolder = \"announced\"\n\
             [snapshot]\nenabled = true\n[review]\nfolder = \"review\"\n\
             [teach]\nenabled = true\nfolder = \"lessons\"\n[metrics]\ntextfile = {:?}\n\
             [health]\ninterval = 1.0\n[memory]\nbudget_mb = 64\n",
            broker.port(),
            folder.path().join("goldcrest.prom")
        );
        let config = configuration(folder.path(), &source, &more);
        // Two threads for an inference.
        let text = fs::read_to_string(&config).expect("it was just written");
        let text = text.replace("[model]\n", "[model]\nthreads = 2\n");
        fs::write(&config, text).expect("a configuration can be written");
        Self {
            config,
            _folder: folder,
            _camera: camera,
        }
    }
}
