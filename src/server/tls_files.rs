//! Certificates and keys, which are read at startup, by CONFIG SET, and again when their files change.

use super::threads;
use config::Config;
use config::choices::TlsAuth;
use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tls::{Accepting, ClientAuth, Connecting, Own, Settings, Wanted};
use tokio::sync::oneshot;

/// What CONFIG SET answers if the files are wrong.
pub const NOT_UPDATED: &str = "Unable to update TLS configuration. Check server logs.";

/// What was read last without a fault.
#[derive(Clone)]
struct Read {
    accepting: Accepting,
    connecting: Option<Connecting>,
    /// `tls-replication` or `tls-cluster`
    links: bool,
    /// Those of the files, from before they were read.
    marks: Vec<Mark>,
}

/// Something is wrong with the files, and the log says what.
#[derive(Debug)]
pub struct Logged;

/// Certificates and keys in use.
#[derive(Default)]
pub struct TlsFiles(RefCell<Option<Read>>);

/// True if any connection may be encrypted.
pub fn is_wanted(config: &Config) -> bool {
    config.tls_port != 0 || links(config)
}

/// True if connections to other servers are encrypted, or some of them.
fn links(config: &Config) -> bool {
    config.tls_replication || config.tls_cluster
}

/// What the directives say.
pub fn settings(config: &Config) -> Settings {
    let own = |certificate: &String, key: &String, password: &String| Own {
        certificate: certificate.clone(),
        key: key.clone(),
        password: password.clone(),
    };
    Settings {
        own: own(
            &config.tls_cert_file,
            &config.tls_key_file,
            &config.tls_key_file_pass,
        ),
        client: own(
            &config.tls_client_cert_file,
            &config.tls_client_key_file,
            &config.tls_client_key_file_pass,
        ),
        ca_file: config.tls_ca_cert_file.clone(),
        ca_dir: config.tls_ca_cert_dir.clone(),
        peer_names: config
            .tls_expected_peer_name
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        client_auth: match config.tls_auth_clients {
            TlsAuth::No => ClientAuth::No,
            TlsAuth::Optional => ClientAuth::Optional,
            TlsAuth::Yes => ClientAuth::Yes,
        },
        protocols: config.tls_protocols.clone(),
        ciphers: config.tls_ciphers.clone(),
        suites: config.tls_ciphersuites.clone(),
        prefer_own_ciphers: config.tls_prefer_server_ciphers,
        caching: config.tls_session_caching,
        cache_size: usize::try_from(config.tls_session_cache_size).unwrap_or(0),
        cache_seconds: u64::try_from(config.tls_session_cache_timeout).unwrap_or(0),
    }
}

/// Reads all files. Without `tls-replication`, authorities are needed only for clients.
fn read(settings: &Settings, replicates: bool) -> Result<Read, String> {
    let marks = marks(settings);
    let accepting = settings.accepting()?;
    let connecting =
        match replicates || !(settings.ca_file.is_empty() && settings.ca_dir.is_empty()) {
            true => Some(settings.connecting(Wanted::default())?),
            false => None,
        };
    Ok(Read {
        accepting,
        connecting,
        links: replicates,
        marks,
    })
}

impl TlsFiles {
    /// Reads the files that the directives name, if any connection may be encrypted. What was read before stays in use
    /// if anything is wrong.
    ///
    /// # Errors
    /// What is wrong has been logged.
    pub fn configure(&self, config: &Config) -> Result<(), Logged> {
        if !is_wanted(config) {
            self.0.take();
            return Ok(());
        }
        let new = read(&settings(config), links(config));
        let new = new.map_err(|line| {
            tracing::warn!("{line}");
            Logged
        })?;
        *self.0.borrow_mut() = Some(new);
        Ok(())
    }

    /// Takes what another has read.
    pub fn take(&self, other: TlsFiles) {
        *self.0.borrow_mut() = other.0.into_inner();
    }

    /// For those who connect to us.
    pub fn accepting(&self) -> Option<Accepting> {
        self.0.borrow().as_ref().map(|read| read.accepting.clone())
    }

