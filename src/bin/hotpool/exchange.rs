//! One request from its beginning to the last byte of its answer, timed.

use std::io::{self, Write};
use std::time::Duration;

use hotpool::{ConnectionInfo, Pool};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::arguments::RequestArguments;
use crate::client::Client;
use crate::failure::Failure;
use crate::preheat::Preheated;
use crate::record::{Failed, Record};
use crate::request::Template;
use crate::url::Url;

/// Everything that the requests of one command have in common.
#[derive(Debug)]
pub(crate) struct Exchanges {
    template: Template,
    client: Client,
    preheated: Preheated,
    /// How long a whole request may take.
    limit: Option<Duration>,
}

/// Why a request ended before its answer did.
enum Broken {
    Request(hotpool::Error),
    Sink(io::Error),
}

impl Exchanges {
    /// Reads every file that the arguments name; nothing is dialed yet.
    pub(crate) fn new(arguments: &RequestArguments) -> Result<Self, Failure> {
        let client = Client::new(arguments)?;
        Ok(Self {
            template: Template::new(arguments, client.profile())?,
            client,
            preheated: Preheated::default(),
            limit: arguments.timeout,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Makes the hosts of these URLs hot, unless every request is to have its own connection.
    pub(crate) async fn preheat(&mut self, urls: &[Url]) {
        if let Some(pool) = self.client.hot() {
            self.preheated = Preheated::preheat(pool, urls, self.limit).await;
        }
    }

    /// Sends one request and writes its answer's body to `sink`.
    ///
    /// # Errors
    ///
    /// Only when `sink` fails; what else fails is in the record.
    pub(crate) async fn perform(
        &self,
        url: &Url,
        sink: &mut (impl Write + Send),
    ) -> io::Result<Record> {
        let mut record = Record {
            url: url.as_str().to_owned(),
            profile: self.client.profile().name().to_string(),
            ..Record::default()
        };
        if let Some(cold) = self.preheated.take(url.target().origin()) {
            record.total = cold.elapsed;
            record.failed = Some(match cold.error {
                Some(error) => Failed::new(&error),
                None => Failed::late(self.limit.unwrap_or(cold.elapsed), false),
            });
            return Ok(record);
        }
        let pool = match self.client.pool() {
            Ok(pool) => pool,
            Err(error) => {
                record.failed = Some(Failed::new(&error));
                return Ok(record);
            }
        };
        let began = Instant::now();
        let exchange = self.exchange(&pool, url, &mut record, sink);
        let outcome = match self.limit {
            None => exchange.await,
            Some(limit) => match timeout(limit, exchange).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let sent = record.connection.is_some();
                    record.failed = Some(Failed::late(limit, sent));
                    Ok(())
                }
            },
        };
        record.total = began.elapsed();
        self.client.done_with(pool).await;
        match outcome {
            Ok(()) => Ok(record),
            Err(Broken::Sink(error)) => Err(error),
            Err(Broken::Request(error)) => {
                record.failed = Some(Failed::new(&error));
                Ok(record)
            }
        }
    }

    /// Fills the record step by step, so that what is known survives a limit that cuts the steps short.
    async fn exchange(
        &self,
        pool: &Pool,
        url: &Url,
        record: &mut Record,
        sink: &mut (impl Write + Send),
    ) -> Result<(), Broken> {
        let began = Instant::now();
        let request = self.template.request(url);
        let connection = pool.get(url.target()).await?;
        record.acquire = Some(began.elapsed());
        record.connection = Some(ConnectionInfo::clone(&connection));
        let mut response = connection.send(request).await?;
        record.first_byte = Some(began.elapsed());
        if let Some(answering) = response.extensions_mut().remove() {
            record.connection = Some(answering);
        }
        record.status = Some(response.status().as_u16());
        record.version = Some(response.version());
        record.bytes = Some(0);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                record.bytes = record.bytes.map(|bytes| bytes + data.len() as u64);
                sink.write_all(&data)?;
            }
        }
        sink.flush()?;
        Ok(())
    }
}

impl From<hotpool::Error> for Broken {
    fn from(error: hotpool::Error) -> Self {
        Self::Request(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Sink(error)
    }
}
