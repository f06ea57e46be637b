//! `hotpool get`: requests, one line or JSON object each, or the one answer's body.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::arguments::GetArguments;
use crate::exchange::Exchanges;
use crate::failure::{Failure, Status};
use crate::interrupt::Interrupt;
use crate::output;
use crate::record::Record;
use crate::url::Url;

pub(crate) async fn run(arguments: GetArguments) -> Result<Status, Failure> {
    let GetArguments {
        urls,
        requests,
        concurrency,
        output,
        request,
        json,
    } = arguments;
    let total = requests.get().saturating_mul(urls.len() as u64);
    if output.is_some() && total > 1 {
        return Err(Failure::Usage(
            "-o is for one request: give one URL and no -n".into(),
        ));
    }
    let mut exchanges = Exchanges::new(&request)?;
    let sink = Sink::open(output.as_deref(), json)?;
    let interrupt = Interrupt::listen();
    tokio::select! {
        biased;
        () = interrupt.asked() => return Ok(Status::SomeFailed),
        () = exchanges.preheat(&urls) => {}
    }
    let get = Get {
        exchanges: Arc::new(exchanges),
        urls,
        json,
    };
    let work = async {
        match total {
            1 => get.one(sink).await,
            _ => get.many(total, concurrency.get()).await,
        }
    };
    let outcome = tokio::select! {
        biased;
        () = interrupt.asked() => Ok(Status::SomeFailed),
        outcome = work => outcome,
    };
    get.exchanges.client().shutdown().await;
    outcome
}

struct Get {
    exchanges: Arc<Exchanges>,
    urls: Vec<Url>,
    json: bool,
}

impl Get {
    async fn one(&self, mut sink: Sink) -> Result<Status, Failure> {
        let Some(url) = self.urls.first() else {
            return Ok(Status::Done);
        };
        let record = match self.exchanges.perform(url, &mut sink).await {
            Ok(record) => record,
            Err(error) => return Err(sink.failed(error)),
        };
        if self.json || record.failed.is_some() {
            self.report(&record)?;
        }
        Ok(Status::of(record.failed.is_none()))
    }

    async fn many(&self, total: u64, concurrency: usize) -> Result<Status, Failure> {
        let mut waiting = (0..total).zip(self.urls.iter().cycle());
        let mut under_way = JoinSet::new();
        let mut everything_done = true;
        loop {
            while under_way.len() < concurrency
                && let Some((_, url)) = waiting.next()
            {
                let (exchanges, url) = (Arc::clone(&self.exchanges), url.clone());
                under_way.spawn(async move { exchanges.perform(&url, &mut io::sink()).await });
            }
            match under_way.join_next().await {
                None => return Ok(Status::of(everything_done)),
                Some(Ok(Ok(record))) => {
                    everything_done &= record.failed.is_none();
                    self.report(&record)?;
                }
                Some(Ok(Err(error))) => return Err(output::to_stdout(error)),
                Some(Err(stopped)) => return Err(Failure::Runtime(stopped.into())),
            }
        }
    }

    fn report(&self, record: &Record) -> Result<(), Failure> {
        match &record.failed {
            _ if self.json => output::line(&record.json().to_string()),
            None => output::line(&record.line()),
            Some(failed) => {
                output::complain(&format!("{}: {}", record.url, failed.message));
                Ok(())
            }
        }
    }
}

/// Where the one answer's body goes.
enum Sink {
    File {
        file: File,
        name: String,
        begun: bool,
    },
    Nowhere,
    Stdout,
}

impl Sink {
    /// Finds out before anything is sent whether the file can be written. What it holds stays until there is something else to hold.
    fn open(path: Option<&Path>, json: bool) -> Result<Self, Failure> {
        let path = match path {
            None if json => return Ok(Self::Nowhere),
            None => return Ok(Self::Stdout),
            Some(path) if path.as_os_str() == "-" && json => {
                return Err(Failure::Usage(
                    "-o - and --json both want standard output".into(),
                ));
            }
            Some(path) if path.as_os_str() == "-" => return Ok(Self::Stdout),
            Some(path) => path,
        };
        let name = path.display().to_string();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| Failure::Usage(format!("cannot write to {name}: {error}")))?;
        Ok(Self::File {
            file,
            name,
            begun: false,
        })
    }

    fn failed(&self, error: io::Error) -> Failure {
        match self {
            Self::File { name, .. } => Failure::Output(name.clone(), error),
            Self::Nowhere | Self::Stdout => output::to_stdout(error),
        }
    }

    fn writer(&mut self) -> io::Result<Box<dyn Write + '_>> {
        Ok(match self {
            Self::File { file, begun, .. } => {
                // A terminal or a pipe has no length to cut.
                if !std::mem::replace(begun, true) && file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                Box::new(file)
            }
            Self::Nowhere => Box::new(io::sink()),
            Self::Stdout => Box::new(io::stdout().lock()),
        })
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer()?.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer()?.flush()
    }
}
