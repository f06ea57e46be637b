//! A pool that follows a configuration file. Time is tokio's and paused: it runs only while nothing else can.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotpool::Pool;
use hotpool::config::Settings;
use hotpool::pool::{PoolBuilder, PoolEvent, PoolEvents};
use tokio::time::{sleep, timeout};

/// More than two looks at the file.
const LOOKS: Duration = Duration::from_secs(4);

/// A file in a directory of its own, removed at the end.
struct Scene {
    directory: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("hotpool-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("pool.toml")
    }

    fn write(&self, content: &str) {
        fs::write(self.file(), content).unwrap();
    }

    fn pool(&self, set: impl FnOnce(PoolBuilder) -> PoolBuilder) -> (Pool, PoolEvents) {
        let builder = set(Pool::builder()).watch_config_file(self.file());
        let pool = builder.unwrap().build().unwrap();
        let events = pool.subscribe();
        (pool, events)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The next event, which `wanted` says it is.
async fn next(events: &mut PoolEvents, wanted: &str) -> PoolEvent {
    let event = timeout(LOOKS, events.recv()).await.unwrap().unwrap();
    assert_eq!(event.name(), wanted, "{event:?}");
    event
}

async fn nothing_happens(events: &mut PoolEvents) {
    let event = timeout(LOOKS, events.recv()).await;
    assert!(event.is_err(), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_put_in_force_and_code_stays_stronger() {
    let scene = Scene::new("change");
    scene.write("max_idle = 3\nmax_dials = 4\n");
    let (pool, mut events) = scene.pool(|builder| builder.max_dials(9));
    assert_eq!(
        (pool.config().max_idle(), pool.config().max_dials()),
        (3, 9)
    );
    scene.write("max_idle = 5\nmax_dials = 6\nidle_timeout = \"2s\"\n");
    let PoolEvent::Reconfigured { changed, .. } = next(&mut events, "reconfigured").await else {
        panic!()
    };
    assert_eq!(changed, ["max_idle", "idle_timeout"]);
    let config = pool.config();
    assert_eq!((config.max_idle(), config.max_dials()), (5, 9));
    assert_eq!(config.idle_timeout(), Duration::from_secs(2));

    // What is no longer said falls back, and a comment changes nothing.
    scene.write("# nothing\n");
    next(&mut events, "reconfigured").await;
    assert_eq!(
        (pool.config().max_idle(), pool.config().max_dials()),
        (20, 9)
    );
    scene.write("# nothing at all\n");
    nothing_happens(&mut events).await;
}

#[tokio::test(start_paused = true)]
async fn what_code_reconfigures_survives_the_files_next_change() {
    let scene = Scene::new("layers");
    scene.write("max_idle = 3\n");
    let (pool, mut events) = scene.pool(|builder| builder);
    let code = Settings {
        max_idle: Some(7),
        ..Settings::default()
    };
    pool.reconfigure(code).unwrap();
    next(&mut events, "reconfigured").await;
    scene.write("max_idle = 4\nmax_dials = 5\n");
    next(&mut events, "reconfigured").await;
    assert_eq!(
        (pool.config().max_idle(), pool.config().max_dials()),
        (7, 5)
    );
}

#[tokio::test(start_paused = true)]
async fn an_invalid_file_is_refused_whole_and_once() {
    let scene = Scene::new("invalid");
    scene.write("max_idle = 3\n");
    let (pool, mut events) = scene.pool(|builder| builder);
    for (content, fault) in [
        ("max_dials = 7\nmax_idle = \"many\"\n", "line 2: max_idle"),
        ("max_dials = 7\nmax_connections = 0\n", "max_connections: 0"),
        (
            "max_dials = 7\nmin_warm = 11\n",
            "min_warm: 11 is more than",
        ),
    ] {
        scene.write(content);
        let refused = next(&mut events, "configuration-refused").await;
        let PoolEvent::ConfigurationRefused { path, error, .. } = refused else {
            panic!()
        };
        assert_eq!(&*path, &*scene.file());
        assert!(error.to_string().contains(fault), "{error}");
        nothing_happens(&mut events).await;
        assert_eq!(
            (pool.config().max_idle(), pool.config().max_dials()),
            (3, 32)
        );
    }
    scene.write("max_dials = 7\n");
    next(&mut events, "reconfigured").await;
    assert_eq!(
        (pool.config().max_idle(), pool.config().max_dials()),
        (20, 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_may_be_replaced_written_piece_by_piece_and_removed() {
    let scene = Scene::new("replaced");
    scene.write("max_idle = 3\n");
    let (pool, mut events) = scene.pool(|builder| builder);

    // By rename, as editors and configuration managers do; the name is free for a moment.
    let other = scene.directory.join("other.toml");
    fs::write(&other, "max_idle = 4\n").unwrap();
    fs::remove_file(scene.file()).unwrap();
    fs::rename(&other, scene.file()).unwrap();
    next(&mut events, "reconfigured").await;
    assert_eq!(pool.config().max_idle(), 4);

    // Truncated and written anew while it is being looked at: each look finds something else, and none of it counts.
    for piece in ["", "max_idle = ", "max_idle = 5", "max_idle = 55"] {
        scene.write(piece);
        // One look in between.
        sleep(Duration::from_secs(1)).await;
        assert_eq!(pool.config().max_idle(), 4, "{piece:?}");
    }
    scene.write("max_idle = 55\n");
    next(&mut events, "reconfigured").await;
    assert_eq!(pool.config().max_idle(), 55);

    fs::remove_file(scene.file()).unwrap();
    next(&mut events, "configuration-refused").await;
    nothing_happens(&mut events).await;
    assert_eq!(pool.config().max_idle(), 55);
    scene.write("max_idle = 6\n");
    next(&mut events, "reconfigured").await;
    assert_eq!(pool.config().max_idle(), 6);
}

#[tokio::test(start_paused = true)]
async fn following_ends_with_the_pool() {
    let scene = Scene::new("end");
    scene.write("max_idle = 3\n");
    let (pool, _) = scene.pool(|builder| builder);
    assert_eq!(pool.stats().tasks, 2);
    pool.shutdown(LOOKS).await;
    assert_eq!(pool.stats().tasks, 0);

    let (pool, mut events) = scene.pool(|builder| builder);
    drop(pool);
    assert!(timeout(LOOKS, events.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_when_it_is_given() {
    let scene = Scene::new("given");
    type Given = fn(PoolBuilder, &Path) -> hotpool::error::Result<PoolBuilder>;
    let ways: [Given; 2] = [
        |builder, path| builder.config_file(path),
        |builder, path| builder.watch_config_file(path),
    ];
    for given in ways {
        let missing = given(Pool::builder(), &scene.directory.join("none.toml"));
        assert!(missing.unwrap_err().to_string().contains("none.toml"));
        scene.write("max_idle = true\n");
        let invalid = given(Pool::builder(), &scene.file()).unwrap_err();
        assert!(invalid.to_string().contains("line 1: max_idle"));
        scene.write("max_idle = 2\n");
        let pool = given(Pool::builder(), &scene.file()).unwrap().build();
        assert_eq!(pool.unwrap().config().max_idle(), 2);
    }
}
