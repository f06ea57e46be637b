//! The life of one connection, from the accept to the close.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;

use super::arrival;
use super::builder::ListenerBuilder;
use super::census::{Census, Presence};
use super::ending::Ending;
use super::handler::Handler;
use super::handshake;
use super::http;
use super::introduction::Introduction;
use super::observer::{Layer, Observation, Observed};
use super::orders::Follower;
use super::proxy_protocol;
use super::recording::Recording;
use super::version;
use crate::registry::{CloseReason, Direction, Draft, Metered, Protocol, Registration, State};

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct House<H> {
    pub(super) settings: Arc<ListenerBuilder>,
    pub(super) handler: Arc<H>,
    pub(super) runtime: Handle,
    pub(super) tasks: TaskTracker,
    tls: Option<Arc<ServerConfig>>,
    local_addr: SocketAddr,
    census: Arc<Census>,
}

impl<H: Handler> House<H> {
    pub(super) fn new(
        settings: ListenerBuilder,
        handler: H,
        local_addr: SocketAddr,
        runtime: Handle,
        tasks: TaskTracker,
        census: Arc<Census>,
    ) -> Self {
        let offer = |tls: &super::ServerTls| tls.offering(settings.protocols);
        let tls = settings.tls.as_ref().map(offer);
        Self {
            settings: Arc::new(settings),
            handler: Arc::new(handler),
            runtime,
            tasks,
            tls,
            local_addr,
            census,
        }
    }

    pub(super) fn max_connections(&self) -> usize {
        self.settings.max_connections
    }

    /// Registers a connection and sees to it in a task of its own. It keeps `place` while it lives.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        remote_addr: SocketAddr,
        place: OwnedSemaphorePermit,
        follower: Follower,
    ) {
        let protocol = match self.tls {
            Some(_) => Protocol::Tls,
            None => Protocol::Tcp,
        };
        let local_addr = stream.local_addr().unwrap_or(self.local_addr);
        let draft = Draft::new(Direction::Inbound, protocol)
            .remote_addr(remote_addr)
            .local_addr(local_addr);
        let registration = Arc::new(self.settings.registry.register(draft));
        let presence = self.census.enter();
        let house = Arc::clone(self);
        let life = async move {
            house.attend(stream, registration, presence, follower).await;
            drop(place);
        };
        self.tasks.spawn_on(life, &self.runtime);
    }

    async fn attend(
        &self,
        stream: TcpStream,
        registration: Arc<Registration>,
        presence: Presence,
        mut follower: Follower,
    ) {
        // A failure shows in the first read or write as well.
        let _ = stream.set_nodelay(true);
        let stream = Metered::new(stream, Arc::clone(registration.entry()));
        let observer = self.settings.observer.as_ref();
        let observation = Observation::begin(observer, registration.entry());
        let ending = self
            .converse(stream, &registration, observation, &mut follower)
            .await;
        if ending == Ending::Cut {
            presence.note_cut();
        }
        if ending.is_error() {
            registration.stats().record_error();
        }
        registration.close(ending.reason());
    }

    async fn converse(
        &self,
        mut stream: Metered<TcpStream>,
        registration: &Arc<Registration>,
        observation: Option<Arc<Observation>>,
        follower: &mut Follower,
    ) -> Ending {
        let header =
            proxy_protocol::receive_if_due(&mut stream, &self.settings, registration, follower);
        if let Err(ending) = header.await {
            return ending;
        }
        let observation = observation.as_ref();
        let introduce =
            |protocol| Introduction::new(&self.settings, registration.entry(), protocol);
        let Some(config) = &self.tls else {
            let protocol = version::plain(self.settings.protocols);
            let introduction = introduce(protocol);
            let opening = introduction.recording();
            let stream = Observed::new(stream, Layer::Wire, observation, opening);
            return http::serve(self, stream, protocol, introduction, registration, follower).await;
        };
        registration.set_state(State::Handshaking);
        let limit = self.settings.handshake_timeout;
        let hello = arrival::is_looked_at(&self.settings).then(Recording::of_hello);
        let stream = Observed::new(stream, Layer::Wire, observation, hello.clone());
        let handshake = handshake::accept(
            stream,
            Arc::clone(config),
            hello,
            &self.settings,
            registration,
        );
        let failure = CloseReason::HandshakeFailed;
        let handshake = handshake::guard(handshake, limit, failure, registration, follower);
        let stream = match handshake.await {
            Ok(stream) => stream,
            Err(ending) => return ending,
        };
        let alpn = stream.get_ref().1.alpn_protocol();
        let Some(protocol) = version::agreed(self.settings.protocols, alpn) else {
            return Ending::Failed(CloseReason::HandshakeFailed);
        };
        let introduction = introduce(protocol);
        let opening = introduction.recording();
        let stream = Observed::new(stream, Layer::Plain, observation, opening);
        http::serve(self, stream, protocol, introduction, registration, follower).await
    }
}