    /// For connecting to others.
    ///
    /// # Errors
    /// There are no certificates.
    pub fn connecting(&self) -> io::Result<Connecting> {
        let read = self.0.borrow();
        let connecting = read.as_ref().and_then(|read| read.connecting.clone());
        connecting.ok_or_else(|| io::Error::other("TLS is not configured"))
    }

    /// For connecting to other servers, if such connections are encrypted.
    pub fn for_links(&self) -> Option<Connecting> {
        let read = self.0.borrow();
        let read = read.as_ref().filter(|read| read.links)?;
        read.connecting.clone()
    }
}

/// What shows whether a file has changed: its inode number, its size, and its time of modification.
type Mark = Option<(u64, u64, i64, i64)>;

fn mark(path: &Path) -> Mark {
    let data = fs::metadata(path).ok()?;
    Some((data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
}

/// The marks of all files; those of a directory are its files'.
fn marks(settings: &Settings) -> Vec<Mark> {
    let Settings { own, client, .. } = settings;
    let files = [
        &own.certificate,
        &own.key,
        &client.certificate,
        &client.key,
        &settings.ca_file,
    ];
    let mut marks: Vec<Mark> = files.iter().map(|path| mark(Path::new(path))).collect();
    if !settings.ca_dir.is_empty() {
        let entries = fs::read_dir(&settings.ca_dir).into_iter().flatten();
        let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        paths.sort();
        marks.extend(paths.iter().map(|path| mark(path)));
    }
    marks
}

/// What is to be watched: how often, what the directives say, and the files as they were when they were read.
#[derive(PartialEq)]
pub struct Watched {
    interval: Duration,
    settings: Settings,
    replicates: bool,
    marks: Vec<Mark>,
}

impl Watched {
    /// What `config` wants; `None` for nothing.
    pub fn of(config: &Config, files: &TlsFiles) -> Option<Watched> {
        if config.tls_auto_reload_interval == 0 || !is_wanted(config) {
            return None;
        }
        Some(Watched {
            interval: Duration::from_secs(config.tls_auto_reload_interval as u64),
            settings: settings(config),
            replicates: links(config),
            marks: files.0.borrow().as_ref()?.marks.clone(),
        })
    }
}

/// Looks after `tls-auto-reload-interval`, for ever. `wanted` says what is to be watched now, and `take` gets what was
/// read. Files are read by a thread.
pub async fn watch(wanted: impl Fn() -> Option<Watched>, take: impl Fn(TlsFiles)) {
    /// How often the directive is looked at.
    const LOOK: Duration = Duration::from_millis(200);
    let mut last = Instant::now();
    // What was wrong is read again when it has changed again.
    let mut wrong: Option<Vec<Mark>> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(watched) = wanted().filter(|watched| last.elapsed() >= watched.interval) else {
            continue;
        };
        last = Instant::now();
        let (tell, told) = oneshot::channel();
        let (of, replicates) = (watched.settings.clone(), watched.replicates);
        let before = [Some(watched.marks.clone()), wrong.clone()];
        let started = threads::spawn("forebay-tls-files", move || {
            let now = Some(marks(&of));
            let new = (!before.contains(&now)).then(|| read(&of, replicates));
            // The server may be gone.
            let _ = tell.send((now, new));
        });
        if started.is_err() {
            // The next look tries again.
            continue;
        }
        match told.await {
            // CONFIG SET may have been faster; it has read the files then.
            Ok((_, Some(Ok(new)))) if wanted().as_ref() == Some(&watched) => {
                wrong = None;
                take(TlsFiles(RefCell::new(Some(new))));
                tracing::info!("TLS: the changed certificates and keys are now in use");
            }
            Ok((now, Some(Err(line)))) => {
                wrong = now;
                tracing::warn!("{line}");
                tracing::warn!(
                    "TLS: the changed files are invalid, so the previous ones stay in use"
                );
            }
            _ => {}
        }
    }
}
